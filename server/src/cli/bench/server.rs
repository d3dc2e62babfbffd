//! A server that is started for a measurement and leaves nothing behind.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{self, Child, Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::config::Target;

/// A rate that the load never reaches.
const UNLIMITED: &str = "1000000000";
/// Connections beyond those of the load.
const SPARE_CONNECTIONS: usize = 16;

/// A running server. Dropping it kills it and removes its data.
pub(super) struct StartedServer {
    process: Child,
    pub(super) url: String,
    // Dropped after the process, which writes into it until it ends.
    _folder: TempDir,
}

impl StartedServer {
    /// Starts `crier serve` without limits per address, on its own processor if there are several.
    pub(super) fn start(target: &Target, connections: usize) -> anyhow::Result<Self> {
        let folder = match &target.data {
            Some(data) => TempDir::with_prefix_in("crier-bench-", data).with_context(|| format!("can't write in {}", data.display()))?,
            None => TempDir::with_prefix("crier-bench-").context("can't make a temporary folder")?,
        };
        let mut process = command(target, connections, &folder)?.spawn().context("can't start a server")?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line).context("can't read the server's output")?;
        }
        let url = line.trim().rsplit_once(" on ").map(|(_, url)| url.to_owned());
        let server = Self { process, url: url.unwrap_or_default(), _folder: folder };
        if server.url.is_empty() {
            bail!("the server did not start; its message is above");
        }
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for StartedServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(target: &Target, connections: usize, folder: &TempDir) -> anyhow::Result<Command> {
    let program = env::current_exe().context("can't find this program")?;
    let mut command = match pin(target)? {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string()]).arg(program);
            command
        }
        None => Command::new(program),
    };
    let connections = (connections + SPARE_CONNECTIONS).to_string();
    command.args(["serve", "--listen", "127.0.0.1:0", "--connections", &connections]);
    // The load comes from one address and stands for many.
    command.args(["--connections-per-address", &connections, "--publishes-per-second", UNLIMITED, "--publishes-burst", UNLIMITED]);
    command.args(["--rooms-per-hour", "0", "--cpu-per-address", "0", "--cast-viewers", "0", "--cast-rate", "0"]);
    command.arg("--data").arg(folder.path().join("data"));
    command.args(&target.serve);
    // The environment may hold another server's settings.
    command.env_clear().env("CRIER_LOG", "warn");
    // In its own process group, Ctrl-C does not reach it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// Moves this process, the load generator, to all processors but the server's. Returns the server's
/// processor, or `None` if there is no choice or no `taskset`.
fn pin(target: &Target) -> anyhow::Result<Option<usize>> {
    let cores = available_parallelism().map_or(1, usize::from);
    if target.server_core >= cores && !target.unpinned {
        bail!("there is no processor {}; the last one is {}", target.server_core, cores - 1);
    }
    if target.unpinned || cores == 1 {
        return Ok(None);
    }
    let others: Vec<_> = (0..cores).filter(|core| *core != target.server_core).map(|core| core.to_string()).collect();
    let own = process::id().to_string();
    let pinned =
        Command::new("taskset").args(["-a", "-p", "-c", &others.join(","), &own]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(pinned.is_ok_and(|status| status.success()).then_some(target.server_core))
}
