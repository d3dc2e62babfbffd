//! What goes into a [`crate::Core`] and what comes out of it.
//!
//! The core has up to two **channels** at a time: the one in use, and one beside it that is on trial. A channel is a stream that
//! [`Action::Open`] opened, or a row of requests that [`Action::Fetch`] made, each answered once. Its number is never used
//! again, and what is said of a channel that the core has given up is not heard, so a driver may be late with it.

use protocol::{Entry, Gap, MessagesPage, Position, Problem, PublishKey, PublishRequest, Published, ServerFrame};

use crate::Transport;

/// RFC 6455's code for a connection that ended without a word, which is how any other channel that ends so is told, too.
pub const ABNORMAL_CLOSURE: u16 = 1006;

/// What a [`crate::Core`] starts from.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Continue after this position; `None` starts with what comes next.
    pub after: Option<Position>,
    /// Messages a previous life of this client had not yet sent, oldest first.
    pub outbox: Vec<PublishRequest>,
    /// Where chance comes from (the jitter of the back-off).
    pub seed: u64,
    /// What [`Update::Proven`] told a few minutes ago: the client starts there, and tries better transports from there.
    pub last_proven: Option<Transport>,
    /// Use no other transport than this.
    pub only: Option<Transport>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The owner wants the core to connect; the first event of a life.
    Start,
    /// The WebSocket that [`Action::Open`] asked for is open. For other streams this need not be told.
    Opened {
        /// Which.
        channel: u32,
    },
    /// A frame arrived. One that can't be read, as [`ServerFrame::read`] has it, is a sign of life nevertheless.
    Received {
        /// On which stream.
        channel: u32,
        /// The frame.
        frame: Option<ServerFrame>,
    },
    /// Something arrived that is no frame: the comment of an event stream.
    Comment {
        /// On which stream.
        channel: u32,
    },
    /// A stream closed, or could not be opened (1006, no reason). A response that ended says 1006 as well.
    Closed {
        /// Which.
        channel: u32,
        /// The close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// [`Action::Fetch`] was answered.
    Page {
        /// Of which channel.
        channel: u32,
        /// The page, or why not, in the server's words; `Err(None)` when there are none that can be read.
        result: Result<MessagesPage, Option<Problem>>,
    },
    /// [`Action::Post`] was answered.
    Posted {
        /// Its number.
        r#ref: u64,
        /// As with [`Event::Page`].
        result: Result<Published, Option<Problem>>,
    },
    /// Another client of the same owner (another tab) has the one stream that they share, so this channel was not opened: the
    /// answer to an [`Action::Open`] of server-sent events, or an [`Action::Fetch`] that waits.
    NotLeader {
        /// Which.
        channel: u32,
    },
    /// From now on this client is the one that may open the shared stream.
    BecameLeader,
    /// The other client, which has the shared stream, told that there is something new.
    Woken,
    /// [`crate::Core::deadline`] has come.
    Tick,
    /// The person wants this published. Nothing happens when [`crate::Outbox::room`] is zero, or its key is in the outbox.
    /// Without a key it is given one.
    Publish(PublishRequest),
    /// The person wants a failed message tried again, after all others.
    Retry(PublishKey),
    /// The person gives a message up.
    Discard(PublishKey),
    /// The network came back, the page became visible, or the person pressed "now": do not wait any longer.
    RetryNow,
    /// The network is gone, as far as the system knows.
    Offline,
}

impl Event {
    /// A stream ended without a word, or could not be opened.
    pub fn lost(channel: u32) -> Self {
        Self::Closed { channel, code: ABNORMAL_CLOSURE, reason: String::new() }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a stream, a WebSocket or server-sent events. A channel that is to be dropped for it was closed before.
    Open {
        /// Its number.
        channel: u32,
        /// [`Transport::WebSocket`] or [`Transport::Sse`].
        transport: Transport,
        /// The position to continue from.
        after: Option<Position>,
    },
    /// Ask for a page, and answer with [`Event::Page`]. A request of the same channel that is still out is dropped.
    Fetch {
        /// The channel's number.
        channel: u32,
        /// Ask for what comes after this. `None` wants to know the newest position only; a page of one entry will do.
        after: Option<Position>,
        /// How long the server may wait until there is something, in seconds. Zero is not said to it.
        wait_seconds: u64,
    },
    /// Send this text frame over a WebSocket.
    Send {
        /// Which.
        channel: u32,
        /// The frame.
        text: String,
    },
    /// Publish by HTTP: post this JSON, and answer with [`Event::Posted`]. A post that is still out is dropped.
    Post {
        /// The number by which the answer is known.
        r#ref: u64,
        /// The body.
        json: String,
    },
    /// Close a channel, or drop its request. No event is expected of it any more. Each channel ends with this, but for those that
    /// said [`Event::Closed`] or [`Event::NotLeader`] themselves.
    Close {
        /// Which.
        channel: u32,
    },
    /// Tell whoever looks.
    Update(Update),
}

/// What an onlooker may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// [`crate::Core::connection`] has changed.
    Connection,
    /// A transport delivers. Worth remembering for some minutes, for [`Options::last_proven`].
    Proven(Transport),
    /// Where a reader without a position starts: just after this one.
    StartsAt(Position),
    /// An entry of the room: in order, each once.
    Entry(Entry),
    /// Entries are missing.
    Gap(Gap),
    /// How many sessions the room has.
    Online(usize),
    /// [`crate::Core::outbox`] has changed; whoever keeps it across lives keeps it now.
    Outbox,
    /// A message of ours is durable. It stays in the outbox until its entry was told.
    Published {
        /// Its key.
        key: PublishKey,
        /// Where it is.
        published: Published,
    },
}

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Not yet asked to, or given up for good after a final close code.
    Stopped {
        /// That close code.
        code: Option<u16>,
    },
    /// A channel is being opened, and is not proven.
    Connecting,
    /// Entries arrive.
    Live {
        /// How.
        transport: Transport,
        /// Whether they are fetched when another client says so, see [`Event::NotLeader`].
        follower: bool,
    },
    /// Waiting for the next try.
    Waiting {
        /// When that is.
        until: u64,
    },
    /// Waiting for the network. Now and then it is tried nevertheless: systems are wrong about this at times.
    Offline,
}
