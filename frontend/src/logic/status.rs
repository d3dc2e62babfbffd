//! What the page says about its connection: nothing, as long as that is honest.

use client::{ConnectionState, Transport};

/// How long a connection may be away before the page says so, in milliseconds.
const QUIET_MS: u64 = 1500;

/// What is said about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is being made.
    Connecting,
    /// It is there.
    Live {
        /// How messages come.
        transport: Transport,
        /// Whether it is another tab that has them come.
        follows: bool,
    },
    /// It is lost; the next try is in so many seconds.
    Waiting {
        /// At least one.
        seconds: u64,
    },
    /// There is no network.
    Offline,
    /// The server ended it for good.
    Stopped,
}

impl Status {
    /// The status as `#connection` has it in `data-state`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live { .. } => "live",
            Self::Waiting { .. } => "waiting",
            Self::Offline => "offline",
            Self::Stopped => "stopped",
        }
    }

    /// Whether there is something to be had by connecting at once.
    pub fn can_connect(self) -> bool {
        !matches!(self, Self::Live { .. } | Self::Connecting)
    }

    /// What carries the messages, as `#connection` has it in `data-transport`; nothing while nothing does.
    pub fn transport(self) -> Option<&'static str> {
        match self {
            Self::Live { follows: true, .. } => Some("tab"),
            Self::Live { transport, .. } => Some(transport.as_str()),
            _ => None,
        }
    }
}

/// Turns the connection's state into what is said about it, and keeps quiet about short interruptions.
#[derive(Clone, Copy, Debug)]
pub struct StatusDebounce {
    shown: Status,
    away_since: Option<u64>,
}

impl Default for StatusDebounce {
    fn default() -> Self {
        Self { shown: Status::Connecting, away_since: None }
    }
}

impl StatusDebounce {
    /// What to say now, and when to look again if nothing happens before.
    pub fn look(&mut self, connection: ConnectionState, now: u64) -> (Status, Option<u64>) {
        let (status, again) = match connection {
            ConnectionState::Live { transport, follower: follows } => {
                self.away_since = None;
                (Status::Live { transport, follows }, None)
            }
            ConnectionState::Stopped { code: Some(_) } => (Status::Stopped, None),
            _ => self.away(connection, now),
        };
        self.shown = status;
        (status, again)
    }

    fn away(&mut self, connection: ConnectionState, now: u64) -> (Status, Option<u64>) {
        let since = *self.away_since.get_or_insert(now);
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
    const SAYS_LIVE: Status = Status::Live { transport: Transport::WebSocket, follows: false };
    const WAITING: ConnectionState = ConnectionState::Waiting { until: 20_000 };

    #[test]
    fn a_short_interruption_is_not_worth_a_word() {
        let mut status_debounce = StatusDebounce::default();
        assert_eq!(status_debounce.look(LIVE, 0), (SAYS_LIVE, None));
        assert_eq!(status_debounce.look(WAITING, 10_000), (SAYS_LIVE, Some(11_500)));
        assert_eq!(status_debounce.look(ConnectionState::Connecting, 11_000), (SAYS_LIVE, Some(11_500)));
        assert_eq!(status_debounce.look(LIVE, 11_400), (SAYS_LIVE, None));
        assert_eq!(status_debounce.look(ConnectionState::Offline, 12_000), (SAYS_LIVE, Some(13_500)));
    }

    #[test]
    fn a_long_one_is_told_and_counted_down() {
        let mut status_debounce = StatusDebounce::default();
        status_debounce.look(LIVE, 0);
        status_debounce.look(WAITING, 10_000);
        assert_eq!(status_debounce.look(WAITING, 11_500), (Status::Waiting { seconds: 9 }, Some(12_500)));
        assert_eq!(status_debounce.look(WAITING, 19_500), (Status::Waiting { seconds: 1 }, Some(20_000)));
        assert_eq!(status_debounce.look(WAITING, 20_000), (Status::Connecting, None));
        assert_eq!(status_debounce.look(LIVE, 20_001), (SAYS_LIVE, None));
    }

    #[test]
    fn the_end_is_told_at_once() {
        let mut status_debounce = StatusDebounce::default();
        status_debounce.look(LIVE, 0);
        assert_eq!(status_debounce.look(ConnectionState::Stopped { code: Some(4500) }, 1), (Status::Stopped, None));
    }

    #[test]
    fn what_carries_the_messages_has_a_word() {
        let live = |transport, follows| Status::Live { transport, follows }.transport();
        assert_eq!(live(Transport::Sse, false), Some("sse"));
        assert_eq!(live(Transport::Poll, true), Some("tab"));
        assert_eq!(Status::Offline.transport(), None);
    }
}
