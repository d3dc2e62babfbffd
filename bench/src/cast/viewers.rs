//! The viewers of a cast, on threads of their own. Each checks what it receives.

use std::io::{ErrorKind, Read as _, Write as _};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use parking_lot::Mutex;
use socket2::SockRef;

use super::stream;
use crate::framing::{Frame, Framing, put_frame};
use crate::histogram::Histogram;
use crate::{BUFFER_BYTES, EVENTS_MAX, Failure};

const PONG: u8 = 10;
/// Connections that one thread opens at a time: fewer than fit into a listener's backlog.
const CONNECTING_MAX: usize = 64;
/// What a slow viewer reads in each of these times: 200 kb/s.
const SLOW_INTERVAL: Duration = Duration::from_millis(100);
const SLOW_BYTES: usize = 2500;
/// Bytes of a slow viewer's receive buffer: what waits in it has passed the server.
const SLOW_BUFFER_BYTES: usize = 16 * 1024;

/// What all viewers have measured.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Frames that were received.
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Times from the presenter to viewers that always read.
    pub(crate) latencies: Histogram,
    /// The same to slow ones.
    pub(crate) slow_latencies: Histogram,
    /// How often a slow viewer went on at a key frame.
    pub(crate) skips: u64,
    /// The same for the others.
    pub(crate) fast_skips: u64,
}

impl Stats {
    fn merge(&mut self, other: &Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.latencies.merge(&other.latencies);
        self.slow_latencies.merge(&other.slow_latencies);
        self.skips += other.skips;
        self.fast_skips += other.fast_skips;
    }
}

/// All viewers of a cast. Dropping it closes them.
pub(crate) struct Viewers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    start: Instant,
    address: SocketAddr,
    request: Vec<u8>,
    is_over: AtomicBool,
    are_slow: AtomicBool,
    ready: AtomicUsize,
    stats: Mutex<Stats>,
    failure: Mutex<Option<Failure>>,
}

impl Viewers {
    /// Connects `count` viewers, the first `slow` of which read slowly when they are told to.
    /// Frames were sent at nanoseconds since `start`.
    pub(crate) fn open(
        (address, request): (SocketAddr, Vec<u8>),
        (count, slow): (usize, usize),
        threads: usize,
        start: Instant,
    ) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            start,
            address,
            request,
            is_over: AtomicBool::new(false),
            are_slow: AtomicBool::new(false),
            ready: AtomicUsize::new(0),
            stats: Mutex::default(),
            failure: Mutex::default(),
        });
        let mut viewers = Self { shared: shared.clone(), threads: Vec::new() };
        for thread in 0..threads {
            let unopened = (0..count).filter(|number| number % threads == thread).map(|number| number < slow).collect();
            let poll = Poll::new().map_err(|error| Failure::of(&error))?;
            let mut worker = Worker { shared: shared.clone(), poll, buffer: vec![0; BUFFER_BYTES], unopened, viewers: Vec::new() };
            let run = move || {
                if let Err(failure) = worker.run() {
                    worker.shared.failure.lock().get_or_insert(failure);
                }
            };
            let thread = Builder::new().name(format!("viewers-{thread}")).spawn(run);
            viewers.threads.push(thread.map_err(|error| Failure::of(&error))?);
        }
        Ok(viewers)
    }

    /// Returns the number of viewers whose request was accepted.
    pub(crate) fn ready(&self) -> usize {
        self.shared.ready.load(Ordering::Relaxed)
    }

    /// Makes slow viewers read slowly, or like the others.
    pub(crate) fn set_slow(&self, are_slow: bool) {
        self.shared.are_slow.store(are_slow, Ordering::Relaxed);
    }

    /// Returns what was measured since the last call.
    pub(crate) fn take_stats(&self) -> Stats {
        mem::take(&mut self.shared.stats.lock())
    }

    /// Fails if a viewer has.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.shared.failure.lock().clone().map_or(Ok(()), Err)
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has printed why.
            let _ = thread.join();
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    poll: Poll,
    buffer: Vec<u8>,
    /// Viewers to open: true if it is one of the slow ones.
    unopened: Vec<bool>,
    viewers: Vec<Viewer>,
}

struct Viewer {
    socket: TcpStream,
    framing: Framing,
    unsent: Vec<u8>,
    checker: Checker,
}

/// Checks that frames follow each other, but for those that the server says it has skipped.
struct Checker {
    is_slow: bool,
    is_ready: bool,
    due: Option<u64>,
    has_skipped: bool,
}

