//! What the reader sees of the list, held still while it grows.

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlTextAreaElement};

fn scroller() -> Option<Element> {
    super::document().get_element_by_id("scroller")
}

/// Puts a kept draft into the composer, unless something is in it already, and tells the composer what it now holds:
/// before the page came alive, people may have typed.
pub(super) fn restore_draft(draft: &str) {
    let Some(field) = super::document().get_element_by_id("chat_content") else { return };
    let field: HtmlTextAreaElement = field.unchecked_into();
    if field.value().is_empty() {
        field.set_value(draft);
    }
    if let Ok(event) = Event::new("change") {
        _ = field.dispatch_event(&event);
    }
}

/// Goes to the newest message. The box is laid out from its end, so that is 0.
pub(super) fn to_end() {
    if let Some(scroller) = scroller() {
        scroller.set_scroll_top(0);
    }
}

/// A row and where it stood. Browsers disagree on keeping a list in place that is laid out from its end, so the style
/// sheet turns their own attempts off (`overflow-anchor`) and the driver holds on to the last row that will stay.
pub(super) struct Anchor {
    row: Element,
    top: f64,
}

impl Anchor {
    pub(super) fn take() -> Option<Self> {
        let row = super::document().query_selector("#messages > li:last-child").ok()??;
        let top = row.get_bounding_client_rect().top();
        Some(Self { row, top })
    }

    /// Scrolls by as much as the row has moved.
    pub(super) fn hold(&self) {
        let moved = self.row.get_bounding_client_rect().top() - self.top;
        if let Some(scroller) = scroller().filter(|_| self.row.is_connected() && moved != 0.0) {
            scroller.set_scroll_top(scroller.scroll_top() + moved.round() as i32);
        }
    }
}
