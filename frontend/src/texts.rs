//! All texts of the page in all languages. A missing translation does not compile.

mod en;
mod zh_cn;

#[cfg(feature = "ssr")]
mod key;
#[cfg(feature = "ssr")]
mod moderation;
#[cfg(any(feature = "ssr", debug_assertions))]
mod panels;
#[cfg(feature = "ssr")]
mod plain;
#[cfg(feature = "ssr")]
mod pseudonyms;
#[cfg(feature = "ssr")]
mod refusal;

use protocol::ErrorCode;

use crate::Language;
use crate::logic::datetime::Day;

#[cfg(feature = "ssr")]
pub(crate) use key::KeyPageTexts;
#[cfg(feature = "ssr")]
pub(crate) use moderation::{BanTexts, KeyTexts, ModerationTexts, QueueTexts};
#[cfg(any(feature = "ssr", debug_assertions))]
pub(crate) use panels::PanelTexts;
#[cfg(feature = "ssr")]
pub use plain::PlainTexts;
#[cfg(feature = "ssr")]
pub use pseudonyms::pseudonym;
#[cfg(feature = "ssr")]
pub(crate) use refusal::RefusalTexts;

/// The board's name in every language.
pub const TITLE: &str = "实时消息";

/// The page's texts in one language.
#[derive(Debug)]
pub struct Texts {
    /// The translation of the board's name; empty if it needs none.
    pub subtitle: &'static str,
    /// The message field's label.
    pub message: &'static str,
    /// The placeholder of the message field.
    pub message_hint: &'static str,
    /// The name field's label.
    pub author: &'static str,
    /// The placeholder of the name field.
    pub author_hint: &'static str,
    /// The button that sends.
    pub post: &'static str,
    /// The button that clears the message field.
    pub clear: &'static str,
    /// The button that undoes clearing.
    pub undo: &'static str,
    /// The keys that send and that break the line.
    pub keys: &'static str,
    /// The same if only Ctrl or ⌘ with Enter sends.
    pub keys_ctrl: &'static str,
    /// The list's label.
    pub messages: &'static str,
    /// The text of an empty list.
    pub empty: &'static str,
    /// The button that copies the link to the room.
    pub copy_link: &'static str,
    /// The name of an author without a name.
    pub nameless: &'static str,
    /// The word that marks the reader's own messages for screen readers.
    pub own: &'static str,
    /// The word that marks an edited message.
    pub edited: &'static str,
    /// What stands in place of a message that was deleted.
    pub erased: &'static str,
    /// The word that marks a moderator's messages.
    pub badge: &'static str,
    /// The button that unfolds a long message.
    pub show_all: &'static str,
    /// The button that folds it again.
    pub show_less: &'static str,
    /// The button that loads older messages.
    pub older: &'static str,
    /// The same while they load.
    pub older_loading: &'static str,
    /// The same after loading failed.
    pub older_failed: &'static str,
    /// The label of the list of messages that are being sent.
    pub outbox: &'static str,
    /// The state of a message that is being sent.
    pub sending: &'static str,
    /// The same without a connection.
    pub sending_later: &'static str,
    /// The state of a message that waits for a moderator.
    pub queued: &'static str,
    /// The state of a message that was refused.
    pub failed: &'static str,
    /// The state of a change that was refused.
    pub not_changed: &'static str,
    /// The button that sends it again.
    pub retry: &'static str,
    /// The button that copies its text.
    pub copy: &'static str,
    /// The button that discards it.
    pub discard: &'static str,
    /// The label of the button that opens the rooms.
    pub rooms: &'static str,
    /// The label of the button that opens the link to this room.
    pub share: &'static str,
    /// The label of the button that opens the settings.
    pub settings: &'static str,
    /// The connection: connecting.
    pub connecting: &'static str,
    /// The connection: live.
    pub live: &'static str,
    /// The names of the transports, in the order of `client::Transport`.
    pub via: [&'static str; 4],
    /// The same while another tab holds the stream.
    pub via_tab: &'static str,
    /// The connection: the server does not answer.
    pub doubtful: &'static str,
    /// What happens to messages while there is no connection.
    pub sent_later: &'static str,
    /// The connection: waiting for the next try.
    pub waiting: &'static str,
    /// The connection: no network.
    pub offline: &'static str,
    /// The connection: ended by the server.
    pub stopped: &'static str,
    /// The button that connects at once.
    pub now: &'static str,
    /// How many are online.
    pub online: fn(usize) -> String,
    /// In how many seconds the next try is.
    pub retry_in: fn(u64) -> String,
    /// The button that scrolls to the newest message.
    pub newest: &'static str,
    /// How many new messages are below.
    pub unseen: fn(usize) -> String,
    /// How many messages arrived in the reader's absence, and since when.
    pub new_since: fn(usize, &str) -> String,
    /// The button that marks all messages as read.
    pub mark_read: &'static str,
    /// A day.
    pub day: fn(Day) -> String,
    /// The current day.
    pub today: &'static str,
    /// The day before.
    pub yesterday: &'static str,
    /// The line above the first unread message.
    pub unread: &'static str,
    /// Messages `first` to `last` are missing.
    pub missed: fn(u64, u64) -> String,
    /// Messages of a former log may be missing.
    pub missed_log: &'static str,
    /// About how many characters are left; a negative number is how many are too many.
    pub characters_left: fn(i64) -> String,
    /// The server asks to wait for this many seconds.
    pub held: fn(u64) -> String,
    /// The room is slow: the next message is sent in this many seconds.
    pub slow: fn(u64) -> String,
    /// A text or link was copied.
    pub copied: &'static str,
    /// The message of a permalink does not exist.
    pub link_gone: &'static str,
    /// The browser does not allow notifications.
    pub notify_refused: &'static str,
    /// The server has another version than the page.
    pub outdated: &'static str,
    /// A picture or a file was pasted or dropped.
    pub text_only: &'static str,
    /// The button that loads the page again.
    pub reload_page: &'static str,
    /// The button that closes a notice.
    pub close: &'static str,
    /// The outbox is full.
    pub outbox_full: &'static str,
    /// The sentence for an error code.
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

    /// Returns an author's name, or what is shown if there is none.
    pub fn shown<'a>(&self, author: &'a str) -> &'a str {
        if author.is_empty() { self.nameless } else { author }
    }
}

