//! Doing what the core asks of the network.

use std::rc::Rc;

use client::{Event, Transport};
use leptos::task::spawn_local;
use protocol::Position;

use super::Driver;
use crate::browser::requests::{self, Abort};
use crate::browser::socket::Socket;
use crate::browser::tabs::May;
use crate::browser::{stream, window};

/// RFC 6455's code for a connection that could not be opened.
const ABNORMAL: u16 = 1006;

/// What a link of the core is made of. Dropping it ends it, after which it tells nothing more that matters.
pub(super) enum Line {
    Socket(Socket),
    Http(#[expect(dead_code, reason = "it is held to be dropped")] Abort),
}

impl Driver {
    pub(super) fn open(&self, link: u32, transport: Transport, after: Option<Position>) -> Option<Event> {
        let after = after.map_or_else(String::new, |after| "?after=".to_owned() + &after.to_string());
        let room = self.room.as_str();
        let line = if transport == Transport::WebSocket {
            let location = window().location();
            let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") { "wss://" } else { "ws://" };
            let host = location.host().unwrap_or_default();
            Socket::open(link, &[scheme, &host, "/ws/", room, &after].concat(), &self.tell).map(Line::Socket)
        } else if self.tabs.claim() == May::Wait {
            return Some(Event::Taken { link });
        } else {
            Abort::new().map(|abort| {
                stream::open(link, &["/api/rooms/", room, "/events", &after].concat(), &abort.signal(), Rc::clone(&self.tell));
                Line::Http(abort)
            })
        };
        let Some(line) = line else { return Some(Event::Closed { link, code: ABNORMAL, reason: String::new() }) };
        self.lines.borrow_mut().push((link, line));
        None
    }

    pub(super) fn fetch(&self, link: u32, after: Option<Position>, wait_seconds: u64) -> Option<Event> {
        if wait_seconds > 0 && self.tabs.claim() == May::Wait {
            return Some(Event::Taken { link });
        }
        self.close(link);
        let Some(abort) = Abort::new() else { return Some(Event::Page { link, result: Err(None) }) };
        let query = match after {
            Some(after) => ["?limit=200&after=", &after.to_string(), "&wait=", &wait_seconds.to_string()].concat(),
            None => "?limit=1".to_owned(),
        };
        let (room, signal, tell) = (self.room.clone(), abort.signal(), Rc::clone(&self.tell));
        spawn_local(async move {
            let result = requests::page(&room, &query, &signal).await;
            // The answer to a request that was dropped would be taken for that to the next one.
            if !signal.aborted() {
                tell(Event::Page { link, result });
            }
        });
        self.lines.borrow_mut().push((link, Line::Http(abort)));
        None
    }

    pub(super) fn post(&self, r#ref: u64, json: String) -> Option<Event> {
        let Some(abort) = Abort::new() else { return Some(Event::Posted { r#ref, result: Err(None) }) };
        let (room, signal, tell) = (self.room.clone(), abort.signal(), Rc::clone(&self.tell));
        spawn_local(async move {
            let result = requests::post(&room, &json, &signal).await;
            if !signal.aborted() {
                tell(Event::Posted { r#ref, result });
            }
        });
        *self.posting.borrow_mut() = Some(abort);
        None
    }

    pub(super) fn send(&self, link: u32, text: &str) {
        for (open, line) in &*self.lines.borrow() {
            if let Line::Socket(socket) = line
                && *open == link
            {
                socket.send(text);
            }
        }
    }

    pub(super) fn close(&self, link: u32) {
        self.lines.borrow_mut().retain(|(open, _)| *open != link);
    }
}
