//! The ways in which entries can come from a server.

/// A way in which entries come. The order is that of preference: an earlier one is quicker, or costs less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// A WebSocket, which alone carries commands as well.
    WebSocket,
    /// Server-sent events: one HTTP response that keeps arriving.
    Sse,
    /// Requests that the server answers when there is something.
    LongPoll,
    /// Requests that are answered at once, over and over.
    Poll,
}

impl Transport {
    /// Every transport, the best one first.
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::Sse, Self::LongPoll, Self::Poll];
    /// Their words, in the same order.
    pub const NAMES: [&'static str; 4] = ["ws", "sse", "long-poll", "poll"];

    /// Its word, on the command line and wherever it is kept.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The transport with this word.
    pub fn from_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.as_str() == word)
    }
}
