//! What people write: a message's text and its author's name.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;
use crate::limits::{AUTHOR_CHARS_MAX, TEXT_BYTES_MAX};
use crate::visible::{ends_line, hides_nothing, is_shown};

/// A message's text: it shows something, on its first line and its last; at most 16 KiB of UTF-8, no NUL, line ends as `\n`.
///
/// All else is kept as it came, and it is never markup: whoever shows it shows text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// Checks a text, drops the blank lines around it, and gives its line ends one form, which HTML would do anyway (a page
    /// must show after hydration what the server wrote).
    pub fn parse(text: &str) -> Result<Self, ErrorCode> {
        if text.contains('\0') {
            return Err(ErrorCode::TextInvalid);
        }
        let text = without_blank_lines(text);
        // The first condition is what saves a hostile megabyte from being copied.
        if text.len() > 2 * TEXT_BYTES_MAX {
            return Err(ErrorCode::TextTooLong);
        }
        let text = one_line_end(text);
        if text.len() > TEXT_BYTES_MAX {
            return Err(ErrorCode::TextTooLong);
        }
        if text.is_empty() { Err(ErrorCode::TextEmpty) } else { Ok(Self(text)) }
    }

    /// Takes a text that was accepted when it was stored, perhaps under other rules than today's.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
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

/// An author's name as they wish to be called: at most 64 characters, none that moves or hides others, and not all of them
/// invisible. The empty name is a nameless author's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Author(String);

impl Author {
    /// Trims a name and checks it.
    pub fn parse(name: &str) -> Result<Self, ErrorCode> {
        let name = name.trim();
        if name.chars().take(AUTHOR_CHARS_MAX + 1).count() > AUTHOR_CHARS_MAX {
            return Err(ErrorCode::AuthorTooLong);
        }
        let is_one_line = !name.contains(|c: char| c.is_control() || ends_line(c));
        let is_fine = is_one_line && hides_nothing(name) && (name.is_empty() || name.contains(is_shown));
        if is_fine { Ok(Self(name.to_owned())) } else { Err(ErrorCode::AuthorInvalid) }
    }

    /// Takes a name that was accepted when it was stored, perhaps under other rules than today's.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name; empty for a nameless author.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the author gave no name.
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

/// The text from its first line that shows something to its last. A byte order mark before it is no part of it, wherever the
/// text came from.
fn without_blank_lines(text: &str) -> &str {
    let Some(first) = text.find(is_shown) else { return "" };
    let start = text[..first].char_indices().rfind(|(_, c)| ends_line(*c)).map_or(0, |(at, c)| at + c.len_utf8());
    let last = text.rfind(is_shown).unwrap_or(first);
    let end = text[last..].find(ends_line).map_or(text.len(), |at| last + at);
    text[start..end].trim_start_matches('\u{feff}')
}

/// Writes `\n` for `\r\n` and `\r`. By hand, because searching for a string brings more code into the browser's bundle
/// than all else here.
fn one_line_end(text: &str) -> String {
    if !text.as_bytes().contains(&b'\r') {
        return text.to_owned();
    }
    let mut one = String::with_capacity(text.len());
    let mut after_return = false;
    for c in text.chars() {
        if c != '\n' || !after_return {
            one.push(if c == '\r' { '\n' } else { c });
        }
        after_return = c == '\r';
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_as_it_came() {
        for text in ["hello", " indented\n\tline ", "a\n\n\nb", "<script>", "\u{202e}abc", "a\u{1}b", &"字".repeat(TEXT_BYTES_MAX / 3)] {
            assert_eq!(Text::parse(text).as_ref().map(Text::as_str), Ok(text));
        }
    }

    #[test]
    fn line_ends_have_one_form() {
        assert_eq!(Text::parse("a\r\nb\rc\n\rd").as_ref().map(Text::as_str), Ok("a\nb\nc\n\nd"));
    }

    #[test]
    fn a_text_has_bounds() {
        assert!(Text::parse(&"x".repeat(TEXT_BYTES_MAX)).is_ok());
        assert_eq!(Text::parse(&"x".repeat(TEXT_BYTES_MAX + 1)), Err(ErrorCode::TextTooLong));
        assert_eq!(Text::parse("a\0b"), Err(ErrorCode::TextInvalid));
        for blank in ["", " ", "\n\t\u{3000}", "\u{200b}", "\u{202e}\u{feff}"] {
            assert_eq!(Text::parse(blank), Err(ErrorCode::TextEmpty), "{blank:?}");
        }
    }

    #[test]
    fn line_ends_are_counted_as_they_are_stored() {
        let lines = |count: usize| format!("x{}x", "\r\n".repeat(count));
        assert!(Text::parse(&lines(TEXT_BYTES_MAX - 2)).is_ok());
        assert_eq!(Text::parse(&lines(TEXT_BYTES_MAX - 1)), Err(ErrorCode::TextTooLong));
    }

    #[test]
    fn a_name_is_trimmed_and_moves_nobody() {
        assert_eq!(Author::parse("  小明 ").as_ref().map(Author::as_str), Ok("小明"));
        assert!(Author::parse(" ").is_ok_and(|author| author.is_nameless()));
        assert!(Author::parse(&"é".repeat(64)).is_ok());
        assert_eq!(Author::parse(&"é".repeat(65)), Err(ErrorCode::AuthorTooLong));
        for bad in ["a\nb", "a\0", "\u{202e}admin", "ad\u{200b}min", "a\u{7}b"] {
            assert_eq!(Author::parse(bad), Err(ErrorCode::AuthorInvalid), "{bad:?}");
        }
    }
}
