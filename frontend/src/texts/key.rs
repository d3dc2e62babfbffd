//! The texts of the pages about access keys. The bundle does not have them.

use super::Language;

/// The texts of the pages about access keys in one language.
#[derive(Debug)]
pub(crate) struct KeyPageTexts {
    /// The heading of the form.
    pub(crate) title: &'static str,
    /// What a key is for.
    pub(crate) about: &'static str,
    /// The label of the field.
    pub(crate) key: &'static str,
    /// What is written there.
    pub(crate) key_hint: &'static str,
    /// The button that uses the key.
    pub(crate) enter: &'static str,
    /// The link to the form, on a page that refuses.
    pub(crate) have: &'static str,
    /// The heading of the page with the first admin key.
    pub(crate) claimed: &'static str,
    /// What to do with the key.
    pub(crate) keep: &'static str,
    /// The link to the board.
    pub(crate) next: &'static str,
}

impl KeyPageTexts {
    /// The texts of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::ZhCn => &ZH_CN,
        }
    }
}

static EN: KeyPageTexts = KeyPageTexts {
    title: "Enter with a key",
    about: "Some rooms and rights are only for people with an access key. Paste the key that you were given.",
    key: "Access key",
    key_hint: "It begins with crk_. The code of a first-start link begins with crc_. This browser then keeps the key in a cookie.",
    enter: "Use this key",
    have: "I have an access key",
    claimed: "Your admin key",
    keep: "Store it in a safe place. It is shown only now, and with it you can do everything on this board, also from other browsers and programs. This browser has it already.",
    next: "To the board",
};

static ZH_CN: KeyPageTexts = KeyPageTexts {
    title: "使用访问密钥",
    about: "有些房间和权限只对持有访问密钥的人开放。请粘贴您收到的密钥。",
    key: "访问密钥",
    key_hint: "以 crk_ 开头。首次启动链接中的代码以 crc_ 开头。之后本浏览器会把密钥保存在 Cookie 中。",
    enter: "使用此密钥",
    have: "我有访问密钥",
    claimed: "您的超级管理密钥",
    keep: "请妥善保存。它只显示这一次，用它可以在其他浏览器或程序中管理整个留言板。本浏览器已经记住它。",
    next: "进入留言板",
};
