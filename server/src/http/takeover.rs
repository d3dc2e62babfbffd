//! A response that takes its connection over from HTTP: after its head, delivery writes to the
//! socket.
//!
//! A handler answers with the head and a [`Takeover`] among its extensions. Below all layers of the
//! router, [`Slot::pass`] keeps both and never answers; the connection's task finds them, takes the
//! socket out of hyper and goes on by itself. As the request has no body and nothing was answered
//! yet, hyper has nothing half read or half written.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use httpdate::HttpDate;
use hyper::body::{Body as _, Incoming};
use parking_lot::Mutex;
use protocol::ErrorCode;
use tokio::net::TcpStream;

use super::error::ApiError;
use super::permit::ConnectionPermit;
use crate::delivery::Admission;
use crate::room::Clock;

/// What goes on with a connection. The first handler that takes it has it.
#[derive(Clone)]
pub(super) struct Takeover(Arc<Mutex<Option<Continuation>>>);

/// A task that has a connection for itself.
pub(super) type OwnTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts one with the socket, what was read of it already, and what is to be written first.
pub(super) type StartTask = Box<dyn FnOnce(TcpStream, Vec<u8>, Vec<u8>) -> OwnTask + Send>;

/// Who has the socket after the response's head.
pub(super) enum Next {
    /// Delivery.
    Reader(Box<Admission>),
    /// A task of its own.
    Own(StartTask),
}

/// What goes on with a connection after the response's head.
pub(super) struct Continuation {
    pub(super) next: Next,
    /// What the client is told first.
    pub(super) first: Vec<u8>,
    pub(super) permit: ConnectionPermit,
}

impl Continuation {
    /// Goes on as a reader, who is told `first` before anything else.
    pub(super) fn reader(admission: Admission, first: Vec<u8>, permit: ConnectionPermit) -> Self {
        Self { next: Next::Reader(Box::new(admission)), first, permit }
    }
}

impl Takeover {
    /// Returns an extension for a response.
    pub(super) fn extension(continuation: Continuation) -> Extension<Self> {
        Extension(Self(Arc::new(Mutex::new(Some(continuation)))))
    }

    fn take(self) -> Option<Continuation> {
        self.0.lock().take()
    }
}

/// What a request may be answered with.
#[derive(Clone, Copy)]
pub(super) enum Answerable {
    /// Anything.
    Takeover,
    /// A head alone.
    Head,
    /// A whole response.
    Whole,
}

impl Answerable {
    pub(super) fn of(request: &Request<Incoming>) -> Self {
        match *request.method() {
            Method::HEAD => Self::Head,
            Method::GET if request.body().is_end_stream() => Self::Takeover,
            _ => Self::Whole,
        }
    }
}

/// Where a connection's service leaves a response that takes the connection over, for the
/// connection's task.
pub(super) struct Slot {
    taken: Mutex<Option<Taken>>,
    clock: Clock,
}

/// A connection that was taken over.
pub(super) struct Taken {
    /// The response's head, as it goes on the wire.
    pub(super) head: Vec<u8>,
    pub(super) continuation: Continuation,
}

impl Slot {
    /// Returns an empty slot. The clock gives heads their date.
    pub(super) fn new(clock: Clock) -> Self {
        Self { taken: Mutex::default(), clock }
    }

    /// Passes a response on, or keeps it and does not return if it takes the connection over.
    pub(super) async fn pass(&self, mut response: Response, answerable: Answerable) -> Response {
        let Some(continuation) = response.extensions_mut().remove::<Takeover>().and_then(Takeover::take) else { return response };
        match answerable {
            Answerable::Takeover => {
                let head = self.head(&response);
                *self.taken.lock() = Some(Taken { head, continuation });
                std::future::pending().await
            }
            Answerable::Head => {
                response.headers_mut().remove(CONTENT_LENGTH);
                *response.body_mut() = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
                response
            }
            Answerable::Whole => ApiError::detail(ErrorCode::RequestInvalid, "a request for a stream has no body").into_response(),
        }
    }

    /// Takes what was left here.
    pub(super) fn take(&self) -> Option<Taken> {
        self.taken.lock().take()
    }

    /// Returns a response's head as it goes on the wire. Its end is the end of the connection (RFC
    /// 9112, section 6.3), unless it switches protocols.
    fn head(&self, response: &Response) -> Vec<u8> {
        let version = if response.version() == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let headers = response.headers().iter().filter(|(name, _)| ![CONTENT_LENGTH, TRANSFER_ENCODING].contains(name));
        let mut head = head_lines(version, response.status(), headers);
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let date = HttpDate::from(UNIX_EPOCH + Duration::from_millis((self.clock)()));
            head.extend(format!("connection: close\r\ndate: {date}\r\n").into_bytes());
        }
        head.extend(b"\r\n");
        head
    }
}

/// Returns a status line and header lines as they go on the wire. The empty line is not among
/// them.
pub(super) fn head_lines<'a>(
    version: &str,
    status: StatusCode,
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Vec<u8> {
    let mut head = format!("{version} {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default()).into_bytes();
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head
}
