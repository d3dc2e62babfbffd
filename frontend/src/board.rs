//! What the page shows right now, as signals, and what its reader asks for, as commands.

use client::{Pending, Timeline};
use leptos::prelude::*;
use protocol::{Author, PublishKey, RoomName, Text};

use crate::decide::draft::Problem;
use crate::decide::follow::Follow;
use crate::decide::moment::Day;
use crate::decide::rows::{self, Row};
use crate::decide::status::Status;
use crate::texts::Texts;
use crate::{PageData, Scheme};

/// The state that all components share. In the browser one driver writes it; on the server nothing changes it.
///
/// It has few signals, because each type of signal is a copy of the framework's code: what changes seldom and is shown
/// in few places shares one.
#[derive(Clone, Copy)]
pub struct Board {
    /// The page's texts.
    pub texts: &'static Texts,
    /// What the rows are made of.
    pub content: StoredValue<Content>,
    /// The rows of the timeline.
    pub rows: RwSignal<Vec<Row>>,
    /// The rows of the messages on their way.
    pub outbox: RwSignal<Vec<Row>>,
    /// Today in the reader's zone; `None` until the page runs in a browser, because the server can't know.
    pub today: RwSignal<Option<Day>>,
    /// All else that changes.
    pub look: RwSignal<Look>,
    /// What the reader asked for and the driver has not done yet.
    pub commands: RwSignal<Vec<Command>>,
}

/// What the rows are made of. A row that is shown looks here for what it shows.
#[derive(Clone, Debug)]
pub struct Content {
    /// The room.
    pub room: RoomName,
    /// Its entries.
    pub timeline: Timeline,
    /// The messages on their way.
    pub pending: Vec<Pending>,
}

/// What changes around the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How loading older messages stands.
    pub older: Older,
    /// Whether the list follows its end.
    pub follow: Follow,
    /// The connection.
    pub status: Status,
    /// How many sessions the room has.
    pub here: usize,
    /// Light or dark.
    pub scheme: Scheme,
    /// Why the composer's text was not taken.
    pub problem: Option<Problem>,
    /// How many more messages may be on their way.
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
    /// Give a refused message up.
    Discard(PublishKey),
    /// Connect now.
    Connect,
    /// Load older messages.
    Older,
    /// Go to the newest message.
    ToEnd,
    /// Keep the composer's text for the next visit.
    KeepDraft(String),
    /// Remember the reader's name.
    KeepAuthor(String),
    /// Change the colours.
    Scheme(Scheme),
}

impl Board {
    /// The board as the server sees it.
    pub fn new(data: &PageData) -> Self {
        let timeline = Timeline::new(data.page.clone());
        let look = Look {
            older: if timeline.before().is_some() { Older::Some } else { Older::None },
            follow: Follow::default(),
            status: Status::Connecting,
            here: data.here,
            scheme: data.scheme,
            problem: data.refusal.map(Problem::Refused),
            outbox_room: 1,
        };
        Self {
            texts: Texts::of(data.language),
            rows: RwSignal::new(rows::of(&timeline)),
            content: StoredValue::new(Content { room: data.room.clone(), timeline, pending: Vec::new() }),
            outbox: RwSignal::new(Vec::new()),
            today: RwSignal::new(None),
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
    pub fn looked(self) -> Look {
        self.look.get_untracked()
    }

    /// Makes the page look like this.
    pub fn show(self, look: Look) {
        if self.looked() != look {
            self.look.set(look);
        }
    }
}
