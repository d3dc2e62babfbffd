//! What strangers and servers say, as a terminal may see it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// A stranger's text: no control character moves the cursor, and no line looks like the start of another message.
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

/// Whether a terminal may take it for an order.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes a value as JSON in one line, which says the same to a program, and nothing else to a terminal.
pub(super) fn write_json(value: &impl Serialize, output: &mut impl Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *output, Harmless))?;
    output.write_all(b"\n")
}

/// JSON itself asks for the escape of C0 controls only.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, mut fragment: &str) -> io::Result<()> {
        while let Some((place, c)) = fragment.char_indices().find(|(_, c)| is_harmful(*c)) {
            write!(writer, "{}\\u{:04x}", &fragment[..place], u32::from(c))?;
            fragment = &fragment[place + c.len_utf8()..];
        }
        writer.write_all(fragment.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_sees_no_control_characters() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{7}\u{202e}c\r\u{61c}"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}\u{fffd}");
        assert_eq!(harmless("one\ntwo\t你好"), "one\n         two\t你好");
    }

    #[test]
    fn json_says_the_same_without_them() {
        let text = "\u{9b}2J\"a\u{1b}\u{7f}\u{202e}你\u{61c}";
        let mut output = Vec::new();
        write_json(&text, &mut output).unwrap();
        assert_eq!(String::from_utf8(output.clone()).unwrap(), "\"\\u009b2J\\\"a\\u001b\\u007f\\u202e你\\u061c\"\n");
        assert_eq!(serde_json::from_slice::<String>(&output).unwrap(), text);
    }
}
