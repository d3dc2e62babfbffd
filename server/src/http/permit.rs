//! Permits: connections that count until they end.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use protocol::ReaderId;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::access::Peer;
use super::error::ApiError;
use super::state::State;
use crate::access::Caller;
use crate::delivery::Client;
use crate::limits::{Account, ConnectionGuard};

/// Counts a connection until it is dropped: for the server, which waits for its end, and for the
/// limits.
pub(super) struct ConnectionPermit {
    _tracked: TaskTrackerToken,
    connected: Option<Arc<ConnectionGuard>>,
    /// Behind a trusted proxy, limits apply to the forwarded address as well.
    through: Option<ConnectionGuard>,
    /// The account of a connection that was not admitted.
    refused: Option<Arc<Account>>,
}

impl ConnectionPermit {
    /// The permit of an admitted connection.
    pub(super) fn new(state: &State, connected: Option<Arc<ConnectionGuard>>) -> Self {
        Self { _tracked: state.connections.token(), connected, through: None, refused: None }
    }

    /// The permit of a connection that gets an error and is closed.
    pub(super) fn refused(state: &State, account: Option<Arc<Account>>) -> Self {
        Self { refused: account, ..Self::new(state, None) }
    }

    /// Returns the client of a streaming connection, with the id of its reader.
    pub(super) fn client(&self, caller: Caller, reader: Option<ReaderId>) -> Client {
        Client { caller, account: self.account().cloned(), reader }
    }

    /// Returns the account that pays for the connection's work.
    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        let connected = self.through.as_ref().or(self.connected.as_deref());
        connected.map_or(self.refused.as_ref(), ConnectionGuard::account)
    }
}

impl FromRequestParts<State> for ConnectionPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        // A proxy that forwards for nobody counts only towards the total.
        let address = state.access.forwarded_address(Peer::of(&parts.extensions), &parts.headers);
        let through = address.map(|address| state.context.limiter.connect_through(address)).transpose()?;
        Ok(Self { through, ..Self::new(state, parts.extensions.get().cloned()) })
    }
}
