//! What arrived in the reader's absence: how much, since when, and the way to where it begins.

use leptos::prelude::*;

use crate::logic::unread::Backlog;
use crate::state::{AppState, Command};

/// The button that leads to the first message of the backlog, at the top of the list.
#[component]
pub fn BacklogPill() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let label = move || state.backlog.get().map_or_else(String::new, |backlog| label(state, backlog));
    // The element with the role stays, so that screen readers announce what appears in it.
    view! {
        <div class="backlog" role="status" translate="no">
            <div hidden=move || state.backlog.get().is_none()>
                <button type="button" id="backlog" on:click=move |_| state.ask(Command::ToUnread)>{label}</button>
                <button
                    type="button" id="mark_read" class="icon" aria-label=texts.mark_read title=texts.mark_read
                    on:click=move |_| state.ask(Command::MarkRead)
                >
                    <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"></path></svg>
                </button>
            </div>
        </div>
    }
}

fn label(state: AppState, backlog: Backlog) -> String {
    let (texts, count) = (state.texts, backlog.count() as usize);
    if backlog.since == 0 {
        return (texts.unseen)(count);
    }
    let since = state.lists.zone.get().at(backlog.since);
    let is_today = state.lists.today.get() == Some(since.day);
    let since = if is_today { since.short() } else { [(texts.day)(since.day), since.short()].join(" ") };
    (texts.new_since)(count, &since)
}
