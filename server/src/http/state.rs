//! What all handlers share.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::door::Door;
use crate::delivery::Fanout;
use crate::session::Context;

/// The state of the board's handlers. Cheap to clone.
#[derive(Clone)]
pub(super) struct State {
    pub(super) context: Context,
    pub(super) door: Arc<Door>,
    pub(super) fanout: Fanout,
    /// Counts open connections, for which the server waits when it stops.
    pub(super) connections: TaskTracker,
}
