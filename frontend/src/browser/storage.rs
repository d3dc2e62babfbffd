//! What this browser keeps between visits. Storage can be forbidden, full or cleared at any time;
//! the page then works without it.

mod draft;
mod outbox;

use client::Transport;
use protocol::ReaderId;
use web_sys::Storage;

use super::clock;

pub(super) use draft::DraftStore;
pub(super) use outbox::OutboxStore;

/// Storage that all tabs share.
fn storage() -> Option<Storage> {
    super::window().local_storage().ok().flatten()
}

/// Storage of this tab alone.
fn tab_storage() -> Option<Storage> {
    super::window().session_storage().ok().flatten()
}

fn get(storage: Option<Storage>, key: &str) -> String {
    storage.and_then(|storage| storage.get_item(key).ok().flatten()).unwrap_or_default()
}

fn put(storage: Option<Storage>, key: &str, value: &str) {
    if let Some(storage) = storage {
        _ = if value.is_empty() { storage.remove_item(key) } else { storage.set_item(key, value) };
    }
}

/// The key of a value for a room, or with an empty room for the whole board.
fn key(what: &str, room: &str) -> String {
    ["crier:", what, ":", room].concat()
}

/// The value that is kept for a room, or with an empty room for the whole board; empty if there is
/// none.
pub(super) fn kept(what: &str, room: &str) -> String {
    get(storage(), &key(what, room))
}

/// Keeps a value for a room, or with an empty room for the whole board.
pub(super) fn keep(what: &str, room: &str, value: &str) {
    put(storage(), &key(what, room), value);
}

/// The value that this tab keeps for a room; empty if there is none.
pub(super) fn kept_by_tab(what: &str, room: &str) -> String {
    get(tab_storage(), &key(what, room))
}

/// Keeps a value for a room in this tab alone.
pub(super) fn keep_by_tab(what: &str, room: &str, value: &str) {
    put(tab_storage(), &key(what, room), value);
}

/// The id of this browser's reader.
pub(super) fn reader() -> ReaderId {
    kept("reader", "").parse().unwrap_or_else(|_| {
        let id = ReaderId::from_bits(clock::random_bits() as u64);
        keep("reader", "", &id.to_string());
        id
    })
}

/// For how long to remember which transport worked, in milliseconds. Networks change.
const TRANSPORT_MS: f64 = 600_000.0;
const TRANSPORT_KEY: &str = "crier:transport";

/// The transport that worked in the last few minutes.
pub(super) fn transport() -> Option<Transport> {
    let item = get(storage(), TRANSPORT_KEY);
    let (name, time) = item.split_once(' ')?;
    let age = js_sys::Date::now() - time.parse::<u64>().ok()? as f64;
    Transport::from_name(name).filter(|_| (0.0..TRANSPORT_MS).contains(&age))
}

/// Remembers which transport works.
pub(super) fn keep_transport(transport: Transport) {
    put(storage(), TRANSPORT_KEY, &[transport.as_str(), " ", &(js_sys::Date::now() as u64).to_string()].concat());
}
