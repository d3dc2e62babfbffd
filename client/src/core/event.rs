//! The inputs and outputs of a [`crate::Core`].

use protocol::{Entry, Gap, MessagesPage, Position, Problem, PublishKey, PublishRequest, Published, ServerFrame};

use crate::Transport;

/// The close code of a connection that ended without a close frame (RFC 6455, section 7.1.5). It
/// also stands for every other channel that ends without a reason.
pub const ABNORMAL_CLOSURE: u16 = 1006;

/// What a [`crate::Core`] starts from.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The position to continue after. `None` starts with the next entry.
    pub after: Option<Position>,
    /// What an earlier client had not published, oldest first: its
    /// [`crate::Outbox::messages`].
    pub outbox: Vec<PublishRequest>,
    /// The seed of all random numbers: jitter, and keys of messages that have none. Two clients
    /// must not share a seed.
    pub seed: u64,
    /// The transport that [`Update::Proven`] named at most a few minutes ago. The client starts
    /// with it, and tries better ones afterwards. `None` starts with the best.
    pub last_proven: Option<Transport>,
    /// The only transport to use. `None` allows all.
    pub only: Option<Transport>,
}

/// Something that happened.
///
/// A **channel** is one use of a transport: a stream that [`Action::Open`] opened, or a series of
/// requests that [`Action::Fetch`] made. The core has up to two: the one in use, and a better one
/// on trial. Channel numbers are never reused, and events of a channel that the core has given up
/// are ignored, so an owner may report them late.
#[derive(Clone, Debug)]
pub enum Event {
    /// Connect. This is the first event of every client; it also revives one that is stopped.
    Start,
    /// The WebSocket that [`Action::Open`] asked for is open. Other streams need not report this.
    Opened {
        /// The channel's number.
        channel: u32,
    },
    /// A frame arrived on a stream.
    Received {
        /// The channel's number.
        channel: u32,
        /// The frame; `None` if [`ServerFrame::read`] does not know it. That still shows that the
        /// server is alive.
        frame: Option<ServerFrame>,
    },
    /// A comment arrived on an event stream.
    Comment {
        /// The channel's number.
        channel: u32,
    },
    /// A stream ended or could not be opened.
    Closed {
        /// The channel's number.
        channel: u32,
        /// The WebSocket close code; [`ABNORMAL_CLOSURE`] if there is none.
        code: u16,
        /// The close reason; may be empty.
        reason: String,
    },
    /// [`Action::Fetch`] was answered.
    Page {
        /// The channel's number.
        channel: u32,
        /// The page, or the server's error. `Err(None)` if no answer came that can be read.
        result: Result<MessagesPage, Option<Problem>>,
    },
    /// [`Action::Post`] was answered.
    Posted {
        /// The number of the post.
        r#ref: u64,
        /// The result, or the server's error. `Err(None)` if no answer came that can be read.
        result: Result<Published, Option<Problem>>,
    },
    /// The channel was not opened, because another client of the same owner, such as another tab of
    /// the browser, is the leader that holds their shared stream. Answers an [`Action::Open`] of
    /// server-sent events, or an [`Action::Fetch`] with a wait.
    NotLeader {
        /// The channel's number.
        channel: u32,
    },
    /// This client is the leader from now on: it may open the shared stream.
    BecameLeader,
    /// The leader reports that there is something new.
    Woken,
    /// [`crate::Core::deadline`] has passed.
    Tick,
    /// Publish a message or change. Without a key it gets one. Has no effect if
    /// [`crate::Outbox::free_slots`] is zero, or if the outbox has this key.
    Publish(PublishRequest),
    /// Publish a failed message again, after all others. Has no effect unless
    /// [`crate::Stage::can_retry`].
    Retry(PublishKey),
    /// Remove a message from the outbox. If it is on its way, it may be published nevertheless.
    Discard(PublishKey),
    /// Try now instead of waiting: the network came back, the page became visible, or a person
    /// asked.
    RetryNow,
    /// The system reports that there is no network.
    Offline,
}

impl Event {
    /// Returns the event of a stream that ended without a reason, or could not be opened.
    pub fn lost(channel: u32) -> Self {
        Self::Closed { channel, code: ABNORMAL_CLOSURE, reason: String::new() }
    }
}

/// Something to do.
#[cfg_attr(not(target_arch = "wasm32"), expect(clippy::large_enum_variant, reason = "most values are of the large variant"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a stream.
    Open {
        /// The new channel's number.
        channel: u32,
        /// [`Transport::WebSocket`] or [`Transport::Sse`].
        transport: Transport,
        /// The position to continue after; `None` starts with the next entry.
        after: Option<Position>,
    },
    /// Request a page, and answer with [`Event::Page`]. Replaces an unanswered request of the same
    /// channel.
    Fetch {
        /// The channel's number.
        channel: u32,
        /// The position to continue after. With `None` only the newest position matters, so a page
        /// of one entry is enough.
        after: Option<Position>,
        /// How long the server may wait for an entry, in seconds. Leave out the parameter if it is
        /// 0.
        wait_seconds: u64,
    },
    /// Send a text message on a WebSocket.
    Send {
        /// The channel's number.
        channel: u32,
        /// The message.
        text: String,
    },
    /// Publish with an HTTP request, and answer with [`Event::Posted`]. Replaces an unanswered one.
    Post {
        /// The number of the post.
        r#ref: u64,
        /// The body, `application/json`.
        json: String,
    },
    /// Close a stream, or drop a request. Every channel ends with this action, except those that
    /// reported [`Event::Closed`] or [`Event::NotLeader`].
    Close {
        /// The channel's number.
        channel: u32,
    },
    /// Report a change to the person or program that uses the client.
    Update(Update),
}

/// A change that users of a client may want to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// [`crate::Core::connection`] has changed.
    Connection,
    /// A transport delivers. Remember it for [`Options::last_proven`], for some minutes.
    Proven(Transport),
    /// The position after which a reader starts that had none.
    StartsAt(Position),
    /// A message of the room. Messages and changes come in one order, each once.
    Entry(Entry),
    /// Any other entry of the room, such as the edit of a message: see [`Entry::kind`] and
    /// [`Entry::fold`]. A message that arrives later contains it already.
    Change(Entry),
    /// Entries are missing; reading goes on after [`Gap::resumes`].
    Gap(Gap),
    /// The number of sessions in the room has changed.
    Online(usize),
    /// [`crate::Core::outbox`] has changed. An owner that stores it does so now.
    Outbox,
    /// A message or change of this client is durable. It stays in the outbox until its entry has
    /// arrived. If only the entry arrived, [`Published::reached`] is the number of sessions at that
    /// time.
    Published {
        /// Its key.
        key: PublishKey,
        /// Where it is, and whether it was there before.
        published: Published,
    },
}

/// The state of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Not started, or ended for good by a final close code.
    Stopped {
        /// The close code; `None` if not started.
        code: Option<u16>,
    },
    /// A channel is open or opening, and not proven.
    Connecting,
    /// Entries arrive.
    Live {
        /// The transport in use.
        transport: Transport,
        /// True if another client holds the shared stream and wakes this one; see
        /// [`Event::NotLeader`].
        follower: bool,
    },
    /// Entries arrived, but the server does not answer. The channel is checked, and is given up if
    /// nothing arrives in a few seconds.
    Doubtful,
    /// Waiting for the next attempt.
    Waiting {
        /// When it starts, in milliseconds on the owner's clock.
        until: u64,
    },
    /// Waiting for the network. Attempts are made now and then nevertheless, because systems report
    /// this wrongly at times.
    Offline,
}
