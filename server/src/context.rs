//! What all connections of a server share.

use std::net::IpAddr;
use std::time::Duration;

use protocol::limits::HEARTBEAT_SECONDS;
use protocol::{ErrorCode, RoomName};
use tokio_util::sync::CancellationToken;

use crate::limits::Limiter;
use crate::room::{Hub, Room};

/// The rooms, the limits and the settings of a server. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The rooms.
    pub hub: Hub,
    /// What each address may do.
    pub limiter: Limiter,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
    /// How often a silent connection hears from the server.
    pub heartbeat: Duration,
}

impl Context {
    /// Returns a context with the default heartbeat.
    pub fn new(hub: Hub, limiter: Limiter) -> Self {
        let heartbeat = Duration::from_secs(HEARTBEAT_SECONDS);
        Self { hub, limiter, stop: CancellationToken::new(), heartbeat }
    }

    /// Takes a publish from an address's allowance, and a new room if the room has no messages. If
    /// there is none, returns the milliseconds to wait as well.
    pub fn admit(&self, address: IpAddr, room: &Room) -> Result<(), (ErrorCode, u64)> {
        self.limiter.publish(address).map_err(|wait| (ErrorCode::RateLimited, wait))?;
        if !room.is_opened() && *room.name() != RoomName::lobby() {
            self.limiter.open_room(address).map_err(|wait| (ErrorCode::RoomsLimited, wait))?;
            room.open();
        }
        Ok(())
    }
}
