//! What the page shows, with a signal for each concern, and what its reader asks for, as commands.

use client::{Pending, Stage, Timeline};
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use protocol::Entry;
use protocol::{Author, ErrorCode, PublishKey, RoomName, Text};

use crate::lists::{Authors, Lists};
use crate::logic::follow::Follow;
use crate::logic::settings::Settings;
use crate::logic::status::Status;
use crate::logic::unread::Backlog;
use crate::logic::zone::Zone;
use crate::texts::Texts;
#[cfg(any(feature = "ssr", debug_assertions))]
use crate::{Language, ServerPart};
use crate::{PageData, Scheme};

/// The state that components share. In the browser the driver writes it; on the server it never
/// changes.
#[derive(Clone, Copy)]
pub struct AppState {
    /// The page's texts.
    pub texts: &'static Texts,
    /// What the rows are made of.
    pub content: StoredValue<Content>,
    /// The rows of the lists.
    pub lists: Lists,
    /// The connection.
    pub status: RwSignal<Status>,
    /// How many sessions the room has.
    pub online: RwSignal<usize>,
    /// True if there is nothing to list.
    pub empty: RwSignal<bool>,
    /// The state of loading older messages.
    pub older: RwSignal<Older>,
    /// What arrived in the reader's absence, while its beginning is above what they see.
    pub backlog: RwSignal<Option<Backlog>>,
    /// Whether the list follows its end.
    pub follow: RwSignal<Follow>,
    /// What screen readers announce of the list.
    pub announcements: RwSignal<Announcements>,
    /// The messages that are being sent.
    pub outbox: RwSignal<OutboxState>,
    /// What the reader has set.
    pub settings: RwSignal<Settings>,
    /// The notice above the composer.
    pub notice: RwSignal<Option<Notice>>,
    /// What the reader asked for and the driver has not done yet.
    pub commands: RwSignal<Vec<Command>>,
}

/// What the rows are made of.
#[derive(Clone, Debug)]
pub struct Content {
    /// The room.
    pub room: RoomName,
    /// The whole address of its page.
    pub link: String,
    /// Its entries.
    pub timeline: Timeline,
    /// The messages that are being sent.
    pub pending: Vec<Pending>,
    /// What tells authors apart.
    pub authors: Authors,
    /// The server's version when it wrote the page.
    pub version: String,
    /// The room's name for people; empty if it has none.
    pub title: String,
    /// True if the room asks each person to wait between two messages.
    pub slow: bool,
    /// The language of the page.
    #[cfg(any(feature = "ssr", debug_assertions))]
    pub language: Language,
    /// What only the server renders.
    #[cfg(any(feature = "ssr", debug_assertions))]
    pub server: ServerPart,
}

impl Content {
    /// Returns a message that is quoted, if the page has it.
    #[cfg(feature = "ssr")]
    pub fn quoted(&self, offset: u64) -> Option<&Entry> {
        self.timeline.entry(offset).or_else(|| self.server.quoted.iter().find(|entry| entry.offset == offset))
    }
}

/// What screen readers announce of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcements {
    /// True while messages are too many to be announced one by one.
    pub crowded: bool,
    /// True while the list changes by what is not new, such as history.
    pub quiet: bool,
    /// How many messages the last summary counts; 0 if there is none.
    pub summary: usize,
}

/// The messages that are being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxState {
    /// How many there are.
    pub pending: usize,
    /// How many more the outbox takes.
    pub room: usize,
    /// For how many more seconds the server asks to wait.
    pub held_seconds: u64,
}

/// The state of loading older messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// There are none.
    None,
    /// There are some.
    Some,
    /// They are being loaded.
    Loading,
    /// They could not be loaded.
    Failed,
}

/// A notice above the composer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The text or link is in the clipboard.
    Copied,
    /// The message of a permalink does not exist.
    LinkGone,
    /// The browser does not allow notifications.
    NotifyRefused,
    /// The server has another version than the page.
    Outdated,
    /// A picture or a file was pasted or dropped.
    TextOnly,
}

