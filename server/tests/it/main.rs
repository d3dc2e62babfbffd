//! The server, tested through its doors: over HTTP and WebSocket, as clients see it.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is the point")]

mod support;

mod api;
mod command_line;
mod demo;
mod documents;
mod door;
mod limits;
mod model;
mod page;
mod promises;
mod restart;
mod ws;
