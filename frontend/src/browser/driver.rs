//! The driver: connects the page to its room, and shows what arrives.
//!
//! Each part of the driver has a file of its own. This file passes events to the connection and its
//! updates to the parts.

mod attention;
mod channels;
mod connection;
mod outbox;
mod screen_reader;

mod screen;
mod show;

mod catching_up;
mod history_navigation;

mod commands;
mod keys;
mod listen;
mod page;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use client::{Event, Options, Update};
use leptos::prelude::*;
use protocol::RoomName;

use super::EventSink;
use super::clock::{self, Clock};
use super::storage::{self, DraftStore, OutboxStore};
use super::tabs::Tabs;
use super::viewport;
use crate::state::{AppState, set};
use attention::Attention;
use channels::Channels;
use connection::Connection;
use history_navigation::HistoryNavigation;
use listen::Timer;
use screen::Screen;
use screen_reader::ScreenReader;

/// Runs for as long as the page exists.
pub(super) struct Driver {
    state: AppState,
    room: RoomName,
    clock: Clock,
    alarm: RefCell<Option<Timer>>,
    connection: Connection,
    outbox: RefCell<OutboxStore>,
    draft: RefCell<DraftStore>,
    history: HistoryNavigation,
    attention: RefCell<Attention>,
    /// The reader's name, as all tabs keep it.
    author: RefCell<String>,
    /// When to look at the calendar again.
    next_day: Cell<u64>,
    screen_reader: RefCell<ScreenReader>,
    screen: Screen,
}

impl Driver {
    /// Creates the driver of a complete page, and restores what this browser keeps.
    pub(super) fn create(state: AppState) -> Rc<Self> {
        let driver = Self::new(state);
        driver.restore();
        driver
    }

    /// Connects, and does what the reader asks for from now on. The owner is the page's.
    pub(super) fn start(self: Rc<Self>) {
        self.listen();
        self.listen_to_document();
        self.handle(Event::Start);
        self.flush();
        self.find_place();
        // Runs again with each command.
        Effect::new(move || self.run_commands());
    }

    fn new(state: AppState) -> Rc<Self> {
        let content = state.content.read_value();
        let room = content.room.clone();
        let (outbox, messages) = OutboxStore::open(&room);
        let options = Options {
            after: Some(content.timeline.end()),
            outbox: messages,
            seed: clock::random_bits() as u64,
            last_proven: storage::transport(),
            only: None,
        };
        Rc::new_cyclic(|driver: &Weak<Self>| {
            let (handler, answered) = (driver.clone(), driver.clone());
            let events: EventSink = Rc::new(move |event| {
                if let Some(driver) = handler.upgrade() {
                    driver.handle(event);
                }
            });
            let tabs = Tabs::join(&room, &events, move |granted| {
                if let Some(driver) = answered.upgrade() {
                    driver.connection.channels().answered(granted);
                }
            });
            Self {
                state,
                clock: Clock::new(),
                alarm: RefCell::default(),
                connection: Connection::new(options, Channels::new(room.clone(), tabs, events)),
                outbox: RefCell::new(outbox),
                draft: RefCell::new(DraftStore::open(&room)),
                history: HistoryNavigation::default(),
                attention: RefCell::new(Attention::new(&room, &content.timeline)),
                author: RefCell::new(storage::kept("author", "")),
                next_day: Cell::default(),
                screen_reader: RefCell::default(),
                screen: Screen::new(driver.clone()),
                room,
            }
        })
    }

    fn handle(self: &Rc<Self>, event: Event) {
        let heard = matches!(event, Event::Received { .. } | Event::Comment { .. } | Event::Page { result: Ok(_), .. });
        self.connection.handle(event, self.clock.now(), |update| self.update(update));
        let is_live = self.connection.is_live();
        self.attention.borrow_mut().follow_connection(is_live, heard);
        self.refresh();
    }

    /// Takes an update of the connection. Most updates wait for the next frame.
    fn update(self: &Rc<Self>, update: Update) {
        match update {
            // At once: the page may be gone before the next frame.
            Update::Outbox => {
                let core = self.connection.core();
                self.outbox.borrow_mut().keep(&core.outbox().messages());
                outbox::show_room(self.state, core.outbox());
            }
            Update::Proven(transport) => return storage::keep_transport(transport),
            Update::Connection => return,
            // At once: a hidden page waits long for its frames, and other tabs may be visible.
            Update::Entry(_) | Update::Change(_) => self.connection.channels().wake_followers(),
            _ => {}
        }
        if self.screen.push(update) {
            self.flush();
        }
    }

    /// Shows the connection and all that changes with time, and sets the alarm for the next change.
    fn refresh(self: &Rc<Self>) {
        let now = self.clock.now();
        let (status, status_changes) = self.connection.status(now);
        if status != self.state.status.get_untracked() && !status.can_connect() {
            viewport::pass_focus("connect_now");
        }
        set(self.state.status, status);
        let core = self.connection.core();
        let wait_changes = outbox::show_wait(self.state, &core, now);
        let announcements_change = self.screen_reader.borrow_mut().update(self.state, now);
        let deadline = core.deadline();
        drop(core);
        self.come_back();
        let attention_changes = self.attend_to_time(now);
        let times = [deadline, status_changes, wait_changes, announcements_change, attention_changes, Some(self.show_day(now))];
        let next = times.into_iter().flatten().min();
        *self.alarm.borrow_mut() = next.map(|at| Timer::new(at.saturating_sub(now), Rc::downgrade(self)));
    }
}
