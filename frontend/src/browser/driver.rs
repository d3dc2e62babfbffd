//! The driver: hands events to the client core, does what it says, and shows what it tells.

mod commands;
mod history_navigation;
mod keys;
mod links;
mod listen;
mod page;
mod show;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use client::{Action, ConnectionState, Core, Event, Options, Transport, Update};
use leptos::prelude::*;
use protocol::RoomName;

use super::Tell;
use super::clock::{self, Clock};
use super::requests::Abort;
use super::storage::{self, DraftStore, OutboxStore};
use super::tabs::Tabs;
use super::viewport;
use crate::logic::status::StatusDebounce;
use crate::state::{AppState, ViewState};
use links::{Claimed, Line};
use listen::Timer;
use page::Page;
use show::Frames;

/// Brings a board to life, for as long as the page lives.
pub(crate) fn drive(state: AppState) {
    let mut driver = None;
    // An effect does not run before hydration is over, and then again with each command.
    Effect::new(move || driver.get_or_insert_with(|| Driver::start(state)).run_commands());
}

struct Driver {
    state: AppState,
    room: RoomName,
    core: RefCell<Core>,
    clock: RefCell<Clock>,
    status_debounce: RefCell<StatusDebounce>,
    store: RefCell<OutboxStore>,
    draft: RefCell<DraftStore>,
    /// What the core has open, each with its number.
    lines: RefCell<Vec<(u32, Line)>>,
    /// The publish that is out over HTTP.
    posting: RefCell<Option<Abort>>,
    tabs: Tabs,
    claimed: Cell<Option<Claimed>>,
    /// Where the network tells what happens.
    tell: Tell,
    timer: RefCell<Option<Timer>>,
    /// What was told and is not shown yet.
    updates: RefCell<Vec<Update>>,
    frames: Frames,
    page: RefCell<Page>,
    /// The number of the newest navigation through history.
    navigation: Cell<u32>,
    /// Whether the document does not show yet what was drawn.
    drawing: Cell<bool>,
    /// By how much of a pixel the reader was moved.
    drift: Cell<f64>,
}

impl Driver {
    fn start(state: AppState) -> Rc<Self> {
        let driver = Self::new(state);
        driver.settle_in();
        driver.listen();
        driver.listen_to_document();
        driver.handle(Event::Start);
        driver.flush();
        driver.follow_link();
        driver
    }

    fn new(state: AppState) -> Rc<Self> {
        let (room, after) = state.content.with_value(|content| (content.room.clone(), content.timeline.end()));
        let (store, outbox) = OutboxStore::open(&room);
        let draft = DraftStore::open(&room);
        let last_proven = storage::transport();
        let page = Page::new(room.as_str(), state);
        let core = Core::new(Options { after: Some(after), outbox, seed: clock::random_bits() as u64, last_proven, only: None });
        Rc::new_cyclic(|driver: &Weak<Self>| {
            let (told, answered) = (driver.clone(), driver.clone());
            let tell: Tell = Rc::new(move |event| {
                if let Some(driver) = told.upgrade() {
                    driver.handle(event);
                }
            });
            Self {
                state,
                core: RefCell::new(core),
                clock: RefCell::new(Clock::new()),
                status_debounce: RefCell::new(StatusDebounce::default()),
                store: RefCell::new(store),
                draft: RefCell::new(draft),
                lines: RefCell::default(),
                posting: RefCell::default(),
                tabs: Tabs::join(&room, &tell, move |may| {
                    if let Some(driver) = answered.upgrade() {
                        driver.answered(may);
                    }
                }),
                claimed: Cell::default(),
                tell,
                room,
                timer: RefCell::new(None),
                updates: RefCell::default(),
                frames: Frames::new(driver.clone()),
                page: RefCell::new(page),
                navigation: Cell::default(),
                drawing: Cell::default(),
                drift: Cell::default(),
            }
        })
    }

    fn now(&self) -> u64 {
        self.clock.borrow_mut().now()
    }

    fn handle(self: &Rc<Self>, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            if let Event::Closed { channel, .. } = event {
                self.close(channel);
            }
            let now = self.now();
            let actions = self.core.borrow_mut().handle(event, now);
            for action in actions {
                events.extend(self.act(action));
            }
        }
        self.look();
    }

    /// Does what the core says. An event that follows at once is returned, so that the core is never asked by itself.
    fn act(self: &Rc<Self>, action: Action) -> Option<Event> {
        match action {
            Action::Open { channel, transport, after } => return self.open(channel, transport, after),
            Action::Fetch { channel, after, wait_seconds } => return self.fetch(channel, after, wait_seconds),
            Action::Post { r#ref, json } => return self.post(r#ref, json),
            Action::Send { channel, text } => self.send(channel, &text),
            Action::Close { channel } => self.close(channel),
            Action::Update(update) => self.told(update),
        }
        None
    }

    fn told(self: &Rc<Self>, update: Update) {
        match update {
            Update::Outbox => {
                // Kept at once and not with the next frame: the page may be gone by then.
                let core = self.core.borrow();
                self.store.borrow_mut().keep(&core.outbox().messages());
                self.state.show(ViewState { outbox_room: core.outbox().free_slots(), ..self.state.looked() });
            }
            Update::Proven(transport) => return storage::keep_transport(transport),
            Update::Connection => return,
            // At once as well: a page in the background waits long for its frames, and others may be in front.
            Update::Entry(_) => self.tabs.wake(),
            _ => {}
        }
        self.updates.borrow_mut().push(update);
        if self.updates.borrow().len() < show::UPDATES_MAX {
            self.frames.ask();
        } else {
            self.flush();
        }
    }

    /// Shows how the connection is, and sets the alarm for whoever wants to be woken next.
    fn look(self: &Rc<Self>) {
        let now = self.now();
        let (connection, deadline) = {
            let core = self.core.borrow();
            (core.connection(), core.deadline())
        };
        let (status, again) = self.status_debounce.borrow_mut().look(connection, now);
        if status != self.state.looked().status && !status.can_connect() {
            viewport::pass_focus("connect_now");
        }
        self.state.show(ViewState { status, ..self.state.looked() });
        match connection {
            ConnectionState::Stopped { .. } => self.lines.borrow_mut().clear(),
            ConnectionState::Live { transport: Transport::WebSocket, .. } => self.tabs.release(),
            _ => {}
        }
        let next = deadline.into_iter().chain(again).chain(self.linger(now)).min();
        *self.timer.borrow_mut() = next.map(|at| Timer::new(at.saturating_sub(now), Rc::downgrade(self)));
    }
}
