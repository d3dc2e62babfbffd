//! The ways to receive entries from a server.

/// A way to receive entries. The order is that of preference: an earlier transport is faster or
/// cheaper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// A WebSocket. The only transport that also carries commands.
    WebSocket,
    /// Server-sent events: one HTTP response that does not end.
    Sse,
    /// Requests that the server answers as soon as there is an entry.
    LongPoll,
    /// Requests that the server answers at once, repeated.
    Poll,
}

impl Transport {
    /// Every transport, best first.
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::Sse, Self::LongPoll, Self::Poll];
    /// The names of [`Self::ALL`], in the same order.
    pub const NAMES: [&'static str; 4] = ["ws", "sse", "long-poll", "poll"];

    /// Returns the transport's name on the command line and in storage.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Returns the transport with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.as_str() == name)
    }
}
