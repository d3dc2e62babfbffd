//! The components of the page. They show the state and forward what the reader does; `logic`
//! decides.

#![allow(unreachable_pub, reason = "`#[component]` makes a second function that is as public and not exported")]

mod day;
mod row;

#[cfg(feature = "ssr")]
mod about;

mod backlog;
mod composer;
mod connection;
mod header;
mod notice;
mod timeline;

#[cfg(any(feature = "ssr", debug_assertions))]
mod row_menu;

#[cfg(any(feature = "ssr", debug_assertions))]
mod panels;

pub use backlog::BacklogPill;
pub use composer::{Composer, ComposerStart};
pub use connection::Connection;
pub use day::DayRow;
pub use header::Header;
pub use notice::Notice;
#[cfg(any(feature = "ssr", debug_assertions))]
pub use panels::{OpenRoom, Panels};
pub use row::Rows;
#[cfg(feature = "ssr")]
pub use row::{PinnedMessage, live_gap_html, live_row_html};
pub use timeline::Timeline;
