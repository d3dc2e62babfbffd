//! A channel over a WebSocket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use protocol::ServerFrame;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::channel::{ChannelEvent, Failure};
use crate::ABNORMAL_CLOSURE;

/// Maximum size of a message from a server, in bytes. As JSON, a text of 16 KiB can be six times as
/// long, and an entry may also hold what arrived on the demo's WebSocket.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Maximum size of the write buffer, in bytes: more than all that the core has unanswered at a
/// time.
const WRITE_BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Time limit for the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An open or opening WebSocket. Dropping it closes it in the background.
pub(super) struct WebSocket(State);

enum State {
    Opening(BoxFuture<'static, Result<Socket, Error>>),
    Open { socket: Box<Socket>, unsent: VecDeque<Message> },
    Closed,
}

impl WebSocket {
    pub(super) fn open(address: String, tls: Arc<ClientConfig>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let connector = Some(Connector::Rustls(tls));
        let opening = async move { connect_async_tls_with_config(address, Some(config), true, connector).await.map(|(socket, _)| socket) };
        Self(State::Opening(Box::pin(opening)))
    }

    /// Queues a text message. Ignores it unless the WebSocket is open.
    pub(super) fn send(&mut self, text: String) {
        if let State::Open { unsent, .. } = &mut self.0 {
            unsent.push_back(Message::text(text));
        }
    }

    /// Sends what is queued, and with `may_read` receives.
    pub(super) fn poll(&mut self, may_read: bool, context: &mut Context<'_>) -> Poll<ChannelEvent> {
        match &mut self.0 {
            State::Closed => Poll::Pending,
            State::Opening(opening) => opening.as_mut().poll(context).map(|result| match result {
                Ok(socket) => {
                    self.0 = State::Open { socket: Box::new(socket), unsent: VecDeque::new() };
                    ChannelEvent::Opened
                }
                Err(error) => {
                    self.0 = State::Closed;
                    ChannelEvent::Failed(failure(error))
                }
            }),
            State::Open { socket, unsent } => {
                if let Poll::Ready(Err(error)) = poll_write(socket, unsent, context) {
                    return Poll::Ready(ChannelEvent::Failed(failure(error)));
                }
                if may_read { poll_read(socket, context) } else { Poll::Pending }
            }
        }
    }
}

impl Drop for WebSocket {
    /// Closes the WebSocket in a task of its own, so that the driver need not wait.
    fn drop(&mut self) {
        if let State::Open { mut socket, .. } = std::mem::replace(&mut self.0, State::Closed)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { timeout(CLOSE_TIMEOUT, (*socket).close(None)).await });
        }
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Http(response) => {
            let status = response.status();
            let body = response.into_body().unwrap_or_default();
            Failure::from_answer(status.as_u16(), status.canonical_reason().unwrap_or_default(), &body)
        }
        error => Failure::from_error(&error),
    }
}

fn poll_write(socket: &mut Socket, unsent: &mut VecDeque<Message>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
    while !unsent.is_empty() {
        ready!(socket.poll_ready_unpin(context))?;
        if let Some(message) = unsent.pop_front() {
            socket.start_send_unpin(message)?;
        }
    }
    socket.poll_flush_unpin(context)
}

fn poll_read(socket: &mut Socket, context: &mut Context<'_>) -> Poll<ChannelEvent> {
    loop {
        let event = match ready!(socket.poll_next_unpin(context)) {
            Some(Ok(Message::Text(text))) => ChannelEvent::Frame(ServerFrame::read(text.as_str())),
            Some(Ok(Message::Close(Some(frame)))) => {
                ChannelEvent::Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
            }
            Some(Ok(Message::Close(None))) | None => ChannelEvent::Closed { code: ABNORMAL_CLOSURE, reason: String::new() },
            // The library answers pings.
            Some(Ok(_)) => continue,
            Some(Err(error)) => ChannelEvent::Failed(failure(error)),
        };
        return Poll::Ready(event);
    }
}
