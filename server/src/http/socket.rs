//! The socket under HTTP, which a handler that waits for long can watch as well.
//!
//! A client that has closed its half of a connection may have left, or may wait for its answers
//! (RFC 9112, section 9.6); that looks the same. hyper answers both and does not look again, so a
//! long-poll looks here.

use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use protocol::ErrorCode;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::error::ApiError;
use super::state::State;
use crate::delivery::read_now;

/// An accepted socket.
pub(super) struct Socket(Arc<TcpStream>);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }

    /// Returns the stream, unless somebody watches it.
    pub(super) fn into_inner(self) -> Option<TcpStream> {
        Arc::try_unwrap(self.0).ok()
    }

    /// Returns the other end, to be watched.
    pub(super) fn reader(&self) -> Reader {
        Reader(Arc::downgrade(&self.0))
    }
}

/// The other end of a connection.
#[derive(Clone)]
pub(super) struct Reader(Weak<TcpStream>);

impl Reader {
    /// Waits until the client has closed its half. Unseen if it has said more than was read yet;
    /// then a write finds out.
    pub(super) async fn has_ended(self) {
        let Some(socket) = self.0.upgrade() else { return };
        while let Ok(ready) = socket.ready(Interest::READABLE).await {
            if ready.is_read_closed() {
                return;
            }
            let peek = || SockRef::from(&*socket).peek(&mut [MaybeUninit::uninit()]);
            match socket.try_io(Interest::READABLE, peek) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(1..) => return std::future::pending().await,
                Ok(0) | Err(_) => return,
            }
        }
    }
}

impl FromRequestParts<State> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(|| ErrorCode::RequestInvalid.into())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match read_now(&self.0, buffer.initialize_unfilled()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|length| buffer.advance(length))),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(context, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.write(context, |socket| socket.try_write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(Shutdown::Write))
    }
}

impl Socket {
    fn write(&self, context: &mut Context<'_>, write: impl Fn(&TcpStream) -> io::Result<usize>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match write(&self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}
