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

/// What a channel of the core is made of. Dropping it ends it, after which it tells nothing more that matters.
pub(super) enum Line {
    Socket(Socket),
    Http(#[expect(dead_code, reason = "it is held to be dropped")] Abort),
}

/// A channel that waits for word whether this tab may open it.
#[derive(Clone, Copy)]
pub(super) enum Claimed {
    Stream { channel: u32, after: Option<Position> },
    Fetch { channel: u32, after: Option<Position>, wait_seconds: u64 },
}

impl Claimed {
    fn channel(self) -> u32 {
        let (Self::Stream { channel, .. } | Self::Fetch { channel, .. }) = self;
        channel
    }
}

impl Driver {
    pub(super) fn open(&self, channel: u32, transport: Transport, after: Option<Position>) -> Option<Event> {
        if transport != Transport::WebSocket {
            return self.claim(Claimed::Stream { channel, after });
        }
        let location = window().location();
        let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") { "wss://" } else { "ws://" };
        let host = location.host().unwrap_or_default();
        let address = [scheme, &host, "/ws/", self.room.as_str(), &after_query(after)].concat();
        let Some(socket) = Socket::open(channel, &address, &self.tell) else { return Some(Event::lost(channel)) };
        self.lines.borrow_mut().push((channel, Line::Socket(socket)));
        None
    }

    pub(super) fn fetch(&self, channel: u32, after: Option<Position>, wait_seconds: u64) -> Option<Event> {
        if wait_seconds > 0 { self.claim(Claimed::Fetch { channel, after, wait_seconds }) } else { self.ask(channel, after, 0) }
    }

    /// One tab at a time has a response that stays open.
    fn claim(&self, claimed: Claimed) -> Option<Event> {
        if self.tabs.claim() == May::Open {
            return self.begin(claimed);
        }
        self.claimed.set(Some(claimed));
        None
    }

    /// Word came whether this tab may open what it claimed.
    pub(super) fn answered(self: &Rc<Self>, may: bool) {
        let Some(claimed) = self.claimed.take() else { return };
        if !may {
            self.tabs.wait();
        }
        let event = if may { self.begin(claimed) } else { Some(Event::NotLeader { channel: claimed.channel() }) };
        if let Some(event) = event {
            self.handle(event);
        }
    }

    fn begin(&self, claimed: Claimed) -> Option<Event> {
        match claimed {
            Claimed::Stream { channel, after } => {
                let Some(abort) = Abort::new() else { return Some(Event::lost(channel)) };
                let address = ["/api/rooms/", self.room.as_str(), "/events", &after_query(after)].concat();
                stream::open(channel, &address, &abort.signal(), Rc::clone(&self.tell));
                self.lines.borrow_mut().push((channel, Line::Http(abort)));
                None
            }
            Claimed::Fetch { channel, after, wait_seconds } => self.ask(channel, after, wait_seconds),
        }
    }

    fn ask(&self, channel: u32, after: Option<Position>, wait_seconds: u64) -> Option<Event> {
        self.close(channel);
        let Some(abort) = Abort::new() else { return Some(Event::Page { channel, result: Err(None) }) };
        let wait = if wait_seconds > 0 { "&wait=".to_owned() + &wait_seconds.to_string() } else { String::new() };
        let query = match after {
            Some(after) => ["?after=", &after.to_string(), "&limit=200", &wait].concat(),
            None => "?limit=1".to_owned(),
        };
        let (room, signal, tell) = (self.room.clone(), abort.signal(), Rc::clone(&self.tell));
        spawn_local(async move {
            let result = requests::page(&room, &query, &signal).await;
            // The answer to a request that was dropped would be taken for that to the next one.
            if !signal.aborted() {
                tell(Event::Page { channel, result });
            }
        });
        self.lines.borrow_mut().push((channel, Line::Http(abort)));
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

    pub(super) fn send(&self, channel: u32, text: &str) {
        for (open, line) in &*self.lines.borrow() {
            if let Line::Socket(socket) = line
                && *open == channel
            {
                socket.send(text);
            }
        }
    }

    pub(super) fn close(&self, channel: u32) {
        self.claimed.set(self.claimed.get().filter(|claimed| claimed.channel() != channel));
        self.lines.borrow_mut().retain(|(open, _)| *open != channel);
    }
}

fn after_query(after: Option<Position>) -> String {
    after.map_or_else(String::new, |after| "?after=".to_owned() + &after.to_string())
}
