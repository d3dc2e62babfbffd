//! The whole board as people meet it: the release binary, served and opened in a real browser.
//!
//! `world` starts what a test needs, `find`, `act` and `check` are the words a test is written in, and each other file
//! is one feature.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test that panics has failed and prints for whoever looks, and a test binary has no outside"
)]

mod proxy;
mod world;

mod act;
mod check;
mod find;

mod access;
mod assets;
mod attention;
mod composing;
mod connection;
mod demo;
mod hostile;
mod languages;
mod live;
mod no_script;
mod reading;
mod restart;
mod rooms;
mod speed;
mod transports;
