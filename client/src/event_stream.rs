//! Reads an event stream (`text/event-stream`; WHATWG HTML, section 9.2.6) in pieces of any size.
//!
//! Only data and comments are read: an event's name and id also follow from its data, and the core
//! decides when to reconnect.

/// Maximum size of an event, in bytes: an entry as JSON is shorter, see `docs/protocol.md`.
const EVENT_BYTES_MAX: usize = 512 * 1024;

/// A part of an event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamItem {
    /// An event's data.
    Data(String),
    /// A comment. Servers send it as a heartbeat.
    Comment,
}

/// An event is longer than any that a Crier server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLong;

/// Parses an event stream. Keeps what is not complete yet, at most 512 KiB.
#[derive(Clone, Debug, Default)]
pub struct EventStreamParser {
    line: Vec<u8>,
    data: Vec<u8>,
    is_begun: bool,
    /// True if the last line ended with a carriage return: a line feed that follows belongs to it.
    after_return: bool,
}

impl EventStreamParser {
    /// Reads the next bytes. Returns the items that they complete.
    ///
    /// # Errors
    /// Fails if an event is longer than 512 KiB. The stream cannot be read any further.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<Vec<StreamItem>, EventTooLong> {
        let mut items = Vec::new();
        while let Some((&first, rest)) = bytes.split_first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                bytes = rest;
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.line.len() + self.data.len() + line.len() > EVENT_BYTES_MAX {
                return Err(EventTooLong);
            }
            self.line.extend_from_slice(line);
            bytes = rest;
            if let Some((&end, rest)) = rest.split_first() {
                bytes = rest;
                self.after_return = end == b'\r';
                items.extend(self.end_line());
            }
        }
        Ok(items)
    }

    fn end_line(&mut self) -> Option<StreamItem> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.is_begun, true) {
            // The stream may start with a byte order mark.
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.end_event();
        }
        if line.starts_with(b":") {
            return Some(StreamItem::Comment);
        }
        let value = line.strip_prefix(b"data").and_then(|rest| if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b":") });
        if let Some(value) = value {
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        }
        None
    }

    fn end_event(&mut self) -> Option<StreamItem> {
        let data = std::mem::take(&mut self.data);
        let data = data.strip_suffix(b"\n")?;
        Some(StreamItem::Data(String::from_utf8_lossy(data).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = concat!(
        "\u{feff}retry: 2000\n\nevent: hello\nid: 00c0ffee00c0ffee:1\ndata: {\"type\":\"hello\"}\n\n",
        ":\n\n: with words\r\n\r\n",
        "data:{\"text\":\"你好 😀 \\r\\n\"}\r\rid\ndata: one\r\ndata:  two\ndata\n\n",
        "dates: x\ndata x\n\nid: 5\nevent: nothing\n\n:\n",
    );

    fn data(text: &str) -> StreamItem {
        StreamItem::Data(text.to_owned())
    }

    fn expected() -> Vec<StreamItem> {
        vec![
            data("{\"type\":\"hello\"}"),
            StreamItem::Comment,
            StreamItem::Comment,
            data("{\"text\":\"你好 😀 \\r\\n\"}"),
            data("one\n two\n"),
            StreamItem::Comment,
        ]
    }

    fn read(pieces: &[&[u8]]) -> Vec<StreamItem> {
        let mut stream = EventStreamParser::default();
        pieces.iter().flat_map(|piece| stream.read(piece).unwrap()).collect()
    }

    #[test]
    fn reads_what_the_standard_says() {
        assert_eq!(read(&[STREAM.as_bytes()]), expected());
    }

    #[test]
    fn reads_pieces_of_any_size() {
        let bytes = STREAM.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read(&pieces), expected(), "cut at {first} and {second}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single), expected());
    }

    #[test]
    fn returns_an_event_at_its_blank_line() {
        let mut stream = EventStreamParser::default();
        assert_eq!(stream.read(b"data: x\n"), Ok(vec![]));
        assert_eq!(stream.read(b"\r"), Ok(vec![data("x")]));
        assert_eq!(stream.read(b"\n"), Ok(vec![]));
        assert_eq!(stream.read(b":"), Ok(vec![]));
        assert_eq!(stream.read(b"\r"), Ok(vec![StreamItem::Comment]));
    }

    #[test]
    fn replaces_what_is_not_utf8() {
        assert_eq!(read(&[b"data: a\xff\xfeb\n\n"]), [data("a\u{fffd}\u{fffd}b")]);
    }

    #[test]
    fn refuses_an_event_that_is_too_long() {
        let piece = [b'x'; 1024];
        for line_end in [&b""[..], b"\ndata:"] {
            let mut stream = EventStreamParser::default();
            stream.read(b"data:").unwrap();
            let taken = (0..1024).take_while(|_| stream.read(&piece).and_then(|_| stream.read(line_end)).is_ok()).count();
            assert!((500..=512).contains(&taken), "{taken}");
        }
    }

    #[test]
    fn accepts_the_longest_entry() {
        let long = "x".repeat(6 * 2 * protocol::limits::TEXT_BYTES_MAX + 1024);
        assert_eq!(read(&[b"data:", long.as_bytes(), b"\n\n"]), [data(&long)]);
    }
}
