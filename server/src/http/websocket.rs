//! A session over a WebSocket: the loop between a socket and a [`Session`], whatever dialect is spoken.
//!
//! This is axum's own WebSocket. A writer that takes the tail's finished frames to the raw socket can replace
//! [`run`] without the session or the hub noticing.

use std::error::Error as _;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use futures_util::{FutureExt, SinkExt, StreamExt};
use protocol::limits::FRAME_BYTES_MAX;
use protocol::{Disconnect, ErrorCode};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::error::CapacityError;

use super::problem::Refusal;
use super::request::Place;
use crate::session::{Outgoing, Session};
use crate::tail::READ_BYTES_MAX;

/// How long one write may take before the client counts as gone.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a client has to answer a close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);
/// The library's own buffer would be 128 KiB for every idle connection.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// How much is gathered before it is written, and how much may wait: more than the largest read of the log, so that
/// a peer which asks for pongs and never reads them is the only one to meet it.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;
const WRITE_BUFFER_BYTES_MAX: usize = 4 * READ_BYTES_MAX;

/// How many messages are taken together, and how many are gathered for one write.
const BATCH_MESSAGES_MAX: usize = 256;

/// What is said over a socket.
pub(super) trait Dialect: Send + 'static {
    /// Takes a text message.
    fn receive(&mut self, session: &mut Session, text: &str) -> Option<Outgoing>;
    /// Puts what the session says into text messages.
    fn texts(&self, outgoing: Outgoing) -> Vec<Utf8Bytes>;
}

/// Checks a handshake and sets the socket's limits.
pub(super) fn accept(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: &HeaderMap,
) -> Result<WebSocketUpgrade, Refusal> {
    let upgrade = upgrade.map_err(|rejection| match rejection {
        WebSocketUpgradeRejection::MethodNotGet(_) => Refusal::from(ErrorCode::MethodNotAllowed),
        other => Refusal::detail(ErrorCode::RequestInvalid, other.body_text()),
    })?;
    // 16 bytes in base64 (RFC 6455, section 4.1).
    let key = headers.get("sec-websocket-key").map_or(&[][..], |key| key.as_bytes());
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+' || *byte == b'/';
    if key.len() != 24 || !key.ends_with(b"==") || !key[..22].iter().all(alphabet) {
        return Err(Refusal::detail(ErrorCode::RequestInvalid, "Sec-WebSocket-Key is not 16 bytes in base64"));
    }
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX))
}

/// Carries a session until one side ends it. `first` is said before anything else; `_place` is held till the end.
pub(super) async fn run(mut socket: WebSocket, mut session: Session, mut dialect: impl Dialect, first: Option<Utf8Bytes>, _place: Place) {
    let mut end = match first {
        Some(first) => write(&mut socket, vec![Message::Text(first)]).await.err(),
        None => None,
    };
    while end.is_none() {
        // Not biased: a client that never stops talking is still told to go when the server stops.
        tokio::select! {
            incoming = socket.recv(), if session.takes_more() => {
                let mut batch = Vec::new();
                end = take(incoming, &mut session, &mut dialect, &mut batch);
                // What has arrived already is answered together.
                for _ in 1..BATCH_MESSAGES_MAX {
                    if end.is_some() || !session.takes_more() {
                        break;
                    }
                    let Some(incoming) = socket.next().now_or_never() else { break };
                    end = take(incoming, &mut session, &mut dialect, &mut batch);
                }
                let written = write(&mut socket, batch).await.err();
                end = written.or(end);
            }
            outgoing = session.next() => {
                let mut batch = Vec::new();
                end = put(outgoing, &dialect, &mut batch);
                // One write for all that is ready: when a room is busy this is most of the saving.
                while end.is_none() && batch.len() < BATCH_MESSAGES_MAX {
                    let Some(outgoing) = session.next().now_or_never() else { break };
                    end = put(outgoing, &dialect, &mut batch);
                }
                let written = write(&mut socket, batch).await.err();
                end = written.or(end);
            }
        }
    }
    // Whoever is in the room need not wait for the handshake's end to see this one go.
    drop(session);
    if let Some(End::Close(code, reason)) = end {
        close(socket, code, reason).await;
    }
}

/// How a socket's life ends.
enum End {
    /// Nobody is there any more.
    Gone,
    /// We close.
    Close(u16, String),
}

impl From<Disconnect> for End {
    fn from(disconnect: Disconnect) -> Self {
        Self::Close(disconnect.code(), disconnect.reason())
    }
}

/// Hands one incoming message to the session and gathers the answer.
fn take(
    incoming: Option<Result<Message, axum::Error>>,
    session: &mut Session,
    dialect: &mut impl Dialect,
    batch: &mut Vec<Message>,
) -> Option<End> {
    session.heard();
    match incoming {
        Some(Ok(Message::Text(text))) => match dialect.receive(session, &text) {
            Some(answer) => put(answer, dialect, batch),
            None => None,
        },
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
        Some(Ok(Message::Binary(_))) => Some(Disconnect::Binary.into()),
        // The library has answered the close; nothing is left to say.
        Some(Ok(Message::Close(_))) | None => Some(End::Gone),
        Some(Err(error)) => Some(broken(&error)),
    }
}

/// Gathers what is to be written.
fn put(outgoing: Outgoing, dialect: &impl Dialect, batch: &mut Vec<Message>) -> Option<End> {
    match outgoing {
        Outgoing::Close(disconnect) => return Some(disconnect.into()),
        Outgoing::Heartbeat => batch.push(Message::Ping(axum::body::Bytes::new())),
        Outgoing::Entries(_) | Outgoing::Frame(_) => {}
    }
    batch.extend(dialect.texts(outgoing).into_iter().map(Message::Text));
    None
}

async fn write(socket: &mut WebSocket, batch: Vec<Message>) -> Result<(), End> {
    let write = async {
        for message in batch {
            socket.feed(message).await?;
        }
        socket.flush().await
    };
    match timeout(WRITE_TIME_MAX, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(broken(&error)),
        Err(_) => Err(Disconnect::SlowConsumer.into()),
    }
}

/// The close code that tells a peer what it did wrong (RFC 6455, section 7.4.1).
fn broken(error: &axum::Error) -> End {
    let close = |code, error: &dyn std::error::Error| End::Close(code, error.to_string().chars().take(60).collect());
    match error.source().and_then(|source| source.downcast_ref::<SocketError>()) {
        Some(SocketError::Protocol(error)) => close(1002, error),
        Some(SocketError::Utf8(error)) => End::Close(1007, error.chars().take(60).collect()),
        Some(SocketError::Capacity(error @ CapacityError::MessageTooLong { .. })) => close(1009, error),
        _ => End::Gone,
    }
}

/// Says goodbye and waits a moment for the answer, without which a peer can lose the code to a connection reset.
async fn close(mut socket: WebSocket, code: u16, reason: String) {
    let close = async {
        let frame = CloseFrame { code, reason: reason.into() };
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(CLOSE_TIME_MAX, close).await;
}
