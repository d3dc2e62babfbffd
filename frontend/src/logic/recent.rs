//! The rooms that a reader visited recently.

/// The number of remembered rooms.
const ROOMS_MAX: usize = 8;

/// The rooms after a visit to `room`, latest first, separated by spaces, which no name contains.
pub fn visited(rooms: &str, room: &str) -> String {
    let others = rooms.split(' ').filter(|other| !other.is_empty() && *other != room);
    std::iter::once(room).chain(others).take(ROOMS_MAX).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_the_latest_first_and_each_room_once() {
        assert_eq!(visited("", "lobby"), "lobby");
        assert_eq!(visited("a 大厅 b", "大厅"), "大厅 a b");
        assert_eq!(visited("1 2 3 4 5 6 7 8", "9"), "9 1 2 3 4 5 6 7");
    }
}
