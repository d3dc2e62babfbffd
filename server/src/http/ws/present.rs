//! `GET /ws/{room}/present`: a presenter's socket. Chunks come in; what the presenter is told goes
//! out. When it breaks, the cast waits for the presenter to come back.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as FromState;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::cast::{CastLimits, PresenterFrame};
use protocol::limits::CHUNK_BYTES_MAX;
use protocol::{Author, Disconnect, ErrorCode, FromFields, InputError, PublishKey};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::handshake::Handshake;
use super::one_read::OneRead;
use crate::access::Caller;
use crate::cast::{Feed, Input, Presenter, Pushed, Verdict};
use crate::codec::{self, Violation};
use crate::context::Context;
use crate::delivery::RESTART;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::http::takeover::{Continuation, Next};
use crate::limits::end_turn;
use crate::room::Presenting;

/// Time between two looks at what the presenter is to be told.
const TICK: Duration = Duration::from_millis(250);
/// Maximum time between two heartbeats. A presenter that has lost the network is noticed soon.
const HEARTBEAT_MAX: Duration = Duration::from_secs(5);
/// How long a write may take: what the presenter is told is short.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the client has to answer a close frame.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(3);
/// Bytes of the buffer that the socket is read into.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Bytes that may wait to be written.
const WRITE_BUFFER_BYTES_MAX: usize = 64 * 1024;

type Socket = WebSocketStream<OneRead<TcpStream>>;

/// The query of a presenter.
pub(in crate::http) struct PresentQuery {
    /// Names the cast: the same identity continues it with the same key.
    key: PublishKey,
    author: Author,
}

#[derive(Deserialize)]
pub(in crate::http) struct PresentFields {
    key: String,
    #[serde(default)]
    author: String,
}

impl FromFields for PresentQuery {
    type Fields = PresentFields;
}

impl TryFrom<PresentFields> for PresentQuery {
    type Error = InputError;

    fn try_from(fields: PresentFields) -> Result<Self, InputError> {
        Ok(Self { key: fields.key.parse()?, author: Author::parse(&fields.author)? })
    }
}

pub(in crate::http) async fn upgrade(
    FromState(state): FromState<State>,
    Room(room): Room,
    caller: Caller,
    Query(wanted): Query<PresentQuery>,
    permit: ConnectionPermit,
    handshake: Handshake,
) -> Result<Response, ApiError> {
    let context = state.context;
    let presenting = context.start_cast(&caller, &room, wanted.key, wanted.author).await?;
    let feed = context.feeds.of(&context.hub.room(&room))?;
    let (input, viewers, heartbeat) = (feed.connect(), feed.viewers(), context.heartbeat.min(HEARTBEAT_MAX));
    let bytes_per_second = feed.bounds().bytes_per_second_max;
    let casting = PresenterFrame::Casting {
        cast: presenting.cast().clone(),
        viewers,
        heartbeat_seconds: heartbeat.as_secs().max(1),
        limits: CastLimits::new(if bytes_per_second == u64::MAX { 0 } else { bytes_per_second }),
    };
    let mut first = Vec::new();
    codec::put_text(&mut first, &casting.to_json());
    let presenter = Presenter::new(bytes_per_second, heartbeat, viewers, context.feeds.now());
    let session = Session { context, presenting, feed, input, presenter };
    let next = Next::Own(Box::new(|socket, early, first| Box::pin(session.run(socket, early, first))));
    Ok(handshake.accept_to(Continuation { next, first, permit }))
}

/// One connection of a presenter.
struct Session {
    context: Context,
    presenting: Presenting,
    feed: Arc<Feed>,
    input: Input,
    presenter: Presenter,
}

/// How a connection ends.
enum End {
    /// It broke, or the client closed it as one that it will replace.
    Lost,
    /// The client has closed it because the cast is over.
    Finished,
    /// The server closes it.
    Closed {
        /// What the client is told first.
        error: Option<PresenterFrame>,
        code: u16,
        reason: String,
        /// True if the cast ends as well.
        is_over: bool,
    },
}

impl End {
    fn disconnected(disconnect: Disconnect, error: Option<PresenterFrame>) -> Self {
        let is_over = !Disconnect::should_reconnect(disconnect.code()) && disconnect != Disconnect::CastReplaced;
        Self::Closed { error, code: disconnect.code(), reason: disconnect.reason(), is_over }
    }

    /// True if another connection of the presenter goes on.
    fn is_replaced(&self) -> bool {
        matches!(self, Self::Closed { code, .. } if *code == Disconnect::CastReplaced.code())
    }

    /// The end of a connection with a message that is too long.
    fn too_long() -> Self {
        let (code, violation) = (ErrorCode::ChunkTooLong, Violation::TooLong);
        let error = PresenterFrame::Error { code, detail: code.to_string(), retry_after: None };
        Self::Closed { error: Some(error), code: violation.code(), reason: violation.reason().to_owned(), is_over: true }
    }
}

