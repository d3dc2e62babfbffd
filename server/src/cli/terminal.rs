//! Makes text of other people and servers safe for a terminal.

use std::io::{self, Write};

use chat::is_harmful;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Replaces control characters, and indents lines so that none looks like another message.
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\n         "),
            '\t' => shown.push(c),
            c if is_harmful(c) => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
    }
    shown
}

/// Writes a value as one line of JSON without control characters.
pub(super) fn write_json(value: &impl Serialize, output: &mut impl Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *output, Harmless))?;
    output.write_all(b"\n")
}

/// Escapes all control characters; JSON requires it for C0 only.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, mut fragment: &str) -> io::Result<()> {
        while let Some((index, c)) = fragment.char_indices().find(|(_, c)| is_harmful(*c)) {
            write!(writer, "{}\\u{:04x}", &fragment[..index], u32::from(c))?;
            fragment = &fragment[index + c.len_utf8()..];
        }
        writer.write_all(fragment.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_control_characters() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{7}\u{202e}c\r\u{61c}"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}\u{fffd}");
        assert_eq!(harmless("one\ntwo\t你好"), "one\n         two\t你好");
    }

    #[test]
    fn escapes_control_characters_in_json() {
        let text = "\u{9b}2J\"a\u{1b}\u{7f}\u{202e}你\u{61c}";
        let mut output = Vec::new();
        write_json(&text, &mut output).unwrap();
        assert_eq!(String::from_utf8(output.clone()).unwrap(), "\"\\u009b2J\\\"a\\u001b\\u007f\\u202e你\\u061c\"\n");
        assert_eq!(serde_json::from_slice::<String>(&output).unwrap(), text);
    }
}
