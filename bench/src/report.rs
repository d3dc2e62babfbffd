//! The report of a run, which is printed as a table or as JSON. The end of a name is its unit.

use std::time::Duration;

use serde::Serialize;

use crate::histogram::Histogram;

/// The report of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The scenario.
    pub scenario: &'static str,
    /// The server's protocol.
    pub peer: &'static str,
    /// The transport of the subscribers.
    pub transport: &'static str,
    /// True if every subscriber received every message once and in order.
    pub verified: bool,
    /// Why the run failed.
    #[serde(rename = "trouble")]
    pub failure: Option<String>,
    /// True if the run was stopped early. What was measured until then is correct.
    pub interrupted: bool,
    /// The connects of each round.
    pub connects: Vec<Connects>,
    /// The server's memory.
    pub memory: Option<Memory>,
    /// The measurements, in order.
    pub phases: Vec<Phase>,
    /// The parts of a cast.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub casts: Vec<CastPhase>,
}

/// Connects. Each ends with the server's first message.
#[derive(Clone, Debug, Serialize)]
pub struct Connects {
    /// Connections.
    pub connections: u64,
    /// From the first connect to the end of the last.
    pub seconds: f64,
    /// Connections per second.
    pub per_second: f64,
    /// The server's CPU time per connection.
    pub server_cpu_us: Option<f64>,
    /// The durations of the connects.
    pub latency: Option<Latency>,
}

/// The server's resident memory.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// Before the connections.
    pub before_bytes: Option<u64>,
    /// With all connections idle.
    pub idle_bytes: Option<u64>,
    /// After the measurements.
    pub after_bytes: Option<u64>,
    /// The growth per idle connection.
    pub per_connection_bytes: Option<f64>,
}

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Phase {
    /// The name of the phase.
    pub name: String,
    /// Messages sent at a time.
    pub batch: usize,
    /// Messages per second. `None` if each batch was sent when all subscribers had the last one.
    pub rate: Option<f64>,
    /// Bytes of a message's text.
    pub text_bytes: usize,
    /// Connections that received, or published.
    pub connections: usize,
    /// The duration.
    pub seconds: f64,
    /// Messages sent.
    pub messages: u64,
    /// Messages received by all connections.
    pub deliveries: u64,
    /// Deliveries per second.
    pub deliveries_per_second: f64,
    /// Messages per second that the server acknowledged as durable.
    pub acknowledged_per_second: Option<f64>,
    /// The server's CPU time.
    pub server_cpu_seconds: Option<f64>,
    /// The server's CPU time per delivery, or per publish in the scenario `publish`.
    pub server_cpu_us_per_delivery: Option<f64>,
    /// The load generator's CPU time per delivery: shows if it was the bottleneck.
    pub load_cpu_us_per_delivery: Option<f64>,
    /// Bytes received.
    pub bytes: u64,
    /// From sending to receiving a message. With a rate, from when it was due.
    pub latency: Option<Latency>,
    /// The growth of the server's memory.
    pub memory_growth_bytes: Option<i64>,
    /// Subscribers that do not read, or did not in the last phase.
    pub slow: usize,
    /// Slow subscribers that the server disconnected.
    pub slow_closed: u64,
}

/// Percentiles of durations.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The 99.9th percentile.
    pub p999_ms: f64,
    /// The maximum.
    pub max_ms: f64,
}

/// One part of a cast.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CastPhase {
    /// Its name.
    pub name: String,
    /// Viewers.
    pub viewers: usize,
    /// Viewers that read 200 kb/s.
    pub slow: usize,
    /// Duration.
    pub seconds: f64,
    /// Frames that viewers received.
    pub frames: u64,
    /// Megabits that viewers received.
    pub megabits: f64,
    /// CPU time of the server, or of the plain loop, for a megabit.
    pub cpu_us_per_megabit: Option<f64>,
    /// From the presenter to viewers that always read.
    pub latency: Option<Latency>,
    /// From the presenter to slow viewers.
    pub slow_latency: Option<Latency>,
    /// Of messages in the same room.
    pub chat: Option<Latency>,
    /// The most that the server's memory has grown since all viewers were connected.
    pub memory_growth_bytes: Option<i64>,
    /// How often a slow viewer went on at a key frame.
    pub skips: u64,
    /// How often another one did.
    pub fast_skips: u64,
}

impl Latency {
    pub(crate) fn of(histogram: &Histogram) -> Option<Self> {
        let ms = |share| Some(histogram.quantile(share)?.as_secs_f64() * 1e3);
        Some(Self { p50_ms: ms(0.5)?, p99_ms: ms(0.99)?, p999_ms: ms(0.999)?, max_ms: ms(1.0)? })
    }
}

/// Returns CPU microseconds per item.
pub(crate) fn each(cpu: Option<Duration>, count: u64) -> Option<f64> {
    cpu.filter(|_| count > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / count as f64)
}

/// Returns items per second.
pub(crate) fn rate(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}
