//! The whole page inside `<body>`.

#![allow(unreachable_pub, reason = "`#[component]` makes a second function that is as public and not exported")]

use leptos::prelude::*;

use crate::PageData;
use crate::components::{Composer, ComposerStart, Header, Notice, Timeline};
use crate::state::AppState;

/// The page.
#[component]
pub fn App(
    /// What the server renders the page from.
    data: PageData,
) -> impl IntoView {
    let (_, start) = provide_state(data);
    // The browser hydrates each of these four by itself: `browser/start.rs`.
    view! {
        <div class="page">
            <Header/>
            <Timeline/>
            <Notice/>
            <Composer start/>
        </div>
    }
}

/// Provides the state of a page to its components. Returns it, and what the composer starts with.
pub(crate) fn provide_state(mut data: PageData) -> (AppState, ComposerStart) {
    let (author, draft) = (std::mem::take(&mut data.author), std::mem::take(&mut data.draft));
    let start = ComposerStart { key: data.key.as_str().to_owned(), author, draft, refusal: data.refusal };
    let state = AppState::new(data);
    provide_context(state);
    (state, start)
}
