//! The task that feeds a core from a socket, a clock and a queue of commands, and does what it says.

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::{Problem, ServerFrame};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::UPDATES_MAX;
use super::address::Address;
use crate::{Action, Connection, Core, Event, Pending, Update};

/// The longest message taken from a server, in bytes. A text of 16 KiB can be six times that as JSON, and what came in on
/// the demo's socket as much again.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// What may wait to be written, in bytes: more than all that the core has unanswered at a time.
const WRITE_BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// RFC 6455's code for a connection that ended without a word.
const ABNORMAL: u16 = 1006;
/// RFC 6455's code for a client that does what it may not. Here it stands for a handshake that was refused for good.
const POLICY: u16 = 1008;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Opening = Pin<Box<dyn Future<Output = Result<Socket, Error>> + Send>>;

/// An update, and how things were at that moment.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) update: Update,
    pub(super) connection: Connection,
    pub(super) trouble: Option<String>,
    /// With [`Update::Outbox`]: what is in it.
    pub(super) outbox: Option<Vec<Pending>>,
}

pub(super) struct Driver {
    core: Core,
    address: Address,
    started: Instant,
    line: Line,
    /// What the client has not yet had room for. The socket is not read meanwhile.
    untold: VecDeque<Told>,
    trouble: Option<String>,
    was_live: bool,
}

impl Driver {
    pub(super) fn new(core: Core, address: Address, started: Instant) -> Self {
        Self { core, address, started, line: Line::None, untold: VecDeque::new(), trouble: None, was_live: false }
    }

    pub(super) async fn run(mut self, updates: mpsc::Sender<Told>, mut commands: mpsc::Receiver<Event>) {
        self.event(Event::Start);
        loop {
            let stopped = matches!(self.core.connection(), Connection::Stopped { .. });
            if stopped && self.untold.is_empty() {
                break;
            }
            let tells = !self.untold.is_empty();
            let has_room = self.core.outbox().room() > 0 && self.untold.len() < UPDATES_MAX;
            // Who is not listened to can't be said to be silent.
            let deadline = self.core.deadline().filter(|_| !tells);
            let event = tokio::select! {
                () = updates.closed() => break,
                permit = updates.reserve(), if tells => {
                    let Ok(permit) = permit else { break };
                    if let Some(told) = self.untold.pop_front() {
                        permit.send(told);
                    }
                    continue;
                }
                Some(command) = commands.recv(), if has_room => command,
                event = self.line.next(!tells) => self.heard(event),
                () = until(self.started, deadline) => Event::Tick,
            };
            self.event(event);
        }
        self.line.hang_up();
    }

    fn event(&mut self, event: Event) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let actions = self.core.handle(event, now);
        if actions.contains(&Action::Disconnect) {
            self.trouble = Some("the server does not answer".to_owned());
        }
        for action in actions {
            match action {
                Action::Connect { after } => {
                    self.line.hang_up();
                    self.line = Line::Opening(open(self.address.after(after)));
                }
                Action::Send(text) => self.line.send(text),
                Action::Disconnect => self.line.hang_up(),
                Action::Update(update) => self.tell(update),
            }
        }
    }

    fn tell(&mut self, update: Update) {
        let connection = self.core.connection();
        if connection == Connection::Live {
            self.was_live = true;
            self.trouble = None;
        }
        let outbox = (update == Update::Outbox).then(|| self.core.outbox().pending().to_vec());
        self.untold.push_back(Told { update, connection, trouble: self.trouble.clone(), outbox });
    }

    fn heard(&mut self, heard: Heard) -> Event {
        match heard {
            Heard::Opened => Event::Opened,
            Heard::Text(text) => Event::Received(ServerFrame::read(text.as_str())),
            Heard::Closed { code, reason } => {
                let colon = if reason.is_empty() { "" } else { ": " };
                self.fail(format!("the server closed the connection with {code}{colon}{reason}"));
                Event::Closed { code, reason }
            }
            Heard::Failed(error) => {
                let (trouble, refused) = describe(error);
                self.fail(trouble);
                // Where there never was a Crier, there will be none: that is a wrong address. What once was one comes back.
                let code = if refused && !self.was_live { POLICY } else { ABNORMAL };
                Event::Closed { code, reason: String::new() }
            }
        }
    }

    fn fail(&mut self, trouble: String) {
        self.line.hang_up();
        self.trouble = Some(trouble);
    }
}

