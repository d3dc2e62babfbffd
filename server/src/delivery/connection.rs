//! A connection's own task: catches up when the reader is behind, answers the client, and ends the
//! stream.

use std::io::ErrorKind;
use std::mem;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use protocol::Disconnect;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::input::{CommandInput, Input};
use super::send_state::Frame;
use super::source::{Presence, Source};
use super::subscriber::{CatchUp, Subscriber};
use super::wire_format::ResponseEnd;
use super::{Admission, Client, End, Fanout, RESTART};
use crate::codec::{self, Decoder, Incoming, Limits};
use crate::commands::Commands;
use crate::limits::{Account, end_turn};
use crate::room::{HistoryPage, HistoryQuery};

/// How often a connection that is behind writes before others get a turn.
const WRITES_MAX: usize = 4;
/// How much may wait to be written besides the log before nothing more is read that might be
/// answered.
const PENDING_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a viewer's send buffer: enough for 2.5 Mb/s and a round trip of 200 ms.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// How much of it may not be sent yet.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 16 * 1024;
/// How long a client has to take the end of its stream, and to answer a close frame. A slow one
/// first has to read what its buffers hold.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(3);

/// A connected client: a future that ends with the connection. There may be very many of them, so
/// what is rarely needed is boxed.
pub enum Connection {
    /// The session goes on.
    Open(Session),
    /// The close frame or the end of the response is being written.
    Closing(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// It is over.
    Closed,
}

/// A session that goes on.
pub struct Session {
    subscriber: Subscriber,
    presence: Presence,
    input: Input,
    /// Reads of history are charged to it.
    account: Option<Arc<Account>>,
    page: Option<Box<Page>>,
}

/// Entries from history, for a reader that is behind the tail.
enum Page {
    Asked(HistoryQuery),
    Read(Vec<Frame>),
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            *this = match this {
                Self::Open(session) => {
                    let end = ready!(session.poll(context));
                    let Self::Open(session) = mem::replace(this, Self::Closed) else { return Poll::Ready(()) };
                    session.close(end).map_or(Self::Closed, |closing| Self::Closing(Box::pin(closing)))
                }
                Self::Closing(closing) => {
                    ready!(closing.as_mut().poll(context));
                    Self::Closed
                }
                Self::Closed => return Poll::Ready(()),
            }
        }
    }
}

impl Connection {
    /// Takes over a socket from which `early` was read. The client is written `first` before
    /// anything else.
    pub(super) fn start(fanout: &Fanout, admission: Admission, socket: TcpStream, early: &[u8], first: &[u8]) -> Self {
        let Admission { format, client: Client { caller, account, .. }, source, presence, arrival } = admission;
        let context = &fanout.0.context;
        let input = match format.policy().input {
            Some(_) => Input::Commands(CommandInput::new(Commands::new(caller), early)),
            None => Input::Discarded(0),
        };
        if let Source::Cast(_) = source {
            shorten_buffers(&socket);
        }
        let (room, grants) = (source.room().clone(), arrival.grants.clone());
        let subscriber = Subscriber::new(fanout.broadcaster(format, source.clone()), socket, arrival, first);
        // Others may have been told to go just before this one was registered.
        if context.stop.is_cancelled() {
            subscriber.end(End::Disconnected(RESTART));
        } else if let Some(disconnect) = source.end() {
            subscriber.end(End::Disconnected(disconnect));
        } else if !context.may_read(grants.as_deref(), &room) {
            subscriber.end(End::Disconnected(Disconnect::AccessEnded));
        }
        Self::Open(Session { subscriber, presence, input, account, page: None })
    }

    /// True if the client asks for nothing: all the work is delivery.
    pub fn is_delivery_only(&self) -> bool {
        matches!(self, Self::Open(Session { input: Input::Discarded(_), .. }))
    }
}

