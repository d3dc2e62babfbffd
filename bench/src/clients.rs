//! All clients of a fan-out: the publisher, which is also a subscriber, and the worker threads with
//! the other subscribers.

use std::io::ErrorKind;
use std::mem;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use parking_lot::Mutex;
use protocol::RoomName;

use crate::process::Process;
use crate::report::{Connects, Latency, Memory, each, rate};
use crate::shared::{CountBuffer, Counter, Shared, Stats};
use crate::subscriber::Subscriber;
use crate::target::{Peer, Target, Transport};
use crate::wire_format::{WARM_UP, put_publish, text};
use crate::worker::Worker;
use crate::{BUFFER_BYTES, EVENTS_MAX, Failure, POLL_INTERVAL, Plan, Progress, Run, TIMEOUT};

const PUBLISHER: Token = Token(0);
const WAKE: Token = Token(1);
/// How long the server must be silent to count as quiet. Crier sends the presence count up to one
/// second after the last connect.
const QUIET_CRIER: Duration = Duration::from_millis(1200);
const QUIET: Duration = Duration::from_millis(100);
/// How long a warm-up message may take before another one is sent.
const WARM_UP_TIME: Duration = Duration::from_secs(1);
const WARM_UPS_MAX: u32 = 10;

/// All connected clients. Dropping it ends the workers.
pub(crate) struct Clients {
    pub(crate) shared: Arc<Shared>,
    pub(crate) server: Option<Process>,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    publisher: Subscriber,
    peer: Peer,
    stats: Stats,
    counts: CountBuffer,
    worker_stats: Vec<Arc<Mutex<Stats>>>,
    threads: Vec<JoinHandle<()>>,
    /// Subscribers, including the publisher.
    size: usize,
    slow: usize,
    /// The number of the last message.
    pub(crate) sent: u64,
}

impl Clients {
    /// Connects `size` clients, `slow` of which will stop reading, and reports the connects and the
    /// memory they take.
    pub(crate) fn connect(plan: &Plan, size: usize, slow: usize, run: &mut Run<'_>) -> Result<Self, Failure> {
        let room = crate::room()?;
        let mut clients = Self::open(plan, &room, size, slow, run)?;
        let server = clients.server;
        clients.wait(Counter::Ready, 1, run, "connecting")?;
        clients.take_stats();
        let before_bytes = server.and_then(Process::memory);
        let (start, cpu) = (Instant::now(), server.and_then(Process::cpu));
        clients.start_workers(plan, &room)?;
        clients.wait(Counter::Ready, size as u64, run, "connecting")?;
        let (time, cpu) = (start.elapsed(), server.and_then(|server| server.cpu_since(cpu.as_ref())));
        let connections = clients.shared.count(Counter::Ready).saturating_sub(1);
        run.report.connects.push(Connects {
            connections,
            seconds: time.as_secs_f64(),
            per_second: rate(connections, time),
            server_cpu_us: each(cpu, connections),
            latency: Latency::of(&clients.take_stats().connects),
        });
        clients.settle(if plan.peer == Peer::Crier { QUIET_CRIER } else { QUIET }, run)?;
        let idle_bytes = server.and_then(Process::memory);
        let per_connection = |(idle, before): (u64, u64)| (idle as f64 - before as f64) / connections.max(1) as f64;
        let per_connection_bytes = idle_bytes.zip(before_bytes).map(per_connection);
        run.report.memory = Some(Memory { before_bytes, idle_bytes, after_bytes: None, per_connection_bytes });
        Ok(clients)
    }

    /// Opens the publisher alone.
    fn open(plan: &Plan, room: &RoomName, size: usize, slow: usize, run: &Run<'_>) -> Result<Self, Failure> {
        let poll = Poll::new().map_err(|error| Failure::of(&error))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(|error| Failure::of(&error))?;
        let shared = Arc::new(Shared::new(run.stop.clone(), waker));
        let target = Target::new(&plan.server, plan.peer, Transport::WebSocket, room)?;
        let publisher = Subscriber::open(&target, poll.registry(), PUBLISHER, &shared, 0, false)?;
        Ok(Self {
            shared,
            server: plan.pid.map(Process::new),
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            buffer: vec![0; BUFFER_BYTES],
            publisher,
            peer: plan.peer,
            stats: Stats::default(),
            counts: CountBuffer::default(),
            worker_stats: Vec::new(),
            threads: Vec::new(),
            size,
            slow,
            sent: 0,
        })
    }

    /// Starts the threads, which connect all other subscribers.
    fn start_workers(&mut self, plan: &Plan, room: &RoomName) -> Result<(), Failure> {
        let target = Target::new(&plan.server, plan.peer, plan.transport, room)?;
        for thread in 0..plan.threads {
            // The publisher is number 0 and never slow.
            let numbers = (1..self.size).filter(|number| number % plan.threads == thread).collect();
            let worker = Worker::new(self.shared.clone(), target.clone(), numbers, self.slow + 1)?;
            self.worker_stats.push(worker.stats());
            let thread = Builder::new().name(format!("subscribers-{thread}")).spawn(move || worker.run());
            self.threads.push(thread.map_err(|error| Failure::of(&error))?);
        }
        Ok(())
    }

