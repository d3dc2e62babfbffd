//! Durable publishing: connections, each to a room of its own, that have so many messages unanswered at a time.

use std::collections::VecDeque;
use std::time::Instant;

use mio::{Events, Poll, Token};
use protocol::limits::PUBLISHES_IN_FLIGHT_MAX;

use super::connection::Connection;
use super::crowd::{PATIENCE, TURN};
use super::histogram::Histogram;
use super::meter::Meter;
use super::process::Process;
use super::report::{Latency, Phase};
use super::speech::{Heard, put_publish, text};
use super::target::Target;
use super::{BUFFER_BYTES, EVENTS_MAX, Plan, Publish, Run, Stage, Trouble};
use crate::Transport;

/// Publishes from so many connections, and counts what is acknowledged.
pub(super) fn publish(plan: &Plan, wanted: &Publish, run: &mut Run<'_>) -> Result<(), Trouble> {
    let poll = Poll::new().map_err(|error| Trouble::new(error.to_string()))?;
    let process = plan.pid.map(Process::new);
    let (events, buffer) = (Events::with_capacity(EVENTS_MAX), vec![0; BUFFER_BYTES]);
    let mut press = Press { poll, events, buffer, publishers: Vec::new(), latencies: Histogram::default(), bytes: 0 };
    for number in 0..wanted.connections {
        let target = Target::new(&plan.server, plan.peer, Transport::WebSocket, &super::room()?)?;
        let connection = Connection::open(&target, press.poll.registry(), Token(number))?;
        press.publishers.push(Publisher { connection, is_ready: false, sent: VecDeque::new(), published: 0, acknowledged: 0, received: 0 });
        // One after another, so that no listener has too many waiting.
        let begun = Instant::now();
        while !press.publishers[number].is_ready {
            if run.is_stopped() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(Trouble::new("the server does not answer"));
            }
            press.turn(wanted, false)?;
        }
    }
    run.tell(Stage::Gathered);
    let meter = Meter::start(process);
    press.begin(wanted)?;
    while meter.elapsed() < wanted.time && !run.is_stopped() {
        press.turn(wanted, true)?;
        run.tell(Stage::Counting { what: "acknowledged", done: press.acknowledged(), of: press.published() });
    }
    let (spent, acknowledged) = (meter.read(), press.acknowledged());
    press.finish(wanted)?;
    run.tell(Stage::Measured);
    let phase = Phase {
        name: format!("{} in flight", wanted.in_flight),
        batch: 1,
        text_bytes: wanted.bytes,
        connections: wanted.connections,
        messages: press.published(),
        deliveries: press.publishers.iter().map(|publisher| publisher.received).sum(),
        bytes: press.bytes,
        latency: Latency::of(&press.latencies),
        ..Phase::default()
    };
    let phase = spent.over(acknowledged, phase);
    run.report.phases.push(Phase { acknowledged_per_second: Some(phase.deliveries_per_second), ..phase });
    Ok(())
}

/// Everybody who publishes.
struct Press {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    publishers: Vec<Publisher>,
    latencies: Histogram,
    bytes: u64,
}

struct Publisher {
    connection: Connection,
    is_ready: bool,
    /// When those were sent that are not yet acknowledged.
    sent: VecDeque<Instant>,
    published: u64,
    acknowledged: u64,
    received: u64,
}

impl Press {
    fn begin(&mut self, wanted: &Publish) -> Result<(), Trouble> {
        self.publishers.iter_mut().try_for_each(|publisher| publisher.publish(wanted))
    }

    /// Waits a moment for what comes, and publishes more if it goes on.
    fn turn(&mut self, wanted: &Publish, goes_on: bool) -> Result<(), Trouble> {
        match self.poll.poll(&mut self.events, Some(TURN)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(Trouble::new(error.to_string())),
            _ => {}
        }
        for event in &self.events {
            let Publisher { connection, is_ready, sent, acknowledged, received, .. } = &mut self.publishers[event.token().0];
            let latencies = &mut self.latencies;
            let bytes = connection.event(event, &mut self.buffer, |heard| {
                match heard {
                    Heard::Ready => *is_ready = true,
                    Heard::Message(number) if number == *received + 1 => *received = number,
                    Heard::Acknowledged(number) if number == *acknowledged + 1 => {
                        *acknowledged = number;
                        latencies.add(sent.pop_front().map_or(0, |at| at.elapsed().as_nanos() as u64), 1);
                    }
                    heard => return Err(Trouble::new(format!("{heard:?} came after {acknowledged} and {received}"))),
                }
                Ok(())
            })?;
            self.bytes += bytes as u64;
            if goes_on {
                self.publishers[event.token().0].publish(wanted)?;
            }
        }
        Ok(())
    }

    /// Waits for the last answers: what was sent has to come.
    fn finish(&mut self, wanted: &Publish) -> Result<(), Trouble> {
        let begun = Instant::now();
        let is_done = |publisher: &Publisher| publisher.acknowledged == publisher.published && publisher.received == publisher.published;
        while !self.publishers.iter().all(is_done) {
            if begun.elapsed() > PATIENCE {
                return Err(Trouble::new(format!("only {} of {} messages were acknowledged", self.acknowledged(), self.published())));
            }
            self.turn(wanted, false)?;
        }
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.publishers.iter().map(|publisher| publisher.acknowledged).sum()
    }

    fn published(&self) -> u64 {
        self.publishers.iter().map(|publisher| publisher.published).sum()
    }
}

impl Publisher {
    /// Has as many unanswered as is wanted, all in one write.
    fn publish(&mut self, wanted: &Publish) -> Result<(), Trouble> {
        let now = Instant::now();
        while self.sent.len() < wanted.in_flight.min(PUBLISHES_IN_FLIGHT_MAX) {
            self.published += 1;
            self.sent.push_back(now);
            let unsent = self.connection.unsent();
            put_publish(super::Peer::Crier, self.published, &text(self.published, wanted.bytes), unsent);
        }
        self.connection.flush()
    }
}
