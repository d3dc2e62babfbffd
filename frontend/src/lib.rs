//! Crier's page: the server renders its components (feature `ssr`), and the browser hydrates the
//! same ones (feature `hydrate`).
//!
//! Components show the [`state`] and forward what the reader does; `logic` decides, in pure code;
//! only `browser` uses sockets, timers, storage and the clock.

#![forbid(unsafe_code)]

mod language;
mod scheme;

mod page_data;

pub mod logic;

#[cfg(feature = "ssr")]
pub mod moderation;

mod texts;

pub mod lists;
pub mod state;

pub mod components;

pub mod app;

#[cfg(feature = "hydrate")]
pub mod browser;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use components::{live_gap_html, live_row_html};
pub use language::Language;
#[cfg(feature = "ssr")]
pub use logic::room_name::nearest_room;
pub use page_data::PageData;
#[cfg(any(feature = "ssr", debug_assertions))]
pub use page_data::ServerPart;
pub use scheme::Scheme;
#[cfg(feature = "ssr")]
pub use shell::{ICON, Pin, Refusal, Wall, claimed_page, icon_url, key_page, moderation_page, refusal, shell};
#[cfg(feature = "ssr")]
pub use texts::{PlainTexts, pseudonym};
pub use texts::{TITLE, Texts};

#[cfg(all(test, feature = "hydrate"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
