//! Server-sent events as the client core wants them: a response that is read while it arrives.
//!
//! Not the browser's own `EventSource`, which connects again by itself and hides the comments that prove a silent
//! stream to be alive.

use client::{Event, EventStreamParser, StreamItem};
use js_sys::{Promise, Uint8Array};
use protocol::ServerFrame;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortSignal, ReadableStreamDefaultReader, ReadableStreamReadResult, RequestInit, Response};

use super::Tell;
use super::json::Parsed;

/// Reads the stream at `address`, and tells what happens, until it ends or `signal` ends it.
pub(super) fn open(channel: u32, address: &str, signal: &AbortSignal, tell: Tell) {
    let options = RequestInit::new();
    options.set_signal(Some(signal));
    let response = super::window().fetch_with_str_and_init(address, &options);
    spawn_local(async move {
        // How it ended does not matter, nor does what ended it: the core goes on from its position.
        _ = read(response, channel, &tell).await;
        tell(Event::lost(channel));
    });
}

async fn read(response: Promise, channel: u32, tell: &Tell) -> Result<(), JsValue> {
    let response: Response = JsFuture::from(response).await?.unchecked_into();
    let body = response.body().filter(|_| response.ok()).ok_or(JsValue::NULL)?;
    let reader = ReadableStreamDefaultReader::new(&body)?;
    let mut stream = EventStreamParser::default();
    loop {
        let piece: ReadableStreamReadResult = JsFuture::from(reader.read()).await?.unchecked_into();
        let bytes = piece.get_value();
        if bytes.is_undefined() {
            return Ok(());
        }
        let bytes = Uint8Array::unchecked_from_js(bytes).to_vec();
        for item in stream.read(&bytes).map_err(|_| JsValue::NULL)? {
            tell(match item {
                StreamItem::Data(json) => Event::Received { channel, frame: Parsed::new(&json).and_then(|json| ServerFrame::read(&json)) },
                StreamItem::Comment => Event::Comment { channel },
            });
        }
    }
}
