//! One connected client, whatever its transport: its place in a room, its commands, their answers.
//!
//! A transport feeds [`Session::receive`] and writes what [`Session::next`] returns. No type of the web framework here.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use protocol::limits::{ERRORS_IN_A_ROW_MAX, HEARTBEAT_SECONDS, PUBLISHES_IN_FLIGHT_MAX};
use protocol::{ClientFrame, Disconnect, ErrorCode, Hello, Limits, Position, PublishRequest, Published, RoomName, ServerFrame};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::encoded::Encoded;
use crate::hub::Hub;
use crate::limiter::Limiter;
use crate::room::{Room, Visit};
use crate::subscription::{Delivery, Subscription};

/// How long after somebody came or went a session is told how many are here now: a storm of arrivals is one frame, and
/// whoever is back within the second was never gone.
const PRESENCE_INTERVAL: Duration = Duration::from_secs(1);
/// Clients come back at a random time within this after a restart, in milliseconds.
const RESTART_SPREAD: u64 = 3000;
/// How long a publisher should wait when the server is too busy, in milliseconds.
pub const BUSY_RETRY_AFTER: u64 = 1000;

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
        Self { hub, limiter, stop: CancellationToken::new(), heartbeat: Duration::from_secs(HEARTBEAT_SECONDS) }
    }
}

/// A connected client.
pub struct Session {
    context: Context,
    address: IpAddr,
    room: Arc<Room>,
    subscription: Subscription,
    _visit: Visit,
    here: watch::Receiver<()>,
    here_told: usize,
    here_due: Option<Instant>,
    publishes: FuturesOrdered<Answer>,
    errors_in_a_row: u32,
    heartbeat: Interval,
    heard: bool,
    missed: u32,
}

type Answer = Pin<Box<dyn Future<Output = ServerFrame> + Send>>;

/// What a transport has to write.
#[derive(Debug)]
pub enum Outgoing {
    /// Entries, in one write if possible.
    Entries(Vec<Encoded>),
    /// A frame for this client.
    Frame(ServerFrame),
    /// A sign of life in both directions: a heartbeat, and a ping where the transport has them.
    Heartbeat,
    /// The end.
    Close(Disconnect),
}

impl Session {
    /// Lets a client in. The hello is its first frame.
    pub fn start(context: Context, address: IpAddr, room: &RoomName, after: Option<Position>) -> Result<(Self, Hello), ErrorCode> {
        let start = context.hub.subscribe(room, after)?;
        let visit = start.room.join();
        let here = start.room.watch_here();
        let here_told = start.room.here_told();
        let now = Instant::now();
        let hello = Hello {
            room: start.room.name().clone(),
            position: start.position,
            latest: start.latest,
            recovered: start.gap.is_none(),
            gap: start.gap,
            here: here_told,
            heartbeat_seconds: context.heartbeat.as_secs().max(1),
            limits: Limits::default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let mut heartbeat = interval_at(now + context.heartbeat, context.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let session = Self {
            context,
            address,
            room: start.room,
            subscription: start.subscription,
            _visit: visit,
            here,
            here_told,
            // The hello may have counted places that are kept for who left just before.
            here_due: Some(now + PRESENCE_INTERVAL),
            publishes: FuturesOrdered::new(),
            errors_in_a_row: 0,
            heartbeat,
            heard: true,
            missed: 0,
        };
        Ok((session, hello))
    }

    /// Notes that the client is alive. A transport calls this for all that arrives, pongs too; one that carries nothing
    /// from the client calls it whenever what was written before has been taken.
    pub fn heard(&mut self) {
        self.heard = true;
    }

    /// Whether the session takes another command now. A transport stops reading while it does not.
    pub fn takes_more(&self) -> bool {
        self.publishes.len() < PUBLISHES_IN_FLIGHT_MAX
    }

    /// Takes a command as JSON. An answer that is ready is returned, a publish's comes out of [`Session::next`].
    pub fn receive(&mut self, json: &str) -> Option<Outgoing> {
        match ClientFrame::parse(json) {
            Ok(ClientFrame::Ping { r#ref }) => {
                self.errors_in_a_row = 0;
                Some(Outgoing::Frame(ServerFrame::Pong { r#ref }))
            }
            Ok(ClientFrame::Publish { r#ref, message }) => self.publish(r#ref, message, None),
            Err(error) => Some(self.refuse(error.r#ref, error.code, error.detail, None)),
        }
    }

    /// Takes a message. Its answer comes out of [`Session::next`], a refusal at once.
    pub fn publish(&mut self, r#ref: u64, message: PublishRequest, raw: Option<String>) -> Option<Outgoing> {
        if let Err(wait) = self.context.limiter.publish(self.address) {
            return Some(self.refuse(Some(r#ref), ErrorCode::RateLimited, ErrorCode::RateLimited.to_string(), Some(wait)));
        }
        match self.context.hub.publish(self.room.name(), message, raw) {
            Ok(published) => {
                self.errors_in_a_row = 0;
                self.publishes.push_back(Box::pin(async move { answer(r#ref, published.await) }));
                None
            }
            Err(code) => Some(Outgoing::Frame(answer(r#ref, Err(code)))),
        }
    }

    /// Refuses a command. The session goes on, unless this happens again and again.
    pub fn refuse(&mut self, r#ref: Option<u64>, code: ErrorCode, detail: String, retry_after: Option<u64>) -> Outgoing {
        // A client that is told to wait does nothing wrong by having sent more meanwhile.
        if !code.is_temporary() {
            self.errors_in_a_row += 1;
        }
        if self.errors_in_a_row >= ERRORS_IN_A_ROW_MAX {
            return Outgoing::Close(Disconnect::TooManyErrors);
        }
        Outgoing::Frame(ServerFrame::Error { r#ref, code, detail, retry_after })
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
                biased;
                () = self.context.stop.cancelled() => return Outgoing::Close(Disconnect::Restart { spread: RESTART_SPREAD }),
                Some(answer) = self.publishes.next() => return Outgoing::Frame(answer),
                delivery = self.subscription.next() => return match delivery {
                    Ok(Delivery::Entries(entries)) => Outgoing::Entries(entries),
                    Ok(Delivery::Gap(gap)) => Outgoing::Frame(ServerFrame::Gap(gap)),
                    Err(_) => Outgoing::Close(Disconnect::Unavailable),
                },
                _ = self.heartbeat.tick() => return self.beat(),
                // The room holds the sender and we hold the room, so this is never an error.
                _ = self.here.changed(), if self.here_due.is_none() => self.here_due = Some(Instant::now() + PRESENCE_INTERVAL),
                () = here_due => {
                    self.here_due = None;
                    let here = self.room.here_told();
                    if here != self.here_told {
                        self.here_told = here;
                        return Outgoing::Frame(ServerFrame::Presence { here });
                    }
                }
            }
        }
    }

    fn beat(&mut self) -> Outgoing {
        self.missed = if self.heard { 0 } else { self.missed + 1 };
        self.heard = false;
        if self.missed >= 2 { Outgoing::Close(Disconnect::HeartbeatMissed) } else { Outgoing::Heartbeat }
    }
}

fn answer(r#ref: u64, result: Result<Published, ErrorCode>) -> ServerFrame {
    match result {
        Ok(published) => ServerFrame::Published { r#ref, published },
        Err(code) => {
            let retry_after = code.is_temporary().then_some(BUSY_RETRY_AFTER);
            ServerFrame::Error { r#ref: Some(r#ref), code, detail: code.to_string(), retry_after }
        }
    }
}