    /// Publishes messages until every subscriber has one: some peers report that they are ready too
    /// early.
    pub(crate) fn warm_up(&mut self, run: &mut Run<'_>) -> Result<(), Failure> {
        for _ in 0..WARM_UPS_MAX {
            let goal = self.shared.count(Counter::WarmUp) + self.size as u64;
            put_publish(self.peer, WARM_UP, &text(WARM_UP, 0), self.publisher.connection.unsent());
            self.publisher.connection.flush()?;
            let start = Instant::now();
            self.shared.set_goal(Counter::WarmUp, goal);
            while self.shared.count(Counter::WarmUp) < goal && start.elapsed() < WARM_UP_TIME && !self.turn(POLL_INTERVAL)? {}
            if self.shared.count(Counter::WarmUp) >= goal || self.shared.is_stopped() {
                return self.settle(QUIET, run);
            }
        }
        Err(Failure::new("a message did not reach everybody, however often it was tried"))
    }

    /// Waits until nothing has arrived for the time of `quiet`.
    fn settle(&mut self, quiet: Duration, run: &mut Run<'_>) -> Result<(), Failure> {
        run.tell(Progress::Settling);
        let (mut bytes, mut last, start) = (self.bytes(), Instant::now(), Instant::now());
        while last.elapsed() < quiet && start.elapsed() < TIMEOUT && !self.turn(POLL_INTERVAL)? {
            if bytes != self.bytes() {
                (bytes, last) = (self.bytes(), Instant::now());
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.stats.bytes + self.worker_stats.iter().map(|stats| stats.lock().bytes).sum::<u64>()
    }

    /// Returns what all threads have measured since the last call.
    pub(crate) fn take_stats(&mut self) -> Stats {
        let mut stats = mem::take(&mut self.stats);
        for worker in &self.worker_stats {
            stats.merge(&mem::take(&mut *worker.lock()));
        }
        stats
    }

    /// Queues the next message. Its latency counts from `at`, in nanoseconds of [`Shared::now`].
    pub(crate) fn put(&mut self, bytes: usize, at: u64) {
        self.sent += 1;
        self.shared.set_sent(self.sent, at);
        put_publish(self.peer, self.sent, &text(self.sent, bytes), self.publisher.connection.unsent());
    }

    /// Sends as much of the queue as the socket takes. The rest follows in [`Clients::turn`].
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.publisher.connection.flush()
    }

    /// Returns the bytes in the queue.
    pub(crate) fn unsent(&mut self) -> usize {
        self.publisher.connection.unsent().len()
    }

    /// Returns the messages sent that some reading subscriber may not have.
    pub(crate) fn in_flight(&self) -> u64 {
        self.sent - self.shared.count(Counter::Delivered) / (self.size - self.slow) as u64
    }

    /// Waits until every reading subscriber has every message. Returns false if the run was
    /// stopped.
    pub(crate) fn wait_for_deliveries(&mut self, run: &mut Run<'_>) -> Result<bool, Failure> {
        let expected = |count: usize| count as u64 * self.sent;
        let (reading, slow) = (expected(self.size - self.slow), expected(self.slow));
        let is_done = self.wait(Counter::Delivered, reading, run, "deliveries")?;
        if is_done && slow > 0 && !self.shared.is_paused() {
            self.wait(Counter::DeliveredToSlow, slow, run, "deliveries")
        } else {
            Ok(is_done)
        }
    }

    /// Waits until a counter reaches `goal`. Returns false if the run was stopped.
    fn wait(&mut self, counter: Counter, goal: u64, run: &mut Run<'_>, what: &str) -> Result<bool, Failure> {
        self.shared.set_goal(counter, goal);
        let (mut done, mut last) = (self.shared.count(counter), Instant::now());
        while done < goal {
            if self.turn(POLL_INTERVAL)? {
                return Ok(false);
            }
            let now = self.shared.count(counter);
            if now > done {
                (done, last) = (now, Instant::now());
                run.tell(Progress::Counting { what, done, of: goal });
            } else if last.elapsed() > TIMEOUT {
                let seconds = TIMEOUT.as_secs();
                return Err(Failure::new(format!("{what}: {done} of {goal}, and nothing for {seconds} s")));
            }
        }
        Ok(true)
    }

    /// Waits for an event of the publisher or a wake-up, and handles it. Returns true if the run
    /// was stopped.
    pub(crate) fn turn(&mut self, wait: Duration) -> Result<bool, Failure> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Failure::of(&error)),
            _ => {}
        }
        for event in self.events.iter().filter(|event| event.token() == PUBLISHER) {
            self.publisher.handle(event, &mut self.buffer, &self.shared, &mut self.stats, &mut self.counts)?;
        }
        self.counts.flush(&self.shared);
        self.shared.failure().map_or_else(|| Ok(self.shared.is_stopped()), Err)
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.shared.end();
        for thread in self.threads.drain(..) {
            // A thread that panicked has printed why.
            let _ = thread.join();
        }
    }
}
