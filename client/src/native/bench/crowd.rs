//! A crowd of subscribers, led by the one who publishes: it connects first, and is one of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use super::process::Process;
use super::report::{Connects, Latency, Memory, each, rate};
use super::scene::{Count, Scene, Tally, Untold};
use super::speech::{WARM_UP, put_publish, text};
use super::subscriber::Subscriber;
use super::target::{Peer, Target};
use super::worker::Worker;
use super::{BUFFER_BYTES, EVENTS_MAX, Plan, Run, Stage, Trouble};
use crate::Transport;

const OWN: Token = Token(0);
const WAKE: Token = Token(1);
/// How long nothing may come that should.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long one waits before it looks whether it is to stop.
pub(super) const TURN: Duration = Duration::from_millis(50);
/// How long nothing comes once a server has nothing more to say: Crier tells who is here a second after the last came.
const QUIET_CRIER: Duration = Duration::from_millis(1200);
const QUIET: Duration = Duration::from_millis(100);
/// How long a peer gets to let a message through to everybody before it gets another.
const WARM_UP_TIME: Duration = Duration::from_secs(1);
const WARM_UPS_MAX: u32 = 10;

/// Everybody who is connected.
pub(super) struct Crowd {
    pub(super) scene: Arc<Scene>,
    pub(super) process: Option<Process>,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    publisher: Subscriber,
    peer: Peer,
    tally: Tally,
    untold: Untold,
    others: Vec<Arc<Mutex<Tally>>>,
    threads: Vec<JoinHandle<()>>,
    /// How many there are, the publisher included.
    pub(super) size: usize,
    /// How many of them are slow.
    slow: usize,
    /// The number of the last message.
    pub(super) sent: u64,
}

impl Crowd {
    /// Connects so many, of whom so many will be slow. Tells how that went as far as it did.
    pub(super) fn gather(plan: &Plan, size: usize, slow: usize, run: &mut Run<'_>) -> Result<Self, Trouble> {
        let process = plan.pid.map(Process::new);
        let room = super::room()?;
        let poll = Poll::new().map_err(|error| Trouble::new(error.to_string()))?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(|error| Trouble::new(error.to_string()))?;
        let scene = Arc::new(Scene::new(run.stop.clone(), waker));
        let leads = Target::new(&plan.server, plan.peer, Transport::WebSocket, &room)?;
        let target = Target::new(&plan.server, plan.peer, plan.transport, &room)?;
        let publisher = Subscriber::open(&leads, poll.registry(), OWN, &scene, 0, false)?;
        let (events, buffer) = (Events::with_capacity(EVENTS_MAX), vec![0; BUFFER_BYTES]);
        let (tally, untold, others, threads) = (Tally::default(), Untold::default(), Vec::new(), Vec::new());
        let peer = plan.peer;
        let mut crowd = Self { scene, process, poll, events, buffer, publisher, peer, tally, untold, others, threads, size, slow, sent: 0 };
        crowd.wait(Count::Ready, 1, run, "connecting")?;
        crowd.tally();
        let before_bytes = process.and_then(Process::memory);
        let (begun, cpu) = (Instant::now(), process.and_then(Process::cpu));
        crowd.start(&target, plan.threads)?;
        crowd.wait(Count::Ready, size as u64, run, "connecting")?;
        let (time, cpu) = (begun.elapsed(), process.and_then(|process| process.cpu_since(cpu.as_ref())));
        let connections = crowd.scene.count(Count::Ready).saturating_sub(1);
        run.report.connects.push(Connects {
            connections,
            seconds: time.as_secs_f64(),
            per_second: rate(connections, time),
            server_cpu_us: each(cpu, connections),
            latency: Latency::of(&crowd.tally().connects),
        });
        crowd.settle(if peer == Peer::Crier { QUIET_CRIER } else { QUIET }, run)?;
        let idle_bytes = process.and_then(Process::memory);
        let per_connection = |(idle, before): (u64, u64)| (idle as f64 - before as f64) / connections.max(1) as f64;
        let per_connection_bytes = idle_bytes.zip(before_bytes).map(per_connection);
        run.report.memory = Some(Memory { before_bytes, idle_bytes, after_bytes: None, per_connection_bytes });
        Ok(crowd)
    }

    /// Starts the threads that hold everybody else.
    fn start(&mut self, target: &Target, threads: usize) -> Result<(), Trouble> {
        for thread in 0..threads {
            // The publisher is number 0, and never slow.
            let numbers = (1..self.size).filter(|number| number % threads == thread).collect();
            let worker = Worker::new(self.scene.clone(), target.clone(), numbers, self.slow + 1)?;
            self.others.push(worker.tally());
            let named = std::thread::Builder::new().name(format!("subscribers-{thread}"));
            self.threads.push(named.spawn(move || worker.run()).map_err(|error| Trouble::new(error.to_string()))?);
        }
        Ok(())
    }

