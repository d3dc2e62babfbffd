//! One connection: served by HTTP, until a response takes it over.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, header::CONNECTION};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::ErrorCode;
use protocol::limits::{HEADER_BYTES_MAX, URI_BYTES_MAX};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::access::Peer;
use super::fast_upgrade::{self, Opening};
use super::page;
use super::permit::ConnectionPermit;
use super::socket::Socket;
use super::state::State;
use super::takeover::{Answerable, Continuation, Next, OwnTask, Slot, Taken};
use super::write_timeout::WriteTimeout;
use crate::delivery::{Connection, read_now};
use crate::limits::{Account, ConnectionGuard, Turn, end_turn, in_turn};

/// How long a connection may take for a request's head, and stay silent between requests.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
/// The same for a connection that is one too many, until its end.
const REFUSED_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a write may make no progress before the peer counts as gone.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// What is read of a head before it is given up; what is in it has limits of its own, which get a
/// proper answer.
const HEAD_BYTES_MAX: usize = HEADER_BYTES_MAX + URI_BYTES_MAX;
/// What is read before it is known what a connection wants.
const FIRST_BYTES_MAX: usize = 4096;

/// What is behind a port.
pub struct Site {
    pub(super) router: Router,
    pub(super) state: State,
    pub(super) paths: Vec<&'static str>,
}

impl Site {
    /// Returns the paths of all routes, except those of the bundle and those that only remove a
    /// slash at the end.
    pub fn paths(&self) -> &[&'static str] {
        &self.paths
    }
}

/// A connection as the limits have let it in, or why they have not.
pub(super) type Connecting = Result<Arc<ConnectionGuard>, ErrorCode>;

/// The task of a connection, which is polled in turns of its address. By hand: in an async block,
/// the memory that only HTTP needs would stay until the end.
pub(super) struct ConnectionTask {
    stage: Stage,
    turn: Turn,
    permit: ConnectionPermit,
}

enum Stage {
    Serving(Pin<Box<dyn Future<Output = Option<TakenOver>> + Send>>),
    TakenOver(Connection),
    Own(OwnTask),
}

/// A connection that HTTP has let go of.
struct TakenOver {
    stage: Stage,
    /// What counts it from now on, if that is not what did before.
    permit: Option<ConnectionPermit>,
}

impl ConnectionTask {
    /// Starts the task of an accepted connection.
    pub(super) fn start(stream: TcpStream, peer: IpAddr, site: Arc<Site>, connecting: Connecting, permit: ConnectionPermit) {
        let stage = Stage::Serving(Box::pin(serve(stream, peer, site, connecting)));
        tokio::spawn(Self { stage, turn: Turn::default(), permit });
    }

    fn poll_stage(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Stage::Serving(serving) = &mut self.stage {
            let Some(TakenOver { stage, permit }) = ready!(serving.as_mut().poll(context)) else { return Poll::Ready(()) };
            self.stage = stage;
            if let Some(permit) = permit {
                self.permit = permit;
            }
        }
        match &mut self.stage {
            Stage::Serving(_) => Poll::Pending,
            Stage::TakenOver(connection) => Pin::new(connection).poll(context),
            Stage::Own(task) => task.as_mut().poll(context),
        }
    }
}

impl Future for ConnectionTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // Delivery is the server's own work: it is the same for everyone in the room.
        let is_charged = !matches!(&this.stage, Stage::TakenOver(connection) if connection.is_delivery_only());
        match this.permit.account().filter(|_| is_charged).cloned() {
            Some(account) => {
                let mut turn = std::mem::take(&mut this.turn);
                let polled = turn.poll(&account, context, |context| this.poll_stage(context));
                this.turn = turn;
                polled
            }
            None => this.poll_stage(context),
        }
    }
}

/// Serves a connection to its end, or until it is taken over.
async fn serve(stream: TcpStream, peer: IpAddr, site: Arc<Site>, connecting: Connecting) -> Option<TakenOver> {
    // The header timer of HTTP starts with the first byte; this one is for those that send none.
    let is_admitted = connecting.is_ok();
    timeout(if is_admitted { HEADER_TIME_MAX } else { REFUSED_TIME_MAX }, stream.readable()).await.ok()?.ok()?;
    let (stream, read) = match upgrade_fast(stream, peer, &site, is_admitted) {
        Ok(connection) => return Some(TakenOver { stage: Stage::TakenOver(connection), permit: None }),
        Err(unchanged) => unchanged,
    };
    // Boxed, so that a fast upgrade needs no memory for it.
    let serving = Box::pin(serve_http(stream, read, peer, site, connecting));
    if is_admitted { serving.await } else { timeout(REFUSED_TIME_MAX, serving).await.ok()? }
}

