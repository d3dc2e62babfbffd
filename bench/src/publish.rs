//! Durable publishes: connections, each to a room of its own, with a fixed number of unanswered
//! messages.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Instant;

use mio::{Events, Poll, Token};
use protocol::limits::PUBLISHES_IN_FLIGHT_MAX;

use crate::connection::Connection;
use crate::histogram::Histogram;
use crate::process::Process;
use crate::report::{Latency, Phase};
use crate::stopwatch::Stopwatch;
use crate::target::{Peer, Target, Transport};
use crate::wire_format::{Received, put_publish, text};
use crate::{BUFFER_BYTES, EVENTS_MAX, Failure, POLL_INTERVAL, Plan, Progress, Publish, Run, TIMEOUT};

/// Publishes until the time is over, and counts the acknowledgements.
pub(crate) fn publish(plan: &Plan, settings: &Publish, run: &mut Run<'_>) -> Result<(), Failure> {
    let mut publishers = Publishers::new(settings)?;
    for number in 0..settings.connections {
        // One at a time, so that they fit into any listener's backlog.
        if !publishers.connect(plan, number, run)? {
            return Ok(());
        }
    }
    run.tell(Progress::Connected);
    let stopwatch = Stopwatch::start(plan.pid.map(Process::new));
    publishers.start()?;
    while stopwatch.elapsed() < settings.time && !run.is_stopped() {
        publishers.turn(true)?;
        run.tell(Progress::Counting { what: "acknowledged", done: publishers.acknowledged(), of: publishers.published() });
    }
    let (usage, acknowledged) = (stopwatch.read(), publishers.acknowledged());
    publishers.finish()?;
    run.tell(Progress::Measured);
    let phase = usage.per(acknowledged, publishers.phase());
    run.report.phases.push(Phase { acknowledged_per_second: Some(phase.deliveries_per_second), ..phase });
    Ok(())
}

/// All publishers.
struct Publishers<'a> {
    settings: &'a Publish,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    publishers: Vec<Publisher>,
    latencies: Histogram,
    bytes: u64,
}

/// One connection and its messages, which are numbered from 1.
struct Publisher {
    connection: Connection,
    is_ready: bool,
    /// Send times of unacknowledged messages, the oldest first.
    sent: VecDeque<Instant>,
    published: u64,
    acknowledged: u64,
    received: u64,
}

impl<'a> Publishers<'a> {
    fn new(settings: &'a Publish) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            poll: Poll::new().map_err(|error| Failure::of(&error))?,
            events: Events::with_capacity(EVENTS_MAX),
            buffer: vec![0; BUFFER_BYTES],
            publishers: Vec::new(),
            latencies: Histogram::default(),
            bytes: 0,
        })
    }

    /// Connects the next publisher. Returns false if the run was stopped.
    fn connect(&mut self, plan: &Plan, number: usize, run: &Run<'_>) -> Result<bool, Failure> {
        let target = Target::new(&plan.server, plan.peer, Transport::WebSocket, &crate::room()?)?;
        let connection = Connection::open(&target, self.poll.registry(), Token(number))?;
        self.publishers.push(Publisher { connection, is_ready: false, sent: VecDeque::new(), published: 0, acknowledged: 0, received: 0 });
        let start = Instant::now();
        while !self.publishers[number].is_ready {
            if run.is_stopped() {
                return Ok(false);
            }
            if start.elapsed() > TIMEOUT {
                return Err(Failure::new("the server does not answer"));
            }
            self.turn(false)?;
        }
        Ok(true)
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.publishers.iter_mut().try_for_each(|publisher| publisher.publish(self.settings))
    }

    /// Handles what arrives within [`POLL_INTERVAL`]. `continues` publishes the next messages.
    fn turn(&mut self, continues: bool) -> Result<(), Failure> {
        match self.poll.poll(&mut self.events, Some(POLL_INTERVAL)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(Failure::of(&error)),
            _ => {}
        }
        for event in &self.events {
            let Publisher { connection, is_ready, sent, acknowledged, received, .. } = &mut self.publishers[event.token().0];
            let latencies = &mut self.latencies;
            let bytes = connection.handle(event, &mut self.buffer, |message| {
                match message {
                    Received::Ready => *is_ready = true,
                    Received::Message(number) if number == *received + 1 => *received = number,
                    Received::Acknowledged(number) if number == *acknowledged + 1 => {
                        *acknowledged = number;
                        latencies.add(sent.pop_front().map_or(0, |at| at.elapsed().as_nanos() as u64));
                    }
                    message => return Err(Failure::new(format!("{message:?} came after {acknowledged} and {received}"))),
                }
                Ok(())
            })?;
            self.bytes += bytes as u64;
            if continues {
                self.publishers[event.token().0].publish(self.settings)?;
            }
        }
        Ok(())
    }

    /// Waits until everything published is acknowledged and received.
    fn finish(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        let is_done = |publisher: &Publisher| publisher.acknowledged == publisher.published && publisher.received == publisher.published;
        while !self.publishers.iter().all(is_done) {
            if start.elapsed() > TIMEOUT {
                return Err(Failure::new(format!("only {} of {} messages were acknowledged", self.acknowledged(), self.published())));
            }
            self.turn(false)?;
        }
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.publishers.iter().map(|publisher| publisher.acknowledged).sum()
    }

    fn published(&self) -> u64 {
        self.publishers.iter().map(|publisher| publisher.published).sum()
    }

    fn phase(&self) -> Phase {
        Phase {
            name: format!("{} in flight", self.settings.in_flight),
            batch: 1,
            text_bytes: self.settings.bytes,
            connections: self.settings.connections,
            messages: self.published(),
            deliveries: self.publishers.iter().map(|publisher| publisher.received).sum(),
            bytes: self.bytes,
            latency: Latency::of(&self.latencies),
            ..Phase::default()
        }
    }
}

impl Publisher {
    /// Publishes, in one write, until `in_flight` messages are unanswered.
    fn publish(&mut self, settings: &Publish) -> Result<(), Failure> {
        let now = Instant::now();
        while self.sent.len() < settings.in_flight.min(PUBLISHES_IN_FLIGHT_MAX) {
            self.published += 1;
            self.sent.push_back(now);
            put_publish(Peer::Crier, self.published, &text(self.published, settings.bytes), self.connection.unsent());
        }
        self.connection.flush()
    }
}
