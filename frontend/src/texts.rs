//! Every text of the page, in every language. A text that one language lacks does not compile.

mod en;
mod zh_cn;

#[cfg(any(feature = "ssr", debug_assertions))]
mod panels;

use protocol::ErrorCode;

use crate::Language;
use crate::logic::datetime::Day;

#[cfg(any(feature = "ssr", debug_assertions))]
pub(crate) use panels::PanelTexts;

/// The board's name, the same in every language.
pub const TITLE: &str = "实时消息";

/// The page's texts in one language.
#[derive(Debug)]
pub struct Texts {
    /// What the board's name means, for those who can't read it; else empty.
    pub subtitle: &'static str,
    /// The message field's label.
    pub message: &'static str,
    /// What the empty message field invites to.
    pub message_hint: &'static str,
    /// The name field's label.
    pub author: &'static str,
    /// What the empty name field says.
    pub author_hint: &'static str,
    /// The button that sends.
    pub post: &'static str,
    /// The button that empties the message field.
    pub clear: &'static str,
    /// The button that brings an emptied message back.
    pub undo: &'static str,
    /// How to send and how to break the line.
    pub keys: &'static str,
    /// The same, where only Ctrl or ⌘ with Enter sends.
    pub keys_ctrl: &'static str,
    /// The list's label.
    pub messages: &'static str,
    /// What the list says when there is nothing in it.
    pub empty: &'static str,
    /// An author without a name.
    pub nameless: &'static str,
    /// The button that loads older messages.
    pub older: &'static str,
    /// The same, while it does.
    pub older_loading: &'static str,
    /// The same, after it could not.
    pub older_failed: &'static str,
    /// The label of the list of messages on their way.
    pub outbox: &'static str,
    /// The state of a message on its way.
    pub sending: &'static str,
    /// The same, while nothing can be sent.
    pub sending_later: &'static str,
    /// The state of a message that was refused.
    pub failed: &'static str,
    /// The button that sends it again.
    pub retry: &'static str,
    /// The button that copies its text.
    pub copy: &'static str,
    /// The button that gives it up.
    pub discard: &'static str,
    /// The label of the button with the rooms.
    pub rooms: &'static str,
    /// The label of the button with the link to this room.
    pub share: &'static str,
    /// The label of the button with the settings.
    pub settings: &'static str,
    /// The connection: being made.
    pub connecting: &'static str,
    /// The connection: there.
    pub live: &'static str,
    /// What carries the messages, in the order of `client::Transport`.
    pub via: [&'static str; 4],
    /// The same, when another tab has them come.
    pub via_tab: &'static str,
    /// The connection: lost.
    pub waiting: &'static str,
    /// The connection: no network.
    pub offline: &'static str,
    /// The connection: ended for good.
    pub stopped: &'static str,
    /// The button that tries at once.
    pub now: &'static str,
    /// What a reader without script should know.
    pub no_script: &'static str,
    /// What the live view without script is called.
    pub live_view: &'static str,
    /// What it says while it is empty.
    pub live_empty: &'static str,
    /// The link that goes on with it when it has stopped.
    pub live_stopped: &'static str,
    /// The link that loads the page again.
    pub reload: &'static str,
    /// How many are here.
    pub here: fn(usize) -> String,
    /// When the next try is, in seconds.
    pub retry_in: fn(u64) -> String,
    /// The button that goes to the newest message.
    pub newest: &'static str,
    /// How many new messages are below.
    pub unseen: fn(usize) -> String,
    /// A day.
    pub day: fn(Day) -> String,
    /// The line above the first unread message.
    pub unread: &'static str,
    /// Messages `first` to `last` are missing.
    pub missed: fn(u64, u64) -> String,
    /// Messages are missing, of a log that is gone.
    pub missed_log: &'static str,
    /// How many bytes the text may still grow, or is too long by.
    pub bytes_left: fn(i64) -> String,
    /// The server asks to wait, for so many seconds.
    pub held: fn(u64) -> String,
    /// Something was copied.
    pub copied: &'static str,
    /// The message that a link names can't be shown.
    pub link_gone: &'static str,
    /// The browser refuses to show notifications.
    pub notify_refused: &'static str,
    /// The server is of another version than the page.
    pub outdated: &'static str,
    /// The button that loads the page anew.
    pub reload_page: &'static str,
    /// The button that takes a notice away.
    pub close: &'static str,
    /// Why nothing more is taken for now.
    pub outbox_full: &'static str,
    /// Why something was refused.
    pub problem: fn(ErrorCode) -> &'static str,
}

impl Texts {
    /// The texts of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::TEXTS,
            Language::ZhCn => &zh_cn::TEXTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_words() {
        let texts = Texts::of(Language::En);
        assert_eq!((texts.unseen)(1), "1 new message");
        assert_eq!((texts.unseen)(2), "2 new messages");
        assert_eq!((texts.missed)(7, 7), "You missed message 7; it is no longer kept.");
        assert_eq!((texts.missed)(7, 9), "You missed messages 7–9; they are no longer kept.");
        assert_eq!((texts.day)(Day { year: 2026, month: 4, day: 9 }), "9 April 2026");
        assert_eq!((Texts::of(Language::ZhCn).day)(Day { year: 2026, month: 4, day: 9 }), "2026年4月9日");
        assert_eq!((texts.bytes_left)(-3), "3 bytes too long");
        assert_eq!((Texts::of(Language::ZhCn).bytes_left)(-3), "超出 3 字节");
    }

    #[test]
    fn every_refusal_has_a_sentence() {
        for language in Language::ALL {
            for code in ErrorCode::ALL {
                assert!(!(Texts::of(language).problem)(*code).is_empty());
            }
        }
    }
}
