//! What becomes of a text in the composer: whether it may be sent, and what to say about its length.

use protocol::limits::TEXT_BYTES_MAX;
use protocol::{Author, ErrorCode, Text};

/// How near to the limit the counter appears, in bytes.
const COUNTER_BYTES: usize = 2048;
/// A draft shorter than this, in bytes, is retyped sooner than brought back.
const UNDO_BYTES_MIN: usize = 12;

/// Why a text was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It may not be published.
    Refused(ErrorCode),
    /// Too many messages are on their way already.
    OutboxFull,
}

/// Checks what is to be sent, while there is room for so many more messages on their way.
pub fn check(text: &str, author: &str, outbox_room: usize) -> Result<(Text, Author), Problem> {
    let text = Text::parse(text).map_err(Problem::Refused)?;
    let author = Author::parse(author).map_err(Problem::Refused)?;
    if outbox_room == 0 {
        return Err(Problem::OutboxFull);
    }
    Ok((text, author))
}

/// How many bytes are left, once that is worth knowing; negative when the text is too long.
pub fn bytes_left(text: &str) -> Option<i64> {
    let left = TEXT_BYTES_MAX as i64 - text.len() as i64;
    (left < COUNTER_BYTES as i64).then_some(left)
}

/// Whether clearing this text should be undoable.
pub fn is_worth_keeping(text: &str) -> bool {
    text.trim().len() >= UNDO_BYTES_MIN
}

/// A draft that was kept and what stands in the field already, which the kept one may end with from the visit before.
pub fn put_together(kept: &str, written: &str) -> String {
    let stands = kept == written || kept.strip_suffix(written).is_some_and(|before| before.ends_with('\n'));
    if written.is_empty() || stands {
        return kept.to_owned();
    }
    let between = if kept.is_empty() { "" } else { "\n" };
    [kept, between, written].concat()
}

/// How many lines a text has, as far as the message field grows with them where the style sheet can't make it.
pub fn lines(text: &str) -> usize {
    let breaks = text.bytes().filter(|byte| *byte == b'\n').count();
    (breaks + 1).min(LINES.len())
}

/// That number as the attribute `rows`.
pub fn rows(lines: usize) -> &'static str {
    LINES[lines.clamp(1, LINES.len()) - 1]
}

const LINES: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];

/// Returns text as the HTML inside a `<textarea>`. Leptos does not escape the children of that element. A first line
/// break is doubled, because HTML drops one (HTML standard, section 13.2.6.4.7, "textarea").
pub fn textarea_html(text: &str) -> String {
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if html.starts_with('\n') { "\n".to_owned() + &html } else { html }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_sent_is_refused_here_already() {
        assert_eq!(check(" \n", "", 1), Err(Problem::Refused(ErrorCode::TextEmpty)));
        assert_eq!(check(&"x".repeat(TEXT_BYTES_MAX + 1), "", 1), Err(Problem::Refused(ErrorCode::TextTooLong)));
        assert_eq!(check("x", "\u{202e}", 1), Err(Problem::Refused(ErrorCode::AuthorInvalid)));
        assert_eq!(check("x", "", 0), Err(Problem::OutboxFull));
        assert!(check("x", " ", 1).is_ok_and(|(_, author)| author.is_nameless()));
    }

    #[test]
    fn the_counter_appears_near_the_limit_and_counts_bytes() {
        assert_eq!(bytes_left(""), None);
        assert_eq!(bytes_left(&"x".repeat(TEXT_BYTES_MAX - COUNTER_BYTES)), None);
        assert_eq!(bytes_left(&"x".repeat(TEXT_BYTES_MAX - COUNTER_BYTES + 1)), Some(2047));
        assert_eq!(bytes_left(&"字".repeat(TEXT_BYTES_MAX / 3 + 1)), Some(-2));
    }

    #[test]
    fn only_a_draft_worth_it_can_be_brought_back() {
        assert!(!is_worth_keeping("   hello      "));
        assert!(is_worth_keeping("hello, everybody"));
        assert!(is_worth_keeping("大家早上好"));
    }

    #[test]
    fn neither_the_kept_nor_the_written_is_lost_and_nothing_stands_there_twice() {
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
            assert_eq!(put_together(kept, written), both, "{kept:?} and {written:?}");
        }
    }

    #[test]
    fn the_field_grows_with_its_lines_to_a_bound() {
        assert_eq!((lines(""), lines("a"), lines("a\nb"), lines(&"\n".repeat(50))), (1, 1, 2, 8));
        assert_eq!((rows(0), rows(1), rows(8), rows(9)), ("1", "1", "8", "8"));
    }

    #[test]
    fn no_draft_closes_its_textarea() {
        assert_eq!(textarea_html("</textarea><script>&amp;"), "&lt;/textarea&gt;&lt;script&gt;&amp;amp;");
        assert_eq!(textarea_html("\nx"), "\n\nx");
    }
}
