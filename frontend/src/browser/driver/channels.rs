//! The channels of the client core: sockets, streams and requests.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use client::{Event, Transport};
use leptos::task::spawn_local;
use protocol::{Position, RoomName};

use crate::browser::requests::{self, Abort};
use crate::browser::socket::Socket;
use crate::browser::tabs::{Claim, Tabs};
use crate::browser::{EventSink, event_stream, storage, window};

/// The open channels of the core, each with its number, and the publish that is under way.
pub(super) struct Channels {
    room: RoomName,
    /// The reader's id. All tabs of a browser have the same, and count as one reader.
    reader: String,
    open: RefCell<Vec<(u32, Channel)>>,
    post: RefCell<Option<Abort>>,
    tabs: Tabs,
    waiting: Cell<Option<Waiting>>,
    /// `Some` while the page is frozen: the channels that the core believes to be open.
    frozen: RefCell<Option<Vec<u32>>>,
    events: EventSink,
}

/// An open channel. Dropping it closes it.
enum Channel {
    Socket(Socket),
    Http(#[expect(dead_code, reason = "it is held to be dropped")] Abort),
}

/// A channel that opens if this tab may hold a response that stays open.
#[derive(Clone, Copy)]
enum Waiting {
    Stream { channel: u32, after: Option<Position> },
    Fetch { channel: u32, after: Option<Position>, wait_seconds: u64 },
}

impl Waiting {
    fn channel(self) -> u32 {
        let (Self::Stream { channel, .. } | Self::Fetch { channel, .. }) = self;
        channel
    }
}

/// Functions that return an event could not do what was asked; the event tells the core.
impl Channels {
    pub(super) fn new(room: RoomName, tabs: Tabs, events: EventSink) -> Self {
        Self {
            room,
            reader: storage::reader().to_string(),
            open: RefCell::default(),
            post: RefCell::default(),
            tabs,
            waiting: Cell::default(),
            frozen: RefCell::default(),
            events,
        }
    }

    pub(super) fn open(&self, channel: u32, transport: Transport, after: Option<Position>) -> Option<Event> {
        if self.loses(channel) {
            return None;
        }
        if transport != Transport::WebSocket {
            return self.claim(Waiting::Stream { channel, after });
        }
        let location = window().location();
        let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") { "wss://" } else { "ws://" };
        let host = location.host().unwrap_or_default();
        let after = after.map_or_else(String::new, |after| "&after=".to_owned() + &after.to_string());
        let address = [scheme, &host, "/ws/", self.room.as_str(), "?reader=", &self.reader, &after].concat();
        let Some(socket) = Socket::open(channel, &address, &self.events) else { return Some(Event::lost(channel)) };
        self.open.borrow_mut().push((channel, Channel::Socket(socket)));
        None
    }

    pub(super) fn fetch(&self, channel: u32, after: Option<Position>, wait_seconds: u64) -> Option<Event> {
        if self.loses(channel) {
            return None;
        }
        if wait_seconds > 0 { self.claim(Waiting::Fetch { channel, after, wait_seconds }) } else { self.request(channel, after, 0) }
    }

    /// Opens a channel if this tab may hold a response that stays open. If the answer to that is
    /// not known yet, the channel waits.
    fn claim(&self, waiting: Waiting) -> Option<Event> {
        match self.tabs.claim() {
            Claim::Granted => self.begin(waiting),
            Claim::Pending => {
                self.waiting.set(Some(waiting));
                None
            }
        }
    }

    /// The answer to [`Tabs::claim`].
    pub(super) fn answered(&self, granted: bool) {
        let Some(waiting) = self.waiting.take() else { return };
        if !granted {
            self.tabs.queue();
        }
        let event = if granted { self.begin(waiting) } else { Some(Event::NotLeader { channel: waiting.channel() }) };
        if let Some(event) = event {
            (self.events)(event);
        }
    }

