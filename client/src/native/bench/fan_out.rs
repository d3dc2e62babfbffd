//! Scenarios with a crowd of subscribers: messages to all of them, none at all, and some who do not read.

use std::time::Duration;

use super::crowd::{Crowd, TURN};
use super::meter::Meter;
use super::process::Process;
use super::report::{Latency, Phase};
use super::scene::SENT_MAX;
use super::{FanOut, Plan, Run, Slow, Stage, Trouble};

/// What may wait to be sent before sending waits, in bytes.
const UNSENT_BYTES_MAX: usize = 1024 * 1024;
/// The shortest wait that a poll can keep.
const POLL_WAIT_MIN: Duration = Duration::from_millis(1);

/// Messages to everybody: for each size of a batch, one phase.
pub(super) fn fan_out(plan: &Plan, wanted: &FanOut, run: &mut Run<'_>) -> Result<(), Trouble> {
    let mut crowd = Crowd::gather(plan, wanted.subscribers, 0, run)?;
    crowd.warm_up(run)?;
    run.tell(Stage::Gathered);
    for batch in &wanted.batches {
        if crowd.scene.is_stopped() {
            break;
        }
        let name = if wanted.rate.is_some() { "at a rate" } else { "one after another" };
        let phase = Phase { name: name.to_owned(), ..phase(wanted, *batch, wanted.subscribers) };
        let phase = publish(&mut crowd, wanted, phase, run)?;
        run.report.phases.push(phase);
    }
    run.tell(Stage::Measured);
    end(&crowd, run);
    Ok(())
}

/// Connections that nobody writes to, for a while.
pub(super) fn idle(plan: &Plan, connections: usize, time: Duration, run: &mut Run<'_>) -> Result<(), Trouble> {
    let mut crowd = Crowd::gather(plan, connections, 0, run)?;
    run.tell(Stage::Gathered);
    let began = Began::new(&mut crowd);
    while began.meter.elapsed() < time && !crowd.turn(TURN)? {
        run.tell(Stage::Counting { what: "idle, seconds", done: began.meter.elapsed().as_secs(), of: time.as_secs() });
    }
    let phase = Phase { name: "idle".to_owned(), connections, ..Phase::default() };
    let phase = began.end(&mut crowd, phase);
    run.report.phases.push(phase);
    run.tell(Stage::Measured);
    end(&crowd, run);
    Ok(())
}

/// Connections that all come at once, as after a restart of the server.
pub(super) fn connect(plan: &Plan, connections: usize, rounds: u64, run: &mut Run<'_>) -> Result<(), Trouble> {
    for round in 0..rounds {
        // The first of a crowd leads it, and is not counted.
        let crowd = Crowd::gather(plan, connections + 1, 0, run)?;
        if round == 0 {
            run.tell(Stage::Gathered);
        }
        end(&crowd, run);
        if crowd.scene.is_stopped() {
            break;
        }
    }
    run.tell(Stage::Measured);
    Ok(())
}

/// First everybody reads, then some do not, then these read on: what they missed comes, or the server has sent them away.
pub(super) fn slow(plan: &Plan, wanted: &Slow, run: &mut Run<'_>) -> Result<(), Trouble> {
    let all = wanted.fan_out.subscribers;
    let slow = ((all as f64 * wanted.share).ceil() as usize).min(all - 1);
    let mut crowd = Crowd::gather(plan, all, slow, run)?;
    crowd.warm_up(run)?;
    run.tell(Stage::Gathered);
    let batch = wanted.fan_out.batches.first().copied().unwrap_or(1);
    for (name, slow) in [("all read", 0), ("some do not read", slow)] {
        if crowd.scene.is_stopped() {
            break;
        }
        crowd.scene.stall(slow > 0);
        let phase = Phase { name: name.to_owned(), slow, ..phase(&wanted.fan_out, batch, all) };
        let phase = publish(&mut crowd, &wanted.fan_out, phase, run)?;
        run.report.phases.push(phase);
    }
    let began = Began::new(&mut crowd);
    crowd.scene.stall(false);
    crowd.everybody(run)?;
    let phase = Phase { name: "they read on".to_owned(), slow, connections: slow, ..Phase::default() };
    let phase = began.end(&mut crowd, phase);
    run.report.phases.push(phase);
    run.tell(Stage::Measured);
    end(&crowd, run);
    Ok(())
}

