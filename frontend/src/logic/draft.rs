//! The text in the composer: whether it may be sent, how long it is, and how it is restored.

use protocol::limits::TEXT_BYTES_MAX;
use protocol::{Author, ErrorCode, Text};

/// The counter appears when fewer bytes than this are left.
const COUNTER_BYTES: usize = 2048;
/// Clearing a shorter draft can't be undone; it is quickly retyped. In bytes.
const UNDO_BYTES_MIN: usize = 12;

/// Why a text was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is not valid.
    Refused(ErrorCode),
    /// The outbox is full.
    OutboxFull,
}

impl Problem {
    /// True if the author's name is wrong, not the text.
    pub fn is_of_name(self) -> bool {
        matches!(self, Self::Refused(ErrorCode::AuthorTooLong | ErrorCode::AuthorInvalid | ErrorCode::AuthorReserved))
    }
}

/// Checks a message. `outbox_room` is how many more messages the outbox takes.
pub fn check(text: &str, author: &str, outbox_room: usize) -> Result<(Text, Author), Problem> {
    let text = Text::parse(text).map_err(Problem::Refused)?;
    let author = Author::parse(author).map_err(Problem::Refused)?;
    if outbox_room == 0 {
        return Err(Problem::OutboxFull);
    }
    Ok((text, author))
}

/// How many more characters fit, near the limit; negative if the text is too long. The limit is in
/// bytes, so this assumes characters as long as those of the text are on average.
pub fn characters_left(text: &str) -> Option<i64> {
    let left = TEXT_BYTES_MAX as i64 - text.len() as i64;
    if left >= COUNTER_BYTES as i64 {
        return None;
    }
    Some((left * characters(text) as i64).div_euclid(text.len() as i64))
}

/// Counts the characters that people see. Only the marks that Latin letters and emoji have are
/// known to belong to the character before: that needs no tables.
fn characters(text: &str) -> usize {
    let mut after_joiner = false;
    let starts = |c: &char| {
        let is_mark =
            matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{20d0}'..='\u{20f0}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
        let starts = !is_mark && !after_joiner;
        after_joiner = *c == '\u{200d}';
        starts
    };
    text.chars().filter(starts).count()
}

/// True if clearing this text can be undone.
pub fn is_worth_keeping(text: &str) -> bool {
    text.trim().len() >= UNDO_BYTES_MIN
}

/// Joins a kept draft and the text that is already in the field. If the draft ends with that text,
/// it is not repeated.
pub fn join(kept: &str, written: &str) -> String {
    let stands = kept == written || kept.strip_suffix(written).is_some_and(|before| before.ends_with('\n'));
    if written.is_empty() || stands {
        return kept.to_owned();
    }
    let between = if kept.is_empty() { "" } else { "\n" };
    [kept, between, written].concat()
}

/// How many lines a text has, up to the maximum height of the field. For browsers in which the
/// style sheet can't let the field grow.
pub fn lines(text: &str) -> usize {
    let breaks = text.bytes().filter(|byte| *byte == b'\n').count();
    (breaks + 1).min(LINES.len())
}

/// This number as the attribute `rows`.
pub fn rows(lines: usize) -> &'static str {
    LINES[lines.clamp(1, LINES.len()) - 1]
}

const LINES: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];

/// Text as the inner HTML of a `<textarea>`. Leptos does not escape the children of that element,
/// so the server must render drafts with this function. A leading line break is doubled, because
/// HTML parsers drop one (HTML standard, section 13.2.6.4.7, "textarea").
pub fn textarea_html(text: &str) -> String {
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if html.starts_with('\n') { "\n".to_owned() + &html } else { html }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_the_server_would_refuse() {
        assert_eq!(check(" \n", "", 1), Err(Problem::Refused(ErrorCode::TextEmpty)));
        assert_eq!(check(&"x".repeat(TEXT_BYTES_MAX + 1), "", 1), Err(Problem::Refused(ErrorCode::TextTooLong)));
        assert_eq!(check("x", "\u{202e}", 1), Err(Problem::Refused(ErrorCode::AuthorInvalid)));
        assert_eq!(check("x", "", 0), Err(Problem::OutboxFull));
        assert!(check("x", " ", 1).is_ok_and(|(_, author)| author.is_nameless()));
    }

    #[test]
    fn counts_the_characters_left_near_the_limit() {
        assert_eq!(characters_left(""), None);
        assert_eq!(characters_left(&"x".repeat(TEXT_BYTES_MAX - COUNTER_BYTES)), None);
        assert_eq!(characters_left(&"x".repeat(TEXT_BYTES_MAX - COUNTER_BYTES + 1)), Some(2047));
        assert_eq!(characters_left(&"x".repeat(TEXT_BYTES_MAX)), Some(0));
        assert_eq!(characters_left(&"字".repeat(5000)), Some(461));
        // One byte too many is one character too many.
        assert_eq!(characters_left(&("xx".to_owned() + &"字".repeat(TEXT_BYTES_MAX / 3))), Some(-1));
    }

    #[test]
    fn counts_characters_as_people_see_them() {
        for (text, count) in [("", 0), ("abc", 3), ("字", 1), ("e\u{301}", 1), ("👍🏽", 1), ("👩‍👩‍👧", 1), ("❤\u{fe0f}a", 2)]
        {
            assert_eq!(characters(text), count, "{text}");
        }
        // A family has 18 bytes, so 100 of them leave room for fewer than 900.
        assert_eq!(characters_left(&"👩‍👩‍👧".repeat(900)), Some(10));
    }

    #[test]
    fn knows_what_a_problem_is_about() {
        assert!(check("x", &"n".repeat(65), 1).is_err_and(Problem::is_of_name));
        assert!(check("x", "\u{202e}", 1).is_err_and(Problem::is_of_name));
        assert!(check("", "n", 1).is_err_and(|problem| !problem.is_of_name()));
    }

    #[test]
    fn short_texts_are_not_worth_keeping() {
        assert!(!is_worth_keeping("   hello      "));
        assert!(is_worth_keeping("hello, everybody"));
        assert!(is_worth_keeping("大家早上好"));
    }

    #[test]
    fn joining_loses_nothing_and_repeats_nothing() {
        for (kept, written, both) in [
            ("", "", ""),
            ("kept", "", "kept"),
            ("", "written", "written"),
            ("kept", "written", "kept\nwritten"),
            ("kept\nwritten", "written", "kept\nwritten"),
            ("kept", "kept", "kept"),
            ("kept", "t", "kept\nt"),
            ("kept\n", "x", "kept\n\nx"),
        ] {
            assert_eq!(join(kept, written), both, "{kept:?} and {written:?}");
        }
    }

    #[test]
    fn counts_lines_up_to_a_maximum() {
        assert_eq!((lines(""), lines("a"), lines("a\nb"), lines(&"\n".repeat(50))), (1, 1, 2, 8));
        assert_eq!((rows(0), rows(1), rows(8), rows(9)), ("1", "1", "8", "8"));
    }

    #[test]
    fn a_draft_cannot_close_its_textarea() {
        assert_eq!(textarea_html("</textarea><script>&amp;"), "&lt;/textarea&gt;&lt;script&gt;&amp;amp;");
        assert_eq!(textarea_html("\nx"), "\n\nx");
    }
}
