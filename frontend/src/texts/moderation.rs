//! The texts of the moderators' page. The bundle does not have them.

mod en;
mod zh_cn;

use super::Language;
use crate::moderation::Done;

/// The texts of the moderators' page in one language.
#[derive(Debug)]
pub(crate) struct ModerationTexts {
    /// The heading of the page.
    pub(crate) title: &'static str,
    /// The link back to the room.
    pub(crate) back: &'static str,
    /// The names of the page's parts, in the order of `Part`.
    pub(crate) parts: [&'static str; 6],
    /// The label of the links to the parts.
    pub(crate) navigation: &'static str,
    /// What was done, for each of `Done`.
    pub(crate) done: fn(Done) -> &'static str,
    /// Before the reason why an action was refused.
    pub(crate) refused: &'static str,

    /// The texts of the queue.
    pub(crate) queue: QueueTexts,
    /// The texts of the room's settings.
    pub(crate) room: RoomTexts,
    /// The texts of the pinned messages.
    pub(crate) pins: PinTexts,
    /// The texts of the bans.
    pub(crate) bans: BanTexts,
    /// The texts of the access keys.
    pub(crate) keys: KeyTexts,
    /// The texts of the audit list.
    pub(crate) audit: AuditTexts,
}

/// The texts of the queue.
#[derive(Debug)]
pub(crate) struct QueueTexts {
    /// No message waits.
    pub(crate) empty: &'static str,
    /// No message waits, because the room has no queue.
    pub(crate) off: &'static str,
    /// The link to the switch that turns the queue on.
    pub(crate) turn_on: &'static str,
    /// The links that choose the order: oldest first, newest first.
    pub(crate) orders: [&'static str; 2],
    /// The label of the order.
    pub(crate) order: &'static str,
    /// More messages wait than the list shows.
    pub(crate) more: fn(usize) -> String,
    /// The button that approves a message.
    pub(crate) approve: &'static str,
    /// The button that rejects a message.
    pub(crate) reject: &'static str,
    /// The label of the reason of a rejection.
    pub(crate) reason: &'static str,
    /// Reasons to choose from.
    pub(crate) reasons: [&'static str; 4],
    /// The link that bans the author.
    pub(crate) ban: &'static str,
    /// The message is a reply.
    pub(crate) reply: fn(u64) -> String,
    /// The keys: a key, and what it does.
    pub(crate) keys: [(&'static str, &'static str); 3],
    /// The label of the list.
    pub(crate) list: &'static str,
    /// A decision did not reach the server.
    pub(crate) failed: &'static str,
}

/// The texts of the room's settings.
#[derive(Debug)]
pub(crate) struct RoomTexts {
    /// The label of the title.
    pub(crate) title: &'static str,
    /// What an empty title means.
    pub(crate) title_hint: &'static str,
    /// The label of the topic.
    pub(crate) topic: &'static str,
    /// The label of the modes.
    pub(crate) mode: &'static str,
    /// The modes: open, announce, private. Each has a name and an explanation.
    pub(crate) modes: [(&'static str, &'static str); 3],
    /// The label of the switches.
    pub(crate) switches: &'static str,
    /// The switch of the queue, with its explanation.
    pub(crate) queue: (&'static str, &'static str),
    /// The switch that closes the room, with its explanation.
    pub(crate) closed: (&'static str, &'static str),
    /// The label of slow mode, in seconds.
    pub(crate) slow: &'static str,
    /// What slow mode does.
    pub(crate) slow_hint: &'static str,
    /// The button that saves the settings.
    pub(crate) save: &'static str,
    /// Somebody is showing a screen.
    pub(crate) casting: &'static str,
    /// The button that ends it.
    pub(crate) end_cast: &'static str,
}

/// The texts of the pinned messages.
#[derive(Debug)]
pub(crate) struct PinTexts {
    /// No message is pinned, and how to pin one.
    pub(crate) empty: &'static str,
    /// The button that unpins a message.
    pub(crate) unpin: &'static str,
}

/// The texts of the bans.
#[derive(Debug)]
pub(crate) struct BanTexts {
    /// Nobody is banned.
    pub(crate) empty: &'static str,
    /// The heading of the form.
    pub(crate) new: &'static str,
    /// The label of who is banned.
    pub(crate) who: &'static str,
    /// What may be written there.
    pub(crate) who_hint: &'static str,
    /// The label of the time.
    pub(crate) time: &'static str,
    /// The times, in the order of `BAN_TIMES`.
    pub(crate) times: [&'static str; 4],
    /// The label of the reason.
    pub(crate) reason: &'static str,
    /// Who sees the reason.
    pub(crate) reason_hint: &'static str,
    /// The button that bans.
    pub(crate) ban: &'static str,
    /// The button that ends a ban.
    pub(crate) unban: &'static str,
    /// A ban until a time.
    pub(crate) until: fn(&str) -> String,
    /// A ban without an end.
    pub(crate) for_good: &'static str,
    /// What is banned: an identity, a key, an address.
    pub(crate) kinds: [&'static str; 3],
    /// What a ban does.
    pub(crate) hint: &'static str,
    /// All rooms.
    pub(crate) all_rooms: &'static str,
}

/// The texts of the access keys.
#[derive(Debug)]
pub(crate) struct KeyTexts {
    /// What access keys are.
    pub(crate) hint: &'static str,
    /// The heading of the form.
    pub(crate) new: &'static str,
    /// The label of the key's label.
    pub(crate) label: &'static str,
    /// Who sees the label.
    pub(crate) label_hint: &'static str,
    /// The label of the rights.
    pub(crate) rights: &'static str,
    /// The rights: read, post, moderate, admin. Each has a name and an explanation.
    pub(crate) all_rights: [(&'static str, &'static str); 4],
    /// The label of the rooms.
    pub(crate) rooms: &'static str,
    /// What may be written there.
    pub(crate) rooms_hint: &'static str,
    /// The label of the time.
    pub(crate) time: &'static str,
    /// The times, in the order of `KEY_TIMES`.
    pub(crate) times: [&'static str; 5],
    /// The button that creates a key.
    pub(crate) create: &'static str,
    /// The summary that unfolds the button that revokes a key.
    pub(crate) revoke: &'static str,
    /// What revoking does.
    pub(crate) revoke_hint: &'static str,
    /// The button that revokes a key.
    pub(crate) revoke_now: &'static str,
    /// The heading above a new key.
    pub(crate) created: &'static str,
    /// The key is shown once.
    pub(crate) once: &'static str,
    /// The label of the key itself.
    pub(crate) secret: &'static str,
    /// The label of the link with the key.
    pub(crate) link: &'static str,
    /// The button that copies a field.
    pub(crate) copy: &'static str,
    /// The word after a text was copied.
    pub(crate) copied: &'static str,
    /// A key that ends at a time.
    pub(crate) expires: fn(&str) -> String,
    /// A key that does not end.
    pub(crate) never: &'static str,
    /// All rooms.
    pub(crate) all_rooms: &'static str,
    /// The key with which this page was opened.
    pub(crate) own: &'static str,
    /// There is no key.
    pub(crate) empty: &'static str,
}

/// The texts of the audit list.
#[derive(Debug)]
pub(crate) struct AuditTexts {
    /// Nothing was done yet.
    pub(crate) empty: &'static str,
    /// What the list has.
    pub(crate) hint: &'static str,
    /// The headings of the columns: time, key, action, detail.
    pub(crate) columns: [&'static str; 4],
}

impl ModerationTexts {
    /// The texts of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::TEXTS,
            Language::ZhCn => &zh_cn::TEXTS,
        }
    }
}
