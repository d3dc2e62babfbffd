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
    /// Starts the driver. Only a browser has one.
    #[prop(optional)]
    drive: Option<fn(AppState)>,
) -> impl IntoView {
    let state = AppState::new(&data);
    provide_context(state);
    if let Some(drive) = drive {
        drive(state);
    }
    let start = ComposerStart { key: data.key.as_str().to_owned(), author: data.author, draft: data.draft, refusal: data.refusal };
    view! {
        <div class="page" data-ready=move || state.ready.get().then_some("true")>
            <Header/>
            <Timeline/>
            <Notice/>
            <Composer start/>
        </div>
    }
}
