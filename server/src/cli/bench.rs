//! `crier bench`: starts a server of its own unless one is named, measures it, and prints what came of it.

mod own;
mod table;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bench::{self, Peer, Plan, Progress, Report};

use super::terminal::write_json;
use crate::config::{Bench, Place};
use own::OwnServer;

/// Files that a program has open besides its connections.
const OTHER_FILES: u64 = 64;
/// More threads would not make the load cheaper.
const THREADS_MAX: usize = 4;
const WAITING: &str = "waiting until the server has nothing more to say";
/// How often one who waits for Enter looks whether to stop.
const TURN: Duration = Duration::from_millis(50);

/// Measures. Setting `stop` ends it with what was measured until then.
pub async fn bench(settings: Bench, stop: Arc<AtomicBool>) -> anyhow::Result<()> {
    let what = settings.what;
    let place = what.place().clone();
    let scenario = what.scenario();
    if let bench::Scenario::Slow(slow) = &scenario
        && slow.fan_out.subscribers < 3
    {
        bail!("slow readers are measured among 3 --subscribers or more");
    }
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
    let connections = what.connections();
    if files < connections as u64 + OTHER_FILES {
        bail!("{connections} connections are more than the {files} files that a process may have open here (see `ulimit -Hn`)");
    }
    let threads = place.threads.map_or_else(|| available_parallelism().map_or(1, |all| (all.get() - 1).clamp(1, THREADS_MAX)), usize::from);
    let own = match &place.server {
        Some(_) => None,
        None => Some(OwnServer::start(&place, connections)?),
    };
    let server = place.server.clone().or_else(|| own.as_ref().map(|own| own.url.clone())).unwrap_or_default();
    let pid = place.pid.or_else(|| own.as_ref().map(OwnServer::pid));
    let (peer, transport) = what.readers();
    let plan = Plan { server, peer, transport, pid, threads, scenario };
    let (pause, stopped) = (place.pause, stop.clone());
    let measured = tokio::task::spawn_blocking(move || bench::run(&plan, &stop, &mut Watcher { pause, stop: stop.clone() }.tells()));
    let report = measured.await.context("the measurement broke off")?;
    drop(own);
    print(&report, &place).context("can't write to standard output")?;
    match report.failure {
        Some(trouble) if !stopped.load(Ordering::Relaxed) => bail!("{trouble}{}", hint(peer, &trouble)),
        _ => Ok(()),
    }
}

/// What a person can do about it.
fn hint(peer: Peer, trouble: &str) -> &'static str {
    match peer {
        Peer::Crier if trouble.contains(" 429 ") || trouble.contains("rate_limited") => {
            "; a server for this has higher limits: --connections-per-address, --publishes-per-second, --publishes-burst"
        }
        _ => "",
    }
}

fn print(report: &Report, place: &Place) -> io::Result<()> {
    let mut output = io::stdout().lock();
    if place.json { write_json(report, &mut output) } else { table::write(report, &mut output) }
}

/// Says on standard error how far it is: on a terminal in one line that changes, else only where something new begins.
struct Watcher {
    pause: bool,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    fn tells(self) -> impl FnMut(Progress<'_>) {
        let is_terminal = io::stderr().is_terminal();
        let mut last = String::new();
        move |stage| {
            let (what, line) = match stage {
                Progress::Counting { what, done, of } if done == of => (what, format!("{what}: {done}")),
                Progress::Counting { what, done, of } => (what, format!("{what}: {done} of {of}")),
                Progress::Settling => (WAITING, WAITING.to_owned()),
                Progress::Connected => ("everybody is connected", String::new()),
                Progress::Measured => ("measured", String::new()),
            };
            let mut output = io::stderr().lock();
            // Whoever closed it does not want to know.
            let _ = match is_terminal {
                true if stage == Progress::Measured => write!(output, "\r\x1b[K"),
                true => write!(output, "\r\x1b[K{line}"),
                false if last != what => writeln!(output, "{what}"),
                false => Ok(()),
            };
            let _ = output.flush();
            what.clone_into(&mut last);
            drop(output);
            if self.pause && matches!(stage, Progress::Connected | Progress::Measured) {
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
        while !self.stop.load(Ordering::Relaxed) && rx.recv_timeout(TURN) == Err(RecvTimeoutError::Timeout) {}
    }
}
