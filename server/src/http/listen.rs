//! Connections: accepted, bounded in number and patience, and let go in good time.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, header::CONNECTION};
use axum::response::Response;
use defer_accept::defer_accept;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::ErrorCode;
use protocol::limits::{HEADER_BYTES_MAX, URI_BYTES_MAX};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::access::Peer;
use super::fast_upgrade::{self, Opening};
use super::page;
use super::permit::ConnectionPermit;
use super::socket::Socket;
use super::state::State;
use super::write_timeout::{Hold, Patient};
use super::ws::handshake::Carried;
use crate::delivery::{Connection, read_now};
use crate::limits::Connected;
use crate::limits::turns::{Account, end_turn, in_turn};
use crate::log::Throttle;

/// How long a connection may take for a request's head, and stay silent between requests.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
/// The same for a connection that is one too many, until its end.
const REFUSED_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a write may make no progress before the peer counts as gone.
const STILL_TIME_MAX: Duration = Duration::from_secs(10);
/// What is read of a head before it is given up; what is in it has limits of its own, which get a proper answer.
const HEAD_BYTES_MAX: usize = HEADER_BYTES_MAX + URI_BYTES_MAX;
/// What is read before it is known what a connection wants.
const FIRST_BYTES_MAX: usize = 4096;
/// Whether accepted sockets have this setting of the one that listens.
const IS_NODELAY_INHERITED: bool = cfg!(target_os = "linux");
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is behind a port.
pub struct Site {
    pub(super) router: Router,
    pub(super) state: State,
    /// True if WebSockets of the board may be opened without the router; see [`fast_upgrade`].
    pub(super) has_short_way: bool,
}

/// A connection's place among those that are allowed, or why it has none.
type Admission = Result<Arc<Connected>, ErrorCode>;

/// Serves connections until the server stops, then lets those that are busy finish.
pub async fn listen(listener: TcpListener, site: Site) {
    let site = Arc::new(site);
    let State { context, access, .. } = &site.state;
    if IS_NODELAY_INHERITED {
        let _ = SockRef::from(&listener).set_tcp_nodelay(true);
    }
    let _ = defer_accept(&listener);
    let failures = Throttle::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = context.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A proxy speaks for many, so it is bounded by the total alone; for whom it speaks is counted when that is known.
                let peer = peer.ip().to_canonical();
                let address = if access.trusts(peer) { None } else { Some(peer) };
                let admission = context.limiter.connect(address).map(Arc::new);
                let place = match &admission {
                    Ok(connected) => ConnectionPermit::new(&site.state, Some(connected.clone())),
                    Err(_) => ConnectionPermit::refused(&site.state, address.and_then(|address| context.limiter.account(address))),
                };
                Carried::start(place, serve(stream, peer, site.clone(), admission));
            }
            Err(error) => {
                if let Some(suppressed) = failures.pass(Instant::now()) {
                    tracing::warn!(%error, suppressed, "a connection could not be accepted");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves a connection to its end, or until it is a WebSocket.
async fn serve(stream: TcpStream, peer: IpAddr, site: Arc<Site>, admission: Admission) -> Option<Connection> {
    if !IS_NODELAY_INHERITED {
        let _ = stream.set_nodelay(true);
    }
    // The header timer of HTTP starts with the first byte; this one is for those that send none.
    let is_admitted = admission.is_ok();
    timeout(if is_admitted { HEADER_TIME_MAX } else { REFUSED_TIME_MAX }, stream.readable()).await.ok()?.ok()?;
    let (stream, read) = match short_way(stream, peer, &site, is_admitted) {
        Ok(connection) => return Some(connection),
        Err(begun) => begun,
    };
    // In a box, so that the many that go the short way need no place for it.
    let serving = Box::pin(serve_http(stream, read, peer, site, admission));
    if is_admitted {
        serving.await;
    } else {
        let _ = timeout(REFUSED_TIME_MAX, serving).await;
    }
    None
}

/// Reads what a connection begins with, and opens the WebSocket that is asked for if it can be opened at once. If not, returns the
/// stream and what was read of it.
fn short_way(stream: TcpStream, peer: IpAddr, site: &Site, is_admitted: bool) -> Result<Connection, (TcpStream, Vec<u8>)> {
    let mut buffer = [0; FIRST_BYTES_MAX];
    let length = read_now(&stream, &mut buffer).unwrap_or_default();
    let read = &buffer[..length];
    let opening = if site.has_short_way && is_admitted { fast_upgrade::open(&site.state, peer, read) } else { None };
    match opening {
        Some(Opening { admission, first, rest }) => Ok(site.state.fanout.start(admission, stream, rest, &first)),
        None => Err((stream, read.to_vec())),
    }
}

async fn serve_http(stream: TcpStream, read: Vec<u8>, peer: IpAddr, site: Arc<Site>, admission: Admission) {
    let stop = site.state.context.stop.clone();
    let router = TowerToHyperService::new(site.router.clone());
    let hold = Hold::default();
    let socket = Socket::new(stream);
    let reader = socket.reader();
    let patient = Patient::new(socket, read, STILL_TIME_MAX, hold.clone());
    let is_first = AtomicBool::new(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let is_first = is_first.swap(false, Ordering::Relaxed);
        let account = forwarded_account(&site.state, peer, request.headers());
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(hold.clone());
        request.extensions_mut().insert(reader.clone());
        let answer = match &admission {
            Ok(connected) => {
                request.extensions_mut().insert(connected.clone());
                Ok(router.call(request.map(Body::new)))
            }
            Err(code) => Err(turn_away(*code, &request)),
        };
        async move {
            // Requests that came together are answered one a turn.
            if !is_first {
                end_turn().await;
            }
            match (answer, account) {
                (Ok(answer), Some(account)) => in_turn(account, answer).await,
                (Ok(answer), None) => answer.await,
                (Err(refusal), _) => Ok::<Response, Infallible>(refusal),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // Who has asked all it had to ask, and said so, still gets the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(patient), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The account that a request is charged to which comes through a trusted proxy. Other connections are charged as a whole.
fn forwarded_account(state: &State, peer: IpAddr, headers: &HeaderMap) -> Option<Arc<Account>> {
    state.context.limiter.account(state.access.forwarded_address(peer, headers)?)
}

/// A connection after an upgrade.
pub(super) struct Raw {
    pub(super) socket: TcpStream,
    /// What HTTP has read already.
    pub(super) read: Bytes,
    /// What HTTP would have written.
    pub(super) held: Vec<u8>,
}

/// Takes the socket back after an upgrade.
pub(super) fn take_back(upgraded: Upgraded) -> Option<Raw> {
    let parts = upgraded.downcast::<TokioIo<Patient<Socket>>>().ok()?;
    let (socket, held) = parts.io.into_inner().into_inner();
    Some(Raw { socket: socket.into_inner()?, read: parts.read_buf, held })
}

/// What a connection too many is told, whatever it asks for.
fn turn_away(code: ErrorCode, request: &Request<Incoming>) -> Response {
    let mut response = page::refuse(code, request);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
