//! How long a phase takes, and what the server and this program spend on it.

use std::time::{Duration, Instant};

use super::process::{Cpu, Process};
use super::report::{Phase, each, rate};

/// Runs from the start of a phase.
pub(super) struct Meter {
    process: Option<Process>,
    server: Option<Cpu>,
    own: Option<Cpu>,
    start: Instant,
}

/// What a meter showed.
pub(super) struct Spent {
    time: Duration,
    server: Option<Duration>,
    own: Option<Duration>,
}

impl Meter {
    /// `process` is the server's.
    pub(super) fn start(process: Option<Process>) -> Self {
        Self { process, server: process.and_then(Process::cpu), own: Process::own().cpu(), start: Instant::now() }
    }

    /// For how long it has run.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// What was spent until now.
    pub(super) fn read(&self) -> Spent {
        let time = self.elapsed();
        let server = self.process.and_then(|process| process.cpu_since(self.server.as_ref()));
        Spent { time, server, own: Process::own().cpu_since(self.own.as_ref()) }
    }
}

impl Spent {
    /// The phase with what it took, shared among so many deliveries.
    pub(super) fn over(&self, deliveries: u64, phase: Phase) -> Phase {
        Phase {
            seconds: self.time.as_secs_f64(),
            deliveries_per_second: rate(deliveries, self.time),
            server_cpu_seconds: self.server.map(|cpu| cpu.as_secs_f64()),
            server_cpu_us_per_delivery: each(self.server, deliveries),
            load_cpu_us_per_delivery: each(self.own, deliveries),
            ..phase
        }
    }
}
