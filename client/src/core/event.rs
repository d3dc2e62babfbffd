//! What goes into a [`crate::Core`] and what comes out of it.

use protocol::{Entry, Gap, Hello, Position, PublishKey, PublishRequest, Published, ServerFrame};

/// What a [`crate::Core`] starts from.
#[derive(Clone, Debug)]
pub struct Options {
    /// Continue after this position; `None` starts with what comes next.
    pub after: Option<Position>,
    /// Messages a previous life of this client had not yet sent, oldest first.
    pub outbox: Vec<PublishRequest>,
    /// Where chance comes from (the jitter of the back-off).
    pub seed: u64,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The owner wants the core to connect; the first event of a life.
    Start,
    /// The socket that [`Action::Connect`] asked for is open.
    Opened,
    /// A text frame arrived. One that can't be read, as [`ServerFrame::read`] has it, is a sign of life nevertheless.
    Received(Option<ServerFrame>),
    /// The socket closed, or could not be opened (1006, no reason).
    Closed {
        /// The close code.
        code: u16,
        /// The close reason.
        reason: String,
    },
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
    Nudge,
    /// The network is gone, as far as the system knows.
    Offline,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a socket with this `after`; drop any other first, with all that it may still say.
    Connect {
        /// The position to continue from.
        after: Option<Position>,
    },
    /// Send this text frame.
    Send(String),
    /// Close the socket. No event is expected of it any more.
    Disconnect,
    /// Tell whoever looks.
    Update(Update),
}

/// What an onlooker may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// [`crate::Core::connection`] has changed.
    Connection,
    /// A session began.
    Hello(Hello),
    /// An entry of the room: in order, each once.
    Entry(Entry),
    /// Entries are missing.
    Gap(Gap),
    /// How many sessions the room has.
    Here(usize),
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
pub enum Connection {
    /// Not yet asked to, or given up for good after a final close code.
    Stopped {
        /// That close code.
        code: Option<u16>,
    },
    /// A socket is being opened, or is open and has not said hello.
    Connecting,
    /// The server says hello and has been heard of since.
    Live,
    /// Waiting for the next try.
    Waiting {
        /// When that is.
        until: u64,
    },
    /// Waiting for the network. Now and then it is tried nevertheless: systems are wrong about this at times.
    Offline,
}
