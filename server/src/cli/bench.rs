//! `crier bench`: runs the load generator against a server, and prints the report.

mod server;
mod table;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bench::{Peer, Plan, Progress, Report, Scenario};

use super::terminal::write_json;
use crate::config::{Bench, Measurement, Target};
use server::StartedServer;

/// Files that a process opens besides its connections.
const OTHER_FILES: u64 = 64;
/// More threads do not make the load cheaper.
const THREADS_MAX: usize = 4;
const SETTLING: &str = "waiting until the server is quiet";
/// How often a wait for Enter checks whether to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Measures, and prints the report. Setting `stop` ends the measurement early.
pub async fn bench(settings: Bench, stop: Arc<AtomicBool>) -> anyhow::Result<()> {
    let measurement = settings.measurement;
    let (target, connections) = (measurement.target().clone(), measurement.connections());
    check(&measurement)?;
    let started = match &target.server {
        Some(_) => None,
        None => Some(StartedServer::start(&target, connections)?),
    };
    let (peer, transport) = measurement.protocol();
    let plan = Plan {
        server: target.server.clone().or_else(|| started.as_ref().map(|server| server.url.clone())).unwrap_or_default(),
        peer,
        transport,
        pid: target.pid.or_else(|| started.as_ref().map(StartedServer::pid)),
        threads: target.threads.map_or_else(default_threads, usize::from),
        scenario: measurement.scenario(),
    };
    let (pause, stopped) = (target.pause, stop.clone());
    let run = move || bench::run(&plan, &stop, &mut ProgressPrinter { pause, stop: stop.clone() }.into_callback());
    let report = tokio::task::spawn_blocking(run).await.context("the measurement broke off")?;
    drop(started);
    print(&report, &target).context("can't write to standard output")?;
    match report.failure {
        Some(failure) if !stopped.load(Ordering::Relaxed) => bail!("{failure}{}", hint(peer, &failure)),
        _ => Ok(()),
    }
}

/// Checks what clap can't.
fn check(measurement: &Measurement) -> anyhow::Result<()> {
    if let Scenario::Slow(slow) = measurement.scenario()
        && slow.fan_out.subscribers < 3
    {
        bail!("slow readers are measured among 3 --subscribers or more");
    }
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
    let connections = measurement.connections();
    if files < connections as u64 + OTHER_FILES {
        bail!("{connections} connections are more than the {files} files that a process may have open here (see `ulimit -Hn`)");
    }
    Ok(())
}

/// One thread per processor that the server does not use.
fn default_threads() -> usize {
    available_parallelism().map_or(1, |cores| (cores.get() - 1).clamp(1, THREADS_MAX))
}

/// Says what to do about a failure.
fn hint(peer: Peer, failure: &str) -> &'static str {
    match peer {
        Peer::Crier if failure.contains(" 429 ") || failure.contains("rate_limited") => {
            "; a server for this has higher limits: --connections-per-address, --publishes-per-second, --publishes-burst"
        }
        _ => "",
    }
}

fn print(report: &Report, target: &Target) -> io::Result<()> {
    let mut output = io::stdout().lock();
    if target.json { write_json(report, &mut output) } else { table::write(report, &mut output) }
}

/// Prints progress to standard error: on a terminal in one line that is overwritten, otherwise a
/// line for each new stage.
struct ProgressPrinter {
    pause: bool,
    stop: Arc<AtomicBool>,
}

impl ProgressPrinter {
    fn into_callback(self) -> impl FnMut(Progress<'_>) {
        let is_terminal = io::stderr().is_terminal();
        let mut last = String::new();
        move |progress| {
            let (what, line) = match progress {
                Progress::Counting { what, done, of } if done == of => (what, format!("{what}: {done}")),
                Progress::Counting { what, done, of } => (what, format!("{what}: {done} of {of}")),
                Progress::Settling => (SETTLING, SETTLING.to_owned()),
                Progress::Connected => ("everybody is connected", String::new()),
                Progress::Measured => ("measured", String::new()),
            };
            let mut output = io::stderr().lock();
            // Errors are ignored: standard error may be closed.
            let _ = match is_terminal {
                true if progress == Progress::Measured => write!(output, "\r\x1b[K"),
                true => write!(output, "\r\x1b[K{line}"),
                false if last != what => writeln!(output, "{what}"),
                false => Ok(()),
            };
            let _ = output.flush();
            what.clone_into(&mut last);
            drop(output);
            if self.pause && matches!(progress, Progress::Connected | Progress::Measured) {
                self.wait_for_enter();
            }
        }
    }

    fn wait_for_enter(&self) {
        let _ = writeln!(io::stderr(), "crier: press Enter to go on");
        let (tx, rx) = sync_channel(1);
        std::thread::spawn(move || {
            let _ = io::stdin().lock().read_line(&mut String::new());
            let _ = tx.send(());
        });
        while !self.stop.load(Ordering::Relaxed) && rx.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Timeout) {}
    }
}
