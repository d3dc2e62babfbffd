//! The file's JSON. Unknown fields are ignored, and missing ones have defaults.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::Author;
use serde::{Deserialize, Serialize};

use crate::event::{Saved, SavedRoom};

/// Maximum number of boards. Those that were not used for the longest time are forgotten, unless
/// they have unsent messages.
const BOARDS_MAX: usize = 50;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Contents {
    boards: BTreeMap<String, Board>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Board {
    /// When it was last written, in milliseconds since 1970.
    used: i64,
    author: String,
    active: usize,
    rooms: Vec<SavedRoom>,
    history: Vec<String>,
}

impl Contents {
    /// Returns what is saved for a board.
    pub(super) fn board(&self, url: &str) -> Saved {
        let Some(board) = self.boards.get(url) else { return Saved::default() };
        Saved {
            author: Author::parse(&board.author).unwrap_or_default(),
            rooms: board.rooms.clone(),
            active: board.active,
            history: board.history.clone(),
        }
    }

    pub(super) fn set_board(&mut self, url: &str, saved: &Saved, now: Timestamp) {
        let board = Board {
            used: now.as_millisecond(),
            author: saved.author.as_str().to_owned(),
            active: saved.active,
            rooms: saved.rooms.clone(),
            history: saved.history.clone(),
        };
        self.boards.insert(url.to_owned(), board);
        let has_unsent = |board: &Board| board.rooms.iter().any(|room| !room.outbox.is_empty());
        while self.boards.len() > BOARDS_MAX {
            let others = self.boards.iter().filter(|(other, board)| *other != url && !has_unsent(board));
            let Some(oldest) = others.min_by_key(|(_, board)| board.used).map(|(url, _)| url.clone()) else { break };
            self.boards.remove(&oldest);
        }
    }
}
