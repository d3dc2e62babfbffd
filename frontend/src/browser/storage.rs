//! What is kept in this browser between visits: the draft and the messages on their way.
//!
//! Storage can be forbidden, full or wiped at any time. The page then goes on without it.

use client::Transport;
use protocol::{Json, PublishKey, PublishRequest, RoomName};
use web_sys::Storage;

use super::json::Parsed;

fn storage() -> Option<Storage> {
    super::window().local_storage().ok().flatten()
}

fn set(key: &str, value: &str) {
    if let Some(storage) = storage() {
        _ = storage.set_item(key, value);
    }
}

fn remove(key: &str) {
    if let Some(storage) = storage() {
        _ = storage.remove_item(key);
    }
}

/// The draft that was kept for a room; empty if there is none.
pub(super) fn draft(room: &RoomName) -> String {
    kept("draft", room.as_str())
}

/// Keeps the draft of a room.
pub(super) fn keep_draft(room: &RoomName, text: &str) {
    if text.is_empty() {
        remove(&draft_key(room));
    } else {
        set(&draft_key(room), text);
    }
}

fn draft_key(room: &RoomName) -> String {
    "crier:draft:".to_owned() + room.as_str()
}

/// What is kept about a room or, without one, about the board; empty if nothing is.
pub(super) fn kept(what: &str, room: &str) -> String {
    let item = storage().and_then(|storage| storage.get_item(&["crier:", what, ":", room].concat()).ok().flatten());
    item.unwrap_or_default()
}

/// Keeps something about a room or, without one, about the board.
pub(super) fn keep(what: &str, room: &str, value: &str) {
    set(&["crier:", what, ":", room].concat(), value);
}

/// For how long it is worth knowing which transport worked, in milliseconds. Networks change.
const TRANSPORT_MS: f64 = 600_000.0;
const TRANSPORT_KEY: &str = "crier:transport";

/// The transport that worked a few minutes ago.
pub(super) fn transport() -> Option<Transport> {
    let item = storage()?.get_item(TRANSPORT_KEY).ok().flatten()?;
    let (word, time) = item.split_once(' ')?;
    let age = js_sys::Date::now() - time.parse::<u64>().ok()? as f64;
    Transport::of_word(word).filter(|_| (0.0..TRANSPORT_MS).contains(&age))
}

/// Remembers which transport works.
pub(super) fn keep_transport(transport: Transport) {
    set(TRANSPORT_KEY, &[transport.word(), " ", &(js_sys::Date::now() as u64).to_string()].concat());
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
            remove(&(self.prefix.clone() + gone.as_str()));
        }
        for message in messages {
            let Some(key) = message.key.as_ref().filter(|key| !self.kept.contains(key)) else { continue };
            let Ok(json) = serde_json::to_string(message) else { continue };
            self.newest = (js_sys::Date::now() as u64).max(self.newest + 1);
            set(&(self.prefix.clone() + key.as_str()), &(self.newest.to_string() + " " + &json));
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
        set("crier:outbox:not-ours:x", "nonsense");
        set("crier:outbox:not-ours-at-all:x", "1 {}");
        assert_eq!(OutboxStore::open(&room).1, []);
        assert_eq!(storage().unwrap().get_item("crier:outbox:not-ours:x").unwrap().as_deref(), Some("nonsense"));
    }

    #[wasm_bindgen_test]
    fn a_draft_is_kept_for_its_room() {
        let (here, there) = ("here".parse().unwrap(), "there".parse().unwrap());
        keep_draft(&here, "half a thought");
        assert_eq!((draft(&here).as_str(), draft(&there).as_str()), ("half a thought", ""));
        keep_draft(&here, "");
        assert_eq!(draft(&here), "");
    }
}
