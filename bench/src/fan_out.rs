//! Scenarios with subscribers: messages to all of them, none at all, and messages while some do not
//! read.

use std::time::Duration;

use crate::clients::Clients;
use crate::process::Process;
use crate::report::{Latency, Phase};
use crate::shared::SENT_MAX;
use crate::stopwatch::Stopwatch;
use crate::{Failure, FanOut, POLL_INTERVAL, Plan, Progress, Run, Slow};

/// Bytes in the publisher's queue at which it stops to publish.
const UNSENT_BYTES_MAX: usize = 1024 * 1024;
/// The resolution of a poll's time-out.
const POLL_WAIT_MIN: Duration = Duration::from_millis(1);

/// Publishes to all subscribers, one phase for each batch size.
pub(crate) fn fan_out(plan: &Plan, settings: &FanOut, run: &mut Run<'_>) -> Result<(), Failure> {
    let mut clients = Clients::connect(plan, settings.subscribers, 0, run)?;
    clients.warm_up(run)?;
    run.tell(Progress::Connected);
    for batch in &settings.batches {
        if clients.shared.is_stopped() {
            break;
        }
        let name = if settings.rate.is_some() { "at a rate" } else { "one after another" };
        let phase = Phase { name: name.to_owned(), ..phase(settings, *batch, settings.subscribers) };
        let phase = publish(&mut clients, settings, phase, run)?;
        run.report.phases.push(phase);
    }
    finish(&clients, run);
    Ok(())
}

/// Keeps connections open without traffic.
pub(crate) fn idle(plan: &Plan, connections: usize, time: Duration, run: &mut Run<'_>) -> Result<(), Failure> {
    let mut clients = Clients::connect(plan, connections, 0, run)?;
    run.tell(Progress::Connected);
    let start = PhaseStart::new(&mut clients);
    while start.stopwatch.elapsed() < time && !clients.turn(POLL_INTERVAL)? {
        run.tell(Progress::Counting { what: "idle, seconds", done: start.stopwatch.elapsed().as_secs(), of: time.as_secs() });
    }
    let phase = Phase { name: "idle".to_owned(), connections, ..Phase::default() };
    run.report.phases.push(start.end(&mut clients, phase));
    finish(&clients, run);
    Ok(())
}

/// Opens connections all at once, as clients do after a server's restart.
pub(crate) fn connect(plan: &Plan, connections: usize, rounds: u64, run: &mut Run<'_>) -> Result<(), Failure> {
    for round in 0..rounds {
        // The publisher connects first and is not counted.
        let clients = Clients::connect(plan, connections + 1, 0, run)?;
        if round == 0 {
            run.tell(Progress::Connected);
        }
        note_memory(&clients, run);
        if clients.shared.is_stopped() {
            break;
        }
    }
    run.tell(Progress::Measured);
    Ok(())
}

/// Publishes while all read, then while some do not; then these read again and must get what they
/// missed, or be disconnected.
pub(crate) fn slow(plan: &Plan, settings: &Slow, run: &mut Run<'_>) -> Result<(), Failure> {
    let total = settings.fan_out.subscribers;
    let slow = ((total as f64 * settings.share).ceil() as usize).min(total - 1);
    let mut clients = Clients::connect(plan, total, slow, run)?;
    clients.warm_up(run)?;
    run.tell(Progress::Connected);
    let batch = settings.fan_out.batches.first().copied().unwrap_or(1);
    for (name, slow) in [("all read", 0), ("some do not read", slow)] {
        if clients.shared.is_stopped() {
            break;
        }
        clients.shared.set_paused(slow > 0);
        let phase = Phase { name: name.to_owned(), slow, ..phase(&settings.fan_out, batch, total) };
        let phase = publish(&mut clients, &settings.fan_out, phase, run)?;
        run.report.phases.push(phase);
    }
    let start = PhaseStart::new(&mut clients);
    clients.shared.set_paused(false);
    clients.wait_for_deliveries(run)?;
    let phase = Phase { name: "they read on".to_owned(), slow, connections: slow, ..Phase::default() };
    run.report.phases.push(start.end(&mut clients, phase));
    finish(&clients, run);
    Ok(())
}

fn phase(settings: &FanOut, batch: usize, connections: usize) -> Phase {
    Phase { batch, rate: settings.rate, text_bytes: settings.bytes, connections, ..Phase::default() }
}

