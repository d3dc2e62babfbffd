//! What arrives from a client: commands on a WebSocket, nothing on a response but its end.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read as _};
use std::mem;
use std::task::{Context, Poll, ready};

use protocol::ServerFrame;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::End;
use super::subscriber::Subscriber;
use super::wire_format::Message;
use crate::codec::{self, Decoder, Incoming, Limits};
use crate::commands::Commands;

/// What one read takes at most. Each thread has one such buffer, for all its connections.
const READ_BYTES: usize = 64 * 1024;
/// How many bytes of answers are collected before they are written.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much a client may say that has nothing to say.
const DISCARDED_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A client's half of a connection.
pub(super) enum Input {
    /// Of a WebSocket.
    Commands(CommandInput),
    /// Of a response, with the number of bytes that were discarded: the rest of a pipeline, or
    /// noise.
    Discarded(usize),
}

/// The commands of a client, as they arrive in WebSocket frames.
pub(super) struct CommandInput {
    commands: Commands,
    decoder: Decoder,
    /// What has arrived and was not taken: a part of a frame, or whole frames that have to wait for
    /// an answer.
    kept: Vec<u8>,
    /// True if `kept` has whole frames.
    has_waiting: bool,
    /// How the session ends when all that the client has asked is answered. It says no more.
    ending: Option<End>,
}

impl Input {
    /// Takes what has arrived, and adds the answers to `answers`. Ends after one read, so that
    /// other connections get a turn.
    ///
    /// Pending means that the task is woken by what it waits for: an answer while commands wait for
    /// one, else the socket.
    pub(super) fn poll(&mut self, subscriber: &Subscriber, context: &mut Context<'_>, answers: &mut Vec<u8>) -> Poll<End> {
        match self {
            Self::Commands(input) => input.poll(subscriber, context, answers),
            Self::Discarded(count) => poll_end(subscriber.socket(), count, context),
        }
    }
}

/// Waits until the client has closed its half. It may have left, or may only have nothing more to
/// ask, which looks the same; then it can go on with another response.
fn poll_end(socket: &TcpStream, discarded: &mut usize, context: &mut Context<'_>) -> Poll<End> {
    while *discarded < DISCARDED_BYTES_MAX {
        match ready!(poll_read(socket, context, |bytes| bytes.len())) {
            Ok(0) => return Poll::Ready(End::Recycled),
            Ok(length) => *discarded += length,
            Err(_) => return Poll::Ready(End::Gone),
        }
    }
    // A client that goes on is noticed to have left when a write fails.
    Poll::Pending
}

impl CommandInput {
    /// Returns the input of a WebSocket from which `early` has arrived.
    pub(super) fn new(commands: Commands, early: &[u8]) -> Self {
        let (kept, has_waiting) = (early.to_vec(), !early.is_empty());
        Self { commands, decoder: Decoder::default(), kept, has_waiting, ending: None }
    }

    /// Returns what is needed to wait for the client's close frame.
    pub(super) fn into_parts(self) -> (Decoder, Vec<u8>) {
        (self.decoder, self.kept)
    }

    fn poll(&mut self, subscriber: &Subscriber, context: &mut Context<'_>, answers: &mut Vec<u8>) -> Poll<End> {
        let mut has_read = false;
        loop {
            while let Poll::Ready(answer) = self.commands.poll_answer(context) {
                say(subscriber, &answer, answers);
            }
            if answers.len() > ANSWER_BYTES_MAX {
                break;
            }
            let taken = match (self.has_waiting, self.commands.takes_more()) {
                (true, true) => {
                    let mut kept = mem::take(&mut self.kept);
                    self.consume(&mut kept, subscriber, answers)
                }
                (true, false) => return Poll::Pending,
                (false, _) if self.ending.is_some() => {
                    return self.ending.filter(|_| self.commands.is_idle()).map_or(Poll::Pending, Poll::Ready);
                }
                (false, _) if has_read => {
                    let _ = ready!(subscriber.socket().poll_read_ready(context));
                    break;
                }
                (false, _) => {
                    has_read = true;
                    ready!(self.read(subscriber, context, answers))
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
    fn read(&mut self, subscriber: &Subscriber, context: &mut Context<'_>, answers: &mut Vec<u8>) -> Poll<Result<(), End>> {
        let taken = ready!(poll_read(subscriber.socket(), context, |arrived| {
            if arrived.is_empty() {
                self.ending = Some(End::Gone);
                return Ok(());
            }
            subscriber.set_heard();
            if self.kept.is_empty() {
                return self.consume(arrived, subscriber, answers);
            }
            let mut kept = mem::take(&mut self.kept);
            kept.extend_from_slice(arrived);
            self.consume(&mut kept, subscriber, answers)
        }));
        Poll::Ready(taken.map_err(|_| End::Gone).and_then(|taken| taken))
    }

    /// Takes whole frames as far as commands are taken, and keeps what is left.
    fn consume(&mut self, bytes: &mut [u8], subscriber: &Subscriber, answers: &mut Vec<u8>) -> Result<(), End> {
        let mut rest = bytes;
        let result = self.decode(&mut rest, subscriber, answers);
        self.commands.submit(subscriber.scope(), |refusal| say(subscriber, refusal, answers));
        self.kept = rest.to_vec();
        result
    }

    fn decode(&mut self, rest: &mut &mut [u8], subscriber: &Subscriber, answers: &mut Vec<u8>) -> Result<(), End> {
        let format = subscriber.broadcaster().format();
        let limits = format.policy().input.unwrap_or(Limits::BOARD);
        loop {
            self.has_waiting = !rest.is_empty() && !self.commands.takes_more();
            if self.has_waiting {
                return Ok(());
            }
            let Some(incoming) = self.decoder.next(&limits, rest).map_err(End::Broken)? else { return Ok(()) };
            let command = match &incoming {
                Incoming::Text(text) => format.command(Message::Text(text)),
                Incoming::Binary(bytes) => format.command(Message::Binary(bytes)),
                Incoming::Ping(payload) => {
                    codec::put_pong(answers, payload);
                    continue;
                }
                Incoming::Pong => continue,
                Incoming::Close(code) => {
                    self.ending = Some(End::Closed(*code));
                    *rest = &mut [];
                    return Ok(());
                }
            };
            if let Some(frame) = self.commands.take(command, subscriber.scope()).map_err(End::Disconnected)? {
                say(subscriber, &frame, answers);
            }
        }
    }
}

fn say(subscriber: &Subscriber, frame: &ServerFrame, answers: &mut Vec<u8>) {
    let broadcaster = subscriber.broadcaster();
    // An answer does not depend on how far the reader is.
    broadcaster.format().say(frame, &broadcaster.place(0), answers);
}

/// Reads once into the thread's buffer and gives `take` what came, which is nothing at the end.
fn poll_read<T>(socket: &TcpStream, context: &mut Context<'_>, take: impl FnOnce(&mut [u8]) -> T) -> Poll<io::Result<T>> {
    BUFFER.with_borrow_mut(|buffer| {
        loop {
            ready!(socket.poll_read_ready(context))?;
            match read_now(socket, buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|length| take(&mut buffer[..length]))),
            }
        }
    })
}

/// Reads what there is. A buffer that was not filled has all of it: the system need not be asked
/// again until it says that there is more.
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::thread;
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::super::testing;
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    /// The second byte may come while the first one is read. The reader is then woken once more, or
    /// waits for ever.
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
                missing -= timeout(TIMEOUT, reads.recv()).await.expect("the reader was not woken").unwrap();
            }
        }
    }
}
