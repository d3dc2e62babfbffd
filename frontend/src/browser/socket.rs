//! A WebSocket as the client core wants it.

use std::rc::Rc;

use client::Event;
use protocol::ServerFrame;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use super::Tell;
use super::json::Parsed;

/// An open or opening socket. Dropping it closes it, after which it tells nothing more.
pub(super) struct Socket {
    socket: WebSocket,
    _opened: Closure<dyn FnMut()>,
    _received: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Opens a socket that tells `tell` what happens. `None` where the browser refuses at once.
    pub(super) fn open(channel: u32, address: &str, tell: &Tell) -> Option<Self> {
        let socket = WebSocket::new(address).ok()?;
        let on_open = Rc::clone(tell);
        let opened = Closure::<dyn FnMut()>::new(move || on_open(Event::Opened { channel }));
        let (on_message, on_close) = (Rc::clone(tell), Rc::clone(tell));
        let received = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| {
            // The protocol has text frames only; the server sends no others.
            if let Some(text) = event.data().as_string() {
                let frame = Parsed::new(&text).and_then(|json| ServerFrame::read(&json));
                on_message(Event::Received { channel, frame });
            }
        });
        let closed = Closure::<dyn FnMut(_)>::new(move |event: CloseEvent| {
            on_close(Event::Closed { channel, code: event.code(), reason: event.reason() });
        });
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(received.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Some(Self { socket, _opened: opened, _received: received, _closed: closed })
    }

    /// Sends a text frame. What the browser buffers is bounded by the core, which has only so many publishes unanswered.
    pub(super) fn send(&self, text: &str) {
        // A socket that can't send any more is about to say that it closed.
        _ = self.socket.send_with_str(text);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        _ = self.socket.close();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use js_sys::Promise;
    use wasm_bindgen_futures::JsFuture;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    async fn a_socket_that_can_not_be_opened_says_so_once() {
        let told = Rc::new(RefCell::new(Vec::new()));
        let mut socket = None;
        let closed = Promise::new(&mut |resolve, _| {
            let told = Rc::clone(&told);
            let tell: Tell = Rc::new(move |event| {
                told.borrow_mut().push(format!("{event:?}"));
                _ = resolve.call0(&wasm_bindgen::JsValue::NULL);
            });
            // Nothing listens on the discard port.
            socket = Socket::open(1, "ws://127.0.0.1:9/", &tell);
        });
        JsFuture::from(closed).await.unwrap();
        assert!(socket.is_some());
        assert_eq!(*told.borrow(), ["Closed { channel: 1, code: 1006, reason: \"\" }"]);
    }

    #[wasm_bindgen_test]
    fn an_address_that_is_none_is_refused_at_once() {
        let tell: Tell = Rc::new(|_| {});
        assert!(Socket::open(1, "ws://[", &tell).is_none());
    }
}
