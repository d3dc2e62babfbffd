//! The list of messages.

use leptos::prelude::*;

use super::Rows;
use crate::live::{attribute, flag, text, truth};
use crate::logic::follow::is_near;
use crate::state::{AppState, Command, Older, ViewState};

/// The list of messages, with the button for older ones above and the outbox below.
///
/// The box is laid out from its end (`flex-direction: column-reverse` in the style sheet), so it
/// shows the newest message from the first paint on, without script. Its `scrollTop` is 0 there and
/// negative above.
#[component]
pub fn Timeline() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let scroller = NodeRef::<leptos::html::Div>::new();
    let scrolled = move |_| {
        let Some(element) = scroller.get_untracked() else { return };
        let from_end = element.scroll_top().abs();
        let from_start = element.scroll_height() - element.client_height() - from_end;
        let look = state.looked();
        let has_newest = state.content.with_value(|content| content.timeline.has_newest());
        let follow = look.follow.scrolled(from_end, has_newest);
        state.show(ViewState { follow, ..look });
        if follow.at_end() != look.follow.at_end() {
            state.ask(Command::Looked);
        }
        // After a failure only the button tries again.
        if is_near(from_start) && look.older == Older::Some {
            state.ask(Command::Older);
        } else if is_near(from_end) && !has_newest {
            state.ask(Command::Newer);
        }
    };
    // A screen reader announces no loaded history, and in a busy room only the number of messages.
    let live = move || {
        let look = state.look.get();
        Some(if look.crowded || look.quiet { "off" } else { "polite" })
    };
    let crowd = move || match state.look.get().crowd {
        0 => String::new(),
        count => (texts.unseen)(count),
    };
    let below = move || match state.look.get().follow.unseen() {
        0 => texts.newest.to_owned(),
        count => (texts.unseen)(count),
    };
    let held = move || match state.look.get().held {
        0 => String::new(),
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
                    <p class="empty" hidden=flag(move || !state.look.get().empty)>{texts.empty}</p>
                    <div role="log" aria-label=texts.messages aria-live=attribute(live)><ol id="messages"><Rows list=state.lists.messages/></ol></div>
                    <ol id="outbox" aria-label=texts.outbox hidden=flag(move || state.look.get().outbox == 0)>
                        <Rows list=state.lists.outbox/>
                    </ol>
                    <p class="held" hidden=flag(move || state.look.get().held == 0)>{text(held)}</p>
                </div>
            </div>
            <p class="visually-hidden" role="status">{text(crowd)}</p>
            <button
                type="button" id="unseen" hidden=flag(move || state.look.get().follow.at_end())
                on:click=move |_| state.ask(Command::ToEnd)
            >
                {text(below)}
            </button>
        </main>
    }
}

#[component]
fn OlderButton() -> impl IntoView {
    let state = AppState::of_page();
    let older = move || state.look.get().older;
    let words = move || match older() {
        Older::Loading => state.texts.older_loading,
        Older::Failed => state.texts.older_failed,
        Older::None | Older::Some => state.texts.older,
    };
    view! {
        <button
            type="button" id="older" class="quiet" hidden=flag(move || older() == Older::None)
            aria-disabled=truth(move || older() == Older::Loading) on:click=move |_| state.ask(Command::Older)
        >
            {text(move || words().to_owned())}
        </button>
    }
}
