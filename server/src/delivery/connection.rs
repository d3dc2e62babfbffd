//! A connection's own task: reads and answers what the client says, and writes for a line that is behind.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read as _};
use std::mem;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::send_state::Piece;
use super::subscriber::{Line, Pump, write_now};
use super::{Admission, End, Fanout};
use crate::codec::{self, Decoder, Incoming};
use crate::commands::Commands;
use crate::limits::turns::end_turn;
use crate::room::PresenceGuard;
use crate::session;
use crate::subscription::{Asked, Delivery};

/// What one read takes at the most. Each thread has one such buffer, for all its connections.
const READ_BYTES: usize = 64 * 1024;
/// How often a connection that is behind writes before others get a turn.
const WRITES_MAX: usize = 4;
/// How much may wait to be written besides the log before nothing more is read that might be answered.
const PENDING_BYTES_MAX: usize = 64 * 1024;
/// How long a client has to answer a close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A connected client: a future that ends with the connection. There may be very many of them, so what is seldom needed is
/// in boxes.
pub enum Connection {
    /// The session goes on.
    Open(Talk),
    /// The last word is being said.
    Closing(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Nobody is there any more.
    Closed,
}

/// A session that goes on.
pub struct Talk {
    line: Line,
    visit: PresenceGuard,
    commands: Commands,
    decoder: Decoder,
    /// What has arrived and was not taken: a part of a frame, or what has to wait for an answer.
    kept: Vec<u8>,
    /// Whether `kept` has whole frames.
    waits: bool,
    /// How the session ends when all that the client has asked is answered. It says no more.
    ending: Option<End>,
    page: Option<Box<Page>>,
}

/// Entries from history, for a line that is behind the tail.
enum Page {
    Asked(Asked),
    Read(Vec<Piece>),
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            *this = match this {
                Self::Open(talk) => {
                    let end = ready!(talk.poll(context));
                    let Self::Open(talk) = mem::replace(this, Self::Closed) else { return Poll::Ready(()) };
                    talk.close(end).map_or(Self::Closed, |closing| Self::Closing(Box::pin(closing)))
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
    /// Takes over a socket.
    pub(super) fn start(fanout: &Fanout, admission: Admission, socket: TcpStream, early: &[u8], first: &[u8]) -> Self {
        let Admission { format, address, log, visit, cursor, here } = admission;
        let context = fanout.0.context.clone();
        let commands = Commands::new(context.clone(), address, log.room().clone());
        let pass = fanout.pass(format, log);
        let line = Line::new(&pass, socket, cursor, here, first);
        // Whoever told all others to go may have come by just before the line had its seat.
        if context.stop.is_cancelled() {
            line.seat().end(End::Told(session::RESTART));
        }
        let (decoder, kept, waits) = (Decoder::default(), early.to_vec(), !early.is_empty());
        Self::Open(Talk { line, visit, commands, decoder, kept, waits, ending: None, page: None })
    }
}

impl Talk {
    /// Leaves the room, and says why to a client that is still there.
    fn close(self, end: End) -> Option<impl Future<Output = ()> + Send> {
        let Self { line, visit, mut decoder, kept, .. } = self;
        let limits = *line.pass().format().limits();
        // Whoever is in the room need not wait for the handshake's end to see this one go.
        let (socket, mut outlet) = line.close();
        drop(visit);
        let mut frame = Vec::new();
        match end {
            End::Gone => return None,
            End::Closed(code) => codec::put_close(&mut frame, code, ""),
            End::Broken(violation) => codec::put_close(&mut frame, Some(violation.code()), violation.reason()),
            End::Told(disconnect) => codec::put_close(&mut frame, Some(disconnect.code()), &disconnect.reason()),
        }
        let goodbye = async move {
            outlet.push(&frame);
            while !outlet.write(&[], |slices| write_now(&socket, slices)).unwrap_or(true) {
                if socket.writable().await.is_err() {
                    return;
                }
            }
            match end {
                End::Gone | End::Closed(_) => {}
                End::Told(_) => answer_to_close(&socket, &mut decoder, &limits, kept).await,
                End::Broken(_) => {
                    // What follows can't be read as frames any more, so the end of the stream has to do.
                    if SockRef::from(&*socket).shutdown(Shutdown::Write).is_ok() {
                        drain(&socket).await;
                    }
                }
            }
        };
        Some(async move { timeout(CLOSE_TIME_MAX, goodbye).await.unwrap_or_default() })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if let Some(end) = self.line.attend(context.waker()) {
            return Poll::Ready(end);
        }
        let pending = self.pump(context);
        if pending > PENDING_BYTES_MAX {
            return Poll::Pending;
        }
        let mut said = Vec::new();
        let taken = self.take(context, &mut said);
        if !said.is_empty() {
            self.line.say(&said);
            self.pump(context);
        }
        taken
    }

    /// Writes for a line that is behind, and has the task woken when there is more to do. Returns how much is pending.
    fn pump(&mut self, context: &mut Context<'_>) -> usize {
        for _ in 0..WRITES_MAX {
            let page = if let Some(Page::Read(pieces)) = self.page.as_deref() { &pieces[..] } else { &[] };
            match self.line.pump(page) {
                Pump::Level => {
                    self.page = None;
                    return 0;
                }
                Pump::Full(pending) => {
                    if self.line.socket().poll_write_ready(context).is_pending() {
                        return pending;
                    }
                }
                Pump::Older(cursor) => {
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
        let asked = match self.page.as_deref_mut() {
            // One that was asked for elsewhere is of no use: the line has been told of a gap since.
            Some(Page::Asked(asked)) if asked.cursor() == cursor => asked,
            _ => {
                let asked = self.line.pass().log().ask(cursor, self.commands.account());
                let page = self.page.insert(Box::new(Page::Asked(asked)));
                let Page::Asked(asked) = &mut **page else { return Poll::Ready(()) };
                asked
            }
        };
        let read = ready!(Pin::new(asked).poll(context));
        self.page = None;
        match read {
            Ok(Delivery::Entries(entries)) => self.page = Some(Box::new(Page::Read(self.line.pass().pieces(&entries)))),
            Ok(Delivery::Gap(gap)) => self.line.skip(gap),
            Err(_) => self.line.seat().end(End::Told(protocol::Disconnect::Unavailable)),
        }
        Poll::Ready(())
    }

    /// Takes what the client says, and puts the answers into `said`. Ends after one read, so that other connections get a turn.
    ///
    /// Pending means that the task is woken by what it waits for: an answer while commands wait for one, else the socket.
    fn take(&mut self, context: &mut Context<'_>, said: &mut Vec<u8>) -> Poll<End> {
        let mut has_read = false;
        loop {
            while let Poll::Ready(answer) = self.commands.poll_answer(context) {
                self.line.pass().format().say(&answer, said);
            }
            if said.len() > PENDING_BYTES_MAX {
                break;
            }
            let taken = match (self.waits, self.commands.takes_more()) {
                (true, true) => {
                    let mut kept = mem::take(&mut self.kept);
                    self.consume(&mut kept, said)
                }
                (true, false) => return Poll::Pending,
                (false, _) if self.ending.is_some() => {
                    return self.ending.filter(|_| self.commands.is_idle()).map_or(Poll::Pending, Poll::Ready);
                }
                (false, _) if has_read => {
                    let _ = ready!(self.line.socket().poll_read_ready(context));
                    break;
                }
                (false, _) => {
                    has_read = true;
                    ready!(self.read(context, said))
                }
            };
            if let Err(end) = taken {
                return Poll::Ready(end);
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once and takes what came.
    fn read(&mut self, context: &mut Context<'_>, said: &mut Vec<u8>) -> Poll<Result<(), End>> {
        BUFFER.with_borrow_mut(|buffer| {
            let length = loop {
                ready!(self.line.socket().poll_read_ready(context)).map_err(|_| End::Gone)?;
                match read_now(self.line.socket(), buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Ok(0) => {
                        self.ending = Some(End::Gone);
                        return Poll::Ready(Ok(()));
                    }
                    Err(_) => return Poll::Ready(Err(End::Gone)),
                    Ok(length) => break length,
                }
            };
            self.line.seat().heard();
            let arrived = &mut buffer[..length];
            if self.kept.is_empty() {
                return Poll::Ready(self.consume(arrived, said));
            }
            let mut kept = mem::take(&mut self.kept);
            kept.extend_from_slice(arrived);
            Poll::Ready(self.consume(&mut kept, said))
        })
    }

    /// Takes whole frames as far as commands are taken, and keeps what is left.
    fn consume(&mut self, bytes: &mut [u8], said: &mut Vec<u8>) -> Result<(), End> {
        let mut rest = bytes;
        let result = self.decode(&mut rest, said);
        let format = self.line.pass().format();
        self.commands.submit(|refusal| format.say(refusal, said));
        self.kept = rest.to_vec();
        result
    }

    fn decode(&mut self, rest: &mut &mut [u8], said: &mut Vec<u8>) -> Result<(), End> {
        let format = self.line.pass().format();
        loop {
            self.waits = !rest.is_empty() && !self.commands.takes_more();
            if self.waits {
                return Ok(());
            }
            let Some(incoming) = self.decoder.next(format.limits(), rest).map_err(End::Broken)? else { return Ok(()) };
            match incoming {
                Incoming::Text(text) => format.receive(&mut self.commands, &text, said).map_err(End::Told)?,
                Incoming::Binary(bytes) => format.receive_binary(&bytes, said).map_err(End::Told)?,
                Incoming::Ping(payload) => codec::put_pong(said, payload),
                Incoming::Pong => {}
                Incoming::Close(code) => {
                    self.ending = Some(End::Closed(code));
                    *rest = &mut [];
                    return Ok(());
                }
            }
        }
    }
}

/// Reads what there is. A buffer that was not filled has all of it: the system need not be asked again until it says that there
/// is more.
pub(crate) fn read_now(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut some = None;
    let read = socket.try_io(Interest::READABLE, || {
        let length = (&*SockRef::from(socket)).read(buffer)?;
        if (1..buffer.len()).contains(&length) {
            some = Some(length);
            // Said from in here, so that it does not hide what comes while we read.
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(length)
    });
    some.map_or(read, Ok)
}

/// Waits for the client to answer a close.
async fn answer_to_close(socket: &TcpStream, decoder: &mut Decoder, limits: &codec::Limits, mut kept: Vec<u8>) {
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

/// Reads to the end. A socket that is closed with something unread is reset, which can cost the peer our last word.
async fn drain(socket: &TcpStream) {
    while read_some(socket, &mut [0; 1024]).await > 0 {}
}

/// Reads what there is, and waits for something; nothing at the end. Each read is a turn: a peer that never stops sending would else
/// keep a worker to itself, and the end of the wait would not be looked at.
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
    use std::io::Write as _;
    use std::thread;

    use futures_util::poll;
    use protocol::{Epoch, Position};
    use tokio::runtime::Builder;
    use tokio::sync::{mpsc, oneshot};
    use tokio::task::spawn_blocking;

    use super::super::testing::{self, Board, Letters};
    use super::*;
    use crate::store::{RetentionPolicy, TrustedTime};

    const PATIENCE: Duration = Duration::from_secs(10);

    /// There may be 50,000 of them.
    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= 192, "{}", size_of::<Connection>());
    }
    /// History has been asked, and answers only after what it was asked for is gone and the line knows that.
    #[test]
    fn a_gap_that_history_finds_as_well_is_told_once() {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let board = Board::open();
            board.publish(300).await;
            board.room().clear_tail();
            let (near, far) = testing::pair().await;
            let after = Position { epoch: Epoch(1), offset: 0 };
            let (admission, _) = board.fanout.enter(&Letters, [127, 0, 0, 1].into(), &board.name, Some(after)).unwrap();
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
                heard = timeout(PATIENCE, hears) => heard.unwrap(),
            }
            assert_eq!(heard.iter().filter(|letter| **letter == b'g').count(), 1);
        });
    }

    /// The second byte may come just while the first is read. Whoever reads is then woken once more, or waits for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_comes_while_something_is_read_is_read_as_well() {
        let (near, far) = testing::pair().await;
        let (has_read, mut reads) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                near.readable().await.unwrap();
                if let Ok(length) = read_now(&near, &mut [0; 16])
                    && has_read.send(length).await.is_err()
                {
                    return;
                }
            }
        });
        let far = far.into_std().unwrap();
        far.set_nodelay(true).unwrap();
        let (wants, wanted) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for pause in wanted {
                for _ in 0..2 {
                    (&far).write_all(b"x").unwrap();
                    (0..pause).for_each(|_| std::hint::spin_loop());
                }
            }
        });
        for round in 0..20_000_u32 {
            wants.send(round % 500).unwrap();
            let mut missing = 2;
            while missing > 0 {
                missing -= timeout(PATIENCE, reads.recv()).await.expect("nobody woke the reader").unwrap();
            }
        }
    }
}
