//! The duration of a phase, and the CPU time that the server and the load generator use in it.

use std::time::{Duration, Instant};

use crate::process::{CpuTimes, Process};
use crate::report::{Phase, each, rate};

/// Measures from its start.
pub(crate) struct Stopwatch {
    server: Option<Process>,
    server_before: Option<CpuTimes>,
    own_before: Option<CpuTimes>,
    start: Instant,
}

/// Time and CPU time used since the start.
pub(crate) struct Usage {
    time: Duration,
    server_cpu: Option<Duration>,
    own_cpu: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start(server: Option<Process>) -> Self {
        Self { server, server_before: server.and_then(Process::cpu), own_before: Process::own().cpu(), start: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn read(&self) -> Usage {
        let time = self.elapsed();
        let server_cpu = self.server.and_then(|process| process.cpu_since(self.server_before.as_ref()));
        Usage { time, server_cpu, own_cpu: Process::own().cpu_since(self.own_before.as_ref()) }
    }
}

impl Usage {
    /// Fills in a phase's figures, the CPU times divided by `deliveries`.
    pub(crate) fn per(&self, deliveries: u64, phase: Phase) -> Phase {
        Phase {
            seconds: self.time.as_secs_f64(),
            deliveries_per_second: rate(deliveries, self.time),
            server_cpu_seconds: self.server_cpu.map(|cpu| cpu.as_secs_f64()),
            server_cpu_us_per_delivery: each(self.server_cpu, deliveries),
            load_cpu_us_per_delivery: each(self.own_cpu, deliveries),
            ..phase
        }
    }
}