impl Session {
    async fn run(mut self, mut socket: TcpStream, early: Vec<u8>, first: Vec<u8>) {
        if !matches!(timeout(WRITE_TIME_MAX, socket.write_all(&first)).await, Ok(Ok(()))) {
            return;
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(CHUNK_BYTES_MAX))
            .max_frame_size(Some(CHUNK_BYTES_MAX))
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX);
        let mut socket = WebSocketStream::from_partially_read(OneRead::new(socket), early, Role::Server, Some(config)).await;
        let end = self.serve(&mut socket).await;
        let Self { context, presenting, feed, input, .. } = self;
        let is_over = match &end {
            End::Lost => false,
            End::Finished => true,
            End::Closed { is_over, .. } => *is_over,
        };
        if is_over {
            // If this cannot be stored, the cast ends when it has waited for its presenter.
            let _ = presenting.end().await;
            feed.end();
        } else {
            drop(presenting);
        }
        // Viewers of a cast that goes on are not told of a pause.
        if context.stop.is_cancelled() || end.is_replaced() {
            input.leave();
        } else {
            drop(input);
        }
        close(&mut socket, end).await;
    }

    async fn serve(&mut self, socket: &mut Socket) -> End {
        let Self { context, presenting, feed, input, presenter } = self;
        let mut ended = pin!(presenting.ended());
        let (mut changed, mut ticks) = (feed.watch(), interval(TICK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                biased;
                disconnect = &mut ended => return End::disconnected(disconnect, None),
                () = context.stop.cancelled() => return End::disconnected(RESTART, None),
                _ = ticks.tick() => None,
                _ = changed.changed() => None,
                // Last, because a flood always has more of it.
                message = socket.next() => Some(message),
            };
            let now = context.feeds.now();
            let is_due = match message {
                Some(message) => match take(presenter, input, message, now) {
                    Taken::Passed => false,
                    Taken::LeftOut(None) => true,
                    Taken::LeftOut(Some(error)) => match say(socket, &[error]).await {
                        Ok(()) => true,
                        Err(end) => return end,
                    },
                    Taken::Ended(end) => return end,
                },
                None => true,
            };
            if is_due {
                match presenter.due(feed.viewers(), feed.wants_key_frame(now), now) {
                    Ok(frames) => {
                        if let Err(end) = say(socket, &frames).await {
                            return end;
                        }
                    }
                    Err(disconnect) => return End::disconnected(disconnect, None),
                }
            }
            // One message a turn.
            end_turn().await;
        }
    }
}

/// What became of a message.
enum Taken {
    Passed,
    LeftOut(Option<PresenterFrame>),
    Ended(End),
}

fn take(presenter: &mut Presenter, input: &Input, message: Option<Result<Message, Error>>, now: Duration) -> Taken {
    presenter.set_heard();
    let message = match message {
        Some(Ok(message)) => message,
        Some(Err(Error::Capacity(_))) => return Taken::Ended(End::too_long()),
        None | Some(Err(_)) => return Taken::Ended(End::Lost),
    };
    let (verdict, bytes) = match &message {
        Message::Binary(bytes) => (presenter.take(bytes, now), &bytes[..]),
        Message::Text(_) => (presenter.take_text(), &[][..]),
        Message::Close(frame) => return Taken::Ended(if is_orderly(frame.as_ref()) { End::Finished } else { End::Lost }),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Taken::Passed,
    };
    match verdict {
        Verdict::Take(chunk) => match input.push(&chunk, bytes, now) {
            Pushed::Taken => Taken::Passed,
            Pushed::Dropped => Taken::LeftOut(None),
        },
        Verdict::LeaveOut(kind, error) => {
            input.leave_out(kind);
            Taken::LeftOut(error)
        }
        Verdict::End(error, disconnect) => Taken::Ended(End::disconnected(disconnect, Some(error))),
    }
}

/// True if the client has closed because it is done, or its page was left. Other codes are of
/// clients that connect anew.
fn is_orderly(frame: Option<&CloseFrame>) -> bool {
    frame.is_none_or(|frame| matches!(frame.code, CloseCode::Normal | CloseCode::Away | CloseCode::Status))
}

/// Tells the presenter something. After a heartbeat comes a ping.
async fn say(socket: &mut Socket, frames: &[PresenterFrame]) -> Result<(), End> {
    let write = async {
        for frame in frames {
            socket.feed(Message::text(frame.to_json())).await?;
            if *frame == PresenterFrame::Heartbeat {
                socket.feed(Message::Ping(Default::default())).await?;
            }
        }
        socket.flush().await
    };
    if frames.is_empty() || matches!(timeout(WRITE_TIME_MAX, write).await, Ok(Ok(()))) { Ok(()) } else { Err(End::Lost) }
}

/// Says why it ends, and waits for the client's close frame.
async fn close(socket: &mut Socket, end: End) {
    let goodbye = async {
        if let End::Closed { error, code, reason, .. } = end {
            if let Some(error) = error {
                socket.feed(Message::text(error.to_json())).await?;
            }
            socket.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await?;
        }
        // Answers the client's close frame, or reads to its answer.
        while socket.next().await.is_some_and(|message| message.is_ok()) {
            end_turn().await;
        }
        // What follows a message that is too long is unread. A socket that is closed with something
        // unread is reset, which can cost the client our last words.
        let stream = socket.get_mut();
        stream.shutdown().await?;
        while stream.read(&mut [0; 4096]).await? > 0 {
            end_turn().await;
        }
        Ok::<_, Error>(())
    };
    let _ = timeout(CLOSE_TIME_MAX, goodbye).await;
}
