//! A notice about something that just happened, above the composer.

use leptos::prelude::*;

use crate::state::{self, AppState, Command};

/// The notice, until its reader closes it.
#[component]
pub fn Notice() -> impl IntoView {
    let state = AppState::of_page();
    let (texts, notice) = (state.texts, state.notice);
    let label = move || match notice.get() {
        Some(state::Notice::Copied) => texts.copied,
        Some(state::Notice::LinkGone) => texts.link_gone,
        Some(state::Notice::NotifyRefused) => texts.notify_refused,
        Some(state::Notice::Outdated) => texts.outdated,
        Some(state::Notice::TextOnly) => texts.text_only,
        None => "",
    };
    let outdated = move || notice.get() == Some(state::Notice::Outdated);
    view! {
        <section class="notice" aria-labelledby="notice" hidden=move || notice.get().is_none()>
            <span id="notice" role="status" translate="no">{label}</span>
            <button type="button" hidden=move || !outdated() on:click=move |_| state.ask(Command::Reload)>{texts.reload_page}</button>
            <button type="button" id="dismiss" class="close" on:click=move |_| state.ask(Command::Dismiss)>{texts.close}</button>
        </section>
    }
}
