//! What script adds to the panels, which the server renders.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};

use super::{document, window};
use crate::Scheme;
use crate::logic::settings::Settings;

/// Shows the settings.
pub(super) fn show_settings(settings: Settings) {
    for (word, on) in Settings::WORDS.into_iter().zip(settings.values()) {
        if let Some(switch) = find(&["[data-set=", word, "]"].concat()) {
            switch.unchecked_into::<HtmlInputElement>().set_checked(on);
        }
    }
    if let Some(root) = document().document_element() {
        _ = root.toggle_attribute_with_force("data-plain", settings.plain);
    }
}

/// Marks the chosen colour scheme.
pub(super) fn show_scheme(scheme: Scheme) {
    for one in Scheme::ALL {
        let Some(link) = find(&["[data-of=", one.word(), "]"].concat()) else { continue };
        _ = if one == scheme { link.set_attribute("aria-current", "true") } else { link.remove_attribute("aria-current") };
    }
}

/// Lists the rooms that the reader visited.
pub(super) fn show_recent(rooms: &str) {
    let (Some(part), Some(list)) = (document().get_element_by_id("recent_part"), document().get_element_by_id("recent")) else { return };
    let links = rooms.split(' ').map(|room| view! { <li><a href=format!("/r/{room}")><bdi>{room.to_owned()}</bdi></a></li> });
    let links = links.collect_view();
    mount_to_renderer(&list, || links).forget();
    _ = part.remove_attribute("hidden");
}

/// Completes the link to the room, and returns it.
pub(super) fn link() -> String {
    let Some(field) = document().get_element_by_id("link") else { return String::new() };
    let field: HtmlInputElement = field.unchecked_into();
    let value = field.value();
    if value.starts_with('/') {
        field.set_value(&(window().location().origin().unwrap_or_default() + &value));
    }
    field.value()
}

/// Opens the panel with the shortcuts.
pub(super) fn show_shortcuts() {
    if let Some(button) = find("[popovertarget=shortcuts]") {
        button.unchecked_into::<web_sys::HtmlElement>().click();
    }
}

fn find(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}
