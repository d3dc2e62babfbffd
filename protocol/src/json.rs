//! Reading JSON where every kilobyte is downloaded.
//!
//! `serde_json` says exactly what is wrong and where, and reads fractions to the last bit; that is right for a server
//! and costs a browser some 40 KB, compressed. This reader takes the same JSON into the same types, and of what it
//! can't read says only that it can't.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::{ErrorCode, ServerFrame};

/// How deep values may be nested.
const DEPTH_MAX: u32 = 64;

/// The text is not JSON, or is of another shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable JSON")
    }
}

impl std::error::Error for Unreadable {}

impl serde::de::Error for Unreadable {
    // Not looking at the message keeps all that would write it out of the program.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a value. Fractions and variants with content are passed over where nobody asks for them, and refused else: no
/// type on the wire has them.
pub fn from_str<T: DeserializeOwned>(json: &str) -> Result<T, Unreadable> {
    let mut reader = Reader { json, at: 0, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(Unreadable),
    }
}

/// Reads a server's frame. Its derived reader would first copy all of it into a tree, because a frame's `type` may come
/// last; looking for that first and then reading what it says needs no tree.
pub fn server_frame(json: &str) -> Result<ServerFrame, Unreadable> {
    #[derive(Deserialize)]
    struct Head {
        r#type: String,
        #[serde(default)]
        r#ref: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Presence {
        here: usize,
    }
    #[derive(Deserialize)]
    struct Error {
        code: ErrorCode,
        detail: String,
        #[serde(default)]
        retry_after: Option<u64>,
    }
    let Head { r#type, r#ref } = from_str(json)?;
    Ok(match r#type.as_str() {
        "hello" => ServerFrame::Hello(from_str(json)?),
        "message" => ServerFrame::Message(from_str(json)?),
        "gap" => ServerFrame::Gap(from_str(json)?),
        "presence" => ServerFrame::Presence { here: from_str::<Presence>(json)?.here },
        "heartbeat" => ServerFrame::Heartbeat,
        "published" => ServerFrame::Published { r#ref: r#ref.ok_or(Unreadable)?, published: from_str(json)? },
        "pong" => ServerFrame::Pong { r#ref: r#ref.ok_or(Unreadable)? },
        "error" => {
            let Error { code, detail, retry_after } = from_str(json)?;
            ServerFrame::Error { r#ref, code, detail, retry_after }
        }
        _ => return Err(Unreadable),
    })
}

struct Reader<'de> {
    json: &'de str,
    at: usize,
    depth: u32,
}

impl<'de> Reader<'de> {
    /// The next byte that is not white space, which stays.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.json.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.json.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Result<(), Unreadable> {
        if self.peek() != Some(byte) {
            return Err(Unreadable);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Unreadable> {
        if !self.json.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(Unreadable);
        }
        self.at += word.len();
        Ok(())
    }

    /// A number's text. What is none is found out by whoever wants the number.
    fn number(&mut self) -> Result<&'de str, Unreadable> {
        self.peek();
        let start = self.at;
        let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        self.at += self.json.as_bytes().iter().skip(start).take_while(|byte| part(byte)).count();
        self.json.get(start..self.at).ok_or(Unreadable)
    }

    /// A string, borrowed where nothing in it is escaped.
    fn string(&mut self) -> Result<Cow<'de, str>, Unreadable> {
        self.take(b'"')?;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.json.get(self.at..).ok_or(Unreadable)?;
            let plain = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).ok_or(Unreadable)?;
            let (plain, rest) = rest.split_at_checked(plain).ok_or(Unreadable)?;
            self.at += plain.len() + 1;
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            match rest.as_bytes().first() {
                Some(b'"') => return Ok(text),
                Some(b'\\') => text.to_mut().push(self.escape()?),
                _ => return Err(Unreadable),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Unreadable> {
        let byte = self.json.as_bytes().get(self.at).ok_or(Unreadable)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(*byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode_escape()?,
            _ => return Err(Unreadable),
        })
    }

    /// What follows `\u`: four digits, or two times four for what lies beyond them.
    fn unicode_escape(&mut self) -> Result<char, Unreadable> {
        let first = self.hexadecimal()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(Unreadable);
        }
        self.word("\\u")?;
        let second = self.hexadecimal()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(Unreadable);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(Unreadable)
    }

    fn hexadecimal(&mut self) -> Result<u32, Unreadable> {
        let digits = self.json.get(self.at..self.at + 4).ok_or(Unreadable)?;
        self.at += 4;
        digits.chars().try_fold(0, |value, digit| Some(value * 16 + digit.to_digit(16)?)).ok_or(Unreadable)
    }

    /// Passes over a value of any kind.
    fn skip(&mut self) -> Result<(), Unreadable> {
        match self.peek().ok_or(Unreadable)? {
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'"' => self.string().map(|_| ()),
            b'[' => self.nested(b'[', b']', |mut items| {
                while items.next()? {
                    items.reader.skip()?;
                }
                Ok(())
            }),
            b'{' => self.nested(b'{', b'}', |mut items| {
                while items.next()? {
                    items.reader.string()?;
                    items.reader.take(b':')?;
                    items.reader.skip()?;
                }
                Ok(())
            }),
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            _ => Err(Unreadable),
        }
    }

    /// Goes into an array or object and out of it again.
    fn nested<T>(&mut self, open: u8, close: u8, read: impl FnOnce(Items<'_, 'de>) -> Result<T, Unreadable>) -> Result<T, Unreadable> {
        self.take(open)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Unreadable);
        }
        let value = read(Items { reader: self, close, first: true })?;
        self.take(close)?;
        self.depth -= 1;
        Ok(value)
    }
}

