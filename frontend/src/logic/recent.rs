//! The rooms that a reader visited recently.

use protocol::Position;

/// The number of remembered rooms.
const ROOMS_MAX: usize = 8;

/// The rooms after a visit to `room`, latest first, separated by spaces, which no name contains.
pub fn visited(rooms: &str, room: &str) -> String {
    let others = rooms.split(' ').filter(|other| !other.is_empty() && *other != room);
    std::iter::once(room).chain(others).take(ROOMS_MAX).collect::<Vec<_>>().join(" ")
}

/// How many messages a room has after the newest one that the reader has seen. None are counted in
/// another log than that one's.
pub fn unread(seen: Position, latest: Position) -> usize {
    if seen.epoch == latest.epoch { latest.offset.saturating_sub(seen.offset) as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use protocol::Epoch;

    use super::*;

    #[test]
    fn counts_what_is_unread_in_the_same_log() {
        let at = |epoch, offset| Position { epoch: Epoch(epoch), offset };
        assert_eq!(unread(at(1, 7), at(1, 10)), 3);
        assert_eq!((unread(at(1, 10), at(1, 10)), unread(at(1, 10), at(1, 7)), unread(at(1, 7), at(2, 10))), (0, 0, 0));
    }

    #[test]
    fn lists_the_latest_first_and_each_room_once() {
        assert_eq!(visited("", "lobby"), "lobby");
        assert_eq!(visited("a 大厅 b", "大厅"), "大厅 a b");
        assert_eq!(visited("1 2 3 4 5 6 7 8", "9"), "9 1 2 3 4 5 6 7");
    }
}
