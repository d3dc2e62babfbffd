//! The state of the connection: always there, and quiet.

use leptos::prelude::*;

use crate::live::{attribute, flag, text};
use crate::logic::status::Status;
use crate::state::{AppState, Command};

/// The state of the connection.
#[component]
pub fn Connection() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let status = move || state.look.get().status;
    let words = move || match status() {
        Status::Connecting => texts.connecting,
        Status::Live { .. } => texts.live,
        Status::Waiting { .. } => texts.waiting,
        Status::Offline => texts.offline,
        Status::Stopped => texts.stopped,
    };
    let countdown = move || match status() {
        Status::Waiting { seconds } => (texts.retry_in)(seconds),
        _ => String::new(),
    };
    // A WebSocket is what people expect, if anything; another transport is worth a word to whoever wonders.
    let transport = move || match status() {
        Status::Live { follows: true, .. } => texts.via_tab,
        Status::Live { transport, .. } => texts.via[transport as usize],
        _ => "",
    };
    let word = move || Some(status().word());
    let busy = move || !status().can_connect();
    view! {
        <div class="connection" data-state=attribute(word)>
            // The countdown stands outside of what is announced: a number that changes each second is no news.
            <span id="connection" role="status" data-state=attribute(word) data-transport=attribute(move || status().transport())>
                {text(move || words().to_owned())}
            </span>
            <span class="transport">{text(move || transport().to_owned())}</span>
            <span class="countdown" aria-hidden="true">{text(countdown)}</span>
            <button type="button" id="connect_now" class="quiet" hidden=flag(busy) on:click=move |_| state.ask(Command::Connect)>
                {texts.now}
            </button>
        </div>
    }
}
