//! Which characters are visible.

/// The Braille pattern without a dot, which looks like a space. Its category is symbol.
const BRAILLE_BLANK: char = '\u{2800}';

/// True if a character is visible: not a space, a control character, or an invisible one.
pub(crate) fn is_visible(c: char) -> bool {
    !(c.is_whitespace() || c.is_control() || is_invisible(c) || c == BRAILLE_BLANK)
}

/// True if a character breaks a line (UAX #14, classes BK, CR, LF and NL).
pub(crate) fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// True for characters without a glyph: those that a font may ignore, and format characters, except
/// the few that are drawn around digits.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(all(test, feature = "unicode"))]
mod tests {
    use icu_properties::props::{
        BinaryProperty, DefaultIgnorableCodePoint, EnumeratedProperty, GeneralCategory, PrependedConcatenationMark,
    };

    use super::*;

    #[test]
    fn invisible_characters_are_those_of_unicodes_tables() {
        for c in '\0'..=char::MAX {
            let is_format = GeneralCategory::for_char(c) == GeneralCategory::Format && !PrependedConcatenationMark::for_char(c);
            assert_eq!(is_invisible(c), DefaultIgnorableCodePoint::for_char(c) || is_format, "U+{:04X}", u32::from(c));
        }
    }
}
