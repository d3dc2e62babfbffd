//! What is kept in this browser between visits: drafts and the messages on their way.
//!
//! Storage can be forbidden, full or wiped at any time. The page then goes on without it.

use client::Transport;
use protocol::{Json, PublishKey, PublishRequest, RoomName};
use web_sys::Storage;

use super::json::Parsed;

fn storage() -> Option<Storage> {
    super::window().local_storage().ok().flatten()
}

/// What one tab keeps for itself.
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

/// The draft that a tab has in a room.
///
/// It is kept twice: for the tab, which has it again after a reload, and for the room, where the next tab finds it when
/// this one is gone. Of the latter there is one, and a tab leaves it alone while it is another's.
pub(super) struct DraftStore {
    key: String,
    kept: String,
}

impl DraftStore {
    /// Opens the store of a room.
    pub(super) fn open(room: &RoomName) -> Self {
        let key = "crier:draft:".to_owned() + room.as_str();
        let mut kept = get(tab_storage(), &key);
        if kept.is_empty() {
            kept = get(storage(), &key);
        }
        Self { key, kept }
    }

    /// The draft that was kept; empty if there is none.
    pub(super) fn kept(&self) -> &str {
        &self.kept
    }

    /// Keeps this draft.
    pub(super) fn keep(&mut self, text: String) {
        let of_room = get(storage(), &self.key);
        if of_room.is_empty() || of_room == self.kept {
            put(storage(), &self.key, &text);
        }
        put(tab_storage(), &self.key, &text);
        self.kept = text;
    }
}

/// What is kept about a room or, without one, about the board; empty if nothing is.
pub(super) fn kept(what: &str, room: &str) -> String {
    get(storage(), &["crier:", what, ":", room].concat())
}

/// Keeps something about a room or, without one, about the board.
pub(super) fn keep(what: &str, room: &str, value: &str) {
    put(storage(), &["crier:", what, ":", room].concat(), value);
}

/// For how long it is worth knowing which transport worked, in milliseconds. Networks change.
const TRANSPORT_MS: f64 = 600_000.0;
const TRANSPORT_KEY: &str = "crier:transport";

/// The transport that worked a few minutes ago.
pub(super) fn transport() -> Option<Transport> {
    let item = get(storage(), TRANSPORT_KEY);
    let (word, time) = item.split_once(' ')?;
    let age = js_sys::Date::now() - time.parse::<u64>().ok()? as f64;
    Transport::from_name(word).filter(|_| (0.0..TRANSPORT_MS).contains(&age))
}

/// Remembers which transport works.
pub(super) fn keep_transport(transport: Transport) {
    put(storage(), TRANSPORT_KEY, &[transport.as_str(), " ", &(js_sys::Date::now() as u64).to_string()].concat());
}

/// The messages on their way from one room.
///
/// Each has an item of its own, so that two tabs of a room do not overwrite each other's. A tab that finds another's
/// message sends it as well, which its publish key makes harmless. An item is the time at which it was first kept, by
/// which they are put in order, a space, and the message as JSON.
pub(super) struct OutboxStore {
    prefix: String,
    kept: Vec<PublishKey>,
    newest: u64,
}

impl OutboxStore {
    /// Opens the store of a room, and says what is in it.
    pub(super) fn open(room: &RoomName) -> (Self, Vec<PublishRequest>) {
        let mut store = Self { prefix: "crier:outbox:".to_owned() + room.as_str() + ":", kept: Vec::new(), newest: 0 };
        let found = store.read().unwrap_or_default();
        // What was kept before stays before what follows, even within one tick of the clock.
        store.newest = found.last().map_or(0, |(time, _)| *time);
        let messages: Vec<_> = found.into_iter().map(|(_, message)| message).collect();
        store.kept = messages.iter().filter_map(|message| message.key.clone()).collect();
        (store, messages)
    }

