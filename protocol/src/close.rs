//! How a WebSocket session ends: the close codes, whose range says whether to come back.

/// Why the server ended a session. Codes 4000 to 4499 say "come back", 4500 to 4999 say "do not"; 1001 and 1012 are a
/// shutdown or restart, after which a client comes back as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// 1012: the server stops or restarts. The reason holds `spread=MILLISECONDS`: come back at a random time within it.
    Restart {
        /// The width of that time, in milliseconds.
        spread: u64,
    },
    /// 1003: a binary message, where only text means something.
    Binary,
    /// 4000: the connection made no progress while the server had something to write.
    SlowConsumer,
    /// 4001: nothing was heard of the client for two heartbeats.
    HeartbeatMissed,
    /// 4002: the history could not be read; what was not delivered is still there to be read.
    Unavailable,
    /// 4500: too many refused frames in a row.
    TooManyErrors,
}

impl Disconnect {
    /// The close code.
    pub fn code(self) -> u16 {
        match self {
            Self::Restart { .. } => 1012,
            Self::Binary => 1003,
            Self::SlowConsumer => 4000,
            Self::HeartbeatMissed => 4001,
            Self::Unavailable => 4002,
            Self::TooManyErrors => 4500,
        }
    }

    /// The close reason, at most 123 bytes as RFC 6455 (section 5.5) asks.
    pub fn reason(self) -> String {
        let reason = match self {
            Self::Restart { spread } => return format!("spread={spread}"),
            Self::Binary => "text only",
            Self::SlowConsumer => "slow consumer",
            Self::HeartbeatMissed => "heartbeat missed",
            Self::Unavailable => "unavailable",
            Self::TooManyErrors => "too many errors",
        };
        reason.to_owned()
    }

    /// Whether a client that saw this close code should connect again. All that is not said to be final is worth a
    /// second try: networks and proxies close with codes of their own.
    pub fn should_reconnect(code: u16) -> bool {
        !matches!(code, 4500..=4999 | 1003 | 1008)
    }

    /// Reads the spread, in milliseconds, out of a close reason.
    pub fn parse_spread(reason: &str) -> Option<u64> {
        reason.strip_prefix("spread=")?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_says_whether_to_come_back() {
        for close in [Disconnect::Restart { spread: 1 }, Disconnect::SlowConsumer, Disconnect::HeartbeatMissed, Disconnect::Unavailable] {
            assert!(Disconnect::should_reconnect(close.code()), "{close:?}");
        }
        for close in [Disconnect::Binary, Disconnect::TooManyErrors] {
            assert!(!Disconnect::should_reconnect(close.code()), "{close:?}");
        }
        assert!(Disconnect::should_reconnect(1006));
        assert!(Disconnect::should_reconnect(1001));
    }

    #[test]
    fn a_restart_tells_its_spread() {
        assert_eq!(Disconnect::parse_spread(&Disconnect::Restart { spread: 5000 }.reason()), Some(5000));
        assert_eq!(Disconnect::parse_spread("going away"), None);
    }
}
