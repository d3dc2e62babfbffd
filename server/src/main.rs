//! `crier`: reads the settings, starts what they ask for, turns signals into an orderly end.

use std::io::Write as _;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use server::config::{Cli, Serve, Verb};
use server::log::Log;
use server::system::signals::is_hangup_ignored;
use server::{Server, StopHandle, Unfinished, cli};
use tokio::runtime::{Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The system's own takes more time where a crowd connects, and keeps more for each connection.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    let log = Log::start();
    let code = match start(cli, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.say(&format!("crier: {}", cli::harmless(&format!("{error:#}"))));
            ExitCode::FAILURE
        }
    };
    log.flush();
    code
}

fn start(cli: Cli, log: &Log) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("can't start threads")?;
    let result = runtime.block_on(run(cli, log));
    // Dropping it would wait for blocking tasks, such as a read of a disk that does not answer.
    runtime.shutdown_background();
    result
}

async fn run(cli: Cli, log: &Log) -> anyhow::Result<()> {
    match cli.verb {
        Verb::Serve(settings) => serve(settings, log.clone()).await,
        Verb::Post(settings) => cli::post(settings).await,
        Verb::Tail(settings) => {
            let mut stop = Signals::new()?;
            // On a thread of its own: printing waits for as long as nobody reads. A signal waits for nobody.
            let (tell, told) = oneshot::channel();
            let runtime = Handle::current();
            std::thread::spawn(move || tell.send(runtime.block_on(cli::tail(settings))));
            tokio::select! {
                result = told => result.context("printing broke off")?,
                () = stop.recv() => Ok(()),
            }
        }
        Verb::Bench(settings) => {
            let mut signals = Signals::new()?;
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = stop.clone();
            tokio::spawn(async move {
                signals.recv().await;
                stopped.store(true, Ordering::Relaxed);
            });
            cli::bench(settings, stop).await
        }
    }
}

async fn serve(settings: Serve, log: Log) -> anyhow::Result<()> {
    // Every subscriber is a file descriptor; the usual soft limit of 1,024 is for programs that use select(2).
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::info!(files, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors stays as it is"),
    }
    let data = settings.data.display().to_string();
    let server = Server::new(settings)?;
    let address = server.address().context("the listener has no address")?;
    let signals = Signals::new()?;
    tokio::spawn(end_on_signals(signals, server.stop_handle(), log));
    tracing::info!(%address, data, version = env!("CARGO_PKG_VERSION"), "the board is open");
    // Best effort, and on a thread of its own: the server also works if standard output fails, or takes nothing.
    std::thread::spawn(move || writeln!(std::io::stdout(), "Crier is on http://{address}"));
    // As a task of the runtime's own: the main thread would have to be woken for every connection.
    Ok(tokio::spawn(server.serve()).await??)
}

/// The first signal stops the server in good order, the second one at once.
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
    /// Absent if the program was started with it ignored: listening would end that.
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
