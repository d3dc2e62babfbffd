//! A word about something that just happened, above the composer.

use leptos::prelude::*;

use crate::live::{flag, text};
use crate::state::{self, AppState, Command};

/// What there is to know, until it is taken away.
#[component]
pub fn Notice() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let notice = move || state.look.get().notice;
    let words = move || match notice() {
        Some(state::Notice::Copied) => texts.copied,
        Some(state::Notice::LinkGone) => texts.link_gone,
        Some(state::Notice::NotifyRefused) => texts.notify_refused,
        Some(state::Notice::Outdated) => texts.outdated,
        None => "",
    };
    let outdated = move || notice() == Some(state::Notice::Outdated);
    view! {
        <section class="notice" aria-labelledby="notice" hidden=flag(move || notice().is_none())>
            <span id="notice" role="status">{text(move || words().to_owned())}</span>
            <button type="button" hidden=flag(move || !outdated()) on:click=move |_| state.ask(Command::Reload)>{texts.reload_page}</button>
            <button type="button" id="dismiss" class="close" on:click=move |_| state.ask(Command::Dismiss)>{texts.close}</button>
        </section>
    }
}