    fn begin(&self, waiting: Waiting) -> Option<Event> {
        match waiting {
            Waiting::Stream { channel, after } => {
                let Some(abort) = Abort::new() else { return Some(Event::lost(channel)) };
                let after = after.map(|after| ("after", after.to_string()));
                let query: Vec<_> = after.into_iter().chain([("reader", self.reader.clone())]).collect();
                event_stream::open(channel, &self.room, &query, &abort.signal(), Rc::clone(&self.events));
                self.open.borrow_mut().push((channel, Channel::Http(abort)));
                None
            }
            Waiting::Fetch { channel, after, wait_seconds } => self.request(channel, after, wait_seconds),
        }
    }

    fn request(&self, channel: u32, after: Option<Position>, wait_seconds: u64) -> Option<Event> {
        self.close(channel);
        let Some(abort) = Abort::new() else { return Some(Event::Page { channel, result: Err(None) }) };
        let mut query = match after {
            Some(after) => vec![("after", after.to_string()), ("limit", "200".to_owned())],
            None => vec![("limit", "1".to_owned())],
        };
        if wait_seconds > 0 {
            query.extend([("wait", wait_seconds.to_string()), ("reader", self.reader.clone())]);
        }
        let (room, signal, events) = (self.room.clone(), abort.signal(), Rc::clone(&self.events));
        spawn_local(async move {
            let result = requests::page(&room, &query, &signal).await;
            // The answer to an aborted request must not pass for the answer to the next one.
            if !signal.aborted() {
                events(Event::Page { channel, result });
            }
        });
        self.open.borrow_mut().push((channel, Channel::Http(abort)));
        None
    }

    pub(super) fn post(&self, r#ref: u64, json: String) -> Option<Event> {
        let Some(abort) = Abort::new() else { return Some(Event::Posted { r#ref, result: Err(None) }) };
        let (room, signal, events) = (self.room.clone(), abort.signal(), Rc::clone(&self.events));
        spawn_local(async move {
            let result = requests::post(&room, json, &signal).await;
            if !signal.aborted() {
                events(Event::Posted { r#ref, result });
            }
        });
        *self.post.borrow_mut() = Some(abort);
        None
    }

    pub(super) fn send(&self, channel: u32, text: String) {
        let open = self.open.borrow();
        if let Some((_, Channel::Socket(socket))) = open.iter().find(|(number, _)| *number == channel) {
            socket.send(text);
        }
    }

    pub(super) fn close(&self, channel: u32) {
        self.waiting.set(self.waiting.get().filter(|waiting| waiting.channel() != channel));
        self.open.borrow_mut().retain(|(number, _)| *number != channel);
    }

    pub(super) fn close_all(&self) {
        self.open.borrow_mut().clear();
    }

    /// Closes all channels of a page that the browser is about to freeze or unload. None opens
    /// until [`Channels::thaw`].
    pub(super) fn freeze(&self) {
        let waiting = self.waiting.take().map(Waiting::channel);
        let open = self.open.borrow_mut().drain(..).map(|(channel, _)| channel).chain(waiting).collect();
        *self.frozen.borrow_mut() = Some(open);
        self.post.take();
        self.tabs.release();
    }

    /// Returns the channels that the core has lost, and lets new ones open.
    pub(super) fn thaw(&self) -> Vec<u32> {
        self.frozen.take().unwrap_or_default()
    }

    /// True if the page is frozen.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.borrow().is_some()
    }

    /// True if a channel can't open because the page is frozen. It is lost on [`Channels::thaw`].
    fn loses(&self, channel: u32) -> bool {
        self.frozen.borrow_mut().as_mut().map(|lost| lost.push(channel)).is_some()
    }

    /// Lets another tab hold the response that stays open: this one has a socket.
    pub(super) fn release(&self) {
        self.tabs.release();
    }

    /// Wakes the tabs that follow this one: it has received an entry.
    pub(super) fn wake_followers(&self) {
        self.tabs.wake();
    }
}
