//! An entry as the bytes that go on the wire, encoded once and shared by all who read it.

use std::any::TypeId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use protocol::{Entry, Kind, ServerFrame};

use crate::codec;
use crate::store::page_bytes;

/// Bytes that most entries need as JSON, besides their text.
const JSON_BYTES: usize = 256;

/// Identifies a format of entries: a type and a number that only this type knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FormatId(TypeId, u16);

impl FormatId {
    /// Returns the id of one of the formats of `T`.
    pub fn of<T: 'static>(variant: u16) -> Self {
        Self(TypeId::of::<T>(), variant)
    }
}

/// An entry, encoded once for each format in which it is read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Encoded(Arc<Forms>);

#[derive(Debug)]
struct Forms {
    offset: u64,
    kind: Kind,
    json_at: usize,
    page_bytes: usize,
    /// Set when a form was added, for the tail that counts its bytes.
    grown: Arc<AtomicBool>,
    frame: Bytes,
    /// The other forms, made when they are first asked for.
    others: OnceLock<Box<Form>>,
}

/// A form in a list that only grows. There are few, so that a walk is cheaper than a lock or a map.
#[derive(Debug)]
struct Form {
    id: FormatId,
    bytes: Bytes,
    next: OnceLock<Box<Form>>,
}

impl Encoded {
    /// Encodes an entry that no tail keeps.
    pub fn new(entry: &Entry) -> Self {
        Self::in_tail(entry, Arc::default())
    }

    /// Encodes an entry. `grown` is set whenever it gets another form.
    pub fn in_tail(entry: &Entry, grown: Arc<AtomicBool>) -> Self {
        let mut json = Vec::with_capacity(entry.text.as_str().len() + JSON_BYTES);
        ServerFrame::put_entry(entry, &mut json);
        let frame = codec::text_frame(&json);
        let json_at = frame.len() - json.len();
        let (offset, page_bytes) = (entry.offset, page_bytes(entry));
        Self(Arc::new(Forms { offset, kind: entry.kind, json_at, page_bytes, grown, frame, others: OnceLock::new() }))
    }

    /// Returns the bytes of all forms.
    pub fn bytes(&self) -> usize {
        let mut bytes = self.0.frame.len();
        let mut next = &self.0.others;
        while let Some(form) = next.get() {
            bytes += form.bytes.len();
            next = &form.next;
        }
        bytes
    }

    /// See [`crate::store::page_bytes`].
    pub fn page_bytes(&self) -> usize {
        self.0.page_bytes
    }

    /// Returns the entry's place in its room.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// Returns what the entry is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the entry as a finished, unmasked WebSocket text frame with the JSON of
    /// [`Self::json`].
    pub fn frame(&self) -> &Bytes {
        &self.0.frame
    }

    /// Returns a [`ServerFrame::Message`] or [`ServerFrame::Change`] as JSON.
    pub fn json(&self) -> &[u8] {
        &self.0.frame[self.0.json_at..]
    }

    /// Returns the entry in another format. `encode` runs when it is first asked for.
    pub fn form(&self, id: FormatId, encode: impl Fn(&Self) -> Bytes) -> Bytes {
        let mut next = &self.0.others;
        loop {
            let mut is_new = false;
            let form = next.get_or_init(|| {
                is_new = true;
                Box::new(Form { id, bytes: encode(self), next: OnceLock::new() })
            });
            if is_new {
                // After the form can be seen, so that a count which misses it is followed by
                // another.
                self.0.grown.store(true, Ordering::Release);
            }
            if form.id == id {
                return form.bytes.clone();
            }
            next = &form.next;
        }
    }

    /// Returns the entry itself, read back.
    pub fn entry(&self) -> Option<Entry> {
        serde_json::from_slice(self.json()).ok()
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Text};

    use super::*;

    struct Reversed;
    struct Doubled;

    fn entry(text: &str) -> Entry {
        let text = Text::parse(text).unwrap();
        Entry {
            offset: 7,
            time: 0,
            author: Author::parse("a").unwrap(),
            text,
            key: Some("k".parse().unwrap()),
            raw: None,
            ..Default::default()
        }
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
            assert!(serde_json::from_slice::<ServerFrame>(json).is_ok());
        }
    }

    #[test]
    fn counts_each_form_and_says_when_one_was_added() {
        let grown = Arc::new(AtomicBool::new(false));
        let entry = Encoded::in_tail(&entry("x"), grown.clone());
        assert_eq!(entry.bytes(), entry.frame().len());
        for id in [FormatId::of::<Reversed>(0), FormatId::of::<Doubled>(0)] {
            entry.form(id, |_| Bytes::from_static(b"four"));
            assert!(grown.swap(false, Ordering::Relaxed));
        }
        assert_eq!(entry.bytes(), entry.frame().len() + 8);
        entry.form(FormatId::of::<Doubled>(0), |_| panic!("it was made before"));
        assert!(!grown.load(Ordering::Relaxed));
    }

    #[test]
    fn makes_each_form_once_for_all_copies() {
        let entry = Encoded::new(&entry("x"));
        let copy = entry.clone();
        let [first, second] = [0, 1].map(FormatId::of::<Reversed>);
        assert_eq!(entry.form(first, |entry| entry.entry().unwrap().text.as_str().to_owned().into()), "x");
        assert_eq!(copy.form(second, |_| Bytes::from_static(b"y")), "y");
        assert_eq!(copy.form(first, |_| panic!("it was made before")), "x");
        assert!(entry.entry().is_some_and(|entry| entry.key.is_some()));
    }
}
