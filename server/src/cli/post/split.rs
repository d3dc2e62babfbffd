//! Cuts a text of any length into messages, in order and in bounded memory.

use protocol::Text;
use protocol::limits::{FRAME_BYTES_MAX, TEXT_BYTES_MAX};
use unicode_segmentation::GraphemeCursor;

/// Maximum size of a text as JSON, in bytes: the rest of a frame is for the author and the key. A
/// text with many control characters is longer as JSON than it may be.
const JSON_BYTES_MAX: usize = FRAME_BYTES_MAX - 2 * 1024;

/// A text that grows at its end, and of which messages are taken at its start.
#[derive(Clone, Debug, Default)]
pub(super) struct Splitter {
    pub(super) text: String,
}

impl Splitter {
    /// Takes a message that is complete, because what follows does not fit into it. It ends between
    /// two lines, or inside a line that is itself too long.
    pub(super) fn take_full(&mut self) -> Option<Text> {
        loop {
            let (end, next) = full(&self.text)?;
            let text = Text::parse(&self.text[..end]);
            self.text.drain(..next);
            // Blank lines are no message.
            if let Ok(text) = text {
                return Some(text);
            }
        }
    }

    /// Takes what is there as a message. `None` if it is blank. Call [`Self::take_full`] first,
    /// until it returns `None`.
    pub(super) fn take_rest(&mut self) -> Option<Text> {
        Text::parse(&std::mem::take(&mut self.text)).ok()
    }

    /// Takes the lines that are complete as a message. Call [`Self::take_full`] first, until it
    /// returns `None`.
    pub(super) fn take_lines(&mut self) -> Option<Text> {
        let end = self.text.rfind('\n')?;
        let text = Text::parse(&self.text[..end]).ok();
        self.text.drain(..=end);
        text
    }

    /// Drops the last line if it is not complete.
    pub(super) fn keep_lines(&mut self) {
        self.text.truncate(self.text.rfind('\n').map_or(0, |end| end + 1));
    }

    /// True if a line is complete.
    pub(super) fn has_line(&self) -> bool {
        self.text.contains('\n')
    }
}

/// Returns the end of the first message and the start of the next one, if the text is too long for
/// one message.
fn full(text: &str) -> Option<(usize, usize)> {
    let limit = fitting(text);
    let rest = &text[limit..];
    if rest.is_empty() {
        return None;
    }
    if rest.starts_with('\n') {
        return Some((limit, limit + 1));
    }
    match text[..limit].rfind('\n') {
        Some(end) => Some((end, end + 1)),
        None => Some((boundary(text, limit), boundary(text, limit))),
    }
}

/// Returns the longest end of a text that fits into one message. It starts after a line end, unless
/// its last line alone is too long.
pub(super) fn last(text: &str) -> &str {
    let text = text.trim_end();
    let mut size = Size::default();
    let fits = |(_, c): &(usize, char)| size.add(*c);
    let Some((start, _)) = text.char_indices().rev().take_while(fits).last() else { return "" };
    if start == 0 || text[..start].ends_with('\n') {
        return &text[start..];
    }
    match text[start..].find('\n') {
        Some(end) => &text[start + end + 1..],
        None => &text[next_boundary(text, start)..],
    }
}

/// Returns how many bytes of the text fit into one message.
fn fitting(text: &str) -> usize {
    let mut size = Size::default();
    text.char_indices().find(|(_, c)| !size.add(*c)).map_or(text.len(), |(at, _)| at)
}

/// The size of a text, as it is and as JSON.
#[derive(Default)]
struct Size {
    bytes: usize,
    json_bytes: usize,
}

impl Size {
    /// Adds a character. Returns false if the text is too long with it.
    fn add(&mut self, c: char) -> bool {
        self.bytes += c.len_utf8();
        self.json_bytes += match c {
            '"' | '\\' | '\n' | '\t' => 2,
            c if c < ' ' => 6,
            c => c.len_utf8(),
        };
        self.bytes <= TEXT_BYTES_MAX && self.json_bytes <= JSON_BYTES_MAX
    }
}

/// Returns the last place at or before `limit` that is not inside a character as people see it. A
/// single one that is longer is cut.
fn boundary(text: &str, limit: usize) -> usize {
    let mut cursor = GraphemeCursor::new(limit, text.len(), true);
    if cursor.is_boundary(text, 0) == Ok(true) {
        return limit;
    }
    cursor.prev_boundary(text, 0).ok().flatten().filter(|at| *at > 0).unwrap_or(limit)
}

