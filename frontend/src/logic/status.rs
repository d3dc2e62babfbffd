//! What the page shows of its connection. Short interruptions are not shown.

use client::{ConnectionState, Transport};

/// Interruptions up to this long are not shown, in milliseconds.
const QUIET_MS: u64 = 1500;

/// The status of the connection that the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Connecting.
    Connecting,
    /// Messages arrive.
    Live {
        /// The transport that carries them.
        transport: Transport,
        /// True if another tab holds the stream and wakes this one.
        follows: bool,
    },
    /// Messages arrived, but the server does not answer.
    Doubtful,
    /// The connection is lost, and the page waits for the next try.
    Waiting {
        /// The seconds until then, at least 1.
        seconds: u64,
    },
    /// There is no network.
    Offline,
    /// The server ended the connection for good.
    Stopped,
}

impl Status {
    /// The status as the attribute `data-state`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live { .. } => "live",
            Self::Doubtful => "doubtful",
            Self::Waiting { .. } => "waiting",
            Self::Offline => "offline",
            Self::Stopped => "stopped",
        }
    }

    /// True if the reader can ask to connect now.
    pub fn can_connect(self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Offline | Self::Stopped)
    }

    /// The transport as the attribute `data-transport`; `None` while no messages arrive.
    pub fn transport(self) -> Option<&'static str> {
        match self {
            Self::Live { follows: true, .. } => Some("tab"),
            Self::Live { transport, .. } => Some(transport.as_str()),
            _ => None,
        }
    }
}

/// Turns the state of the connection into the status to show, without short interruptions.
#[derive(Clone, Copy, Debug)]
pub struct StatusDebounce {
    shown: Status,
    interrupted_since: Option<u64>,
}

impl Default for StatusDebounce {
    fn default() -> Self {
        Self { shown: Status::Connecting, interrupted_since: None }
    }
}

impl StatusDebounce {
    /// The status to show now, and when to call this again if nothing happens before.
    pub fn look(&mut self, connection: ConnectionState, now: u64) -> (Status, Option<u64>) {
        let (status, again) = match connection {
            ConnectionState::Live { transport, follower: follows } => {
                self.interrupted_since = None;
                (Status::Live { transport, follows }, None)
            }
            // At once: the doubt has waited already.
            ConnectionState::Doubtful => {
                self.interrupted_since.get_or_insert(now);
                (Status::Doubtful, None)
            }
            ConnectionState::Stopped { code: Some(_) } => (Status::Stopped, None),
            _ => self.interrupted(connection, now),
        };
        self.shown = status;
        (status, again)
    }

    fn interrupted(&mut self, connection: ConnectionState, now: u64) -> (Status, Option<u64>) {
        let since = *self.interrupted_since.get_or_insert(now);
        if now < since + QUIET_MS {
            return (self.shown, Some(since + QUIET_MS));
        }
        match connection {
            ConnectionState::Waiting { until } if until > now => {
                (Status::Waiting { seconds: (until - now).div_ceil(1000) }, Some(until.min(now + 1000)))
            }
            ConnectionState::Offline => (Status::Offline, None),
            _ => (Status::Connecting, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: ConnectionState = ConnectionState::Live { transport: Transport::WebSocket, follower: false };
    const SHOWS_LIVE: Status = Status::Live { transport: Transport::WebSocket, follows: false };
    const WAITING: ConnectionState = ConnectionState::Waiting { until: 20_000 };

    #[test]
    fn does_not_show_a_short_interruption() {
        let mut debounce = StatusDebounce::default();
        assert_eq!(debounce.look(LIVE, 0), (SHOWS_LIVE, None));
        assert_eq!(debounce.look(WAITING, 10_000), (SHOWS_LIVE, Some(11_500)));
        assert_eq!(debounce.look(ConnectionState::Connecting, 11_000), (SHOWS_LIVE, Some(11_500)));
        assert_eq!(debounce.look(LIVE, 11_400), (SHOWS_LIVE, None));
        assert_eq!(debounce.look(ConnectionState::Offline, 12_000), (SHOWS_LIVE, Some(13_500)));
    }

    #[test]
    fn shows_a_long_interruption_and_counts_down() {
        let mut debounce = StatusDebounce::default();
        debounce.look(LIVE, 0);
        debounce.look(WAITING, 10_000);
        assert_eq!(debounce.look(WAITING, 11_500), (Status::Waiting { seconds: 9 }, Some(12_500)));
        assert_eq!(debounce.look(WAITING, 19_500), (Status::Waiting { seconds: 1 }, Some(20_000)));
        assert_eq!(debounce.look(WAITING, 20_000), (Status::Connecting, None));
        assert_eq!(debounce.look(LIVE, 20_001), (SHOWS_LIVE, None));
    }

    #[test]
    fn shows_doubt_at_once_and_until_the_next_try_has_taken_some_time() {
        let mut debounce = StatusDebounce::default();
        debounce.look(LIVE, 0);
        assert_eq!(debounce.look(ConnectionState::Doubtful, 5_000), (Status::Doubtful, None));
        assert_eq!(debounce.look(ConnectionState::Connecting, 6_000), (Status::Doubtful, Some(6_500)));
        assert_eq!(debounce.look(ConnectionState::Connecting, 6_500), (Status::Connecting, None));
        assert_eq!(debounce.look(LIVE, 7_000), (SHOWS_LIVE, None));
    }

    #[test]
    fn shows_the_end_at_once() {
        let mut debounce = StatusDebounce::default();
        debounce.look(LIVE, 0);
        assert_eq!(debounce.look(ConnectionState::Stopped { code: Some(4500) }, 1), (Status::Stopped, None));
    }

    #[test]
    fn names_the_transport() {
        let live = |transport, follows| Status::Live { transport, follows }.transport();
        assert_eq!(live(Transport::Sse, false), Some("sse"));
        assert_eq!(live(Transport::Poll, true), Some("tab"));
        assert_eq!(Status::Offline.transport(), None);
    }
}
