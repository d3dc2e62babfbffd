//! What is wrong with a room's name, and which name may have been meant.

use protocol::RoomName;
use protocol::limits::ROOM_NAME_CHARS_MAX;

/// Maximum length of a name that is examined, in characters.
const EXAMINED_CHARS_MAX: usize = 4 * ROOM_NAME_CHARS_MAX;
/// Maximum number of characters that are named as wrong.
const NAMED_CHARS_MAX: usize = 5;

/// What is wrong with a room's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// It is empty.
    Empty,
    /// It has these characters, which no name may have.
    Characters(Vec<char>),
    /// It is longer than a name may be.
    Long,
    /// Its characters are allowed, but not in this order.
    Order,
}

impl NameFault {
    /// Finds what is wrong with a name; `None` if nothing is.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.trim();
        let mut wrong = Vec::new();
        for c in name.chars().take(EXAMINED_CHARS_MAX).filter(|c| !is_allowed(*c)) {
            if wrong.len() < NAMED_CHARS_MAX && !wrong.contains(&c) {
                wrong.push(c);
            }
        }
        if name.is_empty() {
            Some(Self::Empty)
        } else if !wrong.is_empty() {
            Some(Self::Characters(wrong))
        } else if name.parse::<RoomName>().is_ok() {
            None
        } else if name.chars().nth(ROOM_NAME_CHARS_MAX).is_some() {
            Some(Self::Long)
        } else {
            Some(Self::Order)
        }
    }
}

/// Returns the room whose name is nearest to what was asked for.
pub fn nearest_room(asked: &str) -> Option<RoomName> {
    let asked = asked.chars().take(EXAMINED_CHARS_MAX);
    let allowed: String = asked.map(|c| if is_allowed(c) { c } else { '-' }).collect();
    let words: Vec<_> = allowed.split(['-', ' ']).filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(ROOM_NAME_CHARS_MAX).collect();
    name.parse().ok()
}

/// True if a name may have this character within a word.
fn is_allowed(c: char) -> bool {
    ['a', c, 'a'].iter().collect::<String>().parse::<RoomName>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_wrong() {
        for (name, fault) in [
            ("tea-time", None),
            ("Tea Time", None),
            (" ", Some(NameFault::Empty)),
            ("Tea Time!?!", Some(NameFault::Characters(vec!['!', '?']))),
            ("a.b", Some(NameFault::Characters(vec!['.']))),
            (&"大".repeat(65), Some(NameFault::Long)),
            ("\u{301}a", Some(NameFault::Order)),
        ] {
            assert_eq!(NameFault::of(name), fault, "{name}");
        }
    }

    #[test]
    fn suggests_the_nearest_name() {
        for (asked, name) in [
            ("Tea Time!", Some("tea-time")),
            ("tea/time..", Some("tea-time")),
            ("«大厅»", Some("大厅")),
            ("<b>x</b>", Some("b-x-b")),
            (&"x".repeat(300), Some(&*"x".repeat(64))),
            ("!?", None),
            ("", None),
        ] {
            assert_eq!(nearest_room(asked).as_ref().map(RoomName::as_str), name, "{asked}");
        }
    }
}
