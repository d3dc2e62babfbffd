//! What tells authors apart at a glance: a colour, and one or two characters of the name.

/// The number of colours; `style/tokens.css` has a class for each.
pub const HUES: usize = 24;
/// How far the next colour is that an author gets whose own is taken. It has no divisor in common
/// with [`HUES`], so all colours are tried.
const STEP: usize = 7;

/// An author's colour, a number below [`HUES`]. Nameless authors have none, and share a neutral
/// one.
pub type Hue = Option<u8>;

/// The colours of a room's authors. An author keeps a colour, and as long as some are free, no
/// other author gets it.
#[derive(Clone, Debug, Default)]
pub struct Hues([Option<u32>; HUES]);

impl Hues {
    /// Returns the colour of an author. It depends on the name, and on the authors before.
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

/// The class of a colour.
pub fn hue_class(hue: Hue) -> String {
    hue.map_or_else(|| "hue-none".to_owned(), |hue| "hue-".to_owned() + &hue.to_string())
}

/// FNV-1a. The high bits are folded in: the low bits alone are poorly mixed for short names.
fn hash(name: &str) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash ^ (hash >> 15)
}

/// The characters on an author's seal: the last two Chinese characters, because names begin with
/// one of few surnames; else the initials of the first and the last word, or the initial and the
/// number at the end. The style sheet capitalises them, because code would need Unicode tables.
pub fn initials(name: &str) -> String {
    let (mut han, mut initials, mut number) = ([None; 2], [None; 2], None);
    let (mut before, mut is_start) = (None, true);
    for c in name.chars() {
        if is_han(c) {
            han = [before.filter(|before| is_han(*before)), Some(c)];
        }
        let is_space = matches!(c, ' ' | '-' | '_' | '.');
        if is_start && !is_space {
            let place = usize::from(initials[0].is_some());
            initials[place] = Some(c);
        }
        number = before.and(Some(c)).filter(char::is_ascii_digit);
        (before, is_start) = (Some(c), is_space);
    }
    let shown = match (han, initials) {
        ([_, Some(_)], _) => han,
        (_, [None, _]) => [Some('·'), None],
        (_, [first, None]) => [first, number],
        _ => initials,
    };
    shown.into_iter().flatten().collect()
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_keeps_a_colour() {
        let mut hues = Hues::default();
        let first = hues.of("小明");
        for number in 0..100 {
            hues.of(&format!("user{number}"));
        }
        assert_eq!(hues.of("小明"), first);
        assert_eq!((hues.of(""), hue_class(None), hue_class(Some(7))), (None, "hue-none".to_owned(), "hue-7".to_owned()));
    }

    #[test]
    fn no_two_authors_share_a_colour_while_some_are_free() {
        let mut hues = Hues::default();
        let all: std::collections::HashSet<_> = (0..HUES).map(|number| hues.of(&format!("user{number}"))).collect();
        assert_eq!(all.len(), HUES);
        // Then colours are shared evenly.
        let mut counts = [0; HUES];
        for number in 0..2400 {
            counts[usize::from(hues.of(&format!("guest{number}")).unwrap())] += 1;
        }
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }

    #[test]
    fn initials_tell_names_apart() {
        for (name, seal) in [
            ("李小明", "小明"),
            ("小明", "小明"),
            ("明", "明"),
            ("小明 Li", "小明"),
            ("VIP王五", "王五"),
            ("ada", "a"),
            ("Ada Lovelace", "AL"),
            ("anna_maria-sofia", "as"),
            ("user12", "u2"),
            ("7", "7"),
            ("さくら", "さ"),
            ("--", "·"),
            ("", "·"),
        ] {
            assert_eq!(initials(name), seal, "{name}");
        }
    }
}
