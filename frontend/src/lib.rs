//! Crier's page: the same components rendered by the server (feature `ssr`) and brought to life in the browser
//! (feature `hydrate`).
//!
//! Components render and forward; `logic` is pure; `browser` is the only place that knows sockets, timers, storage
//! and the clock.

#![forbid(unsafe_code)]

mod language;
mod page_data;
mod scheme;
mod texts;

pub mod logic;

pub mod app;
pub mod components;
pub mod lists;
pub mod state;

mod live;

#[cfg(feature = "hydrate")]
pub mod browser;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use components::{live_gap_html, live_row_html};
pub use language::Language;
pub use page_data::PageData;
pub use scheme::Scheme;
#[cfg(feature = "ssr")]
pub use shell::{ICON, refusal, shell};
pub use texts::{TITLE, Texts};

#[cfg(all(test, feature = "hydrate"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
