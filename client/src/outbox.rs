//! Messages on their way: each is sent in order until the server has it or refuses it.

use protocol::{ErrorCode, PublishKey, PublishRequest};

/// A message that is not yet known to be durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The message, with a key.
    pub message: PublishRequest,
    /// How far it is.
    pub stage: Stage,
}

/// How far a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In line, or sent and not yet answered.
    Sending,
    /// Refused: only the person can decide what becomes of it.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The server's sentence.
        detail: String,
    },
}
