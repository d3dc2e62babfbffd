//! A subscriber: a connection, and which message is due on it.

use mio::event::Event;
use mio::{Registry, Token};

use super::Trouble;
use super::connection::Connection;
use super::scene::{Count, Scene, Tally, Untold};
use super::speech::{Heard, WARM_UP};
use super::target::Target;

/// One of those to whom messages are delivered.
pub(super) struct Subscriber {
    pub(super) connection: Connection,
    /// Its place among all, for messages about it.
    number: usize,
    begun: u64,
    due: u64,
    /// Whether it is one of those who stop reading.
    pub(super) is_slow: bool,
}

impl Subscriber {
    pub(super) fn open(
        target: &Target,
        registry: &Registry,
        token: Token,
        scene: &Scene,
        number: usize,
        is_slow: bool,
    ) -> Result<Self, Trouble> {
        let connection = Connection::open(target, registry, token)?;
        Ok(Self { connection, number, begun: scene.now(), due: 1, is_slow })
    }

    /// Does what an event allows, and counts what comes of it.
    pub(super) fn event(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        scene: &Scene,
        tally: &mut Tally,
        untold: &mut Untold,
    ) -> Result<(), Trouble> {
        let mut check = Check::new(self.number, self.begun, self.is_slow, &mut self.due, scene);
        let bytes = self.connection.event(event, buffer, |heard| check.heard(heard, tally, untold));
        tally.bytes += bytes? as u64;
        Ok(())
    }

    /// How many messages it has not had.
    pub(super) fn lacks(&self, scene: &Scene) -> u64 {
        (scene.last() + 1).saturating_sub(self.due)
    }

    /// Reads what came while nobody read.
    pub(super) fn catch_up(&mut self, buffer: &mut [u8], scene: &Scene, tally: &mut Tally, untold: &mut Untold) -> Result<(), Trouble> {
        let mut check = Check::new(self.number, self.begun, self.is_slow, &mut self.due, scene);
        let bytes = self.connection.read(buffer, true, |heard| check.heard(heard, tally, untold));
        tally.bytes += bytes? as u64;
        Ok(())
    }
}

/// Whether what is heard is what is due: every message, once, in order.
struct Check<'a> {
    number: usize,
    begun: u64,
    is_slow: bool,
    due: &'a mut u64,
    scene: &'a Scene,
    now: u64,
}

impl<'a> Check<'a> {
    fn new(number: usize, begun: u64, is_slow: bool, due: &'a mut u64, scene: &'a Scene) -> Self {
        Self { number, begun, is_slow, due, scene, now: scene.now() }
    }

    fn heard(&mut self, heard: Heard, tally: &mut Tally, untold: &mut Untold) -> Result<(), Trouble> {
        match heard {
            Heard::Message(WARM_UP) => untold.add(Count::WarmUp, 1),
            Heard::Message(number) if number == *self.due => {
                *self.due += 1;
                tally.deliveries += 1;
                if self.is_slow {
                    untold.add(Count::Late, 1);
                } else {
                    tally.latencies.add(self.now.saturating_sub(self.scene.sent(number)), 1);
                    untold.add(Count::Delivered, 1);
                }
            }
            Heard::Message(number) => {
                let (who, due) = (self.number, *self.due);
                return Err(Trouble::new(format!("subscriber {who} got message {number} when {due} was due")));
            }
            Heard::Ready => {
                tally.connects.add(self.now - self.begun, 1);
                untold.add(Count::Ready, 1);
            }
            Heard::Acknowledged(_) => {}
        }
        Ok(())
    }
}