impl Worker {
    fn run(&mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let (mut slow_due, mut were_slow) = (Instant::now(), false);
        while !self.shared.is_over.load(Ordering::Relaxed) {
            self.open()?;
            match self.poll.poll(&mut events, Some(SLOW_INTERVAL)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Failure::of(&error)),
                _ => {}
            }
            let are_slow = self.shared.are_slow.load(Ordering::Relaxed);
            let mut stats = Stats::default();
            let Self { shared, viewers, buffer, .. } = self;
            for event in &events {
                let viewer = &mut viewers[event.token().0];
                if !(are_slow && viewer.checker.is_slow) {
                    viewer.read(buffer, usize::MAX, shared, &mut stats)?;
                }
            }
            let is_due = are_slow && slow_due <= Instant::now();
            let have_stopped = mem::replace(&mut were_slow, are_slow) && !are_slow;
            if is_due || have_stopped {
                slow_due = Instant::now() + SLOW_INTERVAL;
                let bytes_max = if are_slow { SLOW_BYTES } else { usize::MAX };
                for viewer in viewers.iter_mut().filter(|viewer| viewer.checker.is_slow) {
                    viewer.read(buffer, bytes_max, shared, &mut stats)?;
                }
            }
            shared.stats.lock().merge(&stats);
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), Failure> {
        let opening = self.viewers.iter().filter(|viewer| !viewer.checker.is_ready).count();
        for _ in opening..CONNECTING_MAX {
            let Some(is_slow) = self.unopened.pop() else { return Ok(()) };
            let mut socket = TcpStream::connect(self.shared.address).map_err(|error| Failure::of_io(&error))?;
            if is_slow {
                let _ = SockRef::from(&socket).set_recv_buffer_size(SLOW_BUFFER_BYTES);
            }
            let (token, interest) = (Token(self.viewers.len()), Interest::READABLE | Interest::WRITABLE);
            self.poll.registry().register(&mut socket, token, interest).map_err(|error| Failure::of(&error))?;
            let checker = Checker { is_slow, is_ready: false, due: None, has_skipped: false };
            self.viewers.push(Viewer { socket, framing: Framing::default(), unsent: self.shared.request.clone(), checker });
        }
        Ok(())
    }
}

impl Viewer {
    /// Reads at most about `bytes_max` of what has arrived.
    fn read(&mut self, buffer: &mut [u8], bytes_max: usize, shared: &Shared, stats: &mut Stats) -> Result<(), Failure> {
        let Self { socket, framing, unsent, checker } = self;
        flush(socket, unsent)?;
        let (mut read, now) = (0, shared.start.elapsed().as_nanos() as u64);
        let size = buffer.len().min(bytes_max);
        while read < bytes_max {
            let length = match socket.read(&mut buffer[..size]) {
                Ok(0) => return Err(Failure::disconnected("the server ended a viewer's connection")),
                Ok(length) => length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::of_io(&error)),
            };
            read += length;
            framing.read(&buffer[..length], |frame| match frame {
                Frame::Head => {
                    checker.is_ready = true;
                    shared.ready.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                Frame::Data(data) => checker.check(data, now, stats),
                Frame::Ping(payload) => {
                    put_frame(unsent, PONG, payload);
                    Ok(())
                }
            })?;
        }
        stats.bytes += read as u64;
        flush(socket, unsent)
    }
}

/// Sends as much of the queue as the socket takes.
fn flush(socket: &mut TcpStream, unsent: &mut Vec<u8>) -> Result<(), Failure> {
    while !unsent.is_empty() {
        match socket.write(unsent) {
            Ok(length) => drop(unsent.drain(..length)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::of_io(&error)),
        }
    }
    Ok(())
}

impl Checker {
    fn check(&mut self, data: &[u8], now: u64, stats: &mut Stats) -> Result<(), Failure> {
        if data.starts_with(b"{") {
            self.has_skipped |= data.starts_with(br#"{"type":"skipped""#);
            return Ok(());
        }
        let frame = stream::Frame::read(data)?;
        match self.due {
            Some(due) if frame.number == due => {}
            None if frame.is_key => {}
            Some(due) if frame.is_key && frame.number > due && self.has_skipped => {
                *(if self.is_slow { &mut stats.skips } else { &mut stats.fast_skips }) += 1;
            }
            due => return Err(Failure::new(format!("a viewer got frame {} when {due:?} was due", frame.number))),
        }
        (self.due, self.has_skipped) = (Some(frame.number + 1), false);
        stats.frames += 1;
        let latencies = if self.is_slow { &mut stats.slow_latencies } else { &mut stats.latencies };
        latencies.add(now.saturating_sub(frame.sent));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_goes_on_only_at_a_key_frame_that_was_announced() {
        let stream = stream::Stream { bits_per_second: 100_000 };
        let (mut stats, frame) = (Stats::default(), |number| stream.chunk(number, 0));
        let mut checker = Checker { is_slow: true, is_ready: true, due: None, has_skipped: false };
        let mut check = |data: &[u8]| checker.check(data, 1, &mut stats).is_ok();
        assert!(!check(&frame(1)), "the first frame is a key frame");
        assert!(check(&frame(0)) && check(&frame(1)));
        assert!(!check(&frame(60)), "nobody said that frames were skipped");
        assert!(check(br#"{"type":"skipped","chunks":58}"#));
        assert!(!check(&frame(3)), "only at a key frame");
        assert!(check(&frame(60)) && check(&frame(61)));
        assert_eq!((stats.frames, stats.skips), (4, 1));
    }
}
