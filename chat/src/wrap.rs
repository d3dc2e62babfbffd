//! Breaks a text into rows.

use std::ops::Range;

use crate::printable::{Charset, Glyph, glyphs};

/// Characters that do not begin a row.
const CLOSING: &str = "，。、！？；：）」』】》〉〕…～’”々ー";
/// Characters that do not end a row.
const OPENING: &str = "（「『【《〈〔‘“";

/// Breaks a text into rows of at most `columns` columns: at line ends, between words, between wide
/// characters, and inside what is longer than a row. Spaces at a break stay in the row before it,
/// even if they do not fit.
///
/// Returns the bytes of each row; at least one row.
pub(crate) fn wrap(text: &str, columns: usize, charset: Charset) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        wrap_line(line, start, columns, charset, &mut rows);
        start += line.len() + 1;
    }
    rows
}

fn wrap_line(line: &str, base: usize, columns: usize, charset: Charset, rows: &mut Vec<Range<usize>>) {
    let (mut start, mut column) = (0, 0);
    // The last place where the row may end, and its column.
    let mut possible = None;
    let mut before: Option<Glyph<'_>> = None;
    for glyph in glyphs(line, charset) {
        let is_space = is_space(&glyph);
        if before.as_ref().is_some_and(|before| may_break(before, &glyph)) {
            possible = Some((glyph.at, column));
        }
        while !is_space && column + glyph.width > columns && glyph.at > start {
            let (end, end_column) = possible.take().unwrap_or((glyph.at, column));
            rows.push(base + start..base + end);
            start = end;
            column -= end_column;
        }
        column += glyph.width;
        before = Some(glyph);
    }
    rows.push(base + start..base + line.len());
}

fn is_space(glyph: &Glyph<'_>) -> bool {
    matches!(glyph.source, " " | "\t" | "\u{3000}")
}

fn may_break(before: &Glyph<'_>, after: &Glyph<'_>) -> bool {
    if is_space(after) {
        return false;
    }
    let is_between_wide = before.width == 2 || after.width == 2;
    is_space(before) || (is_between_wide && !CLOSING.contains(after.source) && !OPENING.contains(before.source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, columns: usize) -> Vec<&str> {
        wrap(text, columns, Charset::Unicode).into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn breaks_between_words() {
        assert_eq!(rows("the quick brown fox", 10), ["the quick ", "brown fox"]);
        assert_eq!(rows("one\n\ntwo", 10), ["one", "", "two"]);
        assert_eq!(rows("", 10), [""]);
        // Spaces that do not fit stay at the end of the row.
        assert_eq!(rows("abcde     fghij", 5), ["abcde     ", "fghij"]);
    }

    #[test]
    fn breaks_a_long_word_where_the_row_ends() {
        assert_eq!(rows("see abcdefghijkl", 5), ["see ", "abcde", "fghij", "kl"]);
        assert_eq!(rows("你好", 1), ["你", "好"]);
    }

    #[test]
    fn breaks_between_chinese_characters_but_not_before_a_comma() {
        assert_eq!(rows("今天天气很好，我们走吧。", 12), ["今天天气很", "好，我们走", "吧。"]);
        assert_eq!(rows("他说「你好」", 6), ["他说", "「你", "好」"]);
        assert_eq!(rows("abc你好", 6), ["abc你", "好"]);
    }

    #[test]
    fn never_breaks_inside_a_character() {
        assert_eq!(rows("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 3), ["👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"]);
        assert_eq!(rows("e\u{301}e\u{301}e\u{301}", 2), ["e\u{301}e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn no_character_is_lost_and_no_row_is_too_wide() {
        let text = "a b  你好，e\u{301}👍🏽 longerword（x）\tend\n\u{1b}[0m ".repeat(20);
        for columns in 1..30 {
            let rows = wrap(&text, columns, Charset::Unicode);
            let whole: String = rows.iter().map(|row| &text[row.clone()]).collect();
            assert_eq!(whole, text.replace('\n', ""));
            for row in rows {
                let row = text[row].trim_end_matches([' ', '\t']);
                let width = crate::printable::width(row, Charset::Unicode);
                assert!(width <= columns || row.chars().count() == 1 || glyphs(row, Charset::Unicode).count() == 1, "{columns}: {row:?}");
            }
        }
    }
}
