//! The release binary in a pseudo-terminal: what a person at a terminal sees.
//!
//! `board` starts servers, and `chat` starts `crier chat` and shows its screen. Each other file
//! tests one subject. All tests are ignored unless asked for: `cargo test -- --include-ignored`.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    clippy::print_stdout,
    reason = "a test fails by a panic, prints figures, and exports nothing"
)]

#[path = "../board.rs"]
mod board;

mod chat;
mod flood;

mod changes;
mod connection;
mod hostile;
mod posting;
mod scrolling;
mod speed;
mod terminal_state;
mod unsent;
