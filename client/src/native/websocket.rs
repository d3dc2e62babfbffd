//! A channel over a WebSocket.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use hyper::Uri;
use hyper_util::rt::TokioIo;
use protocol::ServerFrame;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tower_service::Service;

use super::channel::ChannelEvent;
use super::dial::{Connector, Stream};
use super::failure::Failure;
use super::http;
use super::identity::Secrets;
use crate::ABNORMAL_CLOSURE;

/// Maximum size of a message from a server, in bytes. As JSON, a text of 16 KiB can be six times as
/// long, and an entry may also hold what arrived on the demo's WebSocket.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Maximum size of the write buffer, in bytes: more than all that the core has unanswered at a
/// time.
const WRITE_BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Time limit for the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TokioIo<Stream>>;

/// An open or opening WebSocket. Dropping it closes it in the background.
pub(super) struct WebSocket(State);

enum State {
    Opening(BoxFuture<'static, Result<Socket, Failure>>),
    Open { socket: Box<Socket>, unsent: VecDeque<Message> },
    Closed,
}

impl WebSocket {
    pub(super) fn open(connector: &Connector, address: &str, secrets: Arc<Secrets>) -> Self {
        Self(State::Opening(Box::pin(open(connector.clone(), address.to_owned(), secrets))))
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
                Err(failure) => {
                    self.0 = State::Closed;
                    ChannelEvent::Failed(failure)
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

async fn open(mut connector: Connector, address: String, secrets: Arc<Secrets>) -> Result<Socket, Failure> {
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let target: Uri = address.parse().map_err(|error| Failure::from_error(&error))?;
    let stream = connector.call(target).await.map_err(|error| Failure::from_error(&*error))?;
    // The library knows only the schemes `ws` and `wss`.
    let mut request = address.replacen("http", "ws", 1).into_client_request().map_err(failure)?;
    request.headers_mut().extend(secrets.headers().clone());
    client_async_with_config(request, TokioIo::new(stream), Some(config)).await.map(|(socket, _)| socket).map_err(failure)
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Http(response) => {
            let problem = response.body().as_deref().and_then(http::problem);
            http::refused(response.status(), problem.as_ref())
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
