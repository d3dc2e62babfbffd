//! The list of messages.

use std::sync::Arc;

use leptos::either::EitherOf3;
use leptos::prelude::*;

use super::{Message, PendingMessage};
use crate::board::{Board, Command, Look, Older};
use crate::decide::follow::is_near;
use crate::decide::rows::{self, Row};
use crate::live::{Live, attribute, flag, text, truth};

/// The list of messages, with the way to older ones above and the messages on their way below.
///
/// The box is laid out from its end (`flex-direction: column-reverse` in the style sheet), so it stands at the newest
/// message from the first paint on, without script, and its `scrollTop` is 0 there and negative above.
#[component]
pub fn Timeline() -> impl IntoView {
    let board = Board::of_page();
    let texts = board.texts;
    let scroller = NodeRef::<leptos::html::Div>::new();
    let scrolled = move |_| {
        let Some(element) = scroller.get_untracked() else { return };
        let from_end = element.scroll_top().abs();
        let from_start = element.scroll_height() - element.client_height() - from_end;
        let look = board.looked();
        board.show(Look { follow: look.follow.scrolled(from_end), ..look });
        // One that failed is tried again with the button only.
        if is_near(from_start) && look.older == Older::Some {
            board.ask(Command::Older);
        }
    };
    let is_empty = move || board.rows.read().is_empty() && board.outbox.read().is_empty();
    // What is loaded from the past is not news, so it is not announced.
    let live = move || Some(if board.look.get().older == Older::Loading { "off" } else { "polite" });
    let below = move || match board.look.get().follow.unseen() {
        0 => texts.newest.to_owned(),
        count => (texts.unseen)(count),
    };
    view! {
        <main class="timeline">
            // Whoever has no pointer scrolls with the keyboard, which needs the focus here.
            <div id="scroller" node_ref=scroller tabindex="0" on:scroll=scrolled>
                <div class="column">
                    <OlderButton/>
                    <p class="empty" hidden=flag(move || !is_empty())>{texts.empty}</p>
                    <ol id="messages" role="log" aria-label=texts.messages aria-live=attribute(live)>
                        {list(board, Arc::new(move || board.rows.get()))}
                    </ol>
                    <ol id="outbox" aria-label=texts.outbox hidden=flag(move || board.outbox.read().is_empty())>
                        {list(board, Arc::new(move || board.outbox.get()))}
                    </ol>
                </div>
            </div>
            <button
                type="button" id="unseen" hidden=flag(move || board.look.get().follow.at_end())
                on:click=move |_| board.ask(Command::ToEnd)
            >
                {text(below)}
            </button>
        </main>
    }
}

#[component]
fn OlderButton() -> impl IntoView {
    let board = Board::of_page();
    let older = move || board.look.get().older;
    let words = move || match older() {
        Older::Loading => board.texts.older_loading,
        Older::Failed => board.texts.older_failed,
        Older::None | Older::Some => board.texts.older,
    };
    view! {
        <button
            type="button" id="older" class="quiet" hidden=flag(move || older() == Older::None)
            aria-disabled=truth(move || older() == Older::Loading) on:click=move |_| board.ask(Command::Older)
        >
            {text(move || words().to_owned())}
        </button>
    }
}

/// One function for both lists, so that the framework's list is in the bundle once.
fn list(board: Board, each: Live<Vec<Row>>) -> impl IntoView {
    view! { <For each=move || each() key=Row::clone children=move |row| row_view(board, row)/> }
}

fn row_view(board: Board, row: Row) -> impl IntoView {
    let content = board.content.read_value();
    match row {
        Row::Message { offset, continued, .. } => {
            let entry = rows::entry(&content.timeline, offset).cloned();
            EitherOf3::A(entry.map(|entry| view! { <Message entry continued/> }))
        }
        Row::Pending { key, .. } => {
            let pending = content.pending.iter().find(|pending| pending.message.key.as_ref() == Some(&key)).cloned();
            EitherOf3::B(pending.map(|pending| view! { <PendingMessage pending/> }))
        }
        Row::Missed { first, last } => EitherOf3::C(missed((board.texts.missed)(first, last))),
        Row::OtherLog { .. } => EitherOf3::C(missed(board.texts.missed_log.to_owned())),
    }
}

fn missed(said: String) -> impl IntoView {
    view! { <li class="missed">{said}</li> }
}