impl Session {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if let Some(end) = self.subscriber.attend(context.waker()) {
            return Poll::Ready(end);
        }
        if self.catch_up(context) > PENDING_BYTES_MAX {
            return Poll::Pending;
        }
        let mut answers = Vec::new();
        let taken = self.input.poll(&self.subscriber, context, &mut answers);
        if !answers.is_empty() {
            self.subscriber.say(&answers);
            self.catch_up(context);
        }
        taken
    }

    /// Writes for a reader that is behind, and arranges the next wake-up of the task. Returns
    /// how many bytes wait that are not in the log.
    fn catch_up(&mut self, context: &mut Context<'_>) -> usize {
        for _ in 0..WRITES_MAX {
            let page = if let Some(Page::Read(frames)) = self.page.as_deref() { &frames[..] } else { &[] };
            match self.subscriber.catch_up(page) {
                CatchUp::Done => {
                    self.page = None;
                    return 0;
                }
                // The end of the session has woken the task.
                CatchUp::Ended => return 0,
                CatchUp::Blocked(pending) => {
                    if self.subscriber.socket().poll_write_ready(context).is_pending() {
                        return pending;
                    }
                }
                CatchUp::Older(cursor) => {
                    if self.poll_page(context, cursor).is_pending() {
                        return 0;
                    }
                }
            }
        }
        context.waker().wake_by_ref();
        0
    }

    /// Reads on in history.
    fn poll_page(&mut self, context: &mut Context<'_>, cursor: u64) -> Poll<()> {
        let query = match self.page.as_deref_mut() {
            // One for another cursor is of no use: the reader has been told of a gap since.
            Some(Page::Asked(query)) if query.cursor() == cursor => query,
            _ => {
                let query = self.subscriber.broadcaster().source().query(cursor, self.account.clone());
                let Some(query) = query else { return Poll::Ready(()) };
                let page = self.page.insert(Box::new(Page::Asked(query)));
                let Page::Asked(query) = &mut **page else { return Poll::Ready(()) };
                query
            }
        };
        let read = ready!(Pin::new(query).poll(context));
        self.page = None;
        match read {
            Ok(HistoryPage::Entries(entries)) => self.page = Some(Box::new(Page::Read(self.subscriber.broadcaster().frames(&entries)))),
            Ok(HistoryPage::Expired(first)) => self.subscriber.skip_to(first),
            Err(_) => self.subscriber.end(End::Disconnected(Disconnect::Unavailable)),
        }
        Poll::Ready(())
    }

    /// Leaves the room, and says why to a client that is still there.
    fn close(self, end: End) -> Option<impl Future<Output = ()> + Send> {
        let Self { subscriber, presence, input, .. } = self;
        let limits = subscriber.broadcaster().format().policy().input;
        let mut last_words = Vec::new();
        let (socket, pending) = match &input {
            Input::Commands(_) => {
                put_close(end, &mut last_words);
                subscriber.close(|_, _| {})
            }
            Input::Discarded(_) => subscriber.close(|broadcaster, reader| {
                let place = broadcaster.place(reader.cursor());
                // A reader that does not hear it by the end could not tell this response from one
                // that is held back.
                if reader.is_to_be_flushed(broadcaster.now().rules) {
                    broadcaster.format().heartbeat(&place, &mut last_words);
                }
                let end =
                    if let End::Disconnected(disconnect) = end { ResponseEnd::Disconnected(disconnect) } else { ResponseEnd::Recycled };
                broadcaster.format().end(end, &place, &mut last_words);
            }),
        };
        // The room need not wait for the handshake's end to see this client go.
        drop(presence);
        if matches!(end, End::Gone) {
            return None;
        }
        let goodbye = async move {
            if write_all(&socket, &[pending, last_words].concat()).await.is_err() {
                return;
            }
            match (input, end, limits) {
                (Input::Commands(_), End::Closed(_), _) => {}
                (Input::Commands(input), End::Disconnected(_), Some(limits)) => wait_for_close(&socket, input.into_parts(), &limits).await,
                // The end of the stream: what follows can't be read as frames any more, or there
                // are none.
                _ => {
                    if SockRef::from(&*socket).shutdown(Shutdown::Write).is_ok() {
                        drain(&socket).await;
                    }
                }
            }
        };
        Some(async move { timeout(CLOSE_TIME_MAX, goodbye).await.unwrap_or_default() })
    }
}