/// Reads what a connection begins with, and opens the WebSocket that is asked for if that can be
/// done at once. If not, returns the stream and what was read of it.
fn upgrade_fast(stream: TcpStream, peer: IpAddr, site: &Site, is_admitted: bool) -> Result<Connection, (TcpStream, Vec<u8>)> {
    let mut buffer = [0; FIRST_BYTES_MAX];
    let length = read_now(&stream, &mut buffer).unwrap_or_default();
    let read = &buffer[..length];
    let opening = if is_admitted { fast_upgrade::open(&site.state, peer, read) } else { None };
    match opening {
        Some(Opening { admission, first, rest }) => Ok(site.state.fanout.start(admission, stream, rest, &first)),
        None => Err((stream, read.to_vec())),
    }
}

async fn serve_http(stream: TcpStream, read: Vec<u8>, peer: IpAddr, site: Arc<Site>, connecting: Connecting) -> Option<TakenOver> {
    let State { context, fanout, .. } = &site.state;
    let router = TowerToHyperService::new(site.router.clone());
    let slot = Slot::new(context.hub.clock());
    let socket = Socket::new(stream);
    let reader = socket.reader();
    let socket = WriteTimeout::new(socket, read, WRITE_TIME_MAX);
    let is_write_blocked = socket.blocked();
    let is_first = AtomicBool::new(true);
    let service = service_fn(|mut request: Request<Incoming>| {
        let is_first = is_first.swap(false, Ordering::Relaxed);
        let account = forwarded_account(&site.state, peer, request.headers());
        let answerable = Answerable::of(&request);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(reader.clone());
        let answer = match &connecting {
            Ok(connected) => {
                request.extensions_mut().insert(connected.clone());
                Ok(router.call(request.map(Body::new)))
            }
            Err(code) => Err(turn_away(*code, &request)),
        };
        let slot = &slot;
        async move {
            // Requests that came together are answered one a turn.
            if !is_first {
                end_turn().await;
            }
            let response = match (answer, account) {
                (Ok(answer), Some(account)) => in_turn(account, answer).await?,
                (Ok(answer), None) => answer.await?,
                (Err(refusal), _) => refusal,
            };
            Ok::<Response, Infallible>(slot.pass(response, answerable).await)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // A client that has said all it has to say still gets its answers.
        .half_close(true)
        .serve_connection(TokioIo::new(socket), service);
    let (mut stopped, mut is_stopping) = (pin!(context.stop.cancelled()), false);
    let taken = std::future::poll_fn(|context| {
        if !is_stopping && stopped.as_mut().poll(context).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        let has_ended = Pin::new(&mut connection).poll(context).is_ready();
        // An answer to an earlier request may still be on its way.
        let taken = if is_write_blocked.load(Ordering::Relaxed) { None } else { slot.take() };
        if taken.is_some() || has_ended { Poll::Ready(taken) } else { Poll::Pending }
    });
    let Taken { head, continuation: Continuation { next, first, permit } } = taken.await?;
    let parts = connection.into_parts();
    let (socket, unread) = parts.io.into_inner().into_inner();
    let early = [&parts.read_buf[..], &unread].concat();
    let (socket, first) = (socket.into_inner()?, [head, first].concat());
    let stage = match next {
        Next::Reader(admission) => Stage::TakenOver(fanout.start(*admission, socket, &early, &first)),
        Next::Own(task) => Stage::Own(task(socket, early, first)),
    };
    Some(TakenOver { stage, permit: Some(permit) })
}

/// Returns the account of a request that comes through a trusted proxy. Other connections are
/// charged as a whole.
fn forwarded_account(state: &State, peer: IpAddr, headers: &HeaderMap) -> Option<Arc<Account>> {
    state.context.limiter.account(state.access.forwarded_address(peer, headers)?)
}

/// What a connection too many is told, whatever it asks for.
fn turn_away(code: ErrorCode, request: &Request<Incoming>) -> Response {
    let mut response = page::respond_with_error(code, request);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
