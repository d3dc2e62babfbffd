//! Crier's server: durable rooms, and HTTP and WebSocket access to them.
//!
//! Modules are in reading order. Each uses only modules above it.

#![forbid(unsafe_code)]

pub mod log;

pub mod limits;

pub mod codec;

pub mod access;

pub mod store;

pub mod encoded;

pub mod room;

pub mod cast;

pub mod context;

pub mod commands;

pub mod delivery;

pub mod http;

pub mod config;

mod server;

pub mod cli;

pub use server::{Server, ServerError, StopHandle, TemporaryServer, Unfinished, bind, now};