async fn until(started: Instant, deadline: Option<u64>) {
    match deadline {
        Some(deadline) => sleep_until(started + Duration::from_millis(deadline)).await,
        None => pending().await,
    }
}

fn open(address: String) -> Opening {
    // TLS needs one implementation of cryptography to be named. When a program has named another, that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    Box::pin(async move { connect_async_with_config(address, Some(config), true).await.map(|(socket, _)| socket) })
}

/// A failure in words, and whether the server refused in a way that asking again does not change.
fn describe(error: Error) -> (String, bool) {
    match error {
        Error::Io(error) => (error.to_string(), false),
        Error::Http(response) => {
            let status = response.status();
            let problem = response.into_body().and_then(|body| serde_json::from_slice::<Problem>(&body).ok());
            let title = problem.map(|problem| format!(": {}", problem.title)).unwrap_or_default();
            let refused = status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429);
            (format!("the server answered {status}{title}"), refused)
        }
        error => (error.to_string(), false),
    }
}

enum Heard {
    Opened,
    Text(String),
    Closed { code: u16, reason: String },
    Failed(Error),
}

enum Line {
    None,
    Opening(Opening),
    Open { socket: Box<Socket>, unsent: VecDeque<Message> },
}

impl Line {
    fn send(&mut self, text: String) {
        if let Self::Open { unsent, .. } = self {
            unsent.push_back(Message::text(text));
        }
    }

    /// Drops the socket. Saying goodbye must not keep the task from what comes next.
    fn hang_up(&mut self) {
        if let Self::Open { mut socket, .. } = std::mem::replace(self, Self::None) {
            tokio::spawn(async move { timeout(GOODBYE, (*socket).close(None)).await });
        }
    }

    /// Writes what there is to write, and waits for what the other end says. Loses nothing when it is dropped.
    async fn next(&mut self, may_read: bool) -> Heard {
        poll_fn(|context| self.poll(may_read, context)).await
    }

    fn poll(&mut self, may_read: bool, context: &mut Context<'_>) -> Poll<Heard> {
        match self {
            Self::None => Poll::Pending,
            Self::Opening(opening) => opening.as_mut().poll(context).map(|result| match result {
                Ok(socket) => {
                    *self = Self::Open { socket: Box::new(socket), unsent: VecDeque::new() };
                    Heard::Opened
                }
                Err(error) => {
                    *self = Self::None;
                    Heard::Failed(error)
                }
            }),
            Self::Open { socket, unsent } => {
                if let Poll::Ready(Err(error)) = poll_write(socket, unsent, context) {
                    return Poll::Ready(Heard::Failed(error));
                }
                if may_read { poll_read(socket, context) } else { Poll::Pending }
            }
        }
    }
}

fn poll_write(socket: &mut Socket, unsent: &mut VecDeque<Message>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
    while !unsent.is_empty() {
        std::task::ready!(socket.poll_ready_unpin(context))?;
        if let Some(message) = unsent.pop_front() {
            socket.start_send_unpin(message)?;
        }
    }
    socket.poll_flush_unpin(context)
}

fn poll_read(socket: &mut Socket, context: &mut Context<'_>) -> Poll<Heard> {
    loop {
        let heard = match std::task::ready!(socket.poll_next_unpin(context)) {
            Some(Ok(Message::Text(text))) => Heard::Text(text.as_str().to_owned()),
            Some(Ok(Message::Close(Some(frame)))) => Heard::Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() },
            Some(Ok(Message::Close(None))) | None => Heard::Closed { code: ABNORMAL, reason: String::new() },
            // Pings are answered by the socket itself.
            Some(Ok(_)) => continue,
            Some(Err(error)) => Heard::Failed(error),
        };
        return Poll::Ready(heard);
    }
}