/// A number with a comma between thousands, as both languages write it.
fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => [grouped(number / 1000), ",".to_owned(), (1000 + number % 1000).to_string().split_off(1)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_have_a_comma_between_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_200, "1,200"), (12_034_005, "12,034,005")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!((Texts::of(Language::En).unseen)(1_200), "1,200 new messages");
        assert_eq!((Texts::of(Language::En).new_since)(1_200, "13:02"), "1,200 new since 13:02");
        assert_eq!((Texts::of(Language::ZhCn).new_since)(1_200, "13:02"), "13:02 以来有 1,200 条新消息");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        let texts = Texts::of(Language::En);
        assert_eq!((texts.unseen)(1), "1 new message");
        assert_eq!((texts.unseen)(2), "2 new messages");
        assert_eq!((texts.missed)(7, 7), "You missed message 7; it is no longer kept.");
        assert_eq!((texts.missed)(7, 9), "You missed messages 7–9; they are no longer kept.");
        assert_eq!((texts.day)(Day { year: 2026, month: 4, day: 9 }), "9 April 2026");
        assert_eq!((Texts::of(Language::ZhCn).day)(Day { year: 2026, month: 4, day: 9 }), "2026年4月9日");
        assert_eq!((texts.characters_left)(1), "about 1 character left");
        assert_eq!((texts.characters_left)(-3), "about 3 characters too long");
        assert_eq!((Texts::of(Language::ZhCn).characters_left)(-3), "约超出 3 字");
    }

    #[test]
    fn has_a_sentence_for_every_error_code() {
        for language in Language::ALL {
            for code in ErrorCode::ALL {
                assert!(!(Texts::of(language).problem)(*code).is_empty());
            }
        }
    }
}
