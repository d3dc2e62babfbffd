//! Connections: accepted, bounded in number and patience, and let go in good time.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, header::CONNECTION};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::ErrorCode;
use protocol::limits::{HEADER_BYTES_MAX, URI_BYTES_MAX};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::Peer;
use super::patience::{Hold, Patient};
use super::problem::Refusal;
use crate::limiter::{Connected, Limiter};

/// How long a connection may take for a request's head, and stay silent between requests.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a write may make no progress before the peer counts as gone.
const STILL_TIME_MAX: Duration = Duration::from_secs(10);
/// What is read of a head before it is given up; what is in it has limits of its own, which get a proper answer.
const HEAD_BYTES_MAX: usize = HEADER_BYTES_MAX + URI_BYTES_MAX;
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until `stop`, then lets those that are busy finish. They are counted in `connections`.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    limiter: Limiter,
    proxies: Vec<IpAddr>,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    let proxies = Arc::new(proxies);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A proxy speaks for many, so it is bounded by the total alone.
                let address = if proxies.contains(&peer.ip().to_canonical()) { None } else { Some(peer.ip()) };
                let admission = limiter.connect(address);
                connections.spawn(serve(stream, peer, router.clone(), admission, stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, admission: Result<Connected, ErrorCode>, stop: CancellationToken) {
    let _ = stream.set_nodelay(true);
    // The header timer below starts with the first byte; this one is for those that send none.
    if !matches!(timeout(HEADER_TIME_MAX, stream.readable()).await, Ok(Ok(()))) {
        return;
    }
    let admission = admission.map(Arc::new);
    let router = TowerToHyperService::new(router);
    let hold = Hold::default();
    let patient = Patient::new(stream, STILL_TIME_MAX, hold.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        request.extensions_mut().insert(hold.clone());
        let answer = match &admission {
            Ok(connected) => {
                request.extensions_mut().insert(connected.clone());
                Ok(router.call(request.map(Body::new)))
            }
            Err(code) => Err(turn_away(*code)),
        };
        async move {
            match answer {
                Ok(answer) => answer.await,
                Err(refusal) => Ok::<Response, Infallible>(refusal),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(patient), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
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
    let parts = upgraded.downcast::<TokioIo<Patient<TcpStream>>>().ok()?;
    let (socket, held) = parts.io.into_inner().into_inner();
    Some(Raw { socket, read: parts.read_buf, held })
}

/// What a connection too many is told, whatever it asks for.
fn turn_away(code: ErrorCode) -> Response {
    let mut response = Refusal::from(code).into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
