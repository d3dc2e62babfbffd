//! What the threads of a run share: how far everybody is, when each message was sent, and whether something went wrong.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mio::Waker;

use super::Trouble;
use super::histogram::Histogram;

/// How many messages may be on their way. Sending waits at half of that.
pub(super) const SENT_MAX: u64 = 1 << 17;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    /// Connections on which every message comes from now on.
    Ready,
    /// Messages that only find out whether everybody is there.
    WarmUp,
    /// Messages to those who read.
    Delivered,
    /// Messages to those who are slow, and those that they will never get because they were sent away.
    Late,
}

const COUNTS: usize = 4;

/// The shared state of a run.
pub(super) struct Scene {
    start: Instant,
    stop: Arc<AtomicBool>,
    over: AtomicBool,
    stalled: AtomicBool,
    counts: [AtomicU64; COUNTS],
    goals: [AtomicU64; COUNTS],
    sent: Box<[AtomicU64]>,
    last: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
    waker: Waker,
}

impl Scene {
    /// Setting `stop` ends the run with what was measured; `waker` wakes the one who leads it.
    pub(super) fn new(stop: Arc<AtomicBool>, waker: Waker) -> Self {
        Self {
            start: Instant::now(),
            stop,
            over: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            counts: Default::default(),
            goals: [const { AtomicU64::new(u64::MAX) }; COUNTS],
            last: AtomicU64::new(0),
            sent: (0..SENT_MAX).map(|_| AtomicU64::new(0)).collect(),
            trouble: Mutex::default(),
            waker,
        }
    }

    /// Nanoseconds since the start.
    pub(super) fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Ends the threads.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether those who are slow do not read at all.
    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Acquire)
    }

    /// The count at which the one who leads is woken.
    pub(super) fn set_goal(&self, count: Count, goal: u64) {
        self.goals[count as usize].store(goal, Ordering::Release);
    }

    fn add(&self, count: usize, more: u64) {
        let goal = self.goals[count].load(Ordering::Acquire);
        let before = self.counts[count].fetch_add(more, Ordering::AcqRel);
        if before < goal && before + more >= goal {
            self.wake();
        }
    }

    fn wake(&self) {
        // It can only fail when nobody waits any more.
        let _ = self.waker.wake();
    }

    /// Notes when a message was sent, or should have been.
    pub(super) fn note_sent(&self, number: u64, at: u64) {
        self.sent[(number % SENT_MAX) as usize].store(at, Ordering::Release);
        self.last.store(number, Ordering::Release);
    }

    /// The number of the last message that was sent.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(super) fn sent(&self, number: u64) -> u64 {
        self.sent[(number % SENT_MAX) as usize].load(Ordering::Acquire)
    }

    /// The run is worth nothing: the first reason counts.
    pub(super) fn fail(&self, trouble: Trouble) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(trouble);
        self.wake();
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a thread has counted and not yet told: one lock and few shared writes for all that one wake-up brings.
#[derive(Debug, Default)]
pub(super) struct Untold([u64; COUNTS]);

impl Untold {
    pub(super) fn add(&mut self, count: Count, more: u64) {
        self.0[count as usize] += more;
    }

    pub(super) fn of(&self, count: Count) -> usize {
        self.0[count as usize] as usize
    }

    pub(super) fn tell(&mut self, scene: &Scene) {
        for (count, more) in self.0.iter_mut().enumerate() {
            if *more > 0 {
                scene.add(count, std::mem::take(more));
            }
        }
    }
}

/// What a thread has measured since it was last asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// From sending a message to its arrival.
    pub(super) latencies: Histogram,
    /// From connecting to being ready.
    pub(super) connects: Histogram,
    /// Messages received, by whomever.
    pub(super) deliveries: u64,
    /// Bytes read.
    pub(super) bytes: u64,
    /// Connections that the server closed because they did not read.
    pub(super) closed: u64,
}

impl Tally {
    pub(super) fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.connects.merge(&other.connects);
        self.deliveries += other.deliveries;
        self.bytes += other.bytes;
        self.closed += other.closed;
    }
}
