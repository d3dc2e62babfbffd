//! The server, tested through its doors: over HTTP and WebSocket, as clients see it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test that panics has failed, and a test binary has no outside"
)]

mod readers;
mod support;

mod api;
mod bench;
mod bursts;
mod caddy;
mod clock;
mod command_line;
mod copies;
mod demo;
mod documents;
mod door;
mod ends;
mod events;
mod fairness;
mod folder;
mod half_close;
mod hosts;
mod journey;
mod limits;
mod live;
mod long_poll;
mod manners;
mod model;
mod nginx;
mod page;
mod power_cut;
mod promises;
mod proxies;
#[cfg(target_os = "linux")]
mod readiness;
mod restart;
mod retention;
mod settings;
mod sockets;
mod stored;
mod tls;
mod words;
mod ws;
