//! What the channels of all transports report to the driver.

use protocol::{MessagesPage, Problem, ServerFrame};

use super::failure::Failure;

pub(super) enum ChannelEvent {
    Opened,
    /// `None` for a frame that is not known.
    Frame(Option<ServerFrame>),
    Comment,
    Page(MessagesPage),
    /// The server has no page now: there is a gap, or it is busy.
    NoPage(Problem),
    Closed {
        code: u16,
        reason: String,
    },
    Failed(Failure),
}
