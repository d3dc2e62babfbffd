//! The state that the threads of a run share: counts, send times, and the first failure.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use mio::Waker;
use parking_lot::Mutex;

use crate::Failure;
use crate::histogram::Histogram;

/// Capacity of the ring of send times. Senders keep at most half as many messages in flight.
pub(crate) const SENT_MAX: u64 = 1 << 17;

/// What is counted over all subscribers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {
    /// Connections that receive every message from now on.
    Ready,
    /// Received warm-up messages.
    WarmUp,
    /// Messages received by subscribers that always read.
    Delivered,
    /// Messages received by slow subscribers, or missed by them because the server disconnected
    /// them.
    DeliveredToSlow,
}

const COUNTERS: usize = 4;

/// The shared state of a run.
pub(crate) struct Shared {
    start: Instant,
    stop: Arc<AtomicBool>,
    is_over: AtomicBool,
    is_paused: AtomicBool,
    counts: [AtomicU64; COUNTERS],
    goals: [AtomicU64; COUNTERS],
    /// Send times by message number, modulo [`SENT_MAX`].
    sent: Box<[AtomicU64]>,
    last: AtomicU64,
    failure: Mutex<Option<Failure>>,
    waker: Waker,
}

impl Shared {
    /// `stop` is set from outside to end the run early. `waker` wakes the main thread.
    pub(crate) fn new(stop: Arc<AtomicBool>, waker: Waker) -> Self {
        Self {
            start: Instant::now(),
            stop,
            is_over: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            counts: Default::default(),
            goals: [const { AtomicU64::new(u64::MAX) }; COUNTERS],
            last: AtomicU64::new(0),
            sent: (0..SENT_MAX).map(|_| AtomicU64::new(0)).collect(),
            failure: Mutex::default(),
            waker,
        }
    }

    /// Returns the nanoseconds since the start.
    pub(crate) fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Ends the workers.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Stops or resumes the reading of slow subscribers.
    pub(crate) fn set_paused(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
    }

    /// True while slow subscribers do not read.
    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.counts[counter as usize].load(Ordering::Acquire)
    }

    /// Wakes the main thread when the count reaches `goal`.
    pub(crate) fn set_goal(&self, counter: Counter, goal: u64) {
        self.goals[counter as usize].store(goal, Ordering::Release);
    }

    fn add(&self, index: usize, more: u64) {
        let goal = self.goals[index].load(Ordering::Acquire);
        let before = self.counts[index].fetch_add(more, Ordering::AcqRel);
        if before < goal && before + more >= goal {
            self.wake();
        }
    }

    fn wake(&self) {
        // It fails only when nothing waits any more.
        let _ = self.waker.wake();
    }

    /// Stores when a message was sent, or was due to be sent.
    pub(crate) fn set_sent(&self, number: u64, at: u64) {
        self.sent[(number % SENT_MAX) as usize].store(at, Ordering::Release);
        self.last.store(number, Ordering::Release);
    }

    /// Returns the number of the last message sent.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// Returns when a message was sent.
    pub(crate) fn sent(&self, number: u64) -> u64 {
        self.sent[(number % SENT_MAX) as usize].load(Ordering::Acquire)
    }

    /// Ends the run with a failure. The first one counts.
    pub(crate) fn fail(&self, failure: Failure) {
        self.failure.lock().get_or_insert(failure);
        self.wake();
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.lock().clone()
    }
}

/// Counts of one thread that are not yet in [`Shared`]: one shared write per wake-up instead of one
/// per message.
#[derive(Debug, Default)]
pub(crate) struct CountBuffer([u64; COUNTERS]);

impl CountBuffer {
    pub(crate) fn add(&mut self, counter: Counter, more: u64) {
        self.0[counter as usize] += more;
    }

    pub(crate) fn get(&self, counter: Counter) -> usize {
        self.0[counter as usize] as usize
    }

    /// Adds all counts to the shared ones.
    pub(crate) fn flush(&mut self, shared: &Shared) {
        for (index, more) in self.0.iter_mut().enumerate() {
            if *more > 0 {
                shared.add(index, mem::take(more));
            }
        }
    }
}

/// What a thread has measured since it was last asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    /// From sending a message to receiving it.
    pub(crate) latencies: Histogram,
    /// From connecting to [`Counter::Ready`].
    pub(crate) connects: Histogram,
    /// Messages received by all subscribers.
    pub(crate) deliveries: u64,
    /// Bytes read.
    pub(crate) bytes: u64,
    /// Slow subscribers that the server disconnected.
    pub(crate) closed: u64,
}

impl Stats {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.connects.merge(&other.connects);
        self.deliveries += other.deliveries;
        self.bytes += other.bytes;
        self.closed += other.closed;
    }
}
