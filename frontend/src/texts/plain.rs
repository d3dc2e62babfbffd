//! The texts of the page without script, and of the live view in it. The bundle does not have them.

use super::Language;

/// The texts of the page without script in one language.
#[derive(Debug)]
pub struct PlainTexts {
    /// What a reader needs to know of this page.
    pub no_script: &'static str,
    /// The link that loads the page again.
    pub reload: &'static str,
    /// The label of the live view.
    pub live: &'static str,
    /// The text of the live view while it is empty.
    pub empty: &'static str,
    /// The zone of its times, if the reader's is not known.
    pub utc: &'static str,
    /// The link that continues it after its connection was lost.
    pub stopped: &'static str,
    /// The link that continues it after its end.
    pub next: &'static str,
}

impl PlainTexts {
    /// The texts of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::ZhCn => &ZH_CN,
        }
    }
}

static EN: PlainTexts = PlainTexts {
    no_script: "Scripts are off or do not work here. New messages still appear by themselves.",
    reload: "Load the page again",
    live: "Messages",
    empty: "No messages yet. New ones appear here.",
    utc: "Times are in UTC",
    stopped: "Connection lost. Continue",
    next: "Continue",
};

static ZH_CN: PlainTexts = PlainTexts {
    no_script: "脚本已关闭或无法运行。新消息仍会自动出现。",
    reload: "重新加载页面",
    live: "消息列表",
    empty: "还没有消息。新消息会出现在这里。",
    utc: "时间为 UTC",
    stopped: "连接已中断，点此继续",
    next: "继续",
};
