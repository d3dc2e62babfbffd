//! What is known of a room besides its entries, and who may go on reading it.

use std::sync::Arc;

use protocol::{ErrorCode, Position, RoomInfo};

use super::hub::Hub;
use super::page::{PageError, Range};
use super::pass::Pass;
use super::state::Room;
use crate::access::{Grants, Rights};

impl Hub {
    /// Returns what a room is. Whether the caller may post or cast is left to who knows the caller.
    pub async fn info(&self, pass: &Pass) -> Result<RoomInfo, ErrorCode> {
        let version = self.version(pass, Range::Last).map_err(|_: PageError| ErrorCode::Unavailable)?;
        let room = self.registry.get(pass.room());
        let settings = self.settings(room.as_deref());
        Ok(RoomInfo {
            room: pass.room().clone(),
            settings: Arc::unwrap_or_clone(settings),
            pins: self.pins(pass).await.map_err(|_| ErrorCode::Unavailable)?,
            you: pass.tag(),
            can_post: false,
            can_moderate: pass.rights() >= Rights::Moderate,
            cast: room.and_then(|room| room.cast()).map(|running| running.info.clone()),
            can_cast: false,
            latest: Position { epoch: version.epoch, offset: version.extent.latest },
            online: version.online,
        })
    }

    /// True if a session in a room may go on: with these access keys it could begin.
    pub fn may_read(&self, grants: Option<&Grants>, room: &Room) -> bool {
        self.access().may_read(grants, room.name(), &self.settings(Some(room)), (self.clock())())
    }
}
