//! A thread that holds a share of the subscribers.

use std::io::ErrorKind;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token};
use parking_lot::Mutex;

use crate::shared::{CountBuffer, Counter, Shared, Stats};
use crate::subscriber::Subscriber;
use crate::target::Target;
use crate::{BUFFER_BYTES, EVENTS_MAX, Failure};

/// Connections that one thread opens at a time: fewer than fit into a listener's backlog.
const CONNECTING_MAX: usize = 128;
/// How often a thread checks whether the run is over.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A share of the subscribers.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    stats: Arc<Mutex<Stats>>,
    target: Target,
    /// The numbers of subscribers that are not connected yet, the next one last.
    unconnected: Vec<usize>,
    /// Subscribers with smaller numbers are slow.
    slow_end: usize,
    poll: Poll,
    buffer: Vec<u8>,
    /// `None` for those that the server disconnected.
    subscribers: Vec<Option<Subscriber>>,
    counts: CountBuffer,
    ready: usize,
    was_paused: bool,
    has_paused: bool,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, target: Target, numbers: Vec<usize>, slow_end: usize) -> Result<Self, Failure> {
        Ok(Self {
            shared,
            stats: Arc::default(),
            target,
            unconnected: numbers.into_iter().rev().collect(),
            slow_end,
            poll: Poll::new().map_err(|error| Failure::of(&error))?,
            buffer: vec![0; BUFFER_BYTES],
            subscribers: Vec::new(),
            counts: CountBuffer::default(),
            ready: 0,
            was_paused: false,
            has_paused: false,
        })
    }

    /// Returns what it measures.
    pub(crate) fn stats(&self) -> Arc<Mutex<Stats>> {
        self.stats.clone()
    }

    /// Connects its subscribers, and reads until the run is over.
    pub(crate) fn run(mut self) {
        if let Err(failure) = self.serve() {
            self.shared.fail(failure);
        }
    }

    fn serve(&mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.shared.is_over() {
            self.connect()?;
            match self.poll.poll(&mut events, Some(POLL_INTERVAL)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Failure::of(&error)),
                _ => {}
            }
            let stats = self.stats.clone();
            let mut stats = stats.lock();
            let is_paused = self.shared.is_paused();
            self.has_paused |= is_paused;
            for event in &events {
                self.handle(event, is_paused, &mut stats)?;
            }
            if mem::replace(&mut self.was_paused, is_paused) && !is_paused {
                self.catch_up(&mut stats)?;
            }
            drop(stats);
            self.ready += self.counts.get(Counter::Ready);
            self.counts.flush(&self.shared);
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<(), Failure> {
        while self.subscribers.len() < self.ready + CONNECTING_MAX
            && let Some(number) = self.unconnected.pop()
        {
            let (token, is_slow) = (Token(self.subscribers.len()), number < self.slow_end);
            let subscriber = Subscriber::open(&self.target, self.poll.registry(), token, &self.shared, number, is_slow)?;
            self.subscribers.push(Some(subscriber));
        }
        Ok(())
    }

    fn handle(&mut self, event: &Event, is_paused: bool, stats: &mut Stats) -> Result<(), Failure> {
        let index = event.token().0;
        let Some(subscriber) = &mut self.subscribers[index] else { return Ok(()) };
        // `catch_up` reads it later.
        if is_paused && subscriber.is_slow() {
            return Ok(());
        }
        let result = subscriber.handle(event, &mut self.buffer, &self.shared, stats, &mut self.counts);
        self.allow_disconnect(index, result, stats)
    }

    /// Reads what arrived for slow subscribers in the pause.
    fn catch_up(&mut self, stats: &mut Stats) -> Result<(), Failure> {
        for index in 0..self.subscribers.len() {
            if let Some(subscriber) = self.subscribers[index].as_mut().filter(|subscriber| subscriber.is_slow()) {
                let result = subscriber.catch_up(&mut self.buffer, &self.shared, stats, &mut self.counts);
                self.allow_disconnect(index, result, stats)?;
            }
        }
        Ok(())
    }

    /// The server may disconnect subscribers that did not read, and no others.
    fn allow_disconnect(&mut self, index: usize, result: Result<(), Failure>, stats: &mut Stats) -> Result<(), Failure> {
        match result {
            Err(failure) if self.has_paused && failure.is_disconnect => {
                let Some(subscriber) = self.subscribers[index].take_if(|subscriber| subscriber.is_slow()) else { return Err(failure) };
                self.counts.add(Counter::DeliveredToSlow, subscriber.missing(&self.shared));
                stats.closed += 1;
                Ok(())
            }
            result => result,
        }
    }
}
