//! The release binary in a real browser.
//!
//! `world` starts servers (`board`) and browsers (`engine` has the drivers). `proxy` injects faults
//! between them. `find`, `act` and `check` read, use and check a page. Each other file tests one
//! feature. All tests are ignored unless asked for: `cargo test -- --include-ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test fails by a panic, prints its measurements, and exports nothing"
)]

#[path = "../board.rs"]
mod board;

mod engine;
mod proxy;
mod world;

mod act;
mod check;
mod find;

mod access;
mod assets;
mod attention;
mod broken;
mod cast;
mod catching_up;
mod changes;
mod composing;
mod connection;
mod demo;
mod early;
mod first_load;
mod hostile;
mod journey;
mod languages;
mod live;
mod moderation;
mod name;
mod no_script;
mod reading;
mod restart;
mod rooms;
mod rows;
mod speed;
mod transports;
mod wall;
