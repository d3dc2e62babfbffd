//! What the page shows right now, as signals, and what its reader asks for, as commands.

use client::{Pending, Timeline};
use leptos::prelude::*;
use protocol::{Author, PublishKey, RoomName, Text};

use crate::lists::Lists;
use crate::logic::draft::{self, Problem};
use crate::logic::follow::Follow;
use crate::logic::settings::Settings;
use crate::logic::status::Status;
use crate::logic::zone::Zone;
use crate::texts::Texts;
use crate::{PageData, Scheme};

/// The state that all components share. In the browser one driver writes it; on the server nothing changes it.
///
/// It has few signals, because each type of signal is a copy of the framework's code: what changes seldom and is shown
/// in few places shares one.
#[derive(Clone, Copy)]
pub struct AppState {
    /// The page's texts.
    pub texts: &'static Texts,
    /// What the rows are made of.
    pub content: StoredValue<Content>,
    /// The rows of the lists.
    pub lists: Lists,
    /// All that changes and is not a row.
    pub look: RwSignal<ViewState>,
    /// What the reader asked for and the driver has not done yet.
    pub commands: RwSignal<Vec<Command>>,
}

/// What the rows are made of.
#[derive(Clone, Debug)]
pub struct Content {
    /// The room.
    pub room: RoomName,
    /// Its entries.
    pub timeline: Timeline,
    /// The messages on their way.
    pub pending: Vec<Pending>,
    /// The server's version when it wrote the page.
    pub version: String,
}

/// What changes around the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewState {
    /// Whether the page has come alive.
    pub ready: bool,
    /// Whether there is no message at all.
    pub empty: bool,
    /// How loading older messages stands.
    pub older: Older,
    /// Whether the list follows its end.
    pub follow: Follow,
    /// Whether messages are too many to be read out one by one.
    pub crowded: bool,
    /// Whether the list shows what is no news, and is not read out.
    pub quiet: bool,
    /// Of the many, how many there were lately.
    pub crowd: usize,
    /// The connection.
    pub status: Status,
    /// For how many more seconds the server asks to wait with what is on its way.
    pub held: u64,
    /// How many sessions the room has.
    pub here: usize,
    /// What the reader has set.
    pub settings: Settings,
    /// How many lines the composer's text has.
    pub lines: usize,
    /// How many bytes the text may still grow, once that is worth knowing.
    pub left: Option<i64>,
    /// Whether a text was cleared and can be brought back.
    pub undo: bool,
    /// Why the composer's text was not taken.
    pub problem: Option<Problem>,
    /// Something to know.
    pub notice: Option<Notice>,
    /// How many messages are on their way.
    pub outbox: usize,
    /// How many more may be.
    pub outbox_room: usize,
}

/// How loading older messages stands.
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

/// Something to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What was asked for is in the clipboard.
    Copied,
    /// The message that a link names is not there.
    LinkGone,
    /// The browser shows no notifications.
    NotifyRefused,
    /// The server is of another version than the page.
    Outdated,
}

/// What a reader asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Publish this.
    Publish {
        /// What to say.
        text: Text,
        /// Who says it.
        author: Author,
    },
    /// Try a refused message again.
    Retry(PublishKey),
    /// Copy its text.
    Copy(PublishKey),
    /// Give it up.
    Discard(PublishKey),
    /// Connect now.
    Connect,
    /// Load older messages.
    Older,
    /// Load newer messages, where the newest are not shown.
    Newer,
    /// Go to the newest message.
    ToEnd,
    /// Go to a message.
    ToMessage(u64),
    /// The reader came to the end of the list, or left it.
    Looked,
    /// Keep the composer's text for the next visit.
    KeepDraft(String),
    /// Remember the reader's name.
    KeepAuthor(String),
    /// Change the colours.
    Scheme(Scheme),
    /// Change a setting, by its word.
    Set(String, bool),
    /// Copy the link to the room.
    CopyLink,
    /// Load the page anew.
    Reload,
    /// Take the notice away.
    Dismiss,
}

impl Command {
    /// What an element of a panel asks for when it is pressed, by its attributes `data-do` and `data-of`.
    pub fn of(action: &str, of: &str) -> Option<Self> {
        Some(match action {
            "copy-link" => Self::CopyLink,
            "scheme" => Self::Scheme(Scheme::parse(of)?),
            _ => return None,
        })
    }
}

impl AppState {
    /// The board as the server sees it.
    pub fn new(data: &PageData) -> Self {
        let timeline = Timeline::new(data.page.clone());
        let look = ViewState {
            ready: false,
            empty: timeline.entries().is_empty(),
            older: if timeline.before().is_some() { Older::Some } else { Older::None },
            follow: Follow::default(),
            crowded: false,
            quiet: false,
            crowd: 0,
            status: Status::Connecting,
            held: 0,
            here: data.here,
            settings: Settings::default(),
            lines: draft::lines(&data.draft),
            left: draft::bytes_left(&data.draft),
            undo: false,
            problem: data.refusal.map(Problem::Refused),
            notice: None,
            outbox: 0,
            outbox_room: 1,
        };
        let content = Content { room: data.room.clone(), timeline, pending: Vec::new(), version: data.version.clone() };
        let lists = Lists::new(&content.timeline, Zone::Ahead(data.zone));
        Self {
            texts: Texts::of(data.language),
            lists,
            content: StoredValue::new(content),
            look: RwSignal::new(look),
            commands: RwSignal::new(Vec::new()),
        }
    }

    /// The board of the page that the calling component is part of.
    pub fn of_page() -> Self {
        expect_context()
    }

    /// Asks for something.
    pub fn ask(self, command: Command) {
        self.commands.write().push(command);
    }

    /// How the page looks, for code that does not follow its changes.
    pub fn looked(self) -> ViewState {
        self.look.get_untracked()
    }

    /// Makes the page look like this.
    pub fn show(self, look: ViewState) {
        if self.looked() != look {
            self.look.set(look);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_asks_for_what_is_known_only() {
        assert_eq!(Command::of("scheme", "dark"), Some(Command::Scheme(Scheme::Dark)));
        assert_eq!(Command::of("copy-link", ""), Some(Command::CopyLink));
        assert_eq!(Command::of("publish", "x"), None);
    }
}