/// What a reader asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Publish a message.
    Publish {
        /// Its text.
        text: Text,
        /// Its author.
        author: Author,
    },
    /// Send a refused message again.
    Retry(PublishKey),
    /// Copy the text of a refused message.
    Copy(PublishKey),
    /// Discard a refused message.
    Discard(PublishKey),
    /// Connect now.
    Connect,
    /// Load older messages.
    Older,
    /// Load newer messages, while the list does not show the newest.
    Newer,
    /// Scroll to the newest message.
    ToEnd,
    /// Scroll to the first unread message.
    ToUnread,
    /// Mark all messages as read.
    MarkRead,
    /// Scroll to the message at this offset.
    ToMessage(u64),
    /// The reader reached the end of the list, or left it.
    FollowChanged,
    /// Keep the composer's text for the next visit.
    KeepDraft(String),
    /// Remember the reader's name.
    KeepAuthor(String),
    /// Change the colours.
    Scheme(Scheme),
    /// Switch a setting, by its word.
    Set(String, bool),
    /// Copy the link to the room.
    CopyLink,
    /// Copy this text.
    CopyText(String),
    /// Load the page again.
    Reload,
    /// Close the notice.
    Dismiss,
}

impl Command {
    /// What an element asks for when it is pressed, by its attributes `data-do` and `data-of`.
    pub fn of(action: &str, of: &str) -> Option<Self> {
        Some(match action {
            "copy-link" => Self::CopyLink,
            "copy" => Self::CopyText(of.to_owned()),
            "scheme" => Self::Scheme(Scheme::parse(of)?),
            _ => return None,
        })
    }
}

impl AppState {
    /// The state of a page that the server has rendered from `data`.
    pub fn new(data: PageData) -> Self {
        let timeline = Timeline::new(data.page);
        let (empty, has_older) = (timeline.entries().is_empty(), timeline.before().is_some());
        let mut authors = Authors::default();
        let lists = Lists::new(&timeline, &mut authors, Zone::Ahead(data.zone));
        let content = Content {
            room: data.room,
            link: data.link,
            timeline,
            pending: Vec::new(),
            authors,
            version: data.version,
            title: data.title,
            slow: data.slow,
            #[cfg(any(feature = "ssr", debug_assertions))]
            language: data.language,
            #[cfg(any(feature = "ssr", debug_assertions))]
            server: data.server,
        };
        Self {
            texts: Texts::of(data.language),
            lists,
            content: StoredValue::new(content),
            status: RwSignal::new(Status::Connecting),
            online: RwSignal::new(data.online),
            empty: RwSignal::new(empty),
            older: RwSignal::new(if has_older { Older::Some } else { Older::None }),
            backlog: RwSignal::new(None),
            follow: RwSignal::new(Follow::default()),
            announcements: RwSignal::new(Announcements::default()),
            outbox: RwSignal::new(OutboxState { pending: 0, room: 1, held_seconds: 0 }),
            settings: RwSignal::new(Settings::default()),
            notice: RwSignal::new(None),
            commands: RwSignal::new(Vec::new()),
        }
    }

    /// The state of the page that the calling component is part of.
    pub fn of_page() -> Self {
        expect_context()
    }

    /// Returns a moderator's reason to reject a message, with a space before it; empty for every
    /// other refusal.
    pub fn reason(self, key: &PublishKey, code: ErrorCode) -> String {
        if code != ErrorCode::Rejected {
            return String::new();
        }
        self.content.with_value(|content| {
            let rejected = content.pending.iter().find(|pending| pending.message.key.as_ref() == Some(key));
            match rejected.map(|pending| &pending.stage) {
                Some(Stage::Failed { detail, .. }) if detail != code.title() => [" ", detail].concat(),
                _ => String::new(),
            }
        })
    }

    /// Asks the driver for something.
    pub fn ask(self, command: Command) {
        self.commands.write().push(command);
    }
}

/// Sets a signal. Only a value that differs notifies its readers.
pub fn set<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_known_actions_only() {
        assert_eq!(Command::of("scheme", "dark"), Some(Command::Scheme(Scheme::Dark)));
        assert_eq!(Command::of("copy-link", ""), Some(Command::CopyLink));
        assert_eq!(Command::of("publish", "x"), None);
    }
}
