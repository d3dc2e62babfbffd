//! What the system can do that neither the standard library nor tokio nor a crate here has a safe word for. The only place with
//! `unsafe`; on a system that can't, it does without.

pub mod ring;

pub mod listener;

pub mod signals;
