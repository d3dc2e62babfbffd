//! Listeners of the document: clicks and changes in the panels, and keyboard shortcuts.

use std::rc::Rc;

use client::Event;
use leptos::prelude::GetUntracked;
use protocol::Json;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent};

use super::Driver;
use crate::browser::json::Parsed;
use crate::browser::{document, panels, viewport};
use crate::logic::ime::PROCESS_KEY;
use crate::logic::shortcut::{self, Shortcut};
use crate::state::Command;

impl Driver {
    /// Listens to the document for as long as the page exists.
    pub(super) fn listen_to_document(self: &Rc<Self>) {
        self.on_document("click", |driver, event| driver.clicked(&event));
        self.on_document("change", |driver, event| {
            if let Some((switch, word)) = closest(&event, "data-set") {
                driver.state.ask(Command::Set(word, switch.unchecked_into::<HtmlInputElement>().checked()));
            }
        });
        self.on_document("keydown", |driver, event| driver.pressed(event.unchecked_ref()));
        self.on_document("toggle", |driver, event| {
            if panels::opened(&event).is_some_and(|panel| panel == "rooms") {
                driver.count_unread();
            }
        });
    }

    fn on_document(self: &Rc<Self>, kind: &str, act: fn(&Rc<Self>, web_sys::Event)) {
        let driver = Rc::downgrade(self);
        let callback = Closure::<dyn FnMut(web_sys::Event)>::new(move |event| {
            if let Some(driver) = driver.upgrade() {
                act(&driver, event);
            }
        });
        // Events of panels do not bubble, so they are taken on their way down.
        let captures = kind == "toggle";
        _ = document().add_event_listener_with_callback_and_bool(kind, callback.as_ref().unchecked_ref(), captures);
        callback.forget();
    }

    fn clicked(self: &Rc<Self>, event: &web_sys::Event) {
        let Some((element, action)) = closest(event, "data-do") else { return };
        if action == "write" {
            event.prevent_default();
            viewport::focus("chat_content");
        }
        let of = element.get_attribute("data-of").unwrap_or_default();
        // A script has written the request into the element.
        if action == "publish"
            && let Some(request) = Parsed::new(&of).and_then(|json| json.read())
        {
            return self.handle(Event::Publish(request));
        }
        if let Some(command) = Command::of(&action, &of) {
            event.prevent_default();
            self.state.ask(command);
        }
    }

    fn pressed(self: &Rc<Self>, event: &KeyboardEvent) {
        let target: Option<Element> = event.target().map(JsCast::unchecked_into);
        let in_field = target.as_ref().is_some_and(|target| target.matches("input, textarea").unwrap_or_default());
        // Some input methods mark a key only by its code.
        let composing = event.is_composing() || event.key_code() == PROCESS_KEY;
        let modified = composing || event.ctrl_key() || event.alt_key() || event.meta_key();
        match shortcut::of(&event.key(), in_field, modified) {
            None => return,
            Some(Shortcut::Help) => panels::show_shortcuts(),
            Some(Shortcut::Write) => viewport::focus("chat_content"),
            Some(Shortcut::MarkRead) => {
                if self.state.backlog.get_untracked().is_some() && !has_open_panel() {
                    self.state.ask(Command::MarkRead);
                }
                return;
            }
            Some(Shortcut::End) => self.state.ask(Command::ToEnd),
            Some(shortcut @ (Shortcut::PageUp | Shortcut::PageDown)) => {
                // With Shift the key selects text.
                if event.shift_key() || !target.is_some_and(|field| viewport::page_from(&field, shortcut == Shortcut::PageUp)) {
                    return;
                }
            }
            Some(Shortcut::Region) => viewport::focus_region(event.shift_key()),
            Some(Shortcut::Leave) => {
                // The first Escape closes an open panel; the next leaves the field.
                if !has_open_panel() {
                    viewport::focus("scroller");
                }
                return;
            }
        }
        event.prevent_default();
    }
}

fn has_open_panel() -> bool {
    document().query_selector(":popover-open").ok().flatten().is_some()
}

/// The closest element with an attribute around the target of an event, and the attribute's value.
fn closest(event: &web_sys::Event, attribute: &str) -> Option<(HtmlElement, String)> {
    let target: Element = event.target()?.unchecked_into();
    let element = target.closest(&["[", attribute, "]"].concat()).ok()??;
    let value = element.get_attribute(attribute)?;
    Some((element.unchecked_into(), value))
}
