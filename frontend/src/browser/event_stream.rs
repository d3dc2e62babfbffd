//! Server-sent events for the client core: a response that is read while it arrives.
//!
//! Not the browser's own `EventSource`: it reconnects by itself, and it hides the comments that
//! prove that a silent stream is alive.

use client::{Event, EventStreamParser, StreamItem};
use gloo_net::http::Request;
use js_sys::Uint8Array;
use protocol::{RoomName, ServerFrame};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortSignal, ReadableStreamDefaultReader, ReadableStreamReadResult};

use super::EventSink;
use super::json::Parsed;

/// Reads the stream of a room that `query` asks for, and sends its events to `events`, until it
/// ends or `signal` aborts it.
pub(super) fn open(channel: u32, room: &RoomName, query: &[(&str, String)], signal: &AbortSignal, events: EventSink) {
    let address = ["/api/rooms/", room.as_str(), "/events"].concat();
    let query = query.iter().map(|(name, value)| (*name, value.as_str()));
    let request = Request::get(&address).query(query).abort_signal(Some(signal)).build();
    spawn_local(async move {
        if let Ok(request) = request {
            read(request, channel, &events).await;
        }
        // It does not matter how the stream ended, nor who ended it: the core continues from its
        // position.
        events(Event::lost(channel));
    });
}

/// Reads a stream to its end. `None` if it ended with an error.
async fn read(request: Request, channel: u32, events: &EventSink) -> Option<()> {
    let response = request.send().await.ok()?;
    let body = response.body().filter(|_| response.ok())?;
    let reader = ReadableStreamDefaultReader::new(&body).ok()?;
    let mut stream = EventStreamParser::default();
    loop {
        let chunk: ReadableStreamReadResult = JsFuture::from(reader.read()).await.ok()?.unchecked_into();
        let bytes = chunk.get_value();
        if bytes.is_undefined() {
            return Some(());
        }
        let bytes = Uint8Array::unchecked_from_js(bytes).to_vec();
        for item in stream.read(&bytes).ok()? {
            events(match item {
                StreamItem::Data(json) => Event::Received { channel, frame: Parsed::new(&json).and_then(|json| ServerFrame::read(&json)) },
                StreamItem::Comment => Event::Comment { channel },
            });
        }
    }
}