fn finish(clients: &Clients, run: &mut Run<'_>) {
    run.tell(Progress::Measured);
    note_memory(clients, run);
}

fn note_memory(clients: &Clients, run: &mut Run<'_>) {
    if let Some(memory) = &mut run.report.memory {
        memory.after_bytes = clients.server.and_then(Process::memory);
    }
}

/// Publishes until the phase is over, and waits for the last deliveries.
fn publish(clients: &mut Clients, settings: &FanOut, phase: Phase, run: &mut Run<'_>) -> Result<Phase, Failure> {
    let start = PhaseStart::new(clients);
    match settings.rate {
        None => one_after_another(clients, settings, phase.batch, &start, run)?,
        Some(rate) => at_a_rate(clients, settings, phase.batch, rate, &start, run)?,
    }
    clients.wait_for_deliveries(run)?;
    Ok(start.end(clients, phase))
}

/// Sends each batch when all subscribers have the last one.
fn one_after_another(clients: &mut Clients, settings: &FanOut, batch: usize, start: &PhaseStart, run: &mut Run<'_>) -> Result<(), Failure> {
    let mut rounds = 0;
    while settings.rounds.map_or(start.stopwatch.elapsed() < settings.time, |wanted| rounds < wanted) {
        let now = clients.shared.now();
        for _ in 0..batch {
            clients.put(settings.bytes, now);
        }
        clients.flush()?;
        if !clients.wait_for_deliveries(run)? {
            return Ok(());
        }
        rounds += 1;
    }
    Ok(())
}

/// Sends each batch when it is due. The latency of a late one counts from when it was due.
fn at_a_rate(
    clients: &mut Clients,
    settings: &FanOut,
    batch: usize,
    rate: f64,
    start: &PhaseStart,
    run: &mut Run<'_>,
) -> Result<(), Failure> {
    let interval = Duration::from_secs_f64(batch as f64 / rate);
    let started = clients.shared.now();
    let mut rounds = 0_u32;
    let is_over = |rounds: u32| settings.rounds.map_or(interval * rounds >= settings.time, |wanted| u64::from(rounds) >= wanted);
    while !is_over(rounds) {
        let mut due = interval * rounds;
        let has_room = clients.in_flight() < SENT_MAX / 2 && clients.unsent() < UNSENT_BYTES_MAX;
        while has_room && due <= start.stopwatch.elapsed() && !is_over(rounds) {
            for _ in 0..batch {
                clients.put(settings.bytes, started + due.as_nanos() as u64);
            }
            rounds += 1;
            due = interval * rounds;
        }
        clients.flush()?;
        let wait = if has_room { due.saturating_sub(start.stopwatch.elapsed()) } else { POLL_INTERVAL };
        // A poll waits for whole milliseconds. The thread parks for the rest.
        let poll_wait = if wait < 2 * POLL_WAIT_MIN { Duration::ZERO } else { (wait - POLL_WAIT_MIN).min(POLL_INTERVAL) };
        if poll_wait.is_zero() {
            std::thread::park_timeout(wait);
        }
        if clients.turn(poll_wait)? {
            return Ok(());
        }
        run.tell(Progress::Counting { what: "messages sent", done: clients.sent, of: clients.sent });
    }
    Ok(())
}

/// The figures at the start of a phase.
struct PhaseStart {
    stopwatch: Stopwatch,
    memory: Option<u64>,
    sent: u64,
}

impl PhaseStart {
    fn new(clients: &mut Clients) -> Self {
        // Drop what was measured before.
        clients.take_stats();
        let memory = clients.server.and_then(Process::memory);
        Self { stopwatch: Stopwatch::start(clients.server), memory, sent: clients.sent }
    }

    /// Fills in the phase's figures.
    fn end(self, clients: &mut Clients, phase: Phase) -> Phase {
        let usage = self.stopwatch.read();
        let memory = clients.server.and_then(Process::memory);
        let stats = clients.take_stats();
        let phase = Phase {
            messages: clients.sent - self.sent,
            deliveries: stats.deliveries,
            bytes: stats.bytes,
            latency: Latency::of(&stats.latencies),
            memory_growth_bytes: memory.zip(self.memory).map(|(after, before)| after.cast_signed() - before.cast_signed()),
            slow_closed: stats.closed,
            ..phase
        };
        usage.per(stats.deliveries, phase)
    }
}
