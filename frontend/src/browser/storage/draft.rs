//! The composer's text, kept for the next visit.

use protocol::RoomName;

use super::{get, put, storage, tab_storage};

/// The draft of this tab in a room.
///
/// It is kept twice: for the tab, which finds it after a reload, and for the room, where the next
/// tab finds it after this one is closed. A tab does not overwrite the room's draft while that is
/// another tab's.
pub(in crate::browser) struct DraftStore {
    key: String,
    kept: String,
}

impl DraftStore {
    /// Opens the store of a room.
    pub(in crate::browser) fn open(room: &RoomName) -> Self {
        let key = "crier:draft:".to_owned() + room.as_str();
        let mut kept = get(tab_storage(), &key);
        if kept.is_empty() {
            kept = get(storage(), &key);
        }
        Self { key, kept }
    }

    /// The draft that is kept; empty if there is none.
    pub(in crate::browser) fn kept(&self) -> &str {
        &self.kept
    }

    /// Keeps a draft.
    pub(in crate::browser) fn keep(&mut self, text: String) {
        let of_room = get(storage(), &self.key);
        if of_room.is_empty() || of_room == self.kept {
            put(storage(), &self.key, &text);
        }
        put(tab_storage(), &self.key, &text);
        self.kept = text;
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn keeps_a_draft_for_its_room() {
        let (here, there) = ("here".parse().unwrap(), "there".parse().unwrap());
        DraftStore::open(&here).keep("half a thought".to_owned());
        assert_eq!((DraftStore::open(&here).kept(), DraftStore::open(&there).kept()), ("half a thought", ""));
        DraftStore::open(&here).keep(String::new());
        assert_eq!(DraftStore::open(&here).kept(), "");
    }

    #[wasm_bindgen_test]
    fn does_not_overwrite_the_draft_of_another_tab() {
        let room = "two-drafts".parse().unwrap();
        let mut store = DraftStore::open(&room);
        assert_eq!(store.kept(), "");
        put(storage(), "crier:draft:two-drafts", "of another tab");
        for text in ["mine", ""] {
            store.keep(text.to_owned());
            assert_eq!(get(tab_storage(), "crier:draft:two-drafts"), text);
            assert_eq!(get(storage(), "crier:draft:two-drafts"), "of another tab");
        }
        // A tab without a draft of its own takes it over.
        let mut store = DraftStore::open(&room);
        assert_eq!(store.kept(), "of another tab");
        store.keep(String::new());
        assert_eq!(get(storage(), "crier:draft:two-drafts"), "");
    }
}
