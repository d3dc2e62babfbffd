//! WebSockets: the handshake, and what is said over them.

pub(super) mod handshake;

pub(super) mod json;

pub(super) mod raw;

pub(super) mod view;

mod one_read;

pub(super) mod present;
