//! What a run has measured, as it is printed or written as JSON. Times are in the unit that their names end with.

use std::time::Duration;

use serde::Serialize;

use super::histogram::Histogram;

/// A run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Which scenario.
    pub scenario: &'static str,
    /// What was spoken by the server.
    pub peer: &'static str,
    /// Over which transport.
    pub transport: &'static str,
    /// Whether every subscriber got every message that was sent, once and in order. When not, `trouble` says more.
    pub verified: bool,
    /// What went wrong.
    pub trouble: Option<String>,
    /// Whether it was ended before its time; what was measured until then is right.
    pub interrupted: bool,
    /// Making the connections, each time it was done.
    pub connects: Vec<Connects>,
    /// The server's memory.
    pub memory: Option<Memory>,
    /// What was measured, in turn.
    pub phases: Vec<Phase>,
}

/// Making connections, each until the server's first word.
#[derive(Clone, Debug, Serialize)]
pub struct Connects {
    /// How many.
    pub connections: u64,
    /// From the first to the last.
    pub seconds: f64,
    /// How many in a second.
    pub per_second: f64,
    /// The server's processor time for one.
    pub server_cpu_us: Option<f64>,
    /// How long they took.
    pub latency: Option<Latency>,
}

/// The server's resident memory.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// Before the connections.
    pub before_bytes: Option<u64>,
    /// With all of them, idle.
    pub idle_bytes: Option<u64>,
    /// After all that was measured.
    pub after_bytes: Option<u64>,
    /// What one idle connection took of it.
    pub per_connection_bytes: Option<f64>,
}

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Phase {
    /// What was done.
    pub name: String,
    /// Messages that were sent at a time.
    pub batch: usize,
    /// Messages a second that were to be sent; without it the next came when all had the ones before.
    pub rate: Option<f64>,
    /// Bytes of a text.
    pub text_bytes: usize,
    /// Who received, or published.
    pub connections: usize,
    /// How long it took.
    pub seconds: f64,
    /// Messages that were sent.
    pub messages: u64,
    /// Messages that were received by all together.
    pub deliveries: u64,
    /// How many in a second.
    pub deliveries_per_second: f64,
    /// Messages of which the server said that they are durable, in a second.
    pub acknowledged_per_second: Option<f64>,
    /// The server's processor time.
    pub server_cpu_seconds: Option<f64>,
    /// The server's processor time for one delivery, or one publish where nobody else receives.
    pub server_cpu_us_per_delivery: Option<f64>,
    /// This program's, to see whether it was the bottleneck.
    pub load_cpu_us_per_delivery: Option<f64>,
    /// Bytes that were received.
    pub bytes: u64,
    /// From sending to receiving; with a rate, from when it should have been sent.
    pub latency: Option<Latency>,
    /// By how much the server's memory grew.
    pub memory_growth_bytes: Option<i64>,
    /// Subscribers that did not read, or had not before.
    pub slow: usize,
    /// How many of those the server closed.
    pub slow_closed: u64,
}

/// How long things took, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Half of all took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// 999 of 1,000 took no longer.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Latency {
    pub(super) fn of(histogram: &Histogram) -> Option<Self> {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let at = |share| histogram.quantile(share).map(ms);
        Some(Self { p50_ms: at(0.5)?, p99_ms: at(0.99)?, p999_ms: at(0.999)?, max_ms: histogram.max().map(ms)? })
    }
}

/// Processor time for each of so many, in microseconds.
pub(super) fn each(cpu: Option<Duration>, times: u64) -> Option<f64> {
    cpu.filter(|_| times > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / times as f64)
}

/// How many in a second.
pub(super) fn rate(times: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { times as f64 / time.as_secs_f64() }
}