fn phase(wanted: &FanOut, batch: usize, connections: usize) -> Phase {
    Phase { batch, rate: wanted.rate, text_bytes: wanted.bytes, connections, ..Phase::default() }
}

fn end(crowd: &Crowd, run: &mut Run<'_>) {
    if let Some(memory) = &mut run.report.memory {
        memory.after_bytes = crowd.process.and_then(Process::memory);
    }
}

/// Publishes until it is enough, and waits until everybody who reads has everything.
fn publish(crowd: &mut Crowd, wanted: &FanOut, phase: Phase, run: &mut Run<'_>) -> Result<Phase, Trouble> {
    let began = Began::new(crowd);
    match wanted.rate {
        None => one_after_another(crowd, wanted, phase.batch, &began, run)?,
        Some(rate) => at_a_rate(crowd, wanted, phase.batch, rate, &began, run)?,
    }
    crowd.everybody(run)?;
    Ok(began.end(crowd, phase))
}

/// The next batch goes when all have the one before.
fn one_after_another(crowd: &mut Crowd, wanted: &FanOut, batch: usize, began: &Began, run: &mut Run<'_>) -> Result<(), Trouble> {
    let mut rounds = 0;
    while wanted.rounds.map_or(began.meter.elapsed() < wanted.time, |wanted| rounds < wanted) {
        let now = crowd.scene.now();
        for _ in 0..batch {
            crowd.put(wanted.bytes, now);
        }
        crowd.flush()?;
        if !crowd.everybody(run)? {
            return Ok(());
        }
        rounds += 1;
    }
    Ok(())
}

/// Each batch goes at its time, whoever has the ones before; what is late counts from when it should have gone.
fn at_a_rate(crowd: &mut Crowd, wanted: &FanOut, batch: usize, rate: f64, began: &Began, run: &mut Run<'_>) -> Result<(), Trouble> {
    let interval = Duration::from_secs_f64(batch as f64 / rate);
    let start = crowd.scene.now();
    let mut rounds = 0_u32;
    let enough = |rounds: u32| wanted.rounds.map_or(interval * rounds >= wanted.time, |wanted| u64::from(rounds) >= wanted);
    while !enough(rounds) {
        let mut due = interval * rounds;
        let has_room = crowd.sent - crowd.everybody_has() < SENT_MAX / 2 && crowd.unsent() < UNSENT_BYTES_MAX;
        while has_room && due <= began.meter.elapsed() && !enough(rounds) {
            for _ in 0..batch {
                crowd.put(wanted.bytes, start + due.as_nanos() as u64);
            }
            rounds += 1;
            due = interval * rounds;
        }
        crowd.flush()?;
        let wait = if has_room { due.saturating_sub(began.meter.elapsed()) } else { TURN };
        // A poll waits for whole milliseconds: the last part of the wait is without one.
        let poll_wait = if wait < 2 * POLL_WAIT_MIN { Duration::ZERO } else { (wait - POLL_WAIT_MIN).min(TURN) };
        if poll_wait.is_zero() {
            std::thread::park_timeout(wait);
        }
        if crowd.turn(poll_wait)? {
            return Ok(());
        }
        run.tell(Stage::Counting { what: "messages sent", done: crowd.sent, of: crowd.sent });
    }
    Ok(())
}

/// How things were when a phase began.
struct Began {
    meter: Meter,
    memory: Option<u64>,
    sent: u64,
}

impl Began {
    fn new(crowd: &mut Crowd) -> Self {
        // What was measured before belongs to no phase.
        crowd.tally();
        let memory = crowd.process.and_then(Process::memory);
        Self { meter: Meter::start(crowd.process), memory, sent: crowd.sent }
    }

    fn end(self, crowd: &mut Crowd, phase: Phase) -> Phase {
        let spent = self.meter.read();
        let memory = crowd.process.and_then(Process::memory);
        let tally = crowd.tally();
        let phase = Phase {
            messages: crowd.sent - self.sent,
            deliveries: tally.deliveries,
            bytes: tally.bytes,
            latency: Latency::of(&tally.latencies),
            memory_growth_bytes: memory.zip(self.memory).map(|(after, before)| after.cast_signed() - before.cast_signed()),
            slow_closed: tally.closed,
            ..phase
        };
        spent.over(tally.deliveries, phase)
    }
}
