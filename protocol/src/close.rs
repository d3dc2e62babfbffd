//! Close codes: why a WebSocket session ends, and whether to reconnect.

/// Why the server ended a session. Codes 4000 to 4499 mean "reconnect", 4500 to 4999 "do not". 1001
/// and 1012 are a shutdown or restart, after which a client reconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// 1012: the server stops or restarts. The reason is `spread=MILLISECONDS`: reconnect at a
    /// random time within the spread.
    Restart {
        /// The spread, in milliseconds.
        spread: u64,
    },
    /// 1003: a binary message. Only text is accepted.
    Binary,
    /// 4000: the connection made no progress while the server had something to write.
    SlowConsumer,
    /// 4001: nothing came from the client for two heartbeats.
    HeartbeatMissed,
    /// 4002: the history could not be read. Nothing is lost: the reader continues at its position.
    Unavailable,
    /// 4500: too many refused commands in a row.
    TooManyErrors,
    /// 4501: the right to read the room, or to cast in it, has ended.
    AccessEnded,
    /// 4502: the cast is over.
    CastOver,
    /// 4503: another connection of the presenter continues the cast.
    CastReplaced,
    /// 4504: a presenter sent what is no chunk. The error frame before it says what is wrong.
    ChunkRefused,
    /// 4505: a presenter kept sending more than a cast may have.
    CastTooFast,
}

impl Disconnect {
    /// Returns the close code.
    pub fn code(self) -> u16 {
        match self {
            Self::Restart { .. } => 1012,
            Self::Binary => 1003,
            Self::SlowConsumer => 4000,
            Self::HeartbeatMissed => 4001,
            Self::Unavailable => 4002,
            Self::TooManyErrors => 4500,
            Self::AccessEnded => 4501,
            Self::CastOver => 4502,
            Self::CastReplaced => 4503,
            Self::ChunkRefused => 4504,
            Self::CastTooFast => 4505,
        }
    }

    /// Returns the close reason: at most 123 bytes (RFC 6455, section 5.5).
    pub fn reason(self) -> String {
        let reason = match self {
            Self::Restart { spread } => return format!("spread={spread}"),
            Self::Binary => "text only",
            Self::SlowConsumer => "slow consumer",
            Self::HeartbeatMissed => "heartbeat missed",
            Self::Unavailable => "unavailable",
            Self::TooManyErrors => "too many errors",
            Self::AccessEnded => "access ended",
            Self::CastOver => "cast over",
            Self::CastReplaced => "replaced by a newer connection",
            Self::ChunkRefused => "chunk refused",
            Self::CastTooFast => "cast too fast",
        };
        reason.to_owned()
    }

    /// True if a client should reconnect after this close code. That includes unknown codes,
    /// because networks and proxies have codes of their own.
    pub fn should_reconnect(code: u16) -> bool {
        !matches!(code, 4500..=4999 | 1003 | 1008)
    }

    /// Reads the spread from a close reason, in milliseconds.
    pub fn parse_spread(reason: &str) -> Option<u64> {
        reason.strip_prefix("spread=")?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_says_whether_to_reconnect() {
        for close in [Disconnect::Restart { spread: 1 }, Disconnect::SlowConsumer, Disconnect::HeartbeatMissed, Disconnect::Unavailable] {
            assert!(Disconnect::should_reconnect(close.code()), "{close:?}");
        }
        let ended = [Disconnect::AccessEnded, Disconnect::CastOver, Disconnect::CastReplaced, Disconnect::ChunkRefused];
        for close in ended.into_iter().chain([Disconnect::Binary, Disconnect::TooManyErrors, Disconnect::CastTooFast]) {
            assert!(!Disconnect::should_reconnect(close.code()), "{close:?}");
        }
        assert!(Disconnect::should_reconnect(1006));
        assert!(Disconnect::should_reconnect(1001));
    }

    #[test]
    fn reads_the_spread_of_a_restart() {
        assert_eq!(Disconnect::parse_spread(&Disconnect::Restart { spread: 5000 }.reason()), Some(5000));
        assert_eq!(Disconnect::parse_spread("going away"), None);
    }
}
