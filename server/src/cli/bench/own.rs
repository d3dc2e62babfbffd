//! A server that is started to be measured, and leaves nothing behind.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::available_parallelism;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::config::Place;

/// A limit that nothing reaches.
const NO_LIMIT: &str = "1000000000";

/// A running server; dropping it ends it.
pub(super) struct OwnServer {
    process: Child,
    pub(super) url: String,
    // After the process, which writes in it until it has ended.
    _folder: TempDir,
}

impl OwnServer {
    pub(super) fn start(place: &Place, connections: usize) -> anyhow::Result<Self> {
        let folder = match &place.data {
            Some(data) => TempDir::with_prefix_in("crier-bench-", data).with_context(|| format!("can't write in {}", data.display()))?,
            None => TempDir::with_prefix("crier-bench-").context("can't make a temporary folder")?,
        };
        let program = std::env::current_exe().context("can't find this program")?;
        let mut command = match pin(place)? {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(program);
                command
            }
            None => Command::new(program),
        };
        let room_for_all = (connections + 16).to_string();
        command.args(["serve", "--listen", "127.0.0.1:0", "--connections-per-address", &room_for_all, "--connections", &room_for_all]);
        // The load comes from one address and stands for many.
        command.args([
            "--publishes-per-second",
            NO_LIMIT,
            "--publishes-burst",
            NO_LIMIT,
            "--rooms-per-hour",
            "0",
            "--cpu-per-address",
            "0",
        ]);
        command.arg("--data").arg(folder.path().join("data"));
        command.args(&place.serve);
        // Settings of another server are none of this one. A group of its own lets Ctrl-C end the measurement alone.
        command.env_clear().env("CRIER_LOG", "warn").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().context("can't start a server")?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line).context("can't hear the server")?;
        }
        let url = line.trim().rsplit_once(" on ").map(|(_, url)| url.to_owned());
        let server = Self { process, url: url.unwrap_or_default(), _folder: folder };
        if server.url.is_empty() {
            bail!("the server did not start; it has said why");
        }
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // Its messages go with it, so there is nothing that it would have to finish.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Gives the load all processors but the server's. The server's, if there is a choice and what makes it.
fn pin(place: &Place) -> anyhow::Result<Option<usize>> {
    let cores = available_parallelism().map_or(1, usize::from);
    if place.server_core >= cores && !place.unpinned {
        bail!("there is no processor {}; the last one is {}", place.server_core, cores - 1);
    }
    if place.unpinned || cores == 1 {
        return Ok(None);
    }
    let others: Vec<_> = (0..cores).filter(|core| *core != place.server_core).map(|core| core.to_string()).collect();
    let own = std::process::id().to_string();
    let pinned =
        Command::new("taskset").args(["-a", "-p", "-c", &others.join(","), &own]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(pinned.is_ok_and(|status| status.success()).then_some(place.server_core))
}
