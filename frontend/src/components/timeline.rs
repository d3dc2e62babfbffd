//! The list of messages.

use leptos::either::Either;
use leptos::prelude::*;
use leptos::tachys::html::InertElement;

use super::{BacklogPill, Rows};
use crate::logic::follow::is_near;
use crate::state::{AppState, Command, Older, set};

/// The list of messages, with the button for older ones above and the outbox below.
///
/// The box is laid out from its end (`flex-direction: column-reverse` in the style sheet), so it
/// shows the newest message from the first paint on, without script. Its `scrollTop` is 0 there and
/// negative above.
#[component]
pub fn Timeline(
    /// True if the messages are hydrated later, by [`Rows`].
    #[prop(optional)]
    without_rows: bool,
) -> impl IntoView {
    // Stands for the rows in the document, and leaves them as they are.
    let rows = if without_rows {
        Either::Right(InertElement::new(""))
    } else {
        Either::Left(view! { <Rows list=AppState::of_page().lists.messages/> })
    };
    let state = AppState::of_page();
    let texts = state.texts;
    let scroller = NodeRef::<leptos::html::Div>::new();
    let scrolled = move |_| {
        let Some(element) = scroller.get_untracked() else { return };
        let from_end = element.scroll_top().abs();
        let from_start = element.scroll_height() - element.client_height() - from_end;
        let has_newest = state.content.with_value(|content| content.timeline.has_newest());
        let before = state.follow.get_untracked();
        let follow = before.scrolled(from_end, has_newest);
        set(state.follow, follow);
        if follow.at_end() != before.at_end() {
            state.ask(Command::FollowChanged);
        }
        // A failed load is tried again by the button only.
        if is_near(from_start) && state.older.get_untracked() == Older::Some {
            state.ask(Command::Older);
        } else if is_near(from_end) && !has_newest {
            state.ask(Command::Newer);
        }
    };
    // Screen readers announce new messages only; of too many, their number.
    let live = move || {
        let announcements = state.announcements.get();
        if announcements.crowded || announcements.quiet { "off" } else { "polite" }
    };
    let summary = move || match state.announcements.get().summary {
        0 => String::new(),
        count => (texts.unseen)(count),
    };
    let below = move || match state.follow.get().unseen() {
        0 => texts.newest.to_owned(),
        count => (texts.unseen)(count),
    };
    let held = move || match state.outbox.get().held_seconds {
        0 => String::new(),
        seconds if state.content.read_value().slow => (texts.slow)(seconds),
        seconds => (texts.held)(seconds),
    };
    view! {
        <main class="timeline">
            // Scrolling by keyboard needs the focus here. The list follows its end at first; later
            // the driver sets the mark.
            <div
                id="scroller" node_ref=scroller tabindex="0" role="region" aria-label=texts.messages
                data-follows="" on:scroll=scrolled
            >
                <div class="column">
                    <OlderButton/>
                    <Empty/>
                    <div role="log" aria-label=texts.messages aria-live=live aria-relevant="additions">
                        <ol id="messages">{rows}</ol>
                    </div>
                    <ol id="outbox" aria-label=texts.outbox hidden=move || state.outbox.get().pending == 0>
                        <Rows list=state.lists.outbox/>
                    </ol>
                    <p class="held" translate="no" hidden=move || state.outbox.get().held_seconds == 0>{held}</p>
                </div>
            </div>
            <p class="visually-hidden" role="status" translate="no">{summary}</p>
            <BacklogPill/>
            <button
                type="button" id="unseen" translate="no" hidden=move || state.follow.get().at_end()
                on:click=move |_| state.ask(Command::ToEnd)
            >
                {below}
            </button>
        </main>
    }
}

/// What an empty room shows: an invitation to others.
#[component]
fn Empty() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let (room, link) = state.content.with_value(|content| (String::from(content.room.clone()), content.link.clone()));
    let path = ["/r/", &room].concat();
    let code = [&path, "/qr.svg"].concat();
    view! {
        <section class="empty" hidden=move || !state.empty.get()>
            <h2><bdi>{room}</bdi></h2>
            <p>{texts.empty}</p>
            <img class="qr" src=code alt="" width="200" height="200" loading="lazy"/>
            <a class="link" href=path dir="ltr">{link}</a>
            <button type="button" class="quiet" data-do="copy-link">{texts.copy_link}</button>
        </section>
    }
}

#[component]
fn OlderButton() -> impl IntoView {
    let state = AppState::of_page();
    let older = state.older;
    let label = move || match older.get() {
        Older::Loading => state.texts.older_loading,
        Older::Failed => state.texts.older_failed,
        Older::None | Older::Some => state.texts.older,
    };
    view! {
        <button
            type="button" id="older" class="quiet" translate="no" hidden=move || older.get() == Older::None
            aria-disabled=move || (older.get() == Older::Loading).then_some("true") on:click=move |_| state.ask(Command::Older)
        >
            {label}
        </button>
    }
}
