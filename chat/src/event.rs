//! The inputs and outputs of a [`crate::Model`].

use std::fmt;
use std::time::Duration;

use client::{ConnectionState, Page, Pending, Update};
use crossterm::event::{KeyEvent, MouseEvent};
use jiff::tz::TimeZone;
use protocol::{Author, MessagesPage, Position, PublishKey, PublishRequest, RoomName};
use serde::{Deserialize, Serialize};

/// What a [`crate::Model`] starts from.
pub struct Settings {
    /// The rooms to open beside those in `saved`; the first one is shown.
    pub rooms: Vec<RoomName>,
    /// The name to post under. `None` takes the saved one.
    pub author: Option<Author>,
    /// The colours that the terminal has.
    pub colours: Colours,
    /// True if the terminal shows UTF-8. Otherwise only ASCII is drawn.
    pub is_utf8: bool,
    /// True if links are marked for the terminal (OSC 8).
    pub links: bool,
    /// The columns and rows of the terminal.
    pub size: (u16, u16),
    /// The time zone in which times are shown.
    pub zone: TimeZone,
    /// What an earlier run left.
    pub saved: Saved,
    /// Draws a publish key at random.
    pub draw_key: Box<dyn FnMut() -> PublishKey + Send>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("rooms", &self.rooms).finish_non_exhaustive()
    }
}

/// The colours that a terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// None, or the person wants none (`NO_COLOR`).
    None,
    /// The 16 colours that the person chose for the terminal.
    #[default]
    Sixteen,
    /// At least 256.
    Many,
}

/// Something that happened.
#[expect(clippy::large_enum_variant, reason = "most values are of the large variant")]
#[derive(Clone, Debug)]
pub enum Input {
    /// A key was pressed, or repeats.
    Key(KeyEvent),
    /// Text was pasted (bracketed paste).
    Paste(String),
    /// The mouse was used.
    Mouse(MouseEvent),
    /// The terminal has another size.
    Resize {
        /// Its width.
        columns: u16,
        /// Its height.
        rows: u16,
    },
    /// The terminal's window gained or lost the focus.
    Focus(bool),
    /// The subscription of a room has an update.
    Update {
        /// The room.
        room: RoomName,
        /// The update.
        update: Update,
        /// The subscription's state after it.
        connection: Connection,
    },
    /// [`Action::Fetch`] was answered.
    Page {
        /// The room.
        room: RoomName,
        /// What was asked for.
        asked: Page,
        /// The page, or why there is none, for people.
        result: Result<MessagesPage, String>,
    },
    /// The subscription of a room has ended for good. [`Action::Open`] may open it again.
    Ended {
        /// The room.
        room: RoomName,
        /// Why, for people.
        why: String,
    },
    /// Something to tell the person, such as that the state file cannot be written.
    Notice(String),
    /// The program must end: a signal, or the terminal is gone.
    Stop,
    /// [`crate::Model::deadline`] has passed.
    Tick,
}

/// The state of a room's subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The state of the connection.
    pub state: ConnectionState,
    /// How many people are in the room; 0 if unknown.
    pub online: usize,
    /// Why the last attempt failed, for people.
    pub last_error: Option<String>,
    /// The time until the next attempt.
    pub retry_in: Option<Duration>,
    /// The time until the next message is sent, if the room is slow.
    pub slow_for: Option<Duration>,
    /// The messages that are being published; `None` if they are the same as before.
    pub outbox: Option<Vec<Pending>>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Subscribe to a room. Replaces an ended subscription.
    Open {
        /// The room.
        room: RoomName,
        /// The position to continue after.
        after: Option<Position>,
        /// The messages that an earlier subscription had not published.
        outbox: Vec<PublishRequest>,
    },
    /// End the subscription of a room.
    Close {
        /// The room.
        room: RoomName,
    },
    /// Request a page, and answer with [`Input::Page`]. Replaces an unanswered request of the room.
    Fetch {
        /// The room.
        room: RoomName,
        /// What to request.
        page: Page,
    },
    /// Publish a message. It has a key. There are never more than
    /// [`client::OUTBOX_MESSAGES_MAX`] unpublished ones in a room.
    Publish {
        /// The room.
        room: RoomName,
        /// The message.
        message: PublishRequest,
    },
    /// Publish a refused message again.
    Retry {
        /// The room.
        room: RoomName,
        /// The message's key.
        key: PublishKey,
    },
    /// Remove a message from the outbox.
    Discard {
        /// The room.
        room: RoomName,
        /// The message's key.
        key: PublishKey,
    },
    /// Try to connect now.
    RetryNow {
        /// The room.
        room: RoomName,
    },
    /// Store [`crate::Model::saved`], before the actions after this one.
    Save,
    /// Draw the whole screen again.
    Redraw,
    /// Give the terminal back and stop, as Ctrl-Z does in other programs. The whole screen is drawn
    /// when the shell continues the program.
    Suspend,
    /// End the program.
    Quit,
}

/// What the next run continues with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The name that the person posts under.
    pub author: Author,
    /// The open rooms, in the order of the tabs.
    pub rooms: Vec<SavedRoom>,
    /// Which of them is shown.
    pub active: usize,
    /// Earlier texts of the composer, oldest first.
    pub history: Vec<String>,
}

/// What the next run continues with in a room. The state file has it in this form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRoom {
    /// The room.
    pub name: RoomName,
    /// The position up to which the person has read.
    #[serde(default)]
    pub read: Option<Position>,
    /// What the composer holds.
    #[serde(default)]
    pub draft: String,
    /// The messages that are not published yet, or were refused.
    #[serde(default)]
    pub outbox: Vec<PublishRequest>,
    /// The keys of the person's newest messages, oldest first.
    #[serde(default)]
    pub own: Vec<PublishKey>,
}
