//! JSON, parsed by the browser and read by serde.
//!
//! Every number of the protocol is below 2^53, so it passes `JSON.parse` unchanged. An epoch is
//! text. This reads the types of the protocol and no others: general deserializers explain what is
//! wrong with a value, which takes 10 KB of download, and nobody reads it.

use std::fmt;

use js_sys::{Array, Reflect};
use protocol::Json;
use serde::de::value::{SeqDeserializer, StringDeserializer, U64Deserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use wasm_bindgen::JsValue;

/// The largest number that is exact: 2^53 - 1.
const NUMBER_MAX: f64 = 9_007_199_254_740_991.0;

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

/// A value has another type than is wanted. It carries no reason.
#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Unreadable {}

// The provided methods format a sentence.
impl Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self
    }

    fn missing_field(_: &'static str) -> Self {
        Self
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self
    }
}

/// A value of the browser.
struct Value(JsValue);

impl Value {
    fn is_absent(&self) -> bool {
        self.0.is_null() || self.0.is_undefined()
    }

    /// `None` if it is no whole number, or is not exact.
    fn integer(&self) -> Option<i64> {
        let number = self.0.as_f64()?;
        (number.trunc() == number && number.abs() <= NUMBER_MAX).then_some(number as i64)
    }

    fn string(&self) -> Result<StringDeserializer<Unreadable>, Unreadable> {
        self.0.as_string().map(IntoDeserializer::into_deserializer).ok_or(Unreadable)
    }
}

impl IntoDeserializer<'_, Unreadable> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Unreadable;

    /// No type of the protocol asks for just any value.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_bool(self.0.as_bool().ok_or(Unreadable)?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.integer().and_then(|number| number.try_into().ok()).ok_or(Unreadable)?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_i64(self.integer().ok_or(Unreadable)?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.string()?.deserialize_any(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.is_absent() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if !Array::is_array(&self.0) {
            return Err(Unreadable);
        }
        visitor.visit_seq(SeqDeserializer::new(Array::from(&self.0).iter().map(Value)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        visitor.visit_map(Fields { object: self.0, names: fields, next: 0, value: JsValue::UNDEFINED })
    }

    /// All variants are words.
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_enum(self.string()?)
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

/// The known fields of an object.
struct Fields {
    object: JsValue,
    names: &'static [&'static str],
    next: usize,
    value: JsValue,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        while let Some(name) = self.names.get(self.next) {
            self.next += 1;
            self.value = Reflect::get(&self.object, &(*name).into()).map_err(|_| Unreadable)?;
            if !self.value.is_undefined() {
                // serde knows a field by its place as well as by its name.
                let place: U64Deserializer<Unreadable> = (self.next as u64 - 1).into_deserializer();
                return seed.deserialize(place).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Unreadable> {
        seed.deserialize(Value(self.value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use protocol::{MessagesPage, Problem, ServerFrame};
    use serde_json::json;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;
    use crate::PageData;

    fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
        Parsed::new(json)?.read()
    }

    fn assert_reads_as_serde_json<T: DeserializeOwned + PartialEq + Debug>(json: &str) {
        let expected = serde_json::from_str::<T>(json).unwrap();
        assert_eq!(read::<T>(json), Some(expected), "{json}");
    }

    #[wasm_bindgen_test]
    fn reads_the_same_values_as_serde_json() {
        let at = "00c0ffee00c0ffee:9007199254740991";
        let entry = json!({ "offset": 9_007_199_254_740_991_u64, "time": 0, "text": "\"你好\" 😀 \u{2028}", "author": "a", "key": "k", "news": [{}] });
        let page = json!({ "room": "大厅", "entries": [entry], "position": at, "before": null, "latest": at });
        assert_reads_as_serde_json::<MessagesPage>(&page.to_string());
        let data = json!({
            "room": "lobby", "link": "http://a/r/lobby", "page": page, "online": 3, "language": "zh-CN", "scheme": "dark", "key": "k",
            "author": "", "draft": "</x>", "refusal": "text_empty", "zone": -480, "version": "1"
        });
        assert_reads_as_serde_json::<PageData>(&data.to_string());
        assert_reads_as_serde_json::<Problem>(&json!({ "type": "t", "title": "t", "status": 422, "code": "text_empty" }).to_string());
        let frame = json!({ "type": "published", "ref": 1, "position": at, "duplicate": true, "reached": 2 }).to_string();
        assert_eq!(Parsed::new(&frame).and_then(|json| ServerFrame::read(&json)), ServerFrame::read(frame.as_str()));
    }

    #[wasm_bindgen_test]
    fn refuses_values_of_another_shape() {
        assert!(Parsed::new("{").is_none());
        for value in [json!(null), json!(5), json!([]), json!({}), json!({ "offset": -1, "time": 0, "text": "x" })] {
            assert_eq!(read::<protocol::Entry>(&value.to_string()), None, "{value}");
        }
        for value in [json!({ "offset": 0.5, "time": 0, "text": "x" }), json!({ "offset": 1, "time": 0, "text": null })] {
            assert_eq!(read::<protocol::Entry>(&value.to_string()), None, "{value}");
        }
    }
}
