//! One connected client on a transport that carries one way: its place in a room and what it is told. WebSockets, which
//! carry both ways, are in [`crate::delivery`]. No type of the web framework here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::HEARTBEAT_SECONDS;
use protocol::{Disconnect, ErrorCode, Hello, Limits, Position, RoomName, ServerFrame};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::encoded::Encoded;
use crate::limits::Limiter;
use crate::limits::turns::Account;
use crate::room::{Hub, PresenceGuard, Room, Start};
use crate::subscription::{Delivery, Subscription};

/// How long after somebody came or went a session is told how many are here now: a storm of arrivals is one frame, and
/// whoever is back within the second was never gone.
pub const PRESENCE_INTERVAL: Duration = Duration::from_secs(1);
/// The end of every session when the server stops. Clients come back at a random time within these milliseconds.
pub const RESTART: Disconnect = Disconnect::Restart { spread: 3000 };

/// What every session of a server shares.
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
    /// The defaults around a hub.
    pub fn new(hub: Hub, limiter: Limiter) -> Self {
        let heartbeat = Duration::from_secs(HEARTBEAT_SECONDS);
        Self { hub, limiter, stop: CancellationToken::new(), heartbeat }
    }

    /// Takes a publish from an address's allowance, and a new room if the room has no messages. If there is none, returns the
    /// milliseconds to wait as well.
    pub fn admit(&self, address: IpAddr, room: &Room) -> Result<(), (ErrorCode, u64)> {
        self.limiter.publish(address).map_err(|wait| (ErrorCode::RateLimited, wait))?;
        if !room.is_opened() && *room.name() != RoomName::lobby() {
            self.limiter.open_room(address).map_err(|wait| (ErrorCode::RoomsLimited, wait))?;
            room.open();
        }
        Ok(())
    }
}

/// A connected client.
pub struct Session {
    context: Context,
    room: Arc<Room>,
    subscription: Subscription,
    _visit: PresenceGuard,
    here: watch::Receiver<()>,
    here_told: usize,
    here_due: Option<Instant>,
    heartbeat: Interval,
    heard: bool,
    missed: u32,
}

/// What a transport has to write.
#[derive(Debug)]
pub enum Outgoing {
    /// Entries, in one write if possible.
    Entries(Vec<Encoded>),
    /// A frame for this client.
    Frame(ServerFrame),
    /// A sign of life.
    Heartbeat,
    /// The end.
    Close(Disconnect),
}

impl Session {
    /// Lets a client in whose reads of history are charged to an account, if there is one. The hello is its first frame.
    pub fn start(
        context: Context,
        account: Option<Arc<Account>>,
        room: &RoomName,
        after: Option<Position>,
    ) -> Result<(Self, Hello), ErrorCode> {
        let start = context.hub.subscribe(room, after)?;
        let mut subscription = Subscription::new(start.room.clone(), start.history.clone(), start.position.offset);
        subscription.charge_to(account);
        let visit = start.room.join();
        let here = start.room.watch_online();
        let hello = hello(&context, &start);
        let now = Instant::now();
        let mut heartbeat = interval_at(now + context.heartbeat, context.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let session = Self {
            context,
            room: start.room,
            subscription,
            _visit: visit,
            here,
            here_told: hello.online,
            // The hello may have counted places that are kept for who left just before.
            here_due: Some(now + PRESENCE_INTERVAL),
            heartbeat,
            heard: true,
            missed: 0,
        };
        Ok((session, hello))
    }

    /// Notes that the client is alive. A transport calls this whenever what was written before has been taken.
    pub fn heard(&mut self) {
        self.heard = true;
    }

    /// Waits for what is to be written next. Cancel-safe.
    pub async fn next(&mut self) -> Outgoing {
        loop {
            let due = self.here_due;
            let here_due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // The log comes after what is seldom, because in a busy room there is always more of it.
                biased;
                () = self.context.stop.cancelled() => return Outgoing::Close(RESTART),
                // The room holds the sender and we hold the room, so this is never an error.
                _ = self.here.changed(), if self.here_due.is_none() => self.here_due = Some(Instant::now() + PRESENCE_INTERVAL),
                () = here_due => {
                    self.here_due = None;
                    let here = self.room.online();
                    if here != self.here_told {
                        self.here_told = here;
                        return Outgoing::Frame(ServerFrame::Presence { online: here });
                    }
                }
                delivery = self.subscription.next() => return match delivery {
                    Ok(Delivery::Entries(entries)) => Outgoing::Entries(entries),
                    Ok(Delivery::Gap(gap)) => Outgoing::Frame(ServerFrame::Gap(gap)),
                    Err(_) => Outgoing::Close(Disconnect::Unavailable),
                },
                _ = self.heartbeat.tick() => return self.beat(),
            }
        }
    }

    fn beat(&mut self) -> Outgoing {
        self.missed = if self.heard { 0 } else { self.missed + 1 };
        self.heard = false;
        if self.missed >= 2 { Outgoing::Close(Disconnect::HeartbeatMissed) } else { Outgoing::Heartbeat }
    }
}

/// What a client is told first, once it has joined the room.
pub(crate) fn hello(context: &Context, start: &Start) -> Hello {
    Hello {
        room: start.room.name().clone(),
        position: start.position,
        latest: start.latest,
        recovered: start.gap.is_none(),
        gap: start.gap.clone(),
        online: start.room.online(),
        heartbeat_seconds: context.heartbeat.as_secs().max(1),
        limits: Limits::default(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
