//! Turns bytes of any origin into text, in pieces of any size.

/// Stands for a byte that is not text.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Why bytes are not a text that a board takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotText {
    /// Not UTF-8 after this many bytes.
    #[error("is not UTF-8 after byte {0}")]
    NotUtf8(u64),
    /// A NUL character after this many bytes.
    #[error("has a NUL character after byte {0}")]
    Nul(u64),
}

impl NotText {
    /// Returns the error of an input that has `bytes` more before it.
    pub(super) fn after(self, bytes: u64) -> Self {
        match self {
            Self::NotUtf8(at) => Self::NotUtf8(bytes + at),
            Self::Nul(at) => Self::Nul(bytes + at),
        }
    }
}

/// Decodes UTF-8, and turns line ends into `\n` as a board does. Keeps at most one incomplete
/// character between two calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    /// Replaces what is not text, instead of failing.
    lossy: bool,
    /// The first bytes of a character whose end has not come yet.
    partial: Vec<u8>,
    /// True after a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    /// How many bytes were decoded.
    decoded: u64,
}

impl Decoder {
    pub(super) fn new(lossy: bool) -> Self {
        Self { lossy, ..Self::default() }
    }

    /// Appends the text of `bytes` to `text`, up to the first byte that is not text.
    pub(super) fn decode(&mut self, bytes: &[u8], text: &mut String) -> Result<(), NotText> {
        let joined;
        let mut rest = bytes;
        if !self.partial.is_empty() {
            joined = [&std::mem::take(&mut self.partial), bytes].concat();
            rest = &joined;
        }
        let mut chunks = rest.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.append(chunk.valid(), text)?;
            match chunk.invalid() {
                [] => {}
                start if chunks.peek().is_none() && is_incomplete(start) => self.partial = start.to_vec(),
                invalid => self.replace(invalid, text)?,
            }
        }
        Ok(())
    }

    /// Handles the end of the input.
    pub(super) fn end(&mut self, text: &mut String) -> Result<(), NotText> {
        let partial = std::mem::take(&mut self.partial);
        if partial.is_empty() { Ok(()) } else { self.replace(&partial, text) }
    }

    fn append(&mut self, valid: &str, text: &mut String) -> Result<(), NotText> {
        for c in valid.chars() {
            match c {
                '\0' if self.lossy => text.push(REPLACEMENT),
                '\0' => return Err(NotText::Nul(self.decoded)),
                '\n' if self.after_return => {}
                '\r' => text.push('\n'),
                c => text.push(c),
            }
            self.after_return = c == '\r';
            self.decoded += c.len_utf8() as u64;
        }
        Ok(())
    }

    fn replace(&mut self, invalid: &[u8], text: &mut String) -> Result<(), NotText> {
        if !self.lossy {
            return Err(NotText::NotUtf8(self.decoded));
        }
        self.after_return = false;
        self.decoded += invalid.len() as u64;
        text.push(REPLACEMENT);
        Ok(())
    }
}

/// True if more bytes could complete a character.
fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]], lossy: bool) -> (String, Result<(), NotText>) {
        let (mut decoder, mut text) = (Decoder::new(lossy), String::new());
        let result = pieces.iter().try_for_each(|piece| decoder.decode(piece, &mut text));
        let result = result.and_then(|()| decoder.end(&mut text));
        (text, result)
    }

    #[test]
    fn decodes_pieces_of_any_size() {
        let bytes = "a\r\nb\rc\n\r\n你好 😀é\r".as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(decode(&pieces, false), ("a\nb\nc\n\n你好 😀é\n".to_owned(), Ok(())), "cut at {first} and {second}");
            }
        }
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(decode(&single, false).0, "a\nb\nc\n\n你好 😀é\n");
    }

    #[test]
    fn says_after_how_many_bytes_the_text_ends() {
        for (bytes, before, error) in [
            (&b"ab\xffcd"[..], "ab", NotText::NotUtf8(2)),
            (b"\xe4\xbd\xa0\r\n\xe4\xbd", "你\n", NotText::NotUtf8(5)),
            (b"\xe4\xbdx", "", NotText::NotUtf8(0)),
            (b"one\0two", "one", NotText::Nul(3)),
        ] {
            let single: Vec<_> = bytes.chunks(1).collect();
            assert_eq!(decode(&[bytes], false), (before.to_owned(), Err(error)));
            assert_eq!(decode(&single, false), (before.to_owned(), Err(error)));
        }
    }

    #[test]
    fn replaces_what_is_not_text_if_asked_to() {
        assert_eq!(decode(&[b"a\xffb\0c\xe4\xbdd\xe4"], true), ("a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}".to_owned(), Ok(())));
    }
}
