//! Chat in the room of a cast: how long messages take meanwhile.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use parking_lot::Mutex;

use crate::connection::Connection;
use crate::histogram::Histogram;
use crate::target::Target;
use crate::wire_format::{Received, put_publish, text};
use crate::{BUFFER_BYTES, EVENTS_MAX, Failure, TIMEOUT};

/// Readers of the room, one of which publishes.
const READERS: usize = 10;
/// Time between two messages.
const INTERVAL: Duration = Duration::from_millis(50);
const TEXT_BYTES: usize = 64;
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A thread that publishes and reads. Dropping it ends it.
pub(crate) struct Chat {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    is_silent: AtomicBool,
    latencies: Mutex<Histogram>,
    failure: Mutex<Option<Failure>>,
}

impl Chat {
    pub(crate) fn open(target: Target) -> Result<Self, Failure> {
        let shared = Arc::<Shared>::default();
        let run = {
            let shared = shared.clone();
            move || {
                if let Err(failure) = chat(&target, &shared) {
                    shared.failure.lock().get_or_insert(failure);
                }
            }
        };
        let thread = Builder::new().name("chat".to_owned()).spawn(run).map_err(|error| Failure::of(&error))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Stops or continues to publish.
    pub(crate) fn set_silent(&self, is_silent: bool) {
        self.shared.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// Returns the times from publishing to each reader since the last call.
    pub(crate) fn take_latencies(&self) -> Histogram {
        std::mem::take(&mut self.shared.latencies.lock())
    }

    /// Fails if the chat has.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.shared.failure.lock().clone().map_or(Ok(()), Err)
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // A thread that panicked has printed why.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn chat(target: &Target, shared: &Shared) -> Result<(), Failure> {
    let mut poll = Poll::new().map_err(|error| Failure::of(&error))?;
    let open = |number| Connection::open(target, poll.registry(), Token(number));
    let mut connections = (0..READERS).map(open).collect::<Result<Vec<_>, _>>()?;
    let (mut events, mut buffer) = (Events::with_capacity(EVENTS_MAX), vec![0; BUFFER_BYTES]);
    let (mut ready, mut sent, mut received) = (0, Vec::new(), 0);
    let mut due = Instant::now();
    while !shared.is_over.load(Ordering::Relaxed) {
        if ready == READERS && due <= Instant::now() && !shared.is_silent.load(Ordering::Relaxed) {
            due = Instant::now() + INTERVAL;
            sent.push(Instant::now());
            let number = sent.len() as u64;
            put_publish(target.peer, number, &text(number, TEXT_BYTES), connections[0].unsent());
            connections[0].flush()?;
        }
        match poll.poll(&mut events, Some(POLL_INTERVAL)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Failure::of(&error)),
            _ => {}
        }
        let mut latencies = shared.latencies.lock();
        for event in &events {
            connections[event.token().0].handle(event, &mut buffer, |message| {
                match message {
                    Received::Ready => ready += 1,
                    Received::Message(number) => {
                        let at = sent.get(number as usize - 1).ok_or_else(|| Failure::new("the room has a message of somebody else"))?;
                        latencies.add(at.elapsed().as_nanos() as u64);
                        received += 1;
                    }
                    Received::Acknowledged(_) => {}
                }
                Ok(())
            })?;
        }
        // The oldest message that somebody lacks.
        let oldest = sent.get(received / READERS);
        if oldest.is_some_and(|at| at.elapsed() > TIMEOUT) {
            return Err(Failure::new("a message did not reach everybody"));
        }
    }
    Ok(())
}
