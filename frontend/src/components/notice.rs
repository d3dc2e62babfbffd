//! A word about something that just happened, above the composer.

use leptos::prelude::*;

use crate::board::{self, Board, Command};
use crate::live::{flag, text};

/// What there is to know, until it is taken away.
#[component]
pub fn Notice() -> impl IntoView {
    let board = Board::of_page();
    let texts = board.texts;
    let notice = move || board.look.get().notice;
    let words = move || match notice() {
        Some(board::Notice::Copied) => texts.copied,
        Some(board::Notice::LinkGone) => texts.link_gone,
        Some(board::Notice::NotifyRefused) => texts.notify_refused,
        Some(board::Notice::Outdated) => texts.outdated,
        None => "",
    };
    let outdated = move || notice() == Some(board::Notice::Outdated);
    view! {
        <section class="notice" aria-labelledby="notice" hidden=flag(move || notice().is_none())>
            <span id="notice" role="status">{text(move || words().to_owned())}</span>
            <button type="button" hidden=flag(move || !outdated()) on:click=move |_| board.ask(Command::Reload)>{texts.reload_page}</button>
            <button type="button" id="dismiss" class="close" on:click=move |_| board.ask(Command::Dismiss)>{texts.close}</button>
        </section>
    }
}
