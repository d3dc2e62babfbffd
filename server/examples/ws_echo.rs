//! An echo server on exactly the board's WebSocket stack, for conformance suites such as Autobahn's:
//! `cargo run --release -p server --example ws_echo -- --listen 127.0.0.1:9001 --message-bytes 16777216`

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use protocol::Epoch;
use server::codec::Limits;
use server::config::{Cli, Subcommand};
use server::context::Context;
use server::delivery::Fanout;
use server::http;
use server::limits::Limiter;
use server::room::Hub;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// Says back what it is told.
#[derive(Debug, Parser)]
struct Echo {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9001", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The longest message that is taken, in bytes.
    #[arg(long, default_value_t = Limits::BOARD.message_bytes_max, value_name = "N")]
    message_bytes: usize,
    /// In how many fragments it may come.
    #[arg(long, default_value_t = Limits::BOARD.fragments_max, value_name = "N")]
    fragments: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let echo = Echo::parse();
    let folder = tempfile::tempdir()?;
    let opened = Hub::open(folder.path(), Epoch(1), Duration::ZERO, || 0, 1)?;
    let Subcommand::Serve(defaults) = Cli::parse_from(["crier", "serve"]).subcommand else { unreachable!("it is given") };
    let context = Context::new(opened.hub, Limiter::new(defaults.allowance()));
    let (fanout, connections) = (Fanout::new(context.clone()), TaskTracker::new());
    connections.spawn(fanout.clone().keep_time());
    let limits = Limits { message_bytes_max: echo.message_bytes, fragments_max: echo.fragments };
    let site = http::echo(context, limits, fanout, connections);
    let listener = TcpListener::bind(echo.listen).await?;
    http::listen(listener, site).await;
    Ok(())
}
