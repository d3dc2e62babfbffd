//! Whether the list follows its newest message.

/// Within this distance of an end of the list, the reader counts as being there, in CSS pixels.
const NEAR_PX: i32 = 30;

/// True if a distance in pixels counts as none.
pub fn is_near(distance: i32) -> bool {
    distance <= NEAR_PX
}

/// Whether the reader is at the end of the list, and how many messages arrived while they were not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    at_end: bool,
    unseen: usize,
}

impl Default for Follow {
    fn default() -> Self {
        Self { at_end: true, unseen: 0 }
    }
}

impl Follow {
    /// True if the list stays at its end when it grows. Otherwise nothing moves.
    pub fn at_end(self) -> bool {
        self.at_end
    }

    /// How many messages arrived below what the reader sees.
    pub fn unseen(self) -> usize {
        self.unseen
    }

    /// The reader scrolled to `distance` pixels from the end of the list.
    #[must_use]
    pub fn scrolled(self, distance: i32, has_newest: bool) -> Self {
        let at_end = is_near(distance) && has_newest;
        Self { at_end, unseen: if at_end { 0 } else { self.unseen } }
    }

    /// Messages of others arrived.
    #[must_use]
    pub fn arrived(self, count: usize) -> Self {
        Self { unseen: if self.at_end { 0 } else { self.unseen.saturating_add(count) }, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_only_near_the_end() {
        let follow = Follow::default();
        assert!(follow.at_end());
        assert!(follow.scrolled(30, true).at_end());
        assert!(!follow.scrolled(31, true).at_end());
        assert!(!follow.scrolled(0, false).at_end());
        assert!(follow.scrolled(500, true).scrolled(0, true).at_end());
    }

    #[test]
    fn counts_what_the_reader_has_not_seen() {
        let follow = Follow::default().arrived(5);
        assert_eq!(follow.unseen(), 0);
        let away = follow.scrolled(100, true).arrived(2).arrived(1);
        assert_eq!(away.unseen(), 3);
        assert_eq!(away.scrolled(90, true).unseen(), 3);
        assert_eq!(away.scrolled(10, true).unseen(), 0);
    }
}
