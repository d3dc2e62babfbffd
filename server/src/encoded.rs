//! An entry as the bytes that go on the wire, made once and shared by all who read it. Pure, like the tail that keeps it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use protocol::{Entry, Epoch, Position, ServerFrame};

use crate::codec;
use crate::store::page_bytes;

/// How many forms of HTML an entry has: one for each language of the page.
pub const HTML_FORMS: usize = 2;

/// An entry in every form in which it travels: encoded once, however many read it, over whatever transport. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Encoded(Arc<Forms>);

#[derive(Debug)]
struct Forms {
    offset: u64,
    json_at: usize,
    page_bytes: usize,
    /// Set when a form was made, for the tail that counts its bytes.
    grown: Arc<AtomicBool>,
    frame: Bytes,
    // The forms below are made when somebody first reads over such a transport.
    event: OnceLock<Bytes>,
    html: [OnceLock<Bytes>; HTML_FORMS],
}

impl Encoded {
    /// Encodes an entry that no tail keeps.
    pub fn new(entry: &Entry) -> Self {
        Self::in_tail(entry, Arc::default())
    }

    /// Encodes an entry. `grown` is set whenever it gets another form.
    pub fn in_tail(entry: &Entry, grown: Arc<AtomicBool>) -> Self {
        let json = ServerFrame::Message(entry.clone()).to_json();
        let mut frame = Vec::with_capacity(json.len() + 10);
        codec::put_text(&mut frame, &json);
        let json_at = frame.len() - json.len();
        let (offset, page_bytes, frame) = (entry.offset, page_bytes(entry), frame.into());
        Self(Arc::new(Forms { offset, json_at, page_bytes, grown, frame, event: OnceLock::new(), html: Default::default() }))
    }

    /// Bytes of all forms that were made.
    pub fn bytes(&self) -> usize {
        let made = [&self.0.event].into_iter().chain(&self.0.html).filter_map(OnceLock::get);
        self.0.frame.len() + made.map(Bytes::len).sum::<usize>()
    }

    /// See [`crate::store::page_bytes`].
    pub fn page_bytes(&self) -> usize {
        self.0.page_bytes
    }

    /// The entry's place in its room.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// The whole of it as a finished, unmasked WebSocket text frame.
    pub fn frame(&self) -> &Bytes {
        &self.0.frame
    }

    /// The frame's payload: a [`ServerFrame::Message`] as JSON.
    pub fn json(&self) -> Bytes {
        self.0.frame.slice(self.0.json_at..)
    }

    /// The same as a server-sent event whose id is the entry's position. JSON has no line breaks of its own, so nothing
    /// in a message can end the event's line.
    pub fn event(&self, epoch: Epoch) -> Bytes {
        let make = || {
            let (id, json) = (Position { epoch, offset: self.0.offset }, &self.0.frame[self.0.json_at..]);
            [format!("id: {id}\ndata: ").as_bytes(), json, b"\n\n"].concat().into()
        };
        self.made(&self.0.event, make)
    }

    /// The entry's row in the live HTML of a language, made by `write` when it is asked for first. `form` is below
    /// [`HTML_FORMS`].
    pub fn html(&self, form: usize, write: impl FnOnce(&Entry) -> String) -> Bytes {
        let make = || self.entry().map(|entry| write(&entry)).unwrap_or_default().into();
        self.0.html.get(form).map(|html| self.made(html, make)).unwrap_or_default()
    }

    fn made(&self, form: &OnceLock<Bytes>, make: impl FnOnce() -> Bytes) -> Bytes {
        if let Some(form) = form.get() {
            return form.clone();
        }
        let bytes = form.get_or_init(make).clone();
        // After it can be seen, so that a count which misses it is followed by another.
        self.0.grown.store(true, Ordering::Release);
        bytes
    }

    /// The entry itself, read back.
    pub fn entry(&self) -> Option<Entry> {
        serde_json::from_slice(&self.0.frame[self.0.json_at..]).ok()
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Text};

    use super::*;

    fn entry(text: &str) -> Entry {
        let text = Text::parse(text).unwrap();
        Entry { offset: 7, time: 0, author: Author::parse("a").unwrap(), text, key: Some("k".parse().unwrap()), raw: None }
    }

    #[test]
    fn a_frame_is_header_and_json() {
        for length in [1, 60, 90, 200, 16_000] {
            let entry = Encoded::new(&entry(&"x".repeat(length)));
            let json = entry.json();
            let header = &entry.frame()[..entry.frame().len() - json.len()];
            let told = match header[1] {
                126 => u64::from(u16::from_be_bytes([header[2], header[3]])),
                short => u64::from(short),
            };
            assert_eq!((header[0], told), (0x81, json.len() as u64));
            assert!(serde_json::from_slice::<ServerFrame>(&json).is_ok());
        }
    }

    #[test]
    fn an_event_is_one_line_of_data_whatever_is_said() {
        let hostile = entry("\r\n\r\nevent: x\ndata: y\u{2028}\n\n:");
        let event = Encoded::new(&hostile).event(Epoch(1));
        let event = std::str::from_utf8(&event).unwrap();
        let lines: Vec<_> = event.split('\n').collect();
        assert_eq!((lines.len(), lines[0]), (4, "id: 0000000000000001:7"));
        let json = lines[1].strip_prefix("data: ").unwrap();
        assert!(!json.contains('\r'));
        assert_eq!(serde_json::from_str::<Entry>(json).unwrap(), hostile);
    }

    #[test]
    fn a_form_that_is_made_is_counted_and_told() {
        let grown = Arc::new(AtomicBool::new(false));
        let entry = Encoded::in_tail(&entry("x"), grown.clone());
        assert_eq!(entry.bytes(), entry.frame().len());
        let made = entry.event(Epoch(1)).len() + entry.html(0, |_| "row".to_owned()).len();
        assert_eq!(entry.bytes(), entry.frame().len() + made);
        assert!(grown.swap(false, Ordering::Relaxed));
        entry.event(Epoch(1));
        assert!(!grown.load(Ordering::Relaxed));
    }

    #[test]
    fn each_form_is_made_once() {
        let entry = Encoded::new(&entry("x"));
        let copy = entry.clone();
        assert_eq!(entry.html(1, |entry| entry.text.as_str().to_owned()), "x");
        assert_eq!(copy.html(1, |_| panic!("it was made before")), "x");
        assert_eq!(copy.html(0, |entry| entry.author.as_str().to_owned()), "a");
        assert_eq!(entry.event(Epoch(1)).as_ptr(), copy.event(Epoch(1)).as_ptr());
        assert!(entry.entry().is_some_and(|entry| entry.key.is_some()));
    }
}
