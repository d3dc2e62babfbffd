//! Crier's server: a hub of durable rooms, and the doors to it.
//!
//! Modules stand in the order of who may use whom: each uses only what is above it.

pub mod log;

pub mod system;

pub mod limits;

pub mod codec;

pub mod store;

pub mod encoded;

pub mod room;

pub mod subscription;

pub mod session;

pub mod commands;

pub mod delivery;

pub mod http;

pub mod config;

pub mod cli;

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

use crate::config::Serve;
use crate::delivery::Fanout;
use crate::limits::Limiter;
use crate::room::{Clock, Hub, TrustedClock};
use crate::session::Context;
use crate::store::{OpenError, WriteError};

/// How long connections have to finish when the server stops.
const CONNECTIONS_TIME_MAX: Duration = Duration::from_secs(6);
/// How long the server takes to stop, history included. Docker kills after 10 s.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(9);
/// Connections that the system holds before they are accepted.
const BACKLOG: u32 = 4096;
/// How often what nobody needs any more is let go.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// A board that listens.
pub struct Server {
    context: Context,
    serve: Serve,
    listener: TcpListener,
    connections: TaskTracker,
    trusted_clock: TrustedClock,
    history_ended: oneshot::Receiver<Result<(), WriteError>>,
}

/// Stops a server, and counts what is unfinished.
pub struct End {
    hub: Hub,
    stop: CancellationToken,
    connections: TaskTracker,
}

/// What a server still has to do before it ends.
pub struct Unfinished {
    /// Open connections.
    pub connections: usize,
    /// Commands that wait to be written. None of them was acknowledged.
    pub commands: usize,
}

impl End {
    /// Stops the server. False if that had begun already.
    pub fn begin(&self) -> bool {
        let begins = !self.stop.is_cancelled();
        self.stop.cancel();
        begins
    }

    /// Counts what is left to do.
    pub fn unfinished(&self) -> Unfinished {
        Unfinished { connections: self.connections.len(), commands: self.hub.queued_commands() }
    }
}

/// Why a server could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The history can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address can't be listened on.
    #[error("can't listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Randomness(#[from] getrandom::Error),
    /// The disk does not keep what it is given. Starting again may or may not help; going on would
    /// not be safe.
    #[error("the history can no longer be written")]
    History(#[from] WriteError),
}

impl Server {
    /// Opens the history and the port. Connections wait until [`Server::serve`].
    pub fn new(serve: Serve) -> Result<Self, ServerError> {
        Self::with(serve, bind, now)
    }

    /// The same with a listener and a clock of the caller's. Accepted sockets have the settings of
    /// the one that listens.
    pub fn with(serve: Serve, bind: impl FnOnce(SocketAddr) -> io::Result<TcpListener>, clock: Clock) -> Result<Self, ServerError> {
        let epoch = Epoch(getrandom::u64()?);
        let opened = Hub::open(&serve.data, epoch, serve.flush_interval(), clock, serve.rooms())?;
        let listener = bind(serve.listen).map_err(|source| ServerError::Listen { address: serve.listen, source })?;
        let mut context = Context::new(opened.hub, Limiter::new(serve.allowance()));
        context.heartbeat = serve.heartbeat();
        let trusted_clock = TrustedClock::new(opened.saved_time, clock());
        Ok(Self { context, serve, listener, connections: TaskTracker::new(), trusted_clock, history_ended: opened.ended })
    }

    /// The address that is listened on, with the port the system chose if it was asked to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Cancelling this stops the server.
    pub fn stopper(&self) -> CancellationToken {
        self.context.stop.clone()
    }

    /// A handle that stops the server.
    pub fn end(&self) -> End {
        End { hub: self.context.hub.clone(), stop: self.stopper(), connections: self.connections.clone() }
    }

    /// Serves until it is stopped, then tells everybody and waits for them a while. What was
    /// published by then is stored when this returns, if the disk takes it in time.
    pub async fn serve(self) -> Result<(), ServerError> {
        let Self { context, serve, listener, connections, trusted_clock, mut history_ended } = self;
        // Leptos wants to know who runs its tasks; a second server of the same process finds that
        // said.
        let _ = any_spawner::Executor::init_tokio();
        let address = listener.local_addr().unwrap_or(serve.listen);
        let stop = context.stop.clone();
        let fanout = Fanout::new(context.clone());
        tokio::spawn(fanout.clone().keep_time());
        let site = http::board(context.clone(), serve.access(address), fanout, connections.clone());
        let sweeping = tokio::spawn(sweep(context.clone()));
        let expiring = tokio::spawn(room::expire_messages(context.hub.clone(), serve.keep(), trusted_clock));
        let listening = http::listen(listener, site);
        let failed = tokio::select! {
            () = listening => None,
            ended = &mut history_ended => Some(ended),
        };
        let end = Instant::now() + SHUTDOWN_TIME_MAX;
        stop.cancel();
        sweeping.abort();
        expiring.abort();
        connections.close();
        if timeout(CONNECTIONS_TIME_MAX, connections.wait()).await.is_err() {
            tracing::warn!(connections = connections.len(), "some connections did not end in time and are cut off");
        }
        // Connections that were cut off may still hold a handle on the history.
        context.hub.close();
        let ended = match failed {
            Some(ended) => ended,
            None => match timeout_at(end, history_ended).await {
                Ok(ended) => ended,
                Err(_) => {
                    tracing::warn!("the history did not end in time; what was not acknowledged may be missing in it");
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

/// Listens as [`Server::new`] does.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let is_any = address.ip() == Ipv6Addr::UNSPECIFIED;
    let made = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = match made {
        // A machine without IPv6 has the other half of every address.
        Err(_) if is_any => return bind((Ipv4Addr::UNSPECIFIED, address.port()).into()),
        socket => socket?,
    };
    if is_any {
        // Not every system takes IPv4 along.
        let _ = SockRef::from(&socket).set_only_v6(false);
    }
    // Without this a restarted server would have to wait for its old connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The time, in milliseconds since 1970; 0 if it is earlier. The only clock that messages know.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
