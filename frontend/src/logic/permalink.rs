//! Links to one message: `/r/room#m-123`.

use client::Timeline;
use protocol::Position;

/// How many messages to show on either side of the linked message.
const AROUND: u64 = 25;

/// The offset that the fragment of an address names.
pub fn linked(fragment: &str) -> Option<u64> {
    let digits = fragment.strip_prefix("#m-")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

/// The position to ask history with for a page around the message; `None` for the newest page.
pub fn page_around(timeline: &Timeline, offset: u64) -> Option<Position> {
    let before = offset.saturating_add(AROUND);
    (before <= timeline.latest()).then_some(Position { offset: before, ..timeline.end() })
}

#[cfg(test)]
mod tests {
    use protocol::{Epoch, MessagesPage, RoomName};

    use super::*;

    #[test]
    fn reads_links_to_messages_only() {
        assert_eq!(linked("#m-123"), Some(123));
        for other in ["", "#", "#m-", "#m-0", "#m-01", "#m--1", "#m-+1", "#messages", "#m-99999999999999999999999"] {
            assert_eq!(linked(other), None, "{other}");
        }
    }

    #[test]
    fn asks_for_the_newest_page_near_the_end() {
        let position = Position { epoch: Epoch(1), offset: 100 };
        let page =
            MessagesPage { room: RoomName::lobby(), entries: Vec::new(), position, before: None, latest: position, online: 0, you: None };
        let timeline = Timeline::new(page);
        assert_eq!(page_around(&timeline, 10), Some(Position { offset: 35, ..position }));
        assert_eq!(page_around(&timeline, 75), Some(Position { offset: 100, ..position }));
        assert_eq!(page_around(&timeline, 76), None);
        assert_eq!(page_around(&timeline, u64::MAX), None);
    }
}
