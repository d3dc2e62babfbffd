//! What script adds to the panels, which the server renders.

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement};

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
        if let Some(button) = find(&["[data-of=", one.word(), "]"].concat()) {
            _ = button.set_attribute("aria-pressed", if one == scheme { "true" } else { "false" });
        }
    }
}

/// Lists the rooms that the reader visited, without the room of the page.
pub(super) fn show_recent(rooms: &str, current: &str) {
    let (Some(part), Some(list)) = (find("#recent_part"), find("#recent")) else { return };
    let others = rooms.split(' ').filter(|room| *room != current);
    let links = others.map(|room| view! { <li><a href=["/r/", room].concat()><bdi>{room.to_owned()}</bdi><span></span></a></li> });
    let links = links.collect_view();
    _ = part.toggle_attribute_with_force("hidden", links.is_empty());
    mount_to_renderer(&list, || links).forget();
}

/// Shows a text beside a room that the reader visited.
pub(super) fn show_beside(room: &str, text: &str) {
    if let Some(place) = find(&["#recent [href=\"/r/", room, "\"] span"].concat()) {
        place.set_text_content(Some(text));
    }
}

/// Completes the links to the room: the server does not know each address under which it is
/// reached.
pub(super) fn complete_links() {
    let links = document().get_elements_by_class_name("link");
    let origin = window().location().origin().unwrap_or_default();
    for link in (0..links.length()).filter_map(|index| links.item(index)) {
        let path = link.get_attribute("href").unwrap_or_default();
        link.set_text_content(Some(&[origin.as_str(), &path].concat()));
    }
}

/// Returns the link to the room, as an address that every program reads.
pub(super) fn link() -> String {
    let link = find(".link").and_then(|link| Reflect::get(&link, &"href".into()).ok()?.as_string());
    link.unwrap_or_default()
}

/// Opens the panel with the shortcuts.
pub(super) fn show_shortcuts() {
    if let Some(button) = find("[popovertarget=shortcuts]") {
        button.unchecked_into::<HtmlElement>().click();
    }
    focus("#shortcuts");
}

/// Handles that a panel has opened or closed. Returns its id if it has opened.
///
/// A panel that is opened by keyboard takes the focus. The browser gives it back, except from a
/// panel that was opened in another one.
pub(super) fn opened(event: &Event) -> Option<String> {
    let is = |element: &Element, selector| element.matches(selector).unwrap_or_default();
    let panel: HtmlElement = event.target()?.unchecked_into();
    if !is(&panel, "[role=dialog]") {
        return None;
    }
    let (id, focused) = (panel.id(), document().active_element()?);
    let has_focus = panel.contains(Some(&focused));
    if !is(&panel, ":popover-open") {
        if has_focus || is(&focused, "body") {
            focus(&["[popovertarget=", &id, "]"].concat());
        }
        return None;
    }
    if is(&focused, ":focus-visible") && !has_focus {
        _ = panel.focus();
    }
    Some(id)
}

fn focus(selector: &str) {
    if let Some(element) = find(selector) {
        _ = element.unchecked_into::<HtmlElement>().focus();
    }
}

fn find(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}
