//! Stands in for the crate `wasm-streams`, through `[patch.crates-io]`.
//!
//! Leptos depends on it for server functions that stream, of which the page has none. What is not called is left out of
//! the bundle, but the real crate exports classes to JavaScript, and whatever those lead to stays: asynchronous
//! iterators, channels, abortable futures. This crate has the same names as far as Leptos needs them, and no exports.
#![no_std]

use futures_util::stream::{Empty, Stream, empty};
use wasm_bindgen::{JsCast, JsValue};

/// A stream that is never made.
pub struct ReadableStream;

impl ReadableStream {
    /// Takes a stream of JavaScript's, and reads nothing of it.
    pub fn from_raw(_: web_sys::ReadableStream) -> Self {
        Self
    }

    /// Takes a stream of Rust's, and reads nothing of it.
    pub fn from_stream<S: Stream<Item = Result<JsValue, JsValue>> + 'static>(_: S) -> Self {
        Self
    }

    /// A stream without items.
    pub fn into_stream(self) -> Empty<Result<JsValue, JsValue>> {
        empty()
    }

    /// No stream at all.
    pub fn into_raw(self) -> web_sys::ReadableStream {
        JsValue::UNDEFINED.unchecked_into()
    }
}
