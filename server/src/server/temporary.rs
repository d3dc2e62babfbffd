//! A server for tests and examples of clients.

use anyhow::bail;
use clap::Parser;
use tempfile::TempDir;

use super::{Server, StopHandle};
use crate::config::{Cli, Subcommand};

/// A server on a free port of this machine, in a folder of its own. Dropping it ends the server and
/// removes the folder.
pub struct TemporaryServer {
    url: String,
    stop: StopHandle,
    _folder: TempDir,
}

impl TemporaryServer {
    /// Starts a server with the default settings, in a task of its own.
    ///
    /// # Errors
    /// Fails if there is no free port, or if the folder cannot be written.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub fn start() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let data = folder.path().as_os_str();
        let arguments = ["crier", "serve", "--listen", "127.0.0.1:0", "--data"].map(AsRef::as_ref);
        let Subcommand::Serve(settings) = Cli::try_parse_from(arguments.into_iter().chain([data]))?.subcommand else {
            bail!("the settings are not those of a server")
        };
        let server = Server::new(settings)?;
        let (url, stop) = (format!("http://{}", server.address()?), server.stop_handle());
        tokio::spawn(server.serve());
        Ok(Self { url, stop, _folder: folder })
    }

    /// Returns the server's URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TemporaryServer {
    fn drop(&mut self) {
        self.stop.stop();
    }
}
