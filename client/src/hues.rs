//! Colours that tell authors apart.

/// The number of hues.
pub const HUES: usize = 24;
/// How far the next hue is that an author gets whose own is taken. It has no divisor in common with
/// [`HUES`], so all hues are tried.
const STEP: usize = 7;

/// An author's hue, a number below [`HUES`]. Nameless authors have none, and share a neutral
/// colour.
pub type Hue = Option<u8>;

/// The hues of a room's authors. An author keeps a hue, and as long as some are free, no other
/// author gets it.
#[derive(Clone, Debug, Default)]
pub struct Hues([Option<u32>; HUES]);

impl Hues {
    /// Returns the hue of an author. It depends on the name, and on the authors before.
    pub fn of(&mut self, name: &str) -> Hue {
        if name.is_empty() {
            return None;
        }
        let hash = hash(name);
        let first = hash as usize % HUES;
        let mut tried = (0..HUES).map(|step| (first + step * STEP) % HUES);
        let hue = tried.find(|hue| self.0[*hue].is_none_or(|owner| owner == hash)).unwrap_or(first);
        self.0[hue].get_or_insert(hash);
        Some(hue as u8)
    }
}

/// FNV-1a. The high bits are folded in: the low bits alone are poorly mixed for short names.
fn hash(name: &str) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_keeps_a_hue() {
        let mut hues = Hues::default();
        let first = hues.of("小明");
        for number in 0..100 {
            hues.of(&format!("user{number}"));
        }
        assert_eq!(hues.of("小明"), first);
        assert_eq!(hues.of(""), None);
    }

    #[test]
    fn no_two_authors_share_a_hue_while_some_are_free() {
        let mut hues = Hues::default();
        let all: std::collections::HashSet<_> = (0..HUES).map(|number| hues.of(&format!("user{number}"))).collect();
        assert_eq!(all.len(), HUES);
        // Then hues are shared evenly.
        let mut counts = [0; HUES];
        for number in 0..2400 {
            counts[usize::from(hues.of(&format!("guest{number}")).unwrap())] += 1;
        }
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }
}
