//! The messages that are being sent, kept until the server has them.

use protocol::{Json, PublishKey, PublishRequest, RoomName};

use super::{put, storage};
use crate::browser::json::Parsed;

/// The outbox of a room.
///
/// Each message has an item of its own, so that two tabs of a room do not overwrite each other's. A
/// tab that finds the message of another tab sends it too; its publish key makes that harmless. An
/// item is the time at which the message was first kept, which gives the order, a space, and the
/// message as JSON.
pub(in crate::browser) struct OutboxStore {
    prefix: String,
    kept: Vec<PublishKey>,
    newest: u64,
}

impl OutboxStore {
    /// Opens the store of a room. Returns it and the messages in it, oldest first.
    pub(in crate::browser) fn open(room: &RoomName) -> (Self, Vec<PublishRequest>) {
        let mut store = Self { prefix: "crier:outbox:".to_owned() + room.as_str() + ":", kept: Vec::new(), newest: 0 };
        let found = store.read().unwrap_or_default();
        // New messages come after these, even within one tick of the clock.
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
            // An item that can't be read was written by another version, and stays.
            let Some((time, json)) = item.split_once(' ') else { continue };
            if let (Ok(time), Some(message)) = (time.parse(), Parsed::new(json).and_then(|json| json.read())) {
                let place = found.partition_point(|(earlier, _)| *earlier <= time);
                found.insert(place, (time, message));
            }
        }
        Some(found)
    }

    /// Keeps exactly these messages of this tab.
    pub(in crate::browser) fn keep(&mut self, messages: &[PublishRequest]) {
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
        PublishRequest {
            text: Text::parse("</x> \u{1f600}").unwrap(),
            author: Author::default(),
            key: Some(key.parse().unwrap()),
            ..Default::default()
        }
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
    fn leaves_items_of_others_alone() {
        let room = "not-ours".parse().unwrap();
        put(storage(), "crier:outbox:not-ours:x", "nonsense");
        put(storage(), "crier:outbox:not-ours-at-all:x", "1 {}");
        assert_eq!(OutboxStore::open(&room).1, []);
        assert_eq!(storage().unwrap().get_item("crier:outbox:not-ours:x").unwrap().as_deref(), Some("nonsense"));
    }
}
