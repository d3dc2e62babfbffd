//! Where invisible characters are allowed in names, by Unicode's tables. They are compiled in:
//! 28 KB, a third of that compressed.

use icu_properties::props::{
    BinaryProperty, Emoji, EnumeratedProperty, ExtendedPictographic, GraphemeLink, Ideographic, JoinControl, JoiningType, VariationSelector,
};

use crate::visible::is_invisible;

/// The emoji that becomes a region's flag with tag characters after it (UTS #51, annex C).
const FLAG: char = '\u{1f3f4}';
/// Ends a sequence of tag characters.
const TAG_END: char = '\u{e007f}';

/// True if every invisible character of a name shapes the characters beside it, as many scripts and
/// emoji need. Any other would allow two different names that look the same.
pub(crate) fn has_only_shaping_invisibles(name: &str) -> bool {
    let mut rest = name;
    // The character before, and the last one that is not a mark.
    let (mut before, mut base) = (' ', ' ');
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let shapes = if JoinControl::for_char(c) {
            joins(before, base, rest.chars().next().unwrap_or(' '))
        } else if VariationSelector::for_char(c) {
            varies(before)
        } else {
            !is_invisible(c)
        };
        if !shapes {
            return false;
        }
        if c == FLAG {
            rest = after_tags(rest);
        }
        before = c;
        if JoiningType::for_char(c) != JoiningType::Transparent {
            base = c;
        }
    }
    true
}

/// True if a joiner can change how its neighbours look: beside a virama, within a word of a script
/// that joins its letters, or between emoji. `base` is the letter before, without its marks.
fn joins(before: char, base: char, after: char) -> bool {
    // One neighbour is enough: some letters of such scripts, such as the Arabic hamza, do not join.
    let is_cursive = |c| !matches!(JoiningType::for_char(c), JoiningType::NonJoining | JoiningType::Transparent);
    let is_emoji = |c| Emoji::for_char(c) || VariationSelector::for_char(c);
    GraphemeLink::for_char(before)
        || GraphemeLink::for_char(after)
        || base.is_alphabetic() && after.is_alphabetic() && (is_cursive(base) || is_cursive(after))
        || is_emoji(before) && ExtendedPictographic::for_char(after)
}

/// True if a variation selector can choose another glyph for the character before it.
fn varies(before: char) -> bool {
    // Mongolian letters, which are dual-joining, have variants.
    Emoji::for_char(before) || Ideographic::for_char(before) || JoiningType::for_char(before) == JoiningType::DualJoining
}

/// Skips the tag characters that turn a flag into a region's, such as `gbeng` for England. Each is
/// an ASCII character in another plane.
fn after_tags(after_flag: &str) -> &str {
    let tag = |c: char| char::from_u32(u32::from(c).wrapping_sub(0xe0000)).filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let rest = after_flag.trim_start_matches(|c| tag(c).is_some());
    let is_region = (3..=7).contains(&after_flag[..after_flag.len() - rest.len()].chars().count());
    rest.strip_prefix(TAG_END).filter(|_| is_region).unwrap_or(after_flag)
}
