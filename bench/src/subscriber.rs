//! A subscriber: a connection that checks every message.

use mio::event::Event;
use mio::{Registry, Token};

use crate::Failure;
use crate::connection::Connection;
use crate::shared::{CountBuffer, Counter, Shared, Stats};
use crate::target::Target;
use crate::wire_format::{Received, WARM_UP};

/// Receives every message.
pub(crate) struct Subscriber {
    pub(crate) connection: Connection,
    verifier: Verifier,
}

impl Subscriber {
    /// Starts to connect. `number` names the subscriber in failures.
    pub(crate) fn open(
        target: &Target,
        registry: &Registry,
        token: Token,
        shared: &Shared,
        number: usize,
        is_slow: bool,
    ) -> Result<Self, Failure> {
        let connection = Connection::open(target, registry, token)?;
        Ok(Self { connection, verifier: Verifier { number, opened: shared.now(), due: 1, is_slow } })
    }

    /// True if it is one of those that stop reading.
    pub(crate) fn is_slow(&self) -> bool {
        self.verifier.is_slow
    }

    /// Handles an event.
    pub(crate) fn handle(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        shared: &Shared,
        stats: &mut Stats,
        counts: &mut CountBuffer,
    ) -> Result<(), Failure> {
        let (Self { connection, verifier }, now) = (self, shared.now());
        let bytes = connection.handle(event, buffer, |received| verifier.check(received, now, shared, stats, counts))?;
        stats.bytes += bytes as u64;
        Ok(())
    }

    /// Reads what arrived while it did not read.
    pub(crate) fn catch_up(
        &mut self,
        buffer: &mut [u8],
        shared: &Shared,
        stats: &mut Stats,
        counts: &mut CountBuffer,
    ) -> Result<(), Failure> {
        let (Self { connection, verifier }, now) = (self, shared.now());
        let bytes = connection.read(buffer, true, |received| verifier.check(received, now, shared, stats, counts))?;
        stats.bytes += bytes as u64;
        Ok(())
    }

    /// Returns how many sent messages it has not received.
    pub(crate) fn missing(&self, shared: &Shared) -> u64 {
        (shared.last() + 1).saturating_sub(self.verifier.due)
    }
}

/// Checks that every message arrives once and in order.
struct Verifier {
    number: usize,
    /// Nanoseconds from the run's start until the connection was opened.
    opened: u64,
    /// The number of the next message.
    due: u64,
    is_slow: bool,
}

impl Verifier {
    fn check(&mut self, received: Received, now: u64, shared: &Shared, stats: &mut Stats, counts: &mut CountBuffer) -> Result<(), Failure> {
        match received {
            Received::Message(WARM_UP) => counts.add(Counter::WarmUp, 1),
            Received::Message(number) if number == self.due => {
                self.due += 1;
                stats.deliveries += 1;
                if self.is_slow {
                    counts.add(Counter::DeliveredToSlow, 1);
                } else {
                    stats.latencies.add(now.saturating_sub(shared.sent(number)));
                    counts.add(Counter::Delivered, 1);
                }
            }
            Received::Message(number) => {
                return Err(Failure::new(format!("subscriber {} got message {number} when {} was due", self.number, self.due)));
            }
            Received::Ready => {
                stats.connects.add(now - self.opened);
                counts.add(Counter::Ready, 1);
            }
            Received::Acknowledged(_) => {}
        }
        Ok(())
    }
}
