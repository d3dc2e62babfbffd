//! Crier's server: a hub of durable rooms, and the doors to it.
//!
//! Modules stand in the order of who may use whom: each uses only what is above it.

pub mod system;

pub mod turns;

pub mod codec;

pub mod encoded;

pub mod tail;

pub mod presence;

pub mod history;

pub mod room;

pub mod subscription;

pub mod hub;

pub mod retention;

pub mod limiter;

pub mod session;

pub mod commands;

pub mod fanout;

pub mod http;

pub mod config;

pub mod verbs;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::Epoch;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Serve;
use crate::fanout::Fanout;
use crate::history::{OpenError, WriteError};
use crate::hub::Hub;
use crate::limiter::Limiter;
use crate::session::Context;

/// How long connections have to end when the server stops.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(8);
/// Connections that the system holds before they are accepted.
const BACKLOG: u32 = 4096;
/// How often what nobody needs any more is let go.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// A board that listens.
pub struct Server {
    context: Context,
    serve: Serve,
    listener: TcpListener,
    history_ended: oneshot::Receiver<Result<(), WriteError>>,
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
    /// The disk does not keep what it is given. Starting again may or may not help; going on would not be safe.
    #[error("the history can no longer be written")]
    History(#[from] WriteError),
}

impl Server {
    /// Opens the history and the port. Connections wait until [`Server::serve`].
    pub fn new(serve: Serve) -> Result<Self, ServerError> {
        Self::with(serve, bind)
    }

    /// The same with a listener that the caller makes: accepted sockets have the settings of the one that listens.
    pub fn with(serve: Serve, bind: impl FnOnce(SocketAddr) -> io::Result<TcpListener>) -> Result<Self, ServerError> {
        let epoch = Epoch(getrandom::u64()?);
        let opened = Hub::open(&serve.data, epoch, serve.flush_interval(), now, serve.rooms())?;
        let listener = bind(serve.listen).map_err(|source| ServerError::Listen { address: serve.listen, source })?;
        let mut context = Context::new(opened.hub, Limiter::new(serve.allowance()));
        context.heartbeat = serve.heartbeat();
        Ok(Self { context, serve, listener, history_ended: opened.ended })
    }

    /// The address that is listened on, with the port the system chose if it was asked to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Cancelling this stops the server.
    pub fn stopper(&self) -> CancellationToken {
        self.context.stop.clone()
    }

    /// Serves until it is stopped, then tells everybody and waits for them a while. What was published by then is
    /// stored when this returns, if the disk takes it in time.
    pub async fn serve(self) -> Result<(), ServerError> {
        let Self { context, serve, listener, mut history_ended } = self;
        // Leptos wants to know who runs its tasks; a second server of the same process finds that said.
        let _ = any_spawner::Executor::init_tokio();
        let address = listener.local_addr().unwrap_or(serve.listen);
        let (stop, connections) = (context.stop.clone(), TaskTracker::new());
        let fanout = Fanout::new(context.clone());
        connections.spawn(fanout.clone().keep_time());
        let site = http::board(context.clone(), serve.door(address), fanout, connections.clone());
        let sweeping = connections.spawn(sweep(context.clone()));
        let expiring = connections.spawn(retention::run(context.hub.clone(), serve.keep()));
        let listening = http::listen(listener, site);
        let failed = tokio::select! {
            () = listening => None,
            ended = &mut history_ended => Some(ended),
        };
        stop.cancel();
        sweeping.abort();
        expiring.abort();
        connections.close();
        if timeout(SHUTDOWN_TIME_MAX, connections.wait()).await.is_err() {
            tracing::warn!(connections = connections.len(), "some connections did not end in time");
        }
        drop(context);
        let ended = match failed {
            Some(ended) => Ok(ended),
            // With the last handle gone the writer finishes what had queued and lets go of the folder.
            None => timeout(SHUTDOWN_TIME_MAX, history_ended).await,
        };
        match ended {
            Ok(Ok(Err(error))) => Err(error.into()),
            Ok(_) => Ok(()),
            Err(_) => {
                tracing::warn!("the history did not end in time; what was not acknowledged may be missing in it");
                Ok(())
            }
        }
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

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
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

/// The time, in milliseconds since 1970. The only clock that messages know.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