    /// Lets messages through until everybody got one: a peer may say that it is ready before it is.
    pub(super) fn warm_up(&mut self, run: &mut Run<'_>) -> Result<(), Trouble> {
        for _ in 0..WARM_UPS_MAX {
            let goal = self.scene.count(Count::WarmUp) + self.size as u64;
            put_publish(self.peer, WARM_UP, &text(WARM_UP, 0), self.publisher.connection.unsent());
            self.publisher.connection.flush()?;
            let begun = Instant::now();
            self.scene.set_goal(Count::WarmUp, goal);
            while self.scene.count(Count::WarmUp) < goal && begun.elapsed() < WARM_UP_TIME && !self.turn(TURN)? {}
            if self.scene.count(Count::WarmUp) >= goal || self.scene.is_stopped() {
                return self.settle(QUIET, run);
            }
        }
        Err(Trouble::new("a message did not reach everybody, however often it was tried"))
    }

    /// Waits until the server has nothing more to say.
    fn settle(&mut self, quiet: Duration, run: &mut Run<'_>) -> Result<(), Trouble> {
        run.tell(Stage::Waiting);
        let (mut bytes, mut since, begun) = (self.bytes(), Instant::now(), Instant::now());
        while since.elapsed() < quiet && begun.elapsed() < PATIENCE && !self.turn(TURN)? {
            if bytes != self.bytes() {
                (bytes, since) = (self.bytes(), Instant::now());
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.tally.bytes + self.others.iter().map(|tally| lock(tally).bytes).sum::<u64>()
    }

    /// Takes what all have measured since this was last called.
    pub(super) fn tally(&mut self) -> Tally {
        let mut all = std::mem::take(&mut self.tally);
        for other in &self.others {
            all.merge(&std::mem::take(&mut *lock(other)));
        }
        all
    }

    /// Appends the next message, which should be sent at that time.
    pub(super) fn put(&mut self, bytes: usize, at: u64) {
        self.sent += 1;
        self.scene.note_sent(self.sent, at);
        put_publish(self.peer, self.sent, &text(self.sent, bytes), self.publisher.connection.unsent());
    }

    /// Sends what was appended, as far as the socket takes it; the rest follows.
    pub(super) fn flush(&mut self) -> Result<(), Trouble> {
        self.publisher.connection.flush()
    }

    /// How many bytes wait to be sent.
    pub(super) fn unsent(&mut self) -> usize {
        self.publisher.connection.unsent().len()
    }

    /// How many messages those have who read, of the one who has least.
    pub(super) fn everybody_has(&self) -> u64 {
        self.scene.count(Count::Delivered) / (self.size - self.slow) as u64
    }

    /// Waits until everybody who reads has everything. Whether they have; not, when the run is stopped.
    pub(super) fn everybody(&mut self, run: &mut Run<'_>) -> Result<bool, Trouble> {
        let of = |count: usize| count as u64 * self.sent;
        let (others, slow) = (of(self.size - self.slow), of(self.slow));
        let has = self.wait(Count::Delivered, others, run, "deliveries")?;
        if has && slow > 0 && !self.scene.is_stalled() { self.wait(Count::Late, slow, run, "deliveries") } else { Ok(has) }
    }

    /// Waits until so many were counted. Whether they were; not, when the run is stopped.
    pub(super) fn wait(&mut self, count: Count, goal: u64, run: &mut Run<'_>, what: &str) -> Result<bool, Trouble> {
        self.scene.set_goal(count, goal);
        let (mut done, mut since) = (self.scene.count(count), Instant::now());
        while done < goal {
            if self.turn(TURN)? {
                return Ok(false);
            }
            let now = self.scene.count(count);
            if now > done {
                (done, since) = (now, Instant::now());
                run.tell(Stage::Counting { what, done, of: goal });
            } else if since.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                return Err(Trouble::new(format!("{what}: {done} of {goal}, and nothing for {seconds} s")));
            }
        }
        Ok(true)
    }

    /// Waits for one event or so long, and attends to it. Whether the run is to be stopped.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<bool, Trouble> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(Trouble::new(error.to_string())),
            _ => {}
        }
        for event in self.events.iter().filter(|event| event.token() == OWN) {
            self.publisher.event(event, &mut self.buffer, &self.scene, &mut self.tally, &mut self.untold)?;
        }
        self.untold.tell(&self.scene);
        self.scene.trouble().map_or_else(|| Ok(self.scene.is_stopped()), Err)
    }
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.scene.end();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
