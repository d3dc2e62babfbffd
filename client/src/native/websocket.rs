//! A channel over a WebSocket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::ServerFrame;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::channel::{ChannelEvent, Coming, Failure};
use crate::ABNORMAL_CLOSURE;

/// The longest message taken from a server, in bytes. A text of 16 KiB can be six times that as JSON, and what came in on
/// the demo's socket as much again.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// What may wait to be written, in bytes: more than all that the core has unanswered at a time.
const WRITE_BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An open or opening socket. Dropping it says goodbye.
pub(super) struct WebSocket(Line);

enum Line {
    Opening(Coming<Result<Socket, Error>>),
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
        Self(Line::Opening(Box::pin(opening)))
    }

    pub(super) fn send(&mut self, text: String) {
        if let Line::Open { unsent, .. } = &mut self.0 {
            unsent.push_back(Message::text(text));
        }
    }

    /// Writes what there is to write, and reads, unless nobody has time for that.
    pub(super) fn poll(&mut self, may_read: bool, context: &mut Context<'_>) -> Poll<ChannelEvent> {
        match &mut self.0 {
            Line::Closed => Poll::Pending,
            Line::Opening(opening) => opening.as_mut().poll(context).map(|result| match result {
                Ok(socket) => {
                    self.0 = Line::Open { socket: Box::new(socket), unsent: VecDeque::new() };
                    ChannelEvent::Opened
                }
                Err(error) => {
                    self.0 = Line::Closed;
                    ChannelEvent::Failed(describe(error))
                }
            }),
            Line::Open { socket, unsent } => {
                if let Poll::Ready(Err(error)) = poll_write(socket, unsent, context) {
                    return Poll::Ready(ChannelEvent::Failed(describe(error)));
                }
                if may_read { poll_read(socket, context) } else { Poll::Pending }
            }
        }
    }
}

impl Drop for WebSocket {
    /// Saying goodbye must not keep the driver from what comes next.
    fn drop(&mut self) {
        if let Line::Open { mut socket, .. } = std::mem::replace(&mut self.0, Line::Closed)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { timeout(GOODBYE, (*socket).close(None)).await });
        }
    }
}

fn describe(error: Error) -> Failure {
    match error {
        Error::Http(response) => {
            let status = response.status();
            let body = response.into_body().unwrap_or_default();
            Failure::of_answer(status.as_u16(), status.canonical_reason().unwrap_or_default(), &body)
        }
        error => Failure::of_error(&error),
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
        let heard = match ready!(socket.poll_next_unpin(context)) {
            Some(Ok(Message::Text(text))) => ChannelEvent::Frame(ServerFrame::read(text.as_str())),
            Some(Ok(Message::Close(Some(frame)))) => {
                ChannelEvent::Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
            }
            Some(Ok(Message::Close(None))) | None => ChannelEvent::Closed { code: ABNORMAL_CLOSURE, reason: String::new() },
            // Pings are answered by the socket itself.
            Some(Ok(_)) => continue,
            Some(Err(error)) => ChannelEvent::Failed(describe(error)),
        };
        return Poll::Ready(heard);
    }
}
