//! The bar at the top: the board's name, who is here, the connection, the settings.

use leptos::prelude::*;
use protocol::RoomName;

use super::Connection;
use crate::board::{Board, Command, Look};
use crate::live::{text, truth};
use crate::texts::TITLE;
use crate::{Language, Scheme};

/// The bar at the top.
#[component]
pub fn Header() -> impl IntoView {
    let board = Board::of_page();
    let room = board.content.with_value(|content| content.room.clone());
    let room = (room != RoomName::lobby()).then(|| String::from(room));
    let subtitle = board.texts.subtitle;
    view! {
        <header class="bar">
            <svg class="bell" viewBox="0 0 32 32" aria-hidden="true">
                <path d="M16 4a2 2 0 0 1 2 2c4 1 6 4 6 8v6l2 3H6l2-3v-6c0-4 2-7 6-8a2 2 0 0 1 2-2zm-3 21h6a3 3 0 0 1-6 0z"></path>
            </svg>
            <h1>
                <a href="/" lang="zh-CN">{TITLE}</a>
                {(!subtitle.is_empty()).then(|| view! { <span class="subtitle">{subtitle}</span> })}
                {room.map(|room| view! { <span class="room" dir="auto">{room}</span> })}
            </h1>
            <Connection/>
            <span id="here">{text(move || (board.texts.here)(board.look.get().here))}</span>
            <Settings/>
        </header>
    }
}

/// Language and colours: links, which the server answers where there is no script.
#[component]
fn Settings() -> impl IntoView {
    let texts = Board::of_page().texts;
    let languages = Language::ALL.map(|language| {
        let current = std::ptr::eq(crate::texts::Texts::of(language), texts).then_some("true");
        let tag = language.tag();
        view! { <a href=format!("?lang={tag}") lang=tag hreflang=tag aria-current=current>{language.name()}</a> }
    });
    view! {
        <details class="settings">
            <summary aria-label=texts.settings title=texts.settings>
                <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 7h9m4 0h3M4 17h3m4 0h9M13 4v6M11 14v6"></path></svg>
            </summary>
            <div class="menu">
                <nav aria-label=texts.language>{languages}</nav>
                <nav aria-label=texts.scheme>{Scheme::ALL.map(|scheme| view! { <SchemeLink scheme/> })}</nav>
            </div>
        </details>
    }
}

#[component]
fn SchemeLink(scheme: Scheme) -> impl IntoView {
    let board = Board::of_page();
    let name = match scheme {
        Scheme::Light => board.texts.scheme_light,
        Scheme::Dark => board.texts.scheme_dark,
        Scheme::System => board.texts.scheme_system,
    };
    let choose = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        board.show(Look { scheme, ..board.looked() });
        board.ask(Command::Scheme(scheme));
    };
    let current = truth(move || board.look.get().scheme == scheme);
    view! { <a href=format!("?scheme={}", scheme.word()) aria-current=current on:click=choose>{name}</a> }
}
