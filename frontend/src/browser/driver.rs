//! The driver: hands events to the client core, does what it says, and shows what it tells.

mod commands;
mod keys;
mod listen;
mod page;
mod show;
mod travel;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use client::{Action, Connection, Core, Event, Options, Update};
use leptos::prelude::*;
use protocol::{Position, RoomName};

use super::clock::{self, Clock};
use super::socket::Socket;
use super::storage::OutboxStore;
use crate::board::{Board, Look};
use crate::decide::status::Calm;
use listen::Timer;
use page::Page;
use show::Frames;

/// Brings a board to life, for as long as the page lives.
pub(crate) fn drive(board: Board) {
    let mut driver = None;
    // An effect does not run before hydration is over, and then again with each command.
    Effect::new(move || driver.get_or_insert_with(|| Driver::start(board)).obey());
}

struct Driver {
    board: Board,
    room: RoomName,
    core: RefCell<Core>,
    clock: RefCell<Clock>,
    calm: RefCell<Calm>,
    store: RefCell<OutboxStore>,
    socket: RefCell<Option<Socket>>,
    timer: RefCell<Option<Timer>>,
    /// What was told and is not shown yet.
    updates: RefCell<Vec<Update>>,
    frames: Frames,
    page: RefCell<Page>,
}

impl Driver {
    fn start(board: Board) -> Rc<Self> {
        let driver = Self::new(board);
        driver.settle_in();
        driver.listen();
        driver.listen_to_document();
        driver.handle(Event::Start);
        driver.flush();
        driver.follow_link();
        driver
    }

    fn new(board: Board) -> Rc<Self> {
        let (room, after) = board.content.with_value(|content| (content.room.clone(), content.timeline.end()));
        let (store, outbox) = OutboxStore::open(&room);
        let page = Page::new(room.as_str(), board);
        let core = Core::new(Options { after: Some(after), outbox, seed: clock::random_bits() as u64 });
        Rc::new_cyclic(|driver| Self {
            board,
            room,
            core: RefCell::new(core),
            clock: RefCell::new(Clock::new()),
            calm: RefCell::new(Calm::default()),
            store: RefCell::new(store),
            socket: RefCell::new(None),
            timer: RefCell::new(None),
            updates: RefCell::new(Vec::new()),
            frames: Frames::new(driver.clone()),
            page: RefCell::new(page),
        })
    }

    fn now(&self) -> u64 {
        self.clock.borrow_mut().now()
    }

    fn handle(self: &Rc<Self>, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
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
            Action::Connect { after } => return self.connect(after),
            Action::Send(text) => {
                if let Some(socket) = &*self.socket.borrow() {
                    socket.send(&text);
                }
            }
            Action::Disconnect => *self.socket.borrow_mut() = None,
            Action::Update(Update::Connection) => {}
            Action::Update(update) => self.told(update),
        }
        None
    }

    fn connect(self: &Rc<Self>, after: Option<Position>) -> Option<Event> {
        let driver = Rc::downgrade(self);
        let tell = move |event| {
            if let Some(driver) = driver.upgrade() {
                driver.handle(event);
            }
        };
        // The old socket goes before the new one comes.
        *self.socket.borrow_mut() = None;
        let socket = Socket::open(&self.address(after), tell);
        let refused = socket.is_none();
        *self.socket.borrow_mut() = socket;
        refused.then(|| Event::Closed { code: 1006, reason: String::new() })
    }

    fn address(&self, after: Option<Position>) -> String {
        let location = super::window().location();
        let scheme = if location.protocol().is_ok_and(|scheme| scheme == "https:") { "wss://" } else { "ws://" };
        let mut address = [scheme, &location.host().unwrap_or_default(), "/ws/", self.room.as_str()].concat();
        if let Some(after) = after {
            address += "?after=";
            address += &after.to_string();
        }
        address
    }

    fn told(&self, update: Update) {
        if update == Update::Outbox {
            // Kept at once and not with the next frame: the page may be gone by then.
            let core = self.core.borrow();
            self.store.borrow_mut().keep(&core.outbox().messages());
            self.board.show(Look { outbox_room: core.outbox().room(), ..self.board.looked() });
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
        let (status, again) = self.calm.borrow_mut().look(connection, now);
        self.board.show(Look { status, ..self.board.looked() });
        if matches!(connection, Connection::Stopped { .. }) {
            *self.socket.borrow_mut() = None;
        }
        let next = deadline.into_iter().chain(again).chain(self.linger(now)).min();
        *self.timer.borrow_mut() = next.map(|at| Timer::new(at.saturating_sub(now), Rc::downgrade(self)));
    }
}
