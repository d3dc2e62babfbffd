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

/// How many messages it has. Offsets count reactions and other changes as well, so those that are
/// loaded are counted one by one.
fn count(state: AppState, backlog: Backlog) -> usize {
    state.content.with_value(|content| {
        let entries = content.timeline.entries();
        let is_loaded = entries.first().is_some_and(|first| first.offset <= backlog.after + 1) || content.timeline.before().is_none();
        let loaded = || entries.iter().filter(|entry| entry.offset > backlog.after).count();
        if is_loaded && content.timeline.has_newest() { loaded() } else { backlog.count() as usize }
    })
}

fn label(state: AppState, backlog: Backlog) -> String {
    let (texts, count) = (state.texts, count(state, backlog));
    if backlog.since == 0 {
        return (texts.unseen)(count);
    }
    let since = state.lists.zone.get().at(backlog.since);
    let is_today = state.lists.today.get() == Some(since.day);
    let since = if is_today { since.short() } else { [(texts.day)(since.day), since.short()].join(" ") };
    (texts.new_since)(count, &since)
}
