//! `crier`: reads the settings, starts what they ask for, turns signals into an orderly end.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use server::config::{Cli, Serve, Verb};
use server::{Server, verbs};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The system's own takes more time where a crowd connects, and keeps more for each connection.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    let log = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).with_env_var("CRIER_LOG").from_env_lossy();
    // It would list each file of the bundle at every start.
    let log = log.add_directive("memory_serve=warn".parse().expect("a directive that was written with care"));
    tracing_subscriber::fmt().with_env_filter(log).with_writer(std::io::stderr).init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "crier: {}", verbs::harmless(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.verb {
        Verb::Serve(settings) => serve(settings).await,
        Verb::Post(settings) => verbs::post(settings).await,
        Verb::Tail(settings) => {
            let mut stop = Signals::new()?;
            // On a thread of its own: printing waits for as long as nobody reads. A signal waits for nobody.
            let (tell, told) = oneshot::channel();
            let runtime = Handle::current();
            std::thread::spawn(move || tell.send(runtime.block_on(verbs::tail(settings))));
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
            verbs::bench(settings, stop).await
        }
    }
}

async fn serve(settings: Serve) -> anyhow::Result<()> {
    // Every subscriber is a file descriptor; the usual soft limit of 1,024 is for programs that use select(2).
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => tracing::info!(files, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors stays as it is"),
    }
    let data = settings.data.display().to_string();
    let server = Server::new(settings)?;
    let address = server.address().context("the listener has no address")?;
    tracing::info!(data, version = env!("CARGO_PKG_VERSION"), "history is open");
    writeln!(std::io::stdout(), "Crier is on http://{address}")?;
    let stopper = server.stopper();
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.recv().await;
        tracing::info!("stopping");
        stopper.cancel();
    });
    // As a task of the runtime's own: the main thread would have to be woken for every connection.
    Ok(tokio::spawn(server.serve()).await??)
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
