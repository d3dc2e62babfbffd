//! What people write: a message's text and its author's name.

use serde::Serialize;

use crate::ErrorCode;
use crate::limits::{AUTHOR_CHARS_MAX, TEXT_BYTES_MAX};
use crate::shaping::has_only_shaping_invisibles;
use crate::visible::{is_line_break, is_visible};

/// A message's text: at most 16 KiB of UTF-8, without NUL, with line ends as `\n`. Its first and
/// last lines have visible characters.
///
/// Everything else is kept as it was written. A text is never markup.
///
/// The default is the empty text of an entry that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Text(String);

impl Text {
    /// Checks a text, removes the blank lines around it, and turns line ends into `\n`. HTML would
    /// do that anyway, and a page must be the same after hydration.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`] or [`ErrorCode::TextInvalid`].
    pub fn parse(text: &str) -> Result<Self, ErrorCode> {
        if text.contains('\0') {
            return Err(ErrorCode::TextInvalid);
        }
        let text = trim_blank_lines(text);
        // A hostile megabyte is refused before it is copied.
        if text.len() > 2 * TEXT_BYTES_MAX {
            return Err(ErrorCode::TextTooLong);
        }
        let text = unify_line_ends(text);
        if text.len() > TEXT_BYTES_MAX {
            return Err(ErrorCode::TextTooLong);
        }
        if text.is_empty() { Err(ErrorCode::TextEmpty) } else { Ok(Self(text)) }
    }

    /// Creates a text from storage without checking it: another version may have accepted it under
    /// other rules.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the text of an entry that has none.
    pub fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<String> for Text {
    type Error = ErrorCode;

    fn try_from(text: String) -> Result<Self, ErrorCode> {
        Self::parse(&text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

/// An author's name: at most 64 characters on one line, without any that move or hide others, and
/// not all of them invisible. Empty if the author gave no name.
///
/// Without the feature `unicode`, some names are valid here that a server refuses: those in which a
/// joiner or a variation selector shapes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Author(String);

impl Author {
    /// Trims a name and checks it.
    ///
    /// # Errors
    /// [`ErrorCode::AuthorTooLong`] or [`ErrorCode::AuthorInvalid`].
    pub fn parse(name: &str) -> Result<Self, ErrorCode> {
        let name = name.trim();
        if name.chars().take(AUTHOR_CHARS_MAX + 1).count() > AUTHOR_CHARS_MAX {
            return Err(ErrorCode::AuthorTooLong);
        }
        let is_one_line = !name.contains(|c: char| c.is_control() || is_line_break(c));
        let is_fine = is_one_line && has_only_shaping_invisibles(name) && (name.is_empty() || name.contains(is_visible));
        if is_fine { Ok(Self(name.to_owned())) } else { Err(ErrorCode::AuthorInvalid) }
    }

    /// Creates a name from storage without checking it: another version may have accepted it under
    /// other rules.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// Returns the name; empty if the author gave none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the author gave no name.
    pub fn is_nameless(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<String> for Author {
    type Error = ErrorCode;

    fn try_from(name: String) -> Result<Self, ErrorCode> {
        Self::parse(&name)
    }
}

impl From<Author> for String {
    fn from(author: Author) -> Self {
        author.0
    }
}

/// Returns the text from its first to its last line with a visible character, without a byte order
/// mark.
fn trim_blank_lines(text: &str) -> &str {
    let Some(first) = text.find(is_visible) else { return "" };
    let start = text[..first].char_indices().rfind(|(_, c)| is_line_break(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let last = text.rfind(is_visible).unwrap_or(first);
    let end = text[last..].find(is_line_break).map_or(text.len(), |at| last + at);
    text[start..end].trim_start_matches('\u{feff}')
}

/// Replaces `\r\n` and `\r` by `\n`. [`str::replace`] would bring more code into the browser's
/// bundle than everything else here.
fn unify_line_ends(text: &str) -> String {
    if !text.as_bytes().contains(&b'\r') {
        return text.to_owned();
    }
    let mut unified = String::with_capacity(text.len());
    let mut after_return = false;
    for c in text.chars() {
        if c != '\n' || !after_return {
            unified.push(if c == '\r' { '\n' } else { c });
        }
        after_return = c == '\r';
    }
    unified
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_text_as_it_was_written() {
        for text in ["hello", " indented\n\tline ", "a\n\n\nb", "<script>", "\u{202e}abc", "a\u{1}b", &"字".repeat(TEXT_BYTES_MAX / 3)] {
            assert_eq!(Text::parse(text).as_ref().map(Text::as_str), Ok(text));
        }
    }

    #[test]
    fn unifies_line_ends() {
        assert_eq!(Text::parse("a\r\nb\rc\n\rd").as_ref().map(Text::as_str), Ok("a\nb\nc\n\nd"));
    }

    #[test]
    fn refuses_long_invalid_and_blank_texts() {
        assert!(Text::parse(&"x".repeat(TEXT_BYTES_MAX)).is_ok());
        assert_eq!(Text::parse(&"x".repeat(TEXT_BYTES_MAX + 1)), Err(ErrorCode::TextTooLong));
        assert_eq!(Text::parse("a\0b"), Err(ErrorCode::TextInvalid));
        for blank in ["", " ", "\n\t\u{3000}", "\u{200b}", "\u{202e}\u{feff}"] {
            assert_eq!(Text::parse(blank), Err(ErrorCode::TextEmpty), "{blank:?}");
        }
    }

    #[test]
    fn counts_line_ends_as_they_are_stored() {
        let lines = |count: usize| format!("x{}x", "\r\n".repeat(count));
        assert!(Text::parse(&lines(TEXT_BYTES_MAX - 2)).is_ok());
        assert_eq!(Text::parse(&lines(TEXT_BYTES_MAX - 1)), Err(ErrorCode::TextTooLong));
    }

    #[test]
    fn trims_names_and_refuses_invisible_characters() {
        assert_eq!(Author::parse("  小明 ").as_ref().map(Author::as_str), Ok("小明"));
        assert!(Author::parse(" ").is_ok_and(|author| author.is_nameless()));
        assert!(Author::parse(&"é".repeat(64)).is_ok());
        assert_eq!(Author::parse(&"é".repeat(65)), Err(ErrorCode::AuthorTooLong));
        for bad in ["a\nb", "a\0", "\u{202e}admin", "ad\u{200b}min", "a\u{7}b"] {
            assert_eq!(Author::parse(bad), Err(ErrorCode::AuthorInvalid), "{bad:?}");
        }
    }
}
