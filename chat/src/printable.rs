//! Text of other people and of servers, as a terminal may show it.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// What is drawn for a tab.
const TAB: &str = "    ";
/// Maximum code points of a character that people see as one. More marks are not drawn.
const GRAPHEME_CHARS_MAX: usize = 16;

/// True if a terminal may interpret a character as a command, or if it changes the order in which
/// others are shown.
pub fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The characters that a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// All of Unicode.
    Unicode,
    /// ASCII only; others are drawn as `?`.
    Ascii,
}

impl Charset {
    /// Returns the sign in Unicode, or its replacement in ASCII.
    pub(crate) fn pick<T>(self, unicode: T, ascii: T) -> T {
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }
}

/// What is drawn for one character that people see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glyph<'a> {
    /// The place of the character in its text, in bytes.
    pub(crate) at: usize,
    /// The character.
    pub(crate) source: &'a str,
    /// What is drawn: no control characters. Empty if the character is invisible.
    pub(crate) shown: Cow<'a, str>,
    /// How many columns it takes.
    pub(crate) width: usize,
}

/// Returns what is drawn for a text without line ends.
pub(crate) fn glyphs(text: &str, charset: Charset) -> impl DoubleEndedIterator<Item = Glyph<'_>> {
    text.grapheme_indices(true).map(move |(at, source)| {
        let shown = shown(source, charset);
        let width = shown.width();
        Glyph { at, source, shown: if width == 0 { "".into() } else { shown }, width }
    })
}

/// Returns the columns that a text without line ends takes.
pub(crate) fn width(text: &str, charset: Charset) -> usize {
    glyphs(text, charset).map(|glyph| glyph.width).sum()
}

/// Returns a text cut to a width, with a mark if something is missing.
pub(crate) fn cut(text: &str, columns: usize, charset: Charset) -> Cow<'_, str> {
    if width(text, charset) <= columns {
        return text.into();
    }
    let mark = charset.pick("…", "~");
    let mut left = columns.saturating_sub(1);
    let fitting = glyphs(text, charset).take_while(|glyph| {
        let fits = glyph.width <= left;
        left = left.saturating_sub(glyph.width);
        fits
    });
    let end = fitting.last().map_or(0, |last| last.at + last.source.len());
    (text[..end].to_owned() + mark).into()
}

/// True if a text has letters that are written from right to left.
pub(crate) fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    })
}

fn shown(source: &str, charset: Charset) -> Cow<'_, str> {
    if source == "\t" {
        return TAB.into();
    }
    if source.contains(is_harmful) {
        return source.chars().map(|c| if is_harmful(c) { picture(c, charset) } else { c }).collect::<String>().into();
    }
    if charset == Charset::Ascii && !source.is_ascii() {
        return in_ascii(source).into();
    }
    match source.char_indices().nth(GRAPHEME_CHARS_MAX) {
        Some((end, _)) => source[..end].into(),
        None => source.into(),
    }
}

/// Returns what is drawn on a terminal that only shows ASCII.
fn in_ascii(source: &str) -> &'static str {
    match source {
        "…" => "...",
        "–" | "—" | "·" => "-",
        "‘" | "’" => "'",
        "“" | "”" => "\"",
        _ if source.width() == 0 => "",
        _ => "?",
    }
}

/// The picture of a character that is not drawn itself.
fn picture(c: char, charset: Charset) -> char {
    let unicode = match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        _ => Some('\u{fffd}'),
    };
    charset.pick(unicode.unwrap_or('\u{fffd}'), '?')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, charset: Charset) -> String {
        glyphs(text, charset).map(|glyph| glyph.shown).collect()
    }

    #[test]
    fn nothing_that_is_drawn_commands_the_terminal() {
        let all: String = (0..=0x2fff).filter_map(char::from_u32).filter(|c| *c != '\n').collect();
        for charset in [Charset::Unicode, Charset::Ascii] {
            assert!(!drawn(&all, charset).contains(is_harmful));
        }
        assert!(drawn(&all, Charset::Ascii).is_ascii());
    }

    #[test]
    fn control_and_direction_characters_are_drawn_as_pictures() {
        assert_eq!(drawn("a\u{1b}[2Jb\u{7}\u{7f}\u{9b}\u{202e}", Charset::Unicode), "a␛[2Jb␇␡\u{fffd}\u{fffd}");
        assert_eq!(drawn("a\u{1b}[2J", Charset::Ascii), "a?[2J");
        assert_eq!(drawn("a\tb", Charset::Unicode), "a    b");
    }

    #[test]
    fn knows_how_wide_characters_are() {
        for (text, columns) in [
            ("abc", 3),
            ("你好", 4),
            ("e\u{301}", 1),
            ("👨‍👩‍👧‍👦", 2),
            ("🇩🇪", 2),
            ("👍🏽", 2),
            ("❤\u{fe0f}", 2),
            ("ｶﾞ", 2),
            ("a\u{200b}b\u{feff}", 2),
            ("한국", 4),
        ] {
            assert_eq!(width(text, Charset::Unicode), columns, "{text}");
        }
        assert_eq!(drawn("你e\u{301}👨‍👩‍👧‍👦!", Charset::Ascii), "???!");
    }

    #[test]
    fn a_pile_of_marks_stays_in_its_cell() {
        let pile = "a".to_owned() + &"\u{301}".repeat(8_000);
        assert_eq!((drawn(&pile, Charset::Unicode).chars().count(), width(&pile, Charset::Unicode)), (16, 1));
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("abcdef", 4, Charset::Unicode), "abc…");
        assert_eq!(cut("abcd", 4, Charset::Unicode), "abcd");
        assert_eq!(cut("你好吗", 4, Charset::Unicode), "你…");
        assert_eq!(cut("abcdef", 4, Charset::Ascii), "abc~");
    }
}
