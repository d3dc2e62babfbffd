//! What the server renders about a room and its composer. Plain scripts change it, so the bundle
//! has neither its code nor its texts.

use leptos::prelude::*;
use protocol::{Entry, ErrorCode};

use super::row::{first_line, link};
use crate::state::AppState;
use crate::texts::{PanelTexts, Texts};

/// The room's topic, and its pinned messages as links.
#[component]
pub fn AboutRoom(state: AppState) -> impl IntoView {
    let texts = PanelTexts::of(state.content.with_value(|content| content.language));
    let info = state.content.with_value(|content| content.server.info.clone());
    let (topic, pins) = info.map_or_else(Default::default, |info| (info.settings.topic, info.pins));
    let pins: Vec<_> = pins.iter().map(|entry| pin(entry, state.texts)).collect();
    let whole_topic = topic.clone();
    // Leptos writes a space for an empty text, and the style sheet hides what is empty.
    let topic = Some(topic).filter(|topic| !topic.is_empty());
    view! {
        <div id="about">
            <p class="topic" title=whole_topic dir="auto">{topic}</p>
            <ol class="pins" aria-label=texts.pinned>{pins}</ol>
        </div>
    }
}

fn pin(entry: &Entry, texts: &'static Texts) -> impl IntoView + use<> {
    view! { <li><a href=link(entry.offset) dir="auto">{first_line(entry, texts)}</a></li> }
}

/// The line that says what the composer edits or answers, and why the reader may not post.
#[component]
pub fn AboutComposing(state: AppState) -> impl IntoView {
    let (language, closed) = state.content.with_value(|content| (content.language, content.server.closed));
    let texts = PanelTexts::of(language);
    let why = [ErrorCode::PostRefused, ErrorCode::RoomClosed, ErrorCode::Banned].map(|code| {
        let link = (code == ErrorCode::PostRefused).then(|| view! { " " <a href="/key">{texts.enter_key}</a> });
        view! { <p data-why=code.as_str() hidden=closed != Some(code)>{(state.texts.problem)(code)} {link}</p> }
    });
    view! {
        <div id="about_composing">
            {why}
            <div id="composing" data-edits=texts.editing data-answers=texts.answering hidden>
                <span role="status" dir="auto"></span>
                <button type="button" class="quiet">{texts.cancel} " (Esc)"</button>
            </div>
        </div>
    }
}
