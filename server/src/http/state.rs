//! What all handlers share.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::access::AccessPolicy;
use crate::context::Context;
use crate::delivery::Fanout;

/// The state of the board's handlers. Cheap to clone.
#[derive(Clone)]
pub(super) struct State {
    pub(super) context: Context,
    pub(super) access: Arc<AccessPolicy>,
    pub(super) fanout: Fanout,
    /// Counts open connections, for which the server waits when it stops.
    pub(super) connections: TaskTracker,
}
