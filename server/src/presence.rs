//! Who is in a room. Pure: no clock, lock, task or socket.

/// The sessions of a room, as a count.
#[derive(Debug, Default)]
pub struct Presence {
    here: usize,
}

impl Presence {
    /// A session came; returns how many there are now.
    pub fn join(&mut self) -> usize {
        self.here += 1;
        self.here
    }

    /// A session that had come left; returns how many there are now.
    pub fn leave(&mut self) -> usize {
        debug_assert!(self.here > 0, "whoever leaves had joined");
        self.here -= 1;
        self.here
    }

    /// How many there are.
    pub fn here(&self) -> usize {
        self.here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let mut presence = Presence::default();
        assert_eq!((presence.join(), presence.join(), presence.leave()), (1, 2, 1));
        assert_eq!(presence.here(), 1);
    }
}
