//! The page's life in a browser: the only code that knows sockets, timers, storage, cookies and the clock.

pub(crate) mod clock;

pub mod list;

mod attention;
mod clipboard;
mod cookie;
mod driver;
mod history;
mod json;
mod panels;
mod socket;
mod storage;
mod viewport;

mod start;

pub(crate) use driver::drive;
pub use start::hydrate;

use web_sys::{Document, Window};

/// The window. There always is one: the bundle is never run in a worker.
fn window() -> Window {
    leptos::prelude::window()
}

fn document() -> Document {
    leptos::prelude::document()
}
