//! Tests of the server over HTTP and WebSocket, as clients see it, and of the binary as a process.
//!
//! Tests that need another program are ignored unless asked for: `cargo test -- --include-ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test that panics has failed, and a test binary has no outside"
)]

mod casting;
mod readers;
#[cfg(target_os = "linux")]
mod reverse_proxy;
mod support;

mod access;
mod api;
mod bans;
mod bench;
mod bursts;
#[cfg(target_os = "linux")]
mod caddy;
mod cast_rules;
mod cast_video;
mod changes;
mod changes_by_programs;
mod clock;
mod command_line;
mod copies;
mod data_folder;
mod demo;
mod documents;
mod erasure;
mod event_stream;
mod fairness;
mod folding;
mod forwarded;
mod frames;
mod guess_number;
mod half_close;
mod hosts;
mod http;
mod keys;
mod library;
mod limits;
mod live_html;
mod long_poll;
mod manual;
mod model;
mod moderation;
mod names_and_texts;
#[cfg(target_os = "linux")]
mod nginx;
mod page;
mod phones;
mod post;
#[cfg(target_os = "linux")]
mod power_cut;
mod process;
mod promises;
mod proxies;
#[cfg(target_os = "linux")]
mod readiness;
mod recipes;
mod restart;
mod retention;
mod routes;
mod sessions;
mod settings;
mod stored_messages;
mod tail;
mod tls;
mod transports;
mod wall;
mod websocket;
