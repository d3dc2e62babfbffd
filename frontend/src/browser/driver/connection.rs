//! The connection: the client core, and the channels that it asks for.

use std::cell::{Ref, RefCell};
use std::collections::VecDeque;

use client::{Action, ConnectionState, Core, Event, Options, Transport, Update};

use super::channels::Channels;
use crate::logic::status::{Status, StatusDebounce};

/// The connection to a room.
pub(super) struct Connection {
    core: RefCell<Core>,
    channels: Channels,
    debounce: RefCell<StatusDebounce>,
}

impl Connection {
    pub(super) fn new(options: Options, channels: Channels) -> Self {
        Self { core: RefCell::new(Core::new(options)), channels, debounce: RefCell::default() }
    }

    /// The client core, to be read.
    pub(super) fn core(&self) -> Ref<'_, Core> {
        self.core.borrow()
    }

    /// True while entries arrive.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.core.borrow().connection(), ConnectionState::Live { .. }) && !self.channels.is_frozen()
    }

    pub(super) fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Passes an event to the core, does what the core asks of the network, and passes its updates
    /// on.
    pub(super) fn handle(&self, event: Event, now: u64, on_update: impl Fn(Update)) {
        // The core is never called by itself: events that follow at once wait for their turn.
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            if let Event::Closed { channel, .. } = event {
                self.channels.close(channel);
            }
            let actions = self.core.borrow_mut().handle(event, now);
            for action in actions {
                match action {
                    Action::Open { channel, transport, after } => events.extend(self.channels.open(channel, transport, after)),
                    Action::Fetch { channel, after, wait_seconds } => events.extend(self.channels.fetch(channel, after, wait_seconds)),
                    Action::Post { r#ref, json } => events.extend(self.channels.post(r#ref, json)),
                    Action::Send { channel, text } => self.channels.send(channel, text),
                    Action::Close { channel } => self.channels.close(channel),
                    Action::Update(update) => on_update(update),
                }
            }
        }
        match self.core.borrow().connection() {
            ConnectionState::Stopped { .. } => self.channels.close_all(),
            ConnectionState::Live { transport: Transport::WebSocket, .. } => self.channels.release(),
            _ => {}
        }
    }

    /// What to show of the connection, and when that changes if nothing happens before.
    pub(super) fn status(&self, now: u64) -> (Status, Option<u64>) {
        self.debounce.borrow_mut().look(self.core.borrow().connection(), now)
    }
}
