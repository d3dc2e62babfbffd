//! JSON by the browser's own parser, which costs no download.
//!
//! What it made of a text is read into the wire's types by a reader of just what these have: texts, whole numbers,
//! truths, options, lists, objects, and words out of a fixed set. The general library for this, `serde-wasm-bindgen`,
//! was 14 KB more of the download (brotli) when it was tried.

use std::{fmt, slice};

use js_sys::{Array, Object, Reflect};
use protocol::Json;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use wasm_bindgen::{JsCast, JsValue};

/// A JSON text that was parsed.
pub(super) struct Parsed(JsValue);

impl Parsed {
    /// Parses a text; `None` if it is not JSON.
    pub(super) fn new(json: &str) -> Option<Self> {
        js_sys::JSON::parse(json).ok().map(Self)
    }
}

impl Json for Parsed {
    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(Value(self.0.clone())).ok()
    }
}

/// The value has another shape.
#[derive(Debug)]
struct Misfit;

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value has another shape")
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    // Not looking at the message keeps all that would write it out of the bundle.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Value(JsValue);

impl Value {
    fn string(self) -> Result<String, Misfit> {
        self.0.as_string().ok_or(Misfit)
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_bool(self.0.as_bool().ok_or(Misfit)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        // Every whole number on the wire is below 2^53, so it came through the parser unchanged.
        let number = self.0.as_f64().filter(|number| (*number as u64) as f64 == *number).ok_or(Misfit)?;
        visitor.visit_u64(number as u64)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let number = self.0.as_f64().filter(|number| f64::from(*number as i32) == *number).ok_or(Misfit)?;
        visitor.visit_i32(number as i32)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_string(self.string()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(Items::of(self.0.dyn_into().map_err(|_| Misfit)?))
    }

    /// The fields in the order in which the type has them, so that no code compares names. One that is not there ends the
    /// sequence for itself alone, which is how the derived readers come to a default.
    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, names: &'static [&'static str], visitor: V) -> Result<V::Value, Misfit> {
        let object: Object = self.0.dyn_into().map_err(|_| Misfit)?;
        visitor.visit_seq(Fields { object, names: names.iter() })
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Misfit> {
        let word: StringDeserializer<Misfit> = self.string()?.into_deserializer();
        visitor.visit_enum(word)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u8 u32 u128 f32 f64 char str bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct map identifier
    }
}

struct Items {
    array: Array,
    at: u32,
}

impl Items {
    fn of(array: Array) -> Self {
        Self { array, at: 0 }
    }

    fn next(&mut self) -> Option<JsValue> {
        let at = self.at;
        self.at += 1;
        (at < self.array.length()).then(|| self.array.get(at))
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        self.next().map(|item| seed.deserialize(Value(item))).transpose()
    }
}

struct Fields {
    object: Object,
    names: slice::Iter<'static, &'static str>,
}

impl<'de> SeqAccess<'de> for Fields {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let value = self.names.next().and_then(|name| Reflect::get(&self.object, &JsValue::from_str(name)).ok());
        match value {
            Some(value) if !value.is_undefined() => seed.deserialize(Value(value)).map(Some),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{MessagesPage, Problem, ServerFrame};
    use serde_json::json;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::PageData;

    fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
        Parsed::new(json)?.read()
    }

    fn same<T: DeserializeOwned + PartialEq + fmt::Debug>(json: &str) {
        let expected = serde_json::from_str::<T>(json).unwrap();
        assert_eq!(read::<T>(json), Some(expected), "{json}");
    }

    #[wasm_bindgen_test]
    fn it_reads_what_programs_read() {
        let at = "00c0ffee00c0ffee:9007199254740991";
        let entry = json!({ "offset": 9_007_199_254_740_991_u64, "time": 0, "text": "\"你好\" 😀 \u{2028}", "author": "a", "key": "k", "news": [{}] });
        let page = json!({ "room": "大厅", "entries": [entry], "position": at, "before": null, "latest": at });
        same::<MessagesPage>(&page.to_string());
        let data = json!({
            "room": "lobby", "page": page, "here": 3, "language": "zh-CN", "scheme": "dark", "key": "k", "author": "", "draft": "</x>",
            "refusal": "text_empty", "zone": -480, "version": "1"
        });
        same::<PageData>(&data.to_string());
        same::<Problem>(&json!({ "type": "t", "title": "t", "status": 422, "code": "text_empty" }).to_string());
        let frame = json!({ "type": "published", "ref": 1, "position": at, "duplicate": true, "reached": 2 }).to_string();
        assert_eq!(Parsed::new(&frame).and_then(|json| ServerFrame::read(&json)), ServerFrame::read(frame.as_str()));
    }

    #[wasm_bindgen_test]
    fn what_does_not_fit_is_refused() {
        assert!(Parsed::new("{").is_none());
        for misfit in [json!(null), json!(5), json!([]), json!({}), json!({ "offset": -1, "time": 0, "text": "x" })] {
            assert_eq!(read::<protocol::Entry>(&misfit.to_string()), None, "{misfit}");
        }
        for misfit in [json!({ "offset": 0.5, "time": 0, "text": "x" }), json!({ "offset": 1, "time": 0, "text": null })] {
            assert_eq!(read::<protocol::Entry>(&misfit.to_string()), None, "{misfit}");
        }
    }
}
