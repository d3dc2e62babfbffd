//! What tells authors apart at a glance: a colour, and one or two characters of the name.

pub use client::hues::{Hue, Hues};

/// The class of a colour; `style/tokens.css` has one for each.
pub fn hue_class(hue: Hue) -> String {
    hue.map_or_else(|| "hue-none".to_owned(), |hue| "hue-".to_owned() + &hue.to_string())
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
    fn a_colour_has_a_class() {
        assert_eq!((hue_class(None), hue_class(Some(7))), ("hue-none".to_owned(), "hue-7".to_owned()));
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