    fn read(&self) -> Option<Vec<(u64, PublishRequest)>> {
        let storage = storage()?;
        let mut found = Vec::new();
        for index in 0..storage.length().ok()? {
            let Some(key) = storage.key(index).ok().flatten().filter(|key| key.starts_with(&self.prefix)) else { continue };
            let item = storage.get_item(&key).ok().flatten()?;
            // What can't be read was not written by this version, and is left alone.
            let Some((time, json)) = item.split_once(' ') else { continue };
            if let (Ok(time), Some(message)) = (time.parse(), Parsed::new(json).and_then(|json| json.read())) {
                let place = found.partition_point(|(earlier, _)| *earlier <= time);
                found.insert(place, (time, message));
            }
        }
        Some(found)
    }

    /// Keeps exactly these messages.
    pub(super) fn keep(&mut self, messages: &[PublishRequest]) {
        let is_kept = |key: &PublishKey| messages.iter().any(|message| message.key.as_ref() == Some(key));
        for gone in self.kept.extract_if(.., |key| !is_kept(key)) {
            put(storage(), &(self.prefix.clone() + gone.as_str()), "");
        }
        for message in messages {
            let Some(key) = message.key.as_ref().filter(|key| !self.kept.contains(key)) else { continue };
            let Ok(json) = serde_json::to_string(message) else { continue };
            self.newest = (js_sys::Date::now() as u64).max(self.newest + 1);
            put(storage(), &(self.prefix.clone() + key.as_str()), &(self.newest.to_string() + " " + &json));
            self.kept.push(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Text};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn message(key: &str) -> PublishRequest {
        PublishRequest { text: Text::parse("</x> \u{1f600}").unwrap(), author: Author::default(), key: Some(key.parse().unwrap()) }
    }

    #[wasm_bindgen_test]
    fn two_tabs_keep_their_messages_side_by_side() {
        let room = "side-by-side".parse().unwrap();
        let (mut one, found) = OutboxStore::open(&room);
        assert_eq!(found, []);
        one.keep(&[message("a"), message("b")]);
        let (mut other, found) = OutboxStore::open(&room);
        assert_eq!(found, [message("a"), message("b")]);
        other.keep(&[message("a"), message("b"), message("c")]);
        one.keep(&[message("b")]);
        assert_eq!(OutboxStore::open(&room).1, [message("b"), message("c")]);
        other.keep(&[]);
        assert_eq!(OutboxStore::open(&room).1, []);
    }

    #[wasm_bindgen_test]
    fn what_is_not_ours_is_left_alone() {
        let room = "not-ours".parse().unwrap();
        put(storage(), "crier:outbox:not-ours:x", "nonsense");
        put(storage(), "crier:outbox:not-ours-at-all:x", "1 {}");
        assert_eq!(OutboxStore::open(&room).1, []);
        assert_eq!(storage().unwrap().get_item("crier:outbox:not-ours:x").unwrap().as_deref(), Some("nonsense"));
    }

    #[wasm_bindgen_test]
    fn a_draft_is_kept_for_its_room() {
        let (here, there) = ("here".parse().unwrap(), "there".parse().unwrap());
        DraftStore::open(&here).keep("half a thought".to_owned());
        assert_eq!((DraftStore::open(&here).kept(), DraftStore::open(&there).kept()), ("half a thought", ""));
        DraftStore::open(&here).keep(String::new());
        assert_eq!(DraftStore::open(&here).kept(), "");
    }

    #[wasm_bindgen_test]
    fn another_tabs_draft_is_left_alone() {
        let room = "two-drafts".parse().unwrap();
        let mut store = DraftStore::open(&room);
        assert_eq!(store.kept(), "");
        put(storage(), "crier:draft:two-drafts", "of another tab");
        for text in ["mine", ""] {
            store.keep(text.to_owned());
            assert_eq!(get(tab_storage(), "crier:draft:two-drafts"), text);
            assert_eq!(get(storage(), "crier:draft:two-drafts"), "of another tab");
        }
        // A tab that has none of its own takes it over.
        let mut store = DraftStore::open(&room);
        assert_eq!(store.kept(), "of another tab");
        store.keep(String::new());
        assert_eq!(get(storage(), "crier:draft:two-drafts"), "");
    }
}
