//! One message, and the place of messages that are missing.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::Entry;

use crate::board::Board;
use crate::decide::author::{hue_class, initial};
use crate::decide::moment::Moment;
use crate::live::{Live, text};

/// A message. All that people wrote is shown as text.
#[component]
pub fn Message(
    /// The entry.
    entry: Entry,
    /// Whether the message before is the same author's, so that the name need not be said again.
    continued: bool,
) -> impl IntoView {
    let class = if continued { "message continued" } else { "message" };
    view! {
        <li id=format!("m-{}", entry.offset) class=class data-offset=entry.offset.to_string()>
            {byline(entry.author.as_str())}
            <Time time=entry.time/>
            {body(entry.text.into())}
        </li>
    }
}

/// Who wrote a message: a square with an initial, and the name.
pub(super) fn byline(name: &str) -> impl IntoView + use<> {
    let nameless = name.is_empty();
    let shown = if nameless { Board::of_page().texts.nameless } else { name }.to_owned();
    view! {
        <span class=format!("seal {}", hue_class(name)) aria-hidden="true">{initial(name)}</span>
        <bdi class=if nameless { "author nameless" } else { "author" }>{shown}</bdi>
    }
}

/// What a message says. Links in it would be found here.
pub(super) fn body(said: String) -> impl IntoView {
    view! { <div class="text" dir="auto">{said}</div> }
}

/// When a message was posted. The server knows neither the reader's zone nor their day, so both sides first write the
/// same neutral form.
#[component]
fn Time(time: u64) -> impl IntoView {
    let today = Board::of_page().today;
    let utc = Moment::utc(time);
    let short = text(move || today.get().map_or_else(|| utc.neutral(), |today| local(time).short(today)));
    let full: Live<Option<String>> = Arc::new(move || today.get().map(|_| local(time).full()));
    view! { <time datetime=utc.iso_utc() title=full>{short}</time> }
}

#[cfg(feature = "hydrate")]
fn local(time: u64) -> Moment {
    crate::browser::clock::local(time)
}

#[cfg(not(feature = "hydrate"))]
fn local(time: u64) -> Moment {
    Moment::utc(time)
}
