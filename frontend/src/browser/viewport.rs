//! What the reader sees of the list, held still while it changes.

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlCollection, HtmlElement, HtmlTextAreaElement};

use crate::logic::draft;

fn element(id: &str) -> Option<Element> {
    super::document().get_element_by_id(id)
}

/// Puts a kept draft into the composer, to what is in it already: before the page came alive, people may have typed, and
/// the server puts in what was shared or refused. Tells the composer what it now holds, and returns that.
pub(super) fn restore_draft(kept: &str) -> String {
    let Some(field) = element("chat_content") else { return kept.to_owned() };
    let field: HtmlTextAreaElement = field.unchecked_into();
    let written = field.value();
    let text = draft::put_together(kept, &written);
    // Writing even the same moves the cursor and ends what an input method composes.
    if text != written {
        field.set_value(&text);
    }
    if let Ok(event) = Event::new("change") {
        _ = field.dispatch_event(&event);
    }
    text
}

/// Gives the focus to an element.
pub(super) fn focus(id: &str) {
    if let Some(element) = element(id) {
        _ = element.unchecked_into::<HtmlElement>().focus();
    }
}

/// Gives the focus to the list, if an element has it that is about to go.
pub(super) fn pass_focus(from: &str) {
    if super::document().active_element().is_some_and(|focused| focused.id() == from) {
        focus("scroller");
    }
}

/// Goes to the newest message. The box is laid out from its end, so that is 0.
pub(super) fn to_end() {
    if let Some(scroller) = element("scroller") {
        scroller.set_scroll_top(0);
    }
}

/// Whether the newest message is nearer than the oldest one shown.
pub(super) fn is_nearer_end() -> bool {
    element("scroller").is_some_and(|scroller| 2 * scroller.scroll_top().abs() < scroller.scroll_height() - scroller.client_height())
}

/// Marks the list while it follows its end. Rows that were never on the screen have a height that is a guess then
/// (`list.css`), so whoever goes by heights takes the mark away before.
pub(super) fn show_follows(follows: bool) {
    if let Some(scroller) = element("scroller") {
        _ = scroller.toggle_attribute_with_force("data-follows", follows);
    }
}

/// Returns the row of the message at an offset, if it is shown.
pub(super) fn message(offset: u64) -> Option<Element> {
    element(&["m-", &offset.to_string()].concat())
}

/// Puts a row where it is read, and marks it alone. How far that is from the newest message, in pixels.
pub(super) fn to_row(row: &Element) -> i32 {
    let Some(scroller) = element("scroller") else { return 0 };
    let distance = row.get_bounding_client_rect().top() - scroller.get_bounding_client_rect().top();
    let third = f64::from(scroller.client_height()) / 3.0;
    scroller.set_scroll_top(scroller.scroll_top() + (distance - third) as i32);
    if let Ok(Some(marked)) = super::document().query_selector(".linked") {
        _ = marked.class_list().remove_1("linked");
    }
    _ = row.class_list().add_1("linked");
    scroller.scroll_top().abs()
}

/// A row that the reader sees and where it stood. Browsers disagree on keeping a list in place that is laid out from its
/// end, so the style sheet turns their own attempts off (`overflow-anchor`) and the driver holds on to a row.
pub(super) struct Anchor {
    row: Element,
    top: f64,
}

impl Anchor {
    /// The message in the middle of what is seen. `drift` is by how much the reader was moved before, against all holding.
    pub(super) fn take(drift: f64) -> Option<Self> {
        let scroller = element("scroller")?.get_bounding_client_rect();
        let row = message_at(&element("messages")?.children(), scroller.top() + scroller.height() / 2.0)?;
        let top = top_of(&row) - drift;
        Some(Self { row, top })
    }

    /// Scrolls by as much as the row has moved, and says what is missing to that: boxes scroll by whole pixels.
    pub(super) fn hold(&self) -> f64 {
        let Some(scroller) = element("scroller").filter(|_| self.row.is_connected()) else { return 0.0 };
        let moved = self.moved();
        if moved.abs() >= 0.5 {
            scroller.set_scroll_top(scroller.scroll_top() + moved.round() as i32);
        }
        let drift = self.moved();
        // At an end of the list the box scrolls no further.
        if drift.abs() < 1.0 { drift } else { 0.0 }
    }

    fn moved(&self) -> f64 {
        top_of(&self.row) - self.top
    }
}

fn top_of(element: &Element) -> f64 {
    element.get_bounding_client_rect().top()
}

/// Returns the last message that begins above this height of the screen; the first message if none does.
fn message_at(rows: &HtmlCollection, height: f64) -> Option<Element> {
    let (mut above, mut below) = (0, rows.length());
    while above < below {
        let middle = above.midpoint(below);
        if rows.item(middle).is_some_and(|row| top_of(&row) <= height) {
            above = middle + 1;
        } else {
            below = middle;
        }
    }
    let is_message = |row: &Element| row.class_list().contains("message");
    let row = |index| rows.item(index).filter(is_message);
    (0..above).rev().find_map(row).or_else(|| (above..rows.length()).find_map(row))
}
