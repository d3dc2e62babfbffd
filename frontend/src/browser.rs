//! The page's life in a browser: the only code that knows sockets, timers, storage, cookies and the clock.

pub(crate) mod clock;

mod attention;
mod clipboard;
mod cookie;
mod driver;
mod json;
mod panels;
mod requests;
mod socket;
mod storage;
mod stream;
mod tabs;
mod viewport;

mod start;

pub(crate) use driver::drive;
pub use start::hydrate;

use std::rc::Rc;

use client::Event;
use web_sys::{Document, Window};

/// Where what happens is told.
type Tell = Rc<dyn Fn(Event)>;

/// The window. There always is one: the bundle is never run in a worker.
fn window() -> Window {
    leptos::prelude::window()
}

fn document() -> Document {
    leptos::prelude::document()
}
