//! Permits: connections that are counted until they end.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::access::Peer;
use super::error::ApiError;
use super::state::State;
use crate::delivery::Client;
use crate::limits::Connected;
use crate::limits::turns::Account;

/// Keeps a connection counted: by the server, which waits for its end, and by the limits. For what lasts.
pub(super) struct ConnectionPermit {
    _tracked: TaskTrackerToken,
    connected: Option<Arc<Connected>>,
    /// If it is a proxy's: as one of whom it speaks for.
    through: Option<Connected>,
    /// The account of a connection that was not let in.
    refused: Option<Arc<Account>>,
}

impl ConnectionPermit {
    /// The place of a connection that the limits have let in.
    pub(super) fn new(state: &State, connected: Option<Arc<Connected>>) -> Self {
        Self { _tracked: state.connections.token(), connected, through: None, refused: None }
    }

    /// The place of a connection that is told so and closed.
    pub(super) fn refused(state: &State, account: Option<Arc<Account>>) -> Self {
        Self { refused: account, ..Self::new(state, None) }
    }

    /// Returns the client of a streaming connection.
    pub(super) fn client(&self, address: IpAddr) -> Client {
        Client { address, account: self.account().cloned() }
    }

    /// Returns the account that the connection's work is charged to.
    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        let connected = self.through.as_ref().or(self.connected.as_deref());
        connected.map_or(self.refused.as_ref(), Connected::account)
    }
}

impl FromRequestParts<State> for ConnectionPermit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        // A proxy that does not say for whom it speaks counts towards the total alone.
        let address = state.access.forwarded_address(Peer::of(parts), &parts.headers);
        let through = address.map(|address| state.context.limiter.connect_through(address)).transpose()?;
        Ok(Self { through, ..Self::new(state, parts.extensions.get().cloned()) })
    }
}
