//! The program `crier`: reads the settings, runs the subcommand, and stops in good order on
//! signals.

#![forbid(unsafe_code)]

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use server::cli::ExitCode;
use server::config::{Cli, Post, Serve, Subcommand, Tail};
use server::log::Log;
use server::{Server, StopHandle, Unfinished, cli};
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The system's allocator needs more time per connect and more memory per connection.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> process::ExitCode {
    let arguments = Cli::read();
    let log = Log::start();
    let code = start(arguments, &log).unwrap_or_else(|error| {
        log.say(&format!("crier: {}", cli::harmless(&format!("{error:#}"))));
        ExitCode::Refused
    });
    log.flush();
    code.into()
}

fn start(arguments: Cli, log: &Log) -> anyhow::Result<ExitCode> {
    let mut runtime = match arguments.subcommand {
        // One person's chat needs one thread.
        Subcommand::Chat(_) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().context("can't start threads")?;
    let result = runtime.block_on(run(arguments, log));
    // Dropping the runtime would wait for blocking tasks, such as a read of a hanging disk.
    runtime.shutdown_background();
    result
}

async fn run(arguments: Cli, log: &Log) -> anyhow::Result<ExitCode> {
    match arguments.subcommand {
        Subcommand::Serve(settings) => serve(settings, log.clone()).await?,
        Subcommand::Post(settings) => return post(settings).await,
        Subcommand::Tail(settings) => return tail(settings).await,
        Subcommand::Chat(settings) => {
            let mut stop = Signals::new()?;
            return Ok(cli::chat(settings, now, async { stop.recv().await }).await);
        }
        Subcommand::Bench(settings) => {
            let mut signals = Signals::new()?;
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = stop.clone();
            tokio::spawn(async move {
                signals.recv().await;
                stopped.store(true, Ordering::Relaxed);
            });
            cli::bench(settings, stop).await?;
        }
        Subcommand::Key(command) => return Ok(cli::key(command, server::now()).await),
        Subcommand::Room(command) => return Ok(cli::room(command).await),
        Subcommand::Ban(command) => return Ok(cli::ban(command, server::now()).await),
        Subcommand::Completions(settings) => return Ok(cli::completions(&settings)),
        Subcommand::Man(settings) => return Ok(cli::man(&settings)),
    }
    Ok(ExitCode::Done)
}

/// Runs `crier post`. With `--follow`, the first signal ends it in good order, and the second one
/// at once.
async fn post(settings: Post) -> anyhow::Result<ExitCode> {
    let (stop_tx, stop) = oneshot::channel::<()>();
    if settings.follow {
        let mut signals = Signals::new()?;
        tokio::spawn(async move {
            signals.recv().await;
            let _ = stop_tx.send(());
            signals.recv().await;
            process::exit(ExitCode::Unreachable as i32);
        });
    }
    Ok(cli::post(settings, async { _ = stop.await }).await)
}

/// Runs `crier tail` in its own thread: printing blocks while nobody reads, and a signal must still
/// end it.
async fn tail(settings: Tail) -> anyhow::Result<ExitCode> {
    let mut stop = Signals::new()?;
    let (done_tx, done) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::spawn(move || done_tx.send(runtime.block_on(cli::tail(settings, local_time))));
    tokio::select! {
        result = done => result.context("printing broke off"),
        () = stop.recv() => Ok(ExitCode::Done),
    }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(server::now().cast_signed()).unwrap_or_default()
}

fn local_time() -> Zoned {
    now().to_zoned(TimeZone::system())
}

async fn serve(settings: Serve, log: Log) -> anyhow::Result<()> {
    // Each subscriber needs a file descriptor; the usual soft limit of 1,024 is for select(2).
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::info!(files, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors stays as it is"),
    }
    let data = settings.data.display().to_string();
    let server = Server::new(settings)?;
    let address = server.address().context("the listener has no address")?;
    let claim = server.claim_path();
    let signals = Signals::new()?;
    tokio::spawn(end_on_signals(signals, server.stop_handle(), log));
    tracing::info!(%address, data, version = env!("CARGO_PKG_VERSION"), "the board is open");
    // In its own thread, errors ignored: standard output may be closed or never read.
    std::thread::spawn(move || greet(address, claim.as_deref()));
    // In a worker of the runtime: the main thread would be woken for each connection.
    Ok(tokio::spawn(server.serve()).await??)
}

/// Says where the board is, and how to become its admin while it has none. Not in the log: the link
/// is a secret.
fn greet(address: SocketAddr, claim: Option<&str>) -> std::io::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "Crier is on http://{address}")?;
    if let Some(path) = claim {
        writeln!(output, "To become its admin, open this link within 15 minutes. It works once.\nhttp://{address}{path}")?;
    }
    Ok(())
}

/// Stops the server on the first signal, and ends the process on the second one.
async fn end_on_signals(mut signals: Signals, handle: StopHandle, log: Log) {
    loop {
        signals.recv().await;
        if handle.stop() {
            tracing::info!("stopping; a second signal ends the server at once");
        } else {
            let Unfinished { connections, commands } = handle.unfinished();
            tracing::warn!(connections, commands, "ending at once; these are cut off");
            log.flush();
            process::exit(1);
        }
    }
}

/// SIGINT, SIGTERM and SIGHUP.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` if it is ignored: a handler would replace that.
    hangup: Option<Signal>,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let hangup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn recv(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// True if the process was started with SIGHUP ignored, as `nohup` does. Only Linux tells.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    ignored & 1 << (SignalKind::hangup().as_raw_value() - 1) != 0
}
