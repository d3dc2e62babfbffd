//! Keeps the end of an input of any length.

use protocol::Text;
use protocol::limits::TEXT_BYTES_MAX;

use super::decode::{Decoder, NotText};
use super::split::last;

/// Bytes that can become a message: each line end may have two, of which one is stored.
const BYTES_KEPT: usize = 2 * TEXT_BYTES_MAX;

/// The end of an input. Bytes before it are dropped, and not checked.
#[derive(Clone, Debug, Default)]
pub(super) struct EndBuffer {
    bytes: Vec<u8>,
    dropped: u64,
}

impl EndBuffer {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        // Blank lines at the end do not displace the text before them.
        let text = self.bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
        self.bytes.truncate(text + BYTES_KEPT);
        let start = text.saturating_sub(BYTES_KEPT);
        self.bytes.drain(..start);
        self.dropped += start as u64;
    }

    /// Returns the last lines that fit into a message. `None` if they are blank.
    pub(super) fn take(&mut self, lossy: bool) -> Result<Option<Text>, NotText> {
        let bytes = std::mem::take(&mut self.bytes);
        // The cut may be inside a character.
        let inside = bytes.iter().take(3).take_while(|byte| self.dropped > 0 && **byte & 0xc0 == 0x80).count();
        let start = self.dropped + inside as u64;
        let (mut decoder, mut text) = (Decoder::new(lossy), String::new());
        let decoded = decoder.decode(&bytes[inside..], &mut text).and_then(|()| decoder.end(&mut text));
        decoded.map_err(|error| error.after(start))?;
        let whole_lines = if self.dropped > 0 { text.split_once('\n').map_or(&*text, |(_, rest)| rest) } else { &text };
        Ok(Text::parse(last(whole_lines)).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(input: &[u8], piece: usize, lossy: bool) -> Result<Option<String>, NotText> {
        let mut end = EndBuffer::default();
        for piece in input.chunks(piece) {
            end.push(piece);
            assert!(end.bytes.len() <= 2 * BYTES_KEPT);
        }
        end.take(lossy).map(|text| text.map(String::from))
    }

    #[test]
    fn keeps_the_last_lines() {
        assert_eq!(end(b"one\ntwo\n", 3, false), Ok(Some("one\ntwo".to_owned())));
        assert_eq!(end(b" \n\n", 3, false), Ok(None));
        for line_end in ["\n", "\r\n"] {
            let lines: String = (0..100_000).map(|n| format!("你{n}{line_end}")).collect();
            let text = end((lines.clone() + &line_end.repeat(100_000)).as_bytes(), 8192, false).unwrap().unwrap();
            assert!(lines.replace('\r', "").trim_end().ends_with(&format!("\n{text}")));
            assert!((TEXT_BYTES_MAX - 9..=TEXT_BYTES_MAX).contains(&text.len()));
        }
    }

    #[test]
    fn checks_only_the_end() {
        let binary = [&b"\xff\0\n".repeat(50_000)[..], "fine\n".repeat(20_000).as_bytes()].concat();
        assert!(end(&binary, 8192, false).unwrap().unwrap().starts_with("fine\n"));
        assert_eq!(end(b"x\n\xff", 8192, false), Err(NotText::NotUtf8(2)));
        assert_eq!(end(b"x\n\xff", 8192, true), Ok(Some("x\n\u{fffd}".to_owned())));
        let long = [&b"x".repeat(100_000)[..], b"\0"].concat();
        assert_eq!(end(&long, 8192, false), Err(NotText::Nul(100_000)));
        let characters = "你".repeat(40_000);
        assert_eq!(end(characters.as_bytes(), 8192, false).unwrap().unwrap(), "你".repeat(TEXT_BYTES_MAX / 3));
    }
}
