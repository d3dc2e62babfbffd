//! The state of the connection: always visible, and quiet.

use leptos::prelude::*;

use crate::logic::status::Status;
use crate::state::{AppState, Command};

/// The state of the connection.
#[component]
pub fn Connection() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let status = state.status;
    let label = move || match status.get() {
        Status::Connecting => texts.connecting,
        Status::Live { .. } => texts.live,
        Status::Doubtful => texts.doubtful,
        Status::Waiting { .. } => texts.waiting,
        Status::Offline => texts.offline,
        Status::Stopped => texts.stopped,
    };
    let countdown = move || match status.get() {
        Status::Waiting { seconds } => (texts.retry_in)(seconds),
        _ => String::new(),
    };
    let details = move || match status.get() {
        Status::Live { follows: true, .. } => texts.via_tab,
        Status::Live { transport, .. } => texts.via[transport as usize],
        Status::Connecting => "",
        _ => texts.sent_later,
    };
    let word = move || status.get().word();
    view! {
        <div class="connection" data-state=word title=details translate="no">
            // The countdown is outside of the status: screen readers would announce it every
            // second.
            <span id="connection" role="status" data-state=word data-transport=move || status.get().transport()>{label}</span>
            <span class="countdown" aria-hidden="true">{countdown}</span>
            <button
                type="button" id="connect_now" class="quiet" hidden=move || !status.get().can_connect()
                on:click=move |_| state.ask(Command::Connect)
            >
                {texts.now}
            </button>
        </div>
    }
}
