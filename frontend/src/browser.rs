//! The page in a browser: the only code that uses sockets, timers, storage, cookies and the clock.

mod clock;
mod json;

mod clipboard;
mod cookie;
mod storage;

mod event_stream;
mod requests;
mod socket;
mod tabs;

mod alerts;
mod panels;
mod viewport;

mod driver;

mod start;

pub use start::{connect, hydrate_part, read_data, restore};

use std::rc::Rc;

use client::Event;
use web_sys::{Document, Window};

/// Takes the events for the client core.
type EventSink = Rc<dyn Fn(Event)>;

/// The window. It always exists: the bundle never runs in a worker.
fn window() -> Window {
    leptos::prelude::window()
}

fn document() -> Document {
    leptos::prelude::document()
}
