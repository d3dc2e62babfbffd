//! What all connections of a server share.

use std::net::IpAddr;
use std::time::Duration;

use protocol::cast::CastStatus;
use protocol::limits::HEARTBEAT_SECONDS;
use protocol::{Author, ErrorCode, PublishKey, PublishRequest, Published, RoomInfo, RoomName};
use tokio_util::sync::CancellationToken;

use crate::access::{Action, Caller, Grants};
use crate::cast::Feeds;
use crate::limits::{CastBounds, Limiter};
use crate::room::{Hub, Pass, Presenting, Room};
use crate::store::Refusal;

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
    /// What casts send.
    pub feeds: Feeds,
}

impl Context {
    /// Returns a context with the default heartbeat, and casts without bounds.
    pub fn new(hub: Hub, limiter: Limiter) -> Self {
        let heartbeat = Duration::from_secs(HEARTBEAT_SECONDS);
        Self { hub, limiter, stop: CancellationToken::new(), heartbeat, feeds: Feeds::new(CastBounds::default()) }
    }

    /// Publishes for a caller, if access, the allowance of its address and the history's rules
    /// allow it. The future resolves when it is durable and visible; dropping it then does not
    /// cancel the publish.
    pub async fn publish(&self, caller: &Caller, room: &RoomName, request: PublishRequest) -> Result<Published, Refusal> {
        let pass = self.hub.enter_to_publish(caller, room, Action::of(request.kind))?;
        self.hub.check_request(&pass, &request)?;
        let admitted = self.admit(caller.address, &self.hub.room(room));
        admitted.map_err(|(code, wait)| Refusal { retry_after: Some(wait), ..code.into() })?;
        self.hub.publish(&pass, request, None)?.await
    }

    /// Returns what a room is, and what a caller may do in it.
    pub async fn room_info(&self, caller: &Caller, pass: &Pass) -> Result<RoomInfo, ErrorCode> {
        let can_post = self.hub.enter(caller, pass.room(), Action::Publish).is_ok();
        let can_cast = self.hub.enter(caller, pass.room(), Action::Cast).is_ok();
        Ok(RoomInfo { can_post, can_cast, ..self.hub.info(pass).await? })
    }

    /// Begins a cast for a caller, or continues their own, if access, the allowance of its address
    /// and the rules allow it.
    pub async fn start_cast(&self, caller: &Caller, room: &RoomName, key: PublishKey, author: Author) -> Result<Presenting, Refusal> {
        let pass = self.hub.enter(caller, room, Action::Cast)?;
        let admitted = self.admit(caller.address, &self.hub.room(room));
        admitted.map_err(|(code, wait)| Refusal { retry_after: Some(wait), ..code.into() })?;
        self.hub.start_cast(caller, &pass, key, author).await
    }

    /// Returns whether a room has a cast, and whether a caller may begin one.
    pub fn cast_status(&self, caller: &Caller, pass: &Pass) -> CastStatus {
        let cast = self.hub.cast(pass.room()).map(|running| running.info.clone());
        let why = self.hub.enter(caller, pass.room(), Action::Cast).err().or_else(|| self.hub.cast_refusal(caller, pass));
        let feed = cast.as_ref().and_then(|_| self.feeds.find(pass.room()));
        let (viewers, is_full) = feed.map_or((0, false), |feed| (feed.viewers(), feed.is_full()));
        CastStatus { cast, may_cast: why.is_none(), why, viewers, is_full }
    }

    /// Returns a number that changes when a session may have to end.
    pub fn access_version(&self) -> u64 {
        self.hub.access().version((self.hub.clock())())
    }

    /// True if a session in a room may go on.
    pub fn may_read(&self, grants: Option<&Grants>, room: &Room) -> bool {
        self.hub.may_read(grants, room)
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
