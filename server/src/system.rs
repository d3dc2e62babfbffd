//! What the system can do that no library has a safe call for.

pub mod listener;

pub mod signals;
