//! The panels behind the bar's buttons: rooms, sharing, settings, shortcuts.
//!
//! Only the server renders them: they open and close without script (`popover`), and so do their
//! links and forms. Their attributes `data-do` and `data-set` name what a script adds. So the
//! bundle has neither their code nor their texts.

use leptos::prelude::*;
use protocol::RoomName;

use super::row_menu::RowMenu;
use crate::logic::settings::Settings;
use crate::texts::{PanelTexts, Texts};
use crate::{Language, Scheme, ServerPart};

/// All panels of a room's page.
#[component]
pub fn Panels(
    /// The room.
    room: RoomName,
    /// The whole address of its page.
    link: String,
    /// The language of the page.
    language: Language,
    /// The colours.
    scheme: Scheme,
    /// What only the server renders.
    server: ServerPart,
) -> impl IntoView {
    let texts = PanelTexts::of(language);
    // Where messages wait for approval, only moderators may edit what was approved.
    let is_approved = server.info.as_ref().is_some_and(|info| info.settings.queue && !info.can_moderate);
    let edit_seconds = if is_approved { 0 } else { server.edit_seconds };
    let can_cast = server.info.as_ref().is_some_and(|info| info.can_cast);
    let moderation = server.info.filter(|info| info.can_moderate).map(|_| format!("/r/{room}/moderate"));
    view! {
        <Rooms texts room=room.clone()/>
        <Share texts room=room.clone() link=link.clone() can_cast/>
        <Hall texts room=room.clone() link/>
        <SettingsPanel texts room language scheme/>
        <Shortcuts texts/>
        <RowMenu texts page=Texts::of(language) moderation edit_seconds/>
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

/// A panel. A script can give it the focus.
#[component]
fn Panel(id: &'static str, title: &'static str, texts: &'static PanelTexts, children: Children) -> impl IntoView {
    view! {
        <div id=id class="panel" popover="auto" role="dialog" aria-label=title tabindex="-1">
            <Heading title panel=id texts/>
            {children()}
        </div>
    }
}

#[component]
fn Rooms(texts: &'static PanelTexts, room: RoomName) -> impl IntoView {
    view! {
        <Panel id="rooms" title=texts.rooms texts>
            <div>
                <h3>{texts.current}</h3>
                <p class="current"><bdi>{String::from(room)}</bdi></p>
            </div>
            <section id="recent_part" hidden>
                <h3>{texts.recent}</h3>
                <ul id="recent"></ul>
            </section>
            <OpenRoom texts/>
        </Panel>
    }
}

#[component]
fn Share(texts: &'static PanelTexts, room: RoomName, link: String, can_cast: bool) -> impl IntoView {
    let path = format!("/r/{room}");
    let [before, after] = texts.loopback;
    let warning = is_loopback(&link).then(|| view! { <p class="warning">{before}<code>"--listen :5000"</code>{after}</p> });
    // A script shows it where the browser can capture a screen.
    let present = can_cast.then(|| view! { <button type="button" id="present" class="quiet" hidden>{texts.present}</button> });
    view! {
        <Panel id="share" title=texts.share texts>
            <button type="button" class="code" popovertarget="hall" title=texts.hall>
                // Loaded when the panel opens.
                <img class="qr" src=format!("{path}/qr.svg") alt=texts.hall width="320" height="320" loading="lazy"/>
            </button>
            {warning}
            <a class="link" href=path dir="ltr">{link}</a>
            <button type="button" class="primary" data-do="copy-link">{texts.copy_link}</button>
            {present}
            <a href=format!("/r/{room}/wall")>{texts.wall}</a>
            <a href=format!("/api/rooms/{room}/messages?limit=200") download=format!("{room}.json")>{texts.export}</a>
        </Panel>
    }
}

/// The QR code as large as the window, for a hall.
#[component]
fn Hall(texts: &'static PanelTexts, room: RoomName, link: String) -> impl IntoView {
    let path = format!("/r/{room}");
    view! {
        <div id="hall" popover="auto" role="dialog" aria-label=texts.qr tabindex="-1">
            <Close panel="hall" texts/>
            <p class="current"><bdi>{room.to_string()}</bdi></p>
            <img class="qr" src=format!("{path}/qr.svg") alt=texts.qr width="320" height="320" loading="lazy"/>
            <a class="link" href=path dir="ltr">{link}</a>
        </div>
    }
}

/// True if an address leads only to programs on the server's own machine.
fn is_loopback(link: &str) -> bool {
    let host = link.split_once("://").map_or("", |(_, rest)| rest);
    ["localhost/", "localhost:", "127.", "[::1]"].iter().any(|start| host.starts_with(start))
}

/// Language and colours are a form, which posts: a link must not change them.
#[component]
fn SettingsPanel(texts: &'static PanelTexts, room: RoomName, language: Language, scheme: Scheme) -> impl IntoView {
    let pressed = |is_chosen: bool| if is_chosen { "true" } else { "false" };
    let languages = Language::ALL.map(|one| {
        view! { <button name="lang" value=one.tag() lang=one.tag() aria-pressed=pressed(one == language)>{one.name()}</button> }
    });
    let schemes = Scheme::ALL.into_iter().zip(texts.schemes).map(move |(one, name)| {
        let word = one.word();
        view! { <button name="scheme" value=word data-do="scheme" data-of=word aria-pressed=pressed(one == scheme)>{name}</button> }
    });
    let switches = Settings::WORDS.into_iter().zip(texts.switches).map(|(word, name)| {
        view! { <label class="switch"><input type="checkbox" data-set=word autocomplete="off"/><span>{name}</span></label> }
    });
    view! {
        <Panel id="settings" title=texts.settings texts>
            <form class="choices" action="/preferences" method="post">
                <input type="hidden" name="room" value=String::from(room)/>
                <div class="choice" role="group" aria-label=texts.language>{languages}</div>
                <div class="choice" role="group" aria-label=texts.scheme>{schemes.collect_view()}</div>
            </form>
            <div class="switches">{switches.collect_view()}</div>
            <button type="button" class="quiet" popovertarget="shortcuts">{texts.shortcuts}</button>
        </Panel>
    }
}

#[component]
fn Shortcuts(texts: &'static PanelTexts) -> impl IntoView {
    let keys = texts.keys.map(|(key, does)| view! { <dt><kbd>{key}</kbd></dt><dd>{does}</dd> });
    view! {
        <Panel id="shortcuts" title=texts.shortcuts texts>
            <dl>{keys}</dl>
        </Panel>
    }
}

#[component]
fn Heading(title: &'static str, panel: &'static str, texts: &'static PanelTexts) -> impl IntoView {
    view! {
        <div class="head">
            <h2>{title}</h2>
            <Close panel texts/>
        </div>
    }
}

#[component]
fn Close(panel: &'static str, texts: &'static PanelTexts) -> impl IntoView {
    view! {
        <button type="button" class="icon" popovertarget=panel popovertargetaction="hide" aria-label=texts.close title=texts.close>
            <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"></path></svg>
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_addresses_that_only_this_machine_can_open() {
        for link in ["http://localhost/r/a", "http://localhost:5000/r/a", "http://127.0.0.1:5000/r/a", "http://[::1]:5000/r/a"] {
            assert!(is_loopback(link), "{link}");
        }
        for link in ["http://192.168.1.7:5000/r/a", "https://localhost.example.org/r/a", "http://example.org/r/127.", "/r/a", ""] {
            assert!(!is_loopback(link), "{link}");
        }
    }
}