/// Returns the first such place at or after `start`.
fn next_boundary(text: &str, start: usize) -> usize {
    let mut cursor = GraphemeCursor::new(start, text.len(), true);
    if cursor.is_boundary(text, 0) == Ok(true) {
        return start;
    }
    cursor.next_boundary(text, 0).ok().flatten().filter(|at| *at < text.len()).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits a text that comes in pieces of `piece` characters.
    fn split(text: &str, piece: usize) -> Vec<String> {
        let (mut splitter, mut messages) = (Splitter::default(), Vec::new());
        for piece in text.chars().collect::<Vec<_>>().chunks(piece) {
            splitter.text.extend(piece);
            messages.extend(std::iter::from_fn(|| splitter.take_full()));
            assert!(splitter.text.len() <= TEXT_BYTES_MAX);
        }
        messages.extend(splitter.take_rest());
        messages.into_iter().map(String::from).collect()
    }

    #[test]
    fn does_not_split_a_text_that_fits() {
        assert_eq!(split("one\ntwo\n", 3), ["one\ntwo"]);
        let full = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(split(&full, 5000), [&*full]);
        assert_eq!(split(&format!("\n\n{full}\n\n"), 5000), [&*full]);
        assert_eq!(split(&"\n".repeat(100_000), 5000), [""; 0]);
    }

    #[test]
    fn splits_between_lines_and_loses_nothing() {
        for (line, count) in [("a line of a log\n", 3_000), ("你好\n", 10_000), ("\n", 40_000), ("x\n", 20_000)] {
            let text = "first\n".to_owned() + &line.repeat(count) + "last";
            let messages = split(&text, 4096);
            assert_eq!(messages, split(&text, 100_000));
            let lines = |text: &str| text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect::<Vec<_>>();
            assert_eq!(lines(&messages.join("\n")), lines(&text));
            // Each message is as long as it can be.
            assert!(messages.iter().rev().skip(1).all(|message| message.len() + line.len() > TEXT_BYTES_MAX || line == "\n"));
        }
    }

    #[test]
    fn splits_a_line_that_is_too_long_between_characters() {
        for character in ["x", "你", "👩‍👩‍👧", "🇨🇳", "e\u{301}"] {
            let long = character.repeat(40_000 / character.len());
            let messages = split(&format!("one\n{long}\ntwo"), 1000);
            assert_eq!(messages[0], "one");
            let last = messages.last().unwrap().strip_suffix("\ntwo").unwrap();
            let pieces = [&messages[1..messages.len() - 1], &[last.to_owned()]].concat();
            assert!(pieces.iter().all(|piece| piece.len() % character.len() == 0 && piece.starts_with(character)), "{character}");
            assert_eq!(pieces.concat(), long);
        }
        // One character that is longer than a message.
        let marks = format!("e{}", "\u{301}".repeat(20_000));
        assert_eq!(split(&marks, 1000).concat(), marks);
    }

    #[test]
    fn splits_what_is_too_long_as_json() {
        let text = "\u{1}\u{1}x".repeat(5_000);
        let messages = split(&text, 1000);
        assert!(messages.len() == 2 && messages.concat() == text);
        assert!(messages.iter().all(|message| serde_json::to_string(message).unwrap().len() <= JSON_BYTES_MAX + 2));
    }

    #[test]
    fn takes_complete_lines() {
        let mut splitter = Splitter { text: "one\ntwo\nthr".to_owned() };
        assert!(splitter.has_line());
        assert_eq!(splitter.take_lines().unwrap().as_str(), "one\ntwo");
        assert!(!splitter.has_line() && splitter.take_lines().is_none());
        assert_eq!(splitter.take_rest().unwrap().as_str(), "thr");
    }

    #[test]
    fn finds_the_last_lines_that_fit() {
        assert_eq!(last("one\ntwo\n\n"), "one\ntwo");
        assert_eq!(last(" \n"), "");
        let lines: String = (0..10_000).map(|n| format!("{n}\n")).collect();
        let end = last(&lines);
        assert!(lines.trim_end().ends_with(end) && end.len() > TEXT_BYTES_MAX - 5 && end.len() <= TEXT_BYTES_MAX);
        assert_eq!(end.lines().next().unwrap().len(), 4);
        let long = "你".repeat(10_000);
        assert_eq!(last(&format!("one\n{long}")), "你".repeat(TEXT_BYTES_MAX / 3));
        let full = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(last(&format!("one\n{full}")), full);
    }
}
