//! The rooms that a reader was in lately.

/// How many are remembered.
const ROOMS_MAX: usize = 8;

/// The rooms after a visit to `room`, latest first. No name has a space in it, so they are kept with spaces between.
pub fn visited(rooms: &str, room: &str) -> String {
    let others = rooms.split(' ').filter(|other| !other.is_empty() && *other != room);
    std::iter::once(room).chain(others).take(ROOMS_MAX).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_first_and_each_is_there_once() {
        assert_eq!(visited("", "lobby"), "lobby");
        assert_eq!(visited("a 大厅 b", "大厅"), "大厅 a b");
        assert_eq!(visited("1 2 3 4 5 6 7 8", "9"), "9 1 2 3 4 5 6 7");
    }
}
