//! The messages that an input becomes, each with its key.

use std::time::Duration;

use protocol::limits::KEY_CHARS_MAX;
use protocol::{PublishKey, Text};
use tokio::time::Instant;

use super::decode::Decoder;
pub(super) use super::decode::NotText;
use super::end_buffer::EndBuffer;
use super::split::Splitter;

/// How long lines are collected for one message, from the first of them.
const GROUP_TIME: Duration = Duration::from_millis(200);
/// Maximum length of the suffix of a key: a hyphen and the part's number.
const SUFFIX_CHARS_MAX: usize = 10;

/// What becomes of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All of it is posted, in as few messages as possible.
    Whole,
    /// Only the end is posted, as one message.
    End,
    /// Lines are posted as they come.
    Follow,
}

/// A message of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: Text,
    pub(super) key: PublishKey,
}

/// Why the input has no next part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is too long to number the parts of the input: at most {} characters", KEY_CHARS_MAX - SUFFIX_CHARS_MAX)]
pub(super) struct KeyTooLong;

/// Takes an input in pieces, and returns the messages to post. It holds about two messages and one
/// piece.
#[derive(Debug)]
pub(super) struct Parts {
    mode: Mode,
    lossy: bool,
    /// The key of the only message, or the start of the keys of several.
    key: PublishKey,
    decoder: Decoder,
    splitter: Splitter,
    end: EndBuffer,
    /// In [`Mode::Whole`] a message is held back until there is another: the only one has the key
    /// without a number.
    held: Option<Text>,
    /// When the first line came that is not posted yet. For [`Mode::Follow`].
    line_since: Option<Instant>,
    is_ended: bool,
    /// How many parts were returned.
    count: u64,
}

impl Parts {
    pub(super) fn new(mode: Mode, lossy: bool, key: PublishKey) -> Self {
        Self {
            mode,
            lossy,
            key,
            decoder: Decoder::new(lossy),
            splitter: Splitter::default(),
            end: EndBuffer::default(),
            held: None,
            line_since: None,
            is_ended: false,
            count: 0,
        }
    }

    /// Takes the next piece of the input. If it is not text, only the whole parts before that are
    /// still returned.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant) -> Result<(), NotText> {
        if self.mode == Mode::End {
            self.end.push(bytes);
            return Ok(());
        }
        let result = self.decoder.decode(bytes, &mut self.splitter.text).inspect_err(|_| self.drop_cut_off());
        self.time_lines(now);
        result
    }

    /// Handles the end of the input.
    pub(super) fn end(&mut self) -> Result<(), NotText> {
        self.is_ended = true;
        if self.mode == Mode::End {
            self.held = self.end.take(self.lossy)?;
            return Ok(());
        }
        self.decoder.end(&mut self.splitter.text).inspect_err(|_| self.drop_cut_off())
    }

    /// Drops what bytes that are not text have cut off: a line, or the only or last message. After
    /// a repair the input can be posted again with the same key.
    fn drop_cut_off(&mut self) {
        if self.mode == Mode::Follow {
            return self.splitter.keep_lines();
        }
        self.splitter.text.clear();
        if self.count == 0 {
            self.held = None;
        }
    }

    /// Returns the next part. `None` if more input, or in [`Mode::Follow`] time, is needed.
    pub(super) fn next(&mut self, now: Instant) -> Result<Option<Part>, KeyTooLong> {
        loop {
            let text = match self.splitter.take_full() {
                None if self.is_ended => self.splitter.take_rest(),
                None if self.line_deadline().is_some_and(|deadline| now >= deadline) => self.splitter.take_lines(),
                full => full,
            };
            self.time_lines(now);
            let is_last = text.is_none();
            let text = match self.mode {
                Mode::Follow => text,
                Mode::Whole | Mode::End if is_last && !self.is_ended => None,
                Mode::Whole | Mode::End => std::mem::replace(&mut self.held, text),
            };
            match text {
                Some(text) => return self.part(text, is_last).map(Some),
                None if is_last => return Ok(None),
                None => {}
            }
        }
    }

    /// Returns when [`Self::next`] has a part without more input.
    pub(super) fn line_deadline(&self) -> Option<Instant> {
        self.line_since.map(|since| since + GROUP_TIME)
    }

    fn time_lines(&mut self, now: Instant) {
        let waits = self.mode == Mode::Follow && self.splitter.has_line();
        self.line_since = waits.then(|| self.line_since.unwrap_or(now));
    }

    fn part(&mut self, text: Text, is_last: bool) -> Result<Part, KeyTooLong> {
        self.count += 1;
        if self.mode != Mode::Follow && is_last && self.count == 1 {
            return Ok(Part { text, key: self.key.clone() });
        }
        if self.key.as_str().len() > KEY_CHARS_MAX - SUFFIX_CHARS_MAX {
            return Err(KeyTooLong);
        }
        let key = format!("{}-{}", self.key, self.count).parse().map_err(|_| KeyTooLong)?;
        Ok(Part { text, key })
    }
}

#[cfg(test)]
mod tests {
    use protocol::limits::TEXT_BYTES_MAX;

    use super::*;

    fn parts(mode: Mode, key: &str) -> Parts {
        Parts::new(mode, false, key.parse().unwrap())
    }

