//! A WebSocket for the client core, carried by `gloo-net`.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use client::Event;
use futures_util::{SinkExt, StreamExt};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, State, WebSocketError};
use protocol::ServerFrame;
use wasm_bindgen_futures::spawn_local;

use super::EventSink;
use super::json::Parsed;

/// An open or opening socket. Dropping it closes it; after that it sends no events.
pub(super) struct Socket(Rc<RefCell<WebSocket>>);

impl Socket {
    /// Opens a socket that sends its events to `events`. `None` if the browser refuses at once.
    pub(super) fn open(channel: u32, address: &str, events: &EventSink) -> Option<Self> {
        let socket = Rc::new(RefCell::new(WebSocket::open(address).ok()?));
        // `gloo-net` queues received messages without a bound. This task takes each one as soon as
        // it arrives.
        spawn_local(read(channel, Rc::downgrade(&socket), Rc::clone(events)));
        Some(Self(socket))
    }

    /// Sends a text frame of an open socket. The core bounds what the browser buffers: it keeps few
    /// publishes unanswered.
    pub(super) fn send(&self, text: String) {
        // A socket that can't send any more is about to report that it closed.
        _ = self.0.borrow_mut().start_send_unpin(Message::Text(text));
    }
}

async fn read(channel: u32, socket: Weak<RefCell<WebSocket>>, events: EventSink) {
    // The sink is ready once the socket is no longer connecting.
    _ = poll_fn(|context| poll(&socket, |socket| socket.poll_ready_unpin(context).map(Some))).await;
    if socket.upgrade().is_some_and(|socket| matches!(socket.borrow().state(), State::Open)) {
        events(Event::Opened { channel });
    }
    while let Some(received) = poll_fn(|context: &mut Context<'_>| poll(&socket, |socket| socket.poll_next_unpin(context))).await {
        match received {
            Ok(Message::Text(text)) => {
                let frame = Parsed::new(&text).and_then(|json| ServerFrame::read(&json));
                events(Event::Received { channel, frame });
            }
            Err(WebSocketError::ConnectionClose(close)) => events(Event::Closed { channel, code: close.code, reason: close.reason }),
            // The protocol has text frames only. An error is followed by the close.
            _ => {}
        }
    }
}

/// Polls a socket; ready with `None` if it was dropped.
fn poll<T>(socket: &Weak<RefCell<WebSocket>>, poll: impl FnOnce(&mut WebSocket) -> Poll<Option<T>>) -> Poll<Option<T>> {
    socket.upgrade().map_or(Poll::Ready(None), |socket| poll(&mut socket.borrow_mut()))
}

#[cfg(test)]
mod tests {
    use js_sys::Promise;
    use wasm_bindgen_futures::JsFuture;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    async fn reports_once_that_it_could_not_connect() {
        let received = Rc::new(RefCell::new(Vec::new()));
        let mut socket = None;
        let closed = Promise::new(&mut |resolve, _| {
            let received = Rc::clone(&received);
            let events: EventSink = Rc::new(move |event| {
                received.borrow_mut().push(format!("{event:?}"));
                _ = resolve.call0(&wasm_bindgen::JsValue::NULL);
            });
            // Nothing listens on the discard port.
            socket = Socket::open(1, "ws://127.0.0.1:9/", &events);
        });
        JsFuture::from(closed).await.unwrap();
        assert!(socket.is_some());
        assert_eq!(*received.borrow(), ["Closed { channel: 1, code: 1006, reason: \"\" }"]);
    }

    #[wasm_bindgen_test]
    fn refuses_an_invalid_address_at_once() {
        let events: EventSink = Rc::new(|_| {});
        assert!(Socket::open(1, "ws://[", &events).is_none());
    }
}
