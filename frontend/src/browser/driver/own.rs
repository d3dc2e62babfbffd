//! The reader's own messages: which they are, and their marks.

use leptos::prelude::*;
use protocol::PublishKey;

use super::Driver;
use crate::browser::{storage, viewport};
use crate::logic::own::{self, OwnKeys};

const KEYS: &str = "own";

impl Driver {
    /// Remembers the key of a message that the reader posts.
    pub(super) fn keep_own(&self, key: &PublishKey) {
        let keys = own::with(&storage::kept(KEYS, self.room.as_str()), key);
        storage::keep(KEYS, self.room.as_str(), &keys);
        self.state.content.write_value().authors.own = OwnKeys::parse(&keys);
    }

    /// Marks the own messages that are shown: after hydration, because the server does not know
    /// them, and when the reader has posted in another tab.
    pub(super) fn mark_own(&self) {
        let own = OwnKeys::parse(&storage::kept(KEYS, self.room.as_str()));
        let mut content = self.state.content.write_value();
        for entry in content.timeline.entries().iter().filter(|entry| own.has(entry.key.as_ref())) {
            if let Some(row) = viewport::message(entry.offset) {
                _ = row.set_attribute("data-own", self.state.texts.own);
            }
        }
        content.authors.own = own;
    }
}
