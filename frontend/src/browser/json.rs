//! JSON, parsed by the browser and read by serde.
//!
//! Every number of the protocol is below 2^53, so it passes `JSON.parse` unchanged. An epoch is
//! text.

use protocol::Json;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

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
        serde_wasm_bindgen::from_value(self.0.clone()).ok()
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
