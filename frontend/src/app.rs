//! The whole page inside `<body>`.

#![allow(unreachable_pub, reason = "`#[component]` makes a second function that is as public and not exported")]

use leptos::prelude::*;

use crate::PageData;
use crate::components::{Composer, ComposerStart, Header, Notice, Timeline};
use crate::live::truth;
use crate::state::AppState;

/// The page, made alive by its driver once it runs in a browser.
#[component]
pub fn App(
    /// What the server says.
    data: PageData,
) -> impl IntoView {
    let state = AppState::new(&data);
    provide_context(state);
    #[cfg(feature = "hydrate")]
    crate::browser::drive(state);
    let start = ComposerStart { key: data.key.as_str().to_owned(), author: data.author, draft: data.draft };
    view! {
        <div class="page" data-ready=truth(move || state.look.get().ready)>
            <Header/>
            <Timeline/>
            <Notice/>
            <Composer start/>
        </div>
    }
}