/// Each kind of value has its own way here, so that a type brings in only the code for what it can be.
impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.peek().ok_or(Unreadable)? {
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            b't' | b'f' => self.deserialize_bool(visitor),
            b'"' => self.deserialize_string(visitor),
            b'[' => self.deserialize_seq(visitor),
            b'{' => self.deserialize_map(visitor),
            b'-' => self.deserialize_i64(visitor),
            b'0'..=b'9' => self.deserialize_u64(visitor),
            _ => Err(Unreadable),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.peek() {
            Some(b't') => self.word("true").and_then(|()| visitor.visit_bool(true)),
            _ => self.word("false").and_then(|()| visitor.visit_bool(false)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let number = self.number()?;
        number.parse().map_or(Err(Unreadable), |number| visitor.visit_u64(number))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let number = self.number()?;
        number.parse().map_or(Err(Unreadable), |number| visitor.visit_i64(number))
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_string(self.string()?.into_owned())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_string(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_str(&self.string()?)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        let variant = self.string()?;
        visitor.visit_enum(CowStrDeserializer::new(variant))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.peek() {
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.nested(b'[', b']', |items| visitor.visit_seq(items))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.nested(b'{', b'}', |items| visitor.visit_map(items))
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

/// The items of an array, or of an object.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    close: u8,
    first: bool,
}

impl Items<'_, '_> {
    /// Whether there is another item; its comma is read.
    fn next(&mut self) -> Result<bool, Unreadable> {
        if self.reader.peek() == Some(self.close) {
            return Ok(false);
        }
        if !std::mem::take(&mut self.first) {
            self.reader.take(b',')?;
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if !self.next()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        if !self.next()? {
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(Unreadable);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unreadable> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MessagesPage, PublishRequest, ServerFrame};

    const FRAMES: &[&str] = &[
        r#"{"type":"message","offset":3,"time":4,"author":"a","text":"b"}"#,
        r#"{"type":"message","offset":3,"time":4,"text":"\"\\\/\b\f\n\t\u00e9\ud83d\ude00 é😀","key":"k","new":[1.5,-1,{"a":null}]}"#,
        r#" { "text" : "b" , "time":4,"offset":9007199254740991, "type" : "message" } "#,
        r#"{"type":"heartbeat"}"#,
        r#"{"ref":5,"type":"pong"}"#,
        r#"{"type":"presence","here":7}"#,
        r#"{"type":"published","ref":1,"position":"0000000000000001:7","duplicate":false,"reached":2}"#,
        r#"{"type":"error","ref":1,"code":"rate_limited","detail":"later","retry_after":1000}"#,
        r#"{"type":"error","code":"not_json","detail":"","ref":null}"#,
        r#"{"type":"gap","reason":"expired","first":"0000000000000001:7","resumes":"0000000000000001:7"}"#,
        r#"{"type":"hello","room":"大厅","position":"0000000000000001:7","latest":9,"recovered":true,"here":1,"heartbeat_seconds":20,
            "limits":{"frame_bytes_max":1,"text_bytes_max":2,"author_chars_max":3,"publishes_in_flight_max":4},"version":"0"}"#,
    ];

    #[test]
    fn it_reads_what_serde_json_reads() {
        for frame in FRAMES {
            let known = serde_json::from_str::<ServerFrame>(frame).unwrap();
            assert_eq!(server_frame(frame), Ok(known), "{frame}");
        }
        let page =
            r#"{"room":"a","entries":[{"offset":1,"time":2,"text":"x"}],"position":"0000000000000001:1","latest":"0000000000000001:1"}"#;
        assert_eq!(from_str::<MessagesPage>(page), Ok(serde_json::from_str(page).unwrap()));
        let request = r#"{"text":"x","author":" b "}"#;
        assert_eq!(from_str::<PublishRequest>(request), Ok(serde_json::from_str(request).unwrap()));
    }

    #[test]
    fn a_frame_cut_anywhere_is_refused() {
        for frame in FRAMES.iter().map(|frame| frame.trim()) {
            for end in (0..frame.len()).filter(|end| frame.is_char_boundary(*end)) {
                assert_eq!(server_frame(&frame[..end]), Err(Unreadable), "{}", &frame[..end]);
            }
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for bad in
            ["", "nul", "\"", r#""\x""#, r#""\ud800""#, r#""\ud800\u0041""#, r#""\udc00""#, r#""\u12é""#, "\"\n\"", r#""a" "b""#, "[", "{"]
        {
            assert_eq!(from_str::<String>(bad), Err(Unreadable), "{bad}");
        }
        for bad in ["[1 2]", "[,1]", "[1", "1", "[1]]", "[01x]", "[1.5]", "[-1]", "[\"1\"]", "{\"a\":1}"] {
            assert_eq!(from_str::<Vec<u64>>(bad), Err(Unreadable), "{bad}");
        }
        assert_eq!(server_frame(r#"{"type" "heartbeat"}"#), Err(Unreadable));
        assert_eq!(server_frame(r#"{type:"heartbeat"}"#), Err(Unreadable));
    }

    #[test]
    fn a_tower_of_brackets_does_not_fall() {
        let tower = r#"{"type":"heartbeat","new":"#.to_owned() + &"[".repeat(100_000);
        assert_eq!(server_frame(&tower), Err(Unreadable));
    }
}
