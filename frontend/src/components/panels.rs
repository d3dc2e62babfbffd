//! The panels behind the bar's buttons: rooms, sharing, settings, shortcuts.
//!
//! Only the server renders them: they open and close without script (`popover`), and so do their
//! links and forms. Their attributes `data-do` and `data-set` name what a script adds. So the
//! bundle has neither their code nor their texts.

use leptos::prelude::*;
use protocol::RoomName;

use crate::logic::settings::Settings;
use crate::texts::PanelTexts;
use crate::{Language, Scheme};

/// All panels of a room's page.
#[component]
pub fn Panels(
    /// The room.
    room: RoomName,
    /// The language of the page.
    language: Language,
    /// The colours.
    scheme: Scheme,
) -> impl IntoView {
    let texts = PanelTexts::of(language);
    view! {
        <Rooms texts/>
        <Share texts room/>
        <SettingsPanel texts language scheme/>
        <Shortcuts texts/>
        <RowMenu texts/>
    }
}

/// Opens a room by its name. `pattern` names the characters of a `RoomName`, so that the browser
/// can explain an error.
#[component]
pub fn OpenRoom(
    /// The texts.
    texts: &'static PanelTexts,
) -> impl IntoView {
    view! {
        <form action="/open" method="get" class="open">
            <label for="room_name">{texts.room_name}</label>
            <div class="line">
                <input
                    id="room_name" name="room" required maxlength="256" title=texts.room_hint dir="auto"
                    pattern="[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Zs}\\u200c\\u200d_\\-]+"
                    autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="room_hint" enterkeyhint="go"
                />
                <button type="submit" class="primary">{texts.open}</button>
            </div>
            <p id="room_hint" class="hint">{texts.room_hint}</p>
        </form>
    }
}

#[component]
fn Rooms(texts: &'static PanelTexts) -> impl IntoView {
    view! {
        <div id="rooms" class="panel" popover="auto" role="dialog" aria-label=texts.rooms>
            <Heading title=texts.rooms panel="rooms" texts/>
            <OpenRoom texts/>
            <section id="recent_part" hidden>
                <h3>{texts.recent}</h3>
                <ul id="recent"></ul>
            </section>
        </div>
    }
}

#[component]
fn Share(texts: &'static PanelTexts, room: RoomName) -> impl IntoView {
    let path = format!("/r/{room}");
    view! {
        <div id="share" class="panel" popover="auto" role="dialog" aria-label=texts.share>
            <Heading title=texts.share panel="share" texts/>
            // Loaded when the panel opens.
            <img class="qr" src=format!("{path}/qr.svg") alt=texts.qr width="200" height="200" loading="lazy"/>
            <label for="link">{texts.link}</label>
            <div class="line">
                <input id="link" readonly value=path.clone() dir="ltr"/>
                <button type="button" class="primary" data-do="copy-link">{texts.copy_link}</button>
            </div>
            <a href=format!("{path}/wall")>{texts.wall}</a>
            <a href=format!("/api/rooms/{room}/messages?limit=200") download=format!("{room}.json")>{texts.export}</a>
        </div>
    }
}

#[component]
fn SettingsPanel(texts: &'static PanelTexts, language: Language, scheme: Scheme) -> impl IntoView {
    let languages = Language::ALL.map(|one| {
        let current = (one == language).then_some("true");
        view! { <a href=format!("?lang={}", one.tag()) lang=one.tag() hreflang=one.tag() aria-current=current>{one.name()}</a> }
    });
    let schemes = Scheme::ALL.into_iter().zip(texts.schemes).map(|(one, name)| {
        let (word, current) = (one.word(), (one == scheme).then_some("true"));
        view! { <a href=format!("?scheme={word}") data-do="scheme" data-of=word aria-current=current>{name}</a> }
    });
    let switches = Settings::WORDS.into_iter().zip(texts.switches).map(|(word, name)| {
        view! { <label class="switch"><input type="checkbox" data-set=word autocomplete="off"/><span>{name}</span></label> }
    });
    view! {
        <div id="settings" class="panel" popover="auto" role="dialog" aria-label=texts.settings>
            <Heading title=texts.settings panel="settings" texts/>
            <nav class="choice" aria-label=texts.language>{languages}</nav>
            <nav class="choice" aria-label=texts.scheme>{schemes.collect_view()}</nav>
            <div class="switches">{switches.collect_view()}</div>
            <button type="button" class="quiet" popovertarget="shortcuts">{texts.shortcuts}</button>
        </div>
    }
}

#[component]
fn Shortcuts(texts: &'static PanelTexts) -> impl IntoView {
    let keys = texts.keys.map(|(key, does)| view! { <dt><kbd>{key}</kbd></dt><dd>{does}</dd> });
    view! {
        <div id="shortcuts" class="panel" popover="auto" role="dialog" aria-label=texts.shortcuts>
            <Heading title=texts.shortcuts panel="shortcuts" texts/>
            <dl>{keys}</dl>
        </div>
    }
}

/// What can be done with a message: one menu for all rows, and one button that opens it, which the
/// script moves into the row under the mouse. `data-row` names what the script puts into `data-of`
/// of an entry when the menu opens.
#[component]
fn RowMenu(texts: &'static PanelTexts) -> impl IntoView {
    view! {
        <button type="button" id="row_more" popovertarget="row_menu" tabindex="-1" aria-haspopup="menu" aria-label=texts.row_menu>"⋯"</button>
        <div id="row_menu" popover="auto" role="menu" aria-label=texts.row_menu>
            <button type="button" role="menuitem" data-do="copy" data-row="link" autofocus>{texts.copy_message_link}</button>
            <button type="button" role="menuitem" data-do="copy" data-row="text">{texts.copy_message_text}</button>
        </div>
    }
}

#[component]
fn Heading(title: &'static str, panel: &'static str, texts: &'static PanelTexts) -> impl IntoView {
    view! {
        <div class="head">
            <h2>{title}</h2>
            <button type="button" class="icon" popovertarget=panel popovertargetaction="hide" aria-label=texts.close title=texts.close>
                <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"></path></svg>
            </button>
        </div>
    }
}
