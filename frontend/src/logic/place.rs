//! The place at which a reader left a room's list, to find it again after a reload and on the way
//! back.

use protocol::{Epoch, Position};

/// A place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The end: the list follows it.
    End,
    /// A message at the top of the screen.
    Message {
        /// Its offset.
        offset: u64,
        /// Its distance from the top of the list's box, in CSS pixels.
        top: i32,
    },
}

impl Place {
    /// Reads what [`Place::to_text`] wrote. `None` if that was in another log.
    pub fn parse(text: &str, epoch: Epoch) -> Option<Self> {
        if text == "end" {
            return Some(Self::End);
        }
        let (position, top) = text.split_once(' ')?;
        let position: Position = position.parse().ok()?;
        let top = top.parse().ok()?;
        (position.epoch == epoch).then_some(Self::Message { offset: position.offset, top })
    }

    /// The place as a text.
    pub fn to_text(self, epoch: Epoch) -> String {
        match self {
            Self::End => "end".to_owned(),
            Self::Message { offset, top } => [&Position { epoch, offset }.to_string(), " ", &top.to_string()].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_back_from_its_text_in_the_same_log() {
        let (here, other) = (Epoch(1), Epoch(2));
        for place in [Place::End, Place::Message { offset: 7, top: -12 }] {
            assert_eq!(Place::parse(&place.to_text(here), here), Some(place));
        }
        assert_eq!(Place::parse(&Place::Message { offset: 7, top: 0 }.to_text(here), other), None);
        for text in ["", "7", "0000000000000001:7", "0000000000000001:7 x", "x 7"] {
            assert_eq!(Place::parse(text, here), None, "{text}");
        }
    }
}
