//! The bar at the top: the board's name, the room, how many are online, the connection, and the
//! buttons of the panels.

use leptos::prelude::*;
use leptos::tachys::html::InertElement;

use super::Connection;
use crate::state::AppState;
use crate::texts::TITLE;

/// The bar at the top. Its buttons open the panels without script (`popovertarget`).
#[component]
pub fn Header() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let (room, title) = state.content.with_value(|content| (String::from(content.room.clone()), content.title.clone()));
    let name = if title.is_empty() { room.clone() } else { title };
    let subtitle = texts.subtitle;
    view! {
        <header>
            <div class="bar">
                <svg class="bell" viewBox="0 0 32 32" aria-hidden="true">
                    <path d="M16 4a2 2 0 0 1 2 2c4 1 6 4 6 8v6l2 3H6l2-3v-6c0-4 2-7 6-8a2 2 0 0 1 2-2zm-3 21h6a3 3 0 0 1-6 0z"></path>
                </svg>
                <h1>
                    <a href="/" lang="zh-CN">{TITLE}</a>
                    {(!subtitle.is_empty()).then(|| view! { <span class="subtitle">{subtitle}</span> })}
                </h1>
                // A long name is cut; the tooltip has the room's own.
                <button type="button" class="room" popovertarget="rooms" title=room>
                    <span class="visually-hidden">{texts.rooms} " "</span>
                    <bdi>{name}</bdi>
                </button>
                <div class="state">
                    <Connection/>
                    <span id="here" translate="no">{move || (texts.online)(state.online.get())}</span>
                </div>
                <button type="button" class="icon" popovertarget="share" aria-label=texts.share title=texts.share>
                    <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 15V4M8 8l4-4 4 4M5 13v6h14v-6"></path></svg>
                </button>
                <button type="button" class="icon" popovertarget="settings" aria-label=texts.settings title=texts.settings>
                    <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 7h9m4 0h3M4 17h3m4 0h9M13 4v6M11 14v6"></path></svg>
                </button>
            </div>
            {InertElement::new(about_room(state))}
        </header>
    }
}

/// The HTML of the room's topic and its pinned messages. Scripts change it.
#[cfg(feature = "ssr")]
fn about_room(state: AppState) -> String {
    view! { <super::about::AboutRoom state/> }.to_html()
}

/// Stands for that HTML, and leaves it as it is.
#[cfg(not(feature = "ssr"))]
fn about_room(_: AppState) -> &'static str {
    ""
}
