//! A thread that holds its share of the subscribers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token};

use super::scene::{Count, Scene, Tally, Untold};
use super::subscriber::Subscriber;
use super::target::Target;
use super::{BUFFER_BYTES, EVENTS_MAX, Trouble};

/// How many connections one thread makes at a time: fewer than a listener holds before it accepts them.
const CONNECTING_MAX: usize = 128;
/// How long a thread waits before it looks whether the run is over.
const TURN: Duration = Duration::from_millis(20);

/// A share of the subscribers.
pub(super) struct Worker {
    scene: Arc<Scene>,
    tally: Arc<Mutex<Tally>>,
    target: Target,
    /// The numbers of those that are not yet connected, the next one last.
    missing: Vec<usize>,
    /// Those whose number is smaller are slow.
    slow: usize,
    poll: Poll,
    buffer: Vec<u8>,
    subscribers: Vec<Option<Subscriber>>,
    untold: Untold,
    ready: usize,
    was_stalled: bool,
    has_stalled: bool,
}

impl Worker {
    pub(super) fn new(scene: Arc<Scene>, target: Target, numbers: Vec<usize>, slow: usize) -> Result<Self, Trouble> {
        let poll = Poll::new().map_err(|error| Trouble::new(error.to_string()))?;
        let missing = numbers.into_iter().rev().collect();
        let (tally, untold) = (Arc::default(), Untold::default());
        let (buffer, subscribers) = (vec![0; BUFFER_BYTES], Vec::new());
        Ok(Self {
            scene,
            tally,
            target,
            missing,
            slow,
            poll,
            buffer,
            subscribers,
            untold,
            ready: 0,
            was_stalled: false,
            has_stalled: false,
        })
    }

    /// What it measures.
    pub(super) fn tally(&self) -> Arc<Mutex<Tally>> {
        self.tally.clone()
    }

    /// Connects everybody, and reads until the run is over.
    pub(super) fn run(mut self) {
        if let Err(trouble) = self.attend() {
            self.scene.fail(trouble);
        }
    }

    fn attend(&mut self) -> Result<(), Trouble> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.scene.is_over() {
            self.connect()?;
            match self.poll.poll(&mut events, Some(TURN)) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(Trouble::new(error.to_string())),
                _ => {}
            }
            let tally = self.tally.clone();
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            let stalled = self.scene.is_stalled();
            self.has_stalled |= stalled;
            for event in &events {
                self.event(event, stalled, &mut tally)?;
            }
            if std::mem::replace(&mut self.was_stalled, stalled) && !stalled {
                self.catch_up(&mut tally)?;
            }
            drop(tally);
            self.ready += self.untold.of(Count::Ready);
            self.untold.tell(&self.scene);
        }
        Ok(())
    }

    fn connect(&mut self) -> Result<(), Trouble> {
        while self.subscribers.len() < self.ready + CONNECTING_MAX
            && let Some(number) = self.missing.pop()
        {
            let token = Token(self.subscribers.len());
            let subscriber = Subscriber::open(&self.target, self.poll.registry(), token, &self.scene, number, number < self.slow)?;
            self.subscribers.push(Some(subscriber));
        }
        Ok(())
    }

    fn event(&mut self, event: &Event, stalled: bool, tally: &mut Tally) -> Result<(), Trouble> {
        let slot = &mut self.subscribers[event.token().0];
        let Some(subscriber) = slot else { return Ok(()) };
        let is_slow = subscriber.is_slow;
        // What comes meanwhile is read when it is time to catch up.
        if stalled && is_slow {
            return Ok(());
        }
        let result = subscriber.event(event, &mut self.buffer, &self.scene, tally, &mut self.untold);
        self.lose(event.token().0, result, tally)
    }

    fn catch_up(&mut self, tally: &mut Tally) -> Result<(), Trouble> {
        for place in 0..self.subscribers.len() {
            if let Some(subscriber) = self.subscribers[place].as_mut().filter(|subscriber| subscriber.is_slow) {
                let result = subscriber.catch_up(&mut self.buffer, &self.scene, tally, &mut self.untold);
                self.lose(place, result, tally)?;
            }
        }
        Ok(())
    }

    /// Who did not read may be sent away; that anybody else is would be a failure.
    fn lose(&mut self, place: usize, result: Result<(), Trouble>, tally: &mut Tally) -> Result<(), Trouble> {
        match result {
            Err(trouble) if self.has_stalled && trouble.is_end => {
                let slot = &mut self.subscribers[place];
                let Some(subscriber) = slot.take_if(|subscriber| subscriber.is_slow) else { return Err(trouble) };
                self.untold.add(Count::Late, subscriber.lacks(&self.scene));
                tally.closed += 1;
                Ok(())
            }
            result => result,
        }
    }
}