    fn next(parts: &mut Parts, now: Instant) -> Option<(String, String)> {
        parts.next(now).unwrap().map(|part| (part.key.to_string(), part.text.into()))
    }

    fn all(parts: &mut Parts, now: Instant) -> Vec<(String, String)> {
        std::iter::from_fn(|| next(parts, now)).collect()
    }

    fn pair(key: &str, text: &str) -> (String, String) {
        (key.to_owned(), text.to_owned())
    }

    #[test]
    fn numbers_the_keys_of_several_messages_only() {
        let now = Instant::now();
        let full = "x".repeat(TEXT_BYTES_MAX);
        let mut one = parts(Mode::Whole, "k");
        one.push(format!("{full}\n").as_bytes(), now).unwrap();
        one.push(&b"\n".repeat(50_000), now).unwrap();
        assert_eq!(next(&mut one, now), None);
        one.end().unwrap();
        assert_eq!(all(&mut one, now), [pair("k", &full)]);

        let mut two = parts(Mode::Whole, "k");
        two.push(format!("{full}\nmore").as_bytes(), now).unwrap();
        assert_eq!(next(&mut two, now), None);
        two.end().unwrap();
        assert_eq!(all(&mut two, now), [pair("k-1", &full), pair("k-2", "more")]);

        let mut none = parts(Mode::Whole, "k");
        none.push(b" \n", now).unwrap();
        none.end().unwrap();
        assert_eq!(all(&mut none, now), []);
    }

    #[test]
    fn returns_parts_while_input_still_comes() {
        let now = Instant::now();
        let mut parts = parts(Mode::Whole, "k");
        let mut count = 0;
        for _ in 0..100 {
            parts.push(&b"a line of a log\n".repeat(1000), now).unwrap();
            count += all(&mut parts, now).len();
            assert!(parts.splitter.text.len() <= TEXT_BYTES_MAX);
        }
        assert!(count >= 95, "{count}");
    }

    #[test]
    fn follow_groups_lines_that_come_together() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut parts = parts(Mode::Follow, "k");
        assert_eq!(parts.line_deadline(), None);
        parts.push(b"on", start).unwrap();
        assert_eq!(parts.line_deadline(), None);
        parts.push(b"e\ntwo\n", after(100)).unwrap();
        parts.push(b"three\nfo", after(250)).unwrap();
        assert_eq!((parts.line_deadline(), next(&mut parts, after(299))), (Some(after(300)), None));
        assert_eq!(all(&mut parts, after(300)), [pair("k-1", "one\ntwo\nthree")]);
        // An incomplete line waits for its end.
        assert_eq!((parts.line_deadline(), next(&mut parts, after(9000))), (None, None));
        parts.push(b"ur\n", after(9000)).unwrap();
        assert_eq!(all(&mut parts, after(9200)), [pair("k-2", "four")]);
        // What is too long for one message does not wait.
        parts.push(&b"12345678\n".repeat(4000), after(9300)).unwrap();
        assert_eq!(all(&mut parts, after(9300)).len(), 2);
        parts.push(b"end", after(9400)).unwrap();
        parts.end().unwrap();
        let rest = all(&mut parts, after(9400));
        assert!(rest.len() == 1 && rest[0].0 == "k-5" && rest[0].1.ends_with("12345678\nend"), "{rest:?}");
    }

    #[test]
    fn posts_only_the_end_if_asked_to() {
        let now = Instant::now();
        let mut end = parts(Mode::End, "k");
        end.push(&b"line\n".repeat(10_000), now).unwrap();
        assert_eq!(next(&mut end, now), None);
        end.end().unwrap();
        let parts = all(&mut end, now);
        assert!(parts.len() == 1 && parts[0].0 == "k" && parts[0].1.len() <= TEXT_BYTES_MAX, "{parts:?}");
    }

    #[test]
    fn returns_nothing_that_a_byte_which_is_not_text_has_cut_off() {
        let now = Instant::now();
        let mut only = parts(Mode::Whole, "k");
        assert_eq!(only.push(b"fine\nbad\xff", now), Err(NotText::NotUtf8(8)));
        let _ = only.end();
        assert_eq!(all(&mut only, now), []);

        let mut several = parts(Mode::Whole, "k");
        several.push(&b"line\n".repeat(10_000), now).unwrap();
        let before = several.next(now).unwrap().map(|part| part.key);
        assert_eq!(before, Some("k-1".parse().unwrap()));
        assert_eq!(several.push(b"bad\xff", now), Err(NotText::NotUtf8(50_003)));
        let _ = several.end();
        assert!(all(&mut several, now).iter().all(|(_, text)| text.len() > TEXT_BYTES_MAX - 5));

        let mut lines = parts(Mode::Follow, "k");
        assert_eq!(lines.push(b"fine\nbad\xff", now), Err(NotText::NotUtf8(8)));
        let _ = lines.end();
        assert_eq!(all(&mut lines, now), [pair("k-1", "fine")]);
    }

    #[test]
    fn refuses_a_key_without_room_for_a_number() {
        let now = Instant::now();
        let mut parts = parts(Mode::Whole, &"k".repeat(KEY_CHARS_MAX));
        parts.push(&b"line\n".repeat(10_000), now).unwrap();
        assert_eq!(parts.next(now), Err(KeyTooLong));
    }
}