/// Writes a close frame.
fn put_close(end: End, out: &mut Vec<u8>) {
    match end {
        End::Gone | End::Recycled => {}
        End::Closed(code) => codec::put_close(out, code, ""),
        End::Broken(violation) => codec::put_close(out, Some(violation.code()), violation.reason()),
        End::Disconnected(disconnect) => codec::put_close(out, Some(disconnect.code()), &disconnect.reason()),
    }
}

/// Bounds what the system keeps for a viewer, which is what it is behind at least. Without these, a
/// slow one would be shown what was seconds ago.
fn shorten_buffers(socket: &TcpStream) {
    let socket = SockRef::from(socket);
    // A viewer works without them.
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
}

async fn write_all(socket: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => socket.writable().await?,
            written => bytes = &bytes[written?..],
        }
    }
    Ok(())
}

/// Waits for the client's close frame.
async fn wait_for_close(socket: &TcpStream, (mut decoder, mut kept): (Decoder, Vec<u8>), limits: &Limits) {
    loop {
        let mut rest = &mut kept[..];
        loop {
            match decoder.next(limits, &mut rest) {
                Ok(None) => break,
                Ok(Some(Incoming::Close(_))) | Err(_) => return,
                Ok(Some(_)) => {}
            }
        }
        kept = rest.to_vec();
        let mut buffer = [0; 1024];
        let length = read_some(socket, &mut buffer).await;
        if length == 0 {
            return;
        }
        kept.extend_from_slice(&buffer[..length]);
    }
}

/// Reads to the end. A socket that is closed with something unread is reset, which can cost the
/// client our last words.
async fn drain(socket: &TcpStream) {
    while read_some(socket, &mut [0; 1024]).await > 0 {}
}

/// Waits for something and reads it; nothing at the end. Each read is a turn: a client that never
/// stops sending would otherwise keep a worker to itself, and the time limit would not be looked
/// at.
async fn read_some(socket: &TcpStream, buffer: &mut [u8]) -> usize {
    end_turn().await;
    loop {
        match socket.try_read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock && socket.readable().await.is_ok() => {}
            read => return read.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use protocol::{Epoch, Position};
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;
    use tokio::task::spawn_blocking;

    use super::super::testing::{self, Board, Letters};
    use super::*;
    use crate::store::{RetentionPolicy, TrustedTime};

    const TIMEOUT: Duration = Duration::from_secs(10);

    /// There may be 50,000 of them.
    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= 200, "{}", size_of::<Connection>());
    }

    /// History has been asked, and answers only after what it was asked for is gone and the reader
    /// was told that.
    #[test]
    fn a_gap_that_history_finds_as_well_is_told_once() {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let board = Board::open();
            board.publish(300).await;
            board.room().clear_tail();
            let (near, far) = testing::pair().await;
            let after = Position { epoch: Epoch(1), offset: 0 };
            let (admission, _) = board.fanout.admit(&Letters, testing::client(), &board.pass(), Some(after)).unwrap();
            let mut connection = board.fanout.start(admission, near, &[], &[]);
            let (go_on, may_go_on) = oneshot::channel::<()>();
            spawn_blocking(move || may_go_on.blocking_recv());
            assert!(poll!(&mut connection).is_pending());
            let keep = RetentionPolicy { messages: 1, bytes: u64::MAX, age: u64::MAX };
            let more = board.hub.expire(&board.name, keep, TrustedTime { time: 0, since: 0 }).await;
            assert_eq!((more, board.room().extent().expired), (Ok(true), 256));
            assert!(poll!(&mut connection).is_pending());
            go_on.send(()).unwrap();
            let mut heard = Vec::new();
            let hears = async {
                while heard.iter().filter(|letter| **letter == b'e').count() < 44 {
                    far.readable().await.unwrap();
                    let mut buffer = [0; 64];
                    let length = far.try_read(&mut buffer).unwrap_or_default();
                    heard.extend_from_slice(&buffer[..length]);
                }
            };
            tokio::select! {
                () = &mut connection => panic!("it ended"),
                heard = timeout(TIMEOUT, hears) => heard.unwrap(),
            }
            assert_eq!(heard.iter().filter(|letter| **letter == b'g').count(), 1);
        });
    }
}
