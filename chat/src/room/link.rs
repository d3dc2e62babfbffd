//! The connection of a room, as the status line shows it. Short interruptions are not shown.

use client::{ConnectionState, Transport};
use jiff::{SignedDuration, Timestamp};

use crate::event::Connection;

/// Interruptions up to this long are not shown.
const QUIET: SignedDuration = SignedDuration::from_millis(1500);

/// What the status line shows of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The first attempt, or another one.
    Connecting,
    /// Messages arrive.
    Live(Transport),
    /// The server does not answer.
    Doubtful,
    /// Waiting for the next attempt, so many seconds.
    Waiting(u64),
    /// The subscription has ended for good.
    Ended,
}

/// The connection of a room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    state: Option<ConnectionState>,
    retry_at: Option<Timestamp>,
    /// The transport that was in use when the connection was lost, and when that was.
    interrupted: Option<(Transport, Timestamp)>,
    /// How many people are in the room.
    pub(crate) online: usize,
    /// Why the last attempt failed.
    pub(crate) last_error: Option<String>,
    /// Why the subscription ended for good.
    pub(crate) ended: Option<String>,
}

impl Link {
    /// Takes the state of the subscription after an update.
    pub(crate) fn update(&mut self, connection: Connection, now: Timestamp) {
        let before = self.state.replace(connection.state);
        match (before, connection.state) {
            (_, ConnectionState::Live { .. }) => self.interrupted = None,
            (Some(ConnectionState::Live { transport, .. }), _) => self.interrupted = Some((transport, now)),
            _ => {}
        }
        self.retry_at = connection.retry_in.and_then(|wait| now.checked_add(SignedDuration::try_from(wait).ok()?).ok());
        self.online = connection.online;
        self.last_error = connection.last_error;
        self.ended = None;
    }

    /// True while what is published is sent at once.
    pub(crate) fn is_live(&self) -> bool {
        self.ended.is_none() && matches!(self.state, Some(ConnectionState::Live { .. }))
    }

    /// Returns what to show.
    pub(crate) fn status(&self, now: Timestamp) -> Status {
        if self.ended.is_some() {
            return Status::Ended;
        }
        if let Some((transport, since)) = self.interrupted
            && now.duration_since(since) < QUIET
        {
            return Status::Live(transport);
        }
        match self.state {
            Some(ConnectionState::Live { transport, .. }) => Status::Live(transport),
            Some(ConnectionState::Doubtful) => Status::Doubtful,
            Some(ConnectionState::Stopped { code: Some(_) }) => Status::Ended,
            _ => match self.retry_at.map(|at| at.duration_since(now).as_millis()) {
                Some(wait) if wait > 0 => Status::Waiting(u64::try_from(wait).unwrap_or(0).div_ceil(1000)),
                _ => Status::Connecting,
            },
        }
    }

    /// Returns when [`Self::status`] changes if nothing happens before.
    pub(crate) fn deadline(&self, now: Timestamp) -> Option<Timestamp> {
        match (self.status(now), self.interrupted) {
            (Status::Live(_), Some((_, since))) => since.checked_add(QUIET).ok(),
            (Status::Waiting(seconds), _) => {
                let left = SignedDuration::from_secs(i64::try_from(seconds).ok()? - 1);
                self.retry_at?.checked_sub(left).ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIVE: ConnectionState = ConnectionState::Live { transport: Transport::Sse, follower: false };

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    fn connection(state: ConnectionState, retry_ms: Option<u64>) -> Connection {
        Connection { state, online: 2, last_error: None, retry_in: retry_ms.map(Duration::from_millis), slow_for: None, outbox: None }
    }

    #[test]
    fn a_short_interruption_is_not_shown_and_a_long_one_counts_down() {
        let mut link = Link::default();
        assert_eq!(link.status(at(0)), Status::Connecting);
        link.update(connection(LIVE, None), at(0));
        link.update(connection(ConnectionState::Waiting { until: 0 }, Some(3_500)), at(1_000));
        assert_eq!((link.status(at(2_499)), link.deadline(at(1_000))), (Status::Live(Transport::Sse), Some(at(2_500))));
        assert_eq!((link.status(at(2_500)), link.deadline(at(2_500))), (Status::Waiting(2), Some(at(3_500))));
        assert_eq!((link.status(at(3_500)), link.deadline(at(3_500))), (Status::Waiting(1), Some(at(4_500))));
        assert_eq!((link.status(at(4_500)), link.deadline(at(4_500))), (Status::Connecting, None));
        link.update(connection(LIVE, None), at(5_000));
        assert_eq!(link.status(at(5_000)), Status::Live(Transport::Sse));
        assert!(link.is_live());
    }
}
