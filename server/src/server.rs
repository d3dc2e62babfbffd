//! The server: opens the history and the port, serves, and stops in order.

mod temporary;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::Epoch;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cast::Feeds;
use crate::config::Serve;
use crate::context::Context;
use crate::delivery::Fanout;
use crate::http;
use crate::limits::Limiter;
use crate::room::{Clock, Hub, TrustedClock, end_casts, expire_messages};
use crate::store::{OpenError, WriteError};
pub use temporary::TemporaryServer;

/// Time that connections have to end when the server stops.
const CONNECTIONS_TIME_MAX: Duration = Duration::from_secs(6);
/// Time that the whole server has to stop, the writer included. Docker kills a process after 10 s.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(9);
/// Number of connections that the system queues before they are accepted.
const BACKLOG: u32 = 4096;
/// Time between two sweeps of unused rooms and addresses.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// A server with an open history and an open port.
pub struct Server {
    context: Context,
    /// With which the first admin key is made.
    claim: Option<String>,
    serve: Serve,
    listener: TcpListener,
    connections: TaskTracker,
    trusted_clock: TrustedClock,
    writer_ended: oneshot::Receiver<Result<(), WriteError>>,
}

/// Stops a server, and counts what is unfinished.
pub struct StopHandle {
    hub: Hub,
    stop: CancellationToken,
    connections: TaskTracker,
}

/// What a server that stops has not finished.
pub struct Unfinished {
    /// Number of open connections.
    pub connections: usize,
    /// Number of queued commands. None of them is acknowledged.
    pub commands: usize,
}

impl StopHandle {
    /// Stops the server. False if it was stopped before.
    pub fn stop(&self) -> bool {
        let is_first = !self.stop.is_cancelled();
        self.stop.cancel();
        is_first
    }

    /// Counts what is unfinished.
    pub fn unfinished(&self) -> Unfinished {
        Unfinished { connections: self.connections.len(), commands: self.hub.queued_commands() }
    }
}

/// Why a server could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The history cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The server cannot listen on the address.
    #[error("can't listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Randomness(#[from] getrandom::Error),
    /// The writer stopped, because the disk no longer stores what is written.
    #[error("the history can no longer be written")]
    History(#[from] WriteError),
}

impl Server {
    /// Opens the history and the port. Connections are accepted by [`Server::serve`].
    pub fn new(serve: Serve) -> Result<Self, ServerError> {
        Self::with(serve, bind, now)
    }

    /// Like [`Server::new`], with another listener and another clock. Accepted sockets inherit the
    /// listener's settings.
    pub fn with(serve: Serve, bind: impl FnOnce(SocketAddr) -> io::Result<TcpListener>, clock: Clock) -> Result<Self, ServerError> {
        let new_epoch = Epoch(getrandom::u64()?);
        let rules = serve.rules.publishing(serve.rooms());
        let opened = Hub::open(&serve.data, new_epoch, serve.flush_interval(), clock, serve.rules.access(), rules)?;
        let listener = bind(serve.listen).map_err(|source| ServerError::Listen { address: serve.listen, source })?;
        let mut context = Context::new(opened.hub, Limiter::new(serve.allowance()));
        context.heartbeat = serve.heartbeat();
        context.feeds = Feeds::new(serve.rules.cast_bounds());
        let trusted_clock = TrustedClock::new(opened.saved_time, clock());
        let access = context.hub.access();
        let claim = if access.has_admin(clock()) { None } else { Some(access.offer_claim(clock())?) };
        Ok(Self { context, claim, serve, listener, connections: TaskTracker::new(), trusted_clock, writer_ended: opened.ended })
    }

    /// Returns the address of the listener. The system chooses the port if 0 was configured.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns the path of the link that makes the first admin key. It works once, for 15 minutes.
    /// None if there is an admin key.
    pub fn claim_path(&self) -> Option<String> {
        self.claim.as_ref().map(|claim| format!("/key#claim={claim}"))
    }

    /// Returns a handle that stops the server.
    pub fn stop_handle(&self) -> StopHandle {
        let Context { hub, stop, .. } = &self.context;
        StopHandle { hub: hub.clone(), stop: stop.clone(), connections: self.connections.clone() }
    }

    /// Serves until the server is stopped or the writer fails. Then ends all sessions, and commits
    /// the queued commands.
    pub async fn serve(self) -> Result<(), ServerError> {
        let Self { context, claim: _, serve, listener, connections, trusted_clock, mut writer_ended } = self;
        // Leptos needs an executor. It fails if another server of this process has set it already.
        let _ = any_spawner::Executor::init_tokio();
        let address = listener.local_addr().unwrap_or(serve.listen);
        let fanout = Fanout::new(context.clone());
        tokio::spawn(fanout.clone().keep_time());
        let site = http::board(context.clone(), serve.access(address), fanout, connections.clone());
        let sweeping = tokio::spawn(sweep(context.clone()));
        let ending_casts = tokio::spawn(end_casts(context.hub.clone()));
        let following_casts = tokio::spawn(context.feeds.clone().follow(context.hub.clone()));
        let expiring = tokio::spawn(expire_messages(context.hub.clone(), serve.retention(), trusted_clock));
        let failed = tokio::select! {
            () = http::listen(listener, site) => None,
            ended = &mut writer_ended => Some(ended),
        };
        let deadline = Instant::now() + SHUTDOWN_TIME_MAX;
        context.stop.cancel();
        sweeping.abort();
        expiring.abort();
        ending_casts.abort();
        following_casts.abort();
        connections.close();
        if timeout(CONNECTIONS_TIME_MAX, connections.wait()).await.is_err() {
            tracing::warn!(connections = connections.len(), "some connections did not end in time and are closed");
        }
        // Connections that did not end may still hold handles on the history.
        context.hub.close();
        let ended = match failed {
            Some(ended) => ended,
            None => match timeout_at(deadline, writer_ended).await {
                Ok(ended) => ended,
                Err(_) => {
                    tracing::warn!("the history did not close in time: messages that were not acknowledged may be missing");
                    return Ok(());
                }
            },
        };
        Ok(ended.unwrap_or(Err(WriteError::Panicked))?)
    }
}

async fn sweep(context: Context) {
    let mut interval = interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        context.hub.sweep();
        context.limiter.sweep();
    }
}

/// Opens a listener on an address. `[::]` accepts IPv4 too.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let is_any = address.ip() == Ipv6Addr::UNSPECIFIED;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = match socket {
        // The machine has no IPv6.
        Err(_) if is_any => return bind((Ipv4Addr::UNSPECIFIED, address.port()).into()),
        socket => socket?,
    };
    if is_any {
        // Some systems cannot accept IPv4 on an IPv6 socket.
        let _ = SockRef::from(&socket).set_only_v6(false);
    }
    // Without this, a restarted server could not use the port until its old connections time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Returns the system time in milliseconds since 1970, or 0 if it is earlier. The time of all
/// messages.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
