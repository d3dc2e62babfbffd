//! The scroll position of the list, and the focus.

use std::cmp::Ordering;

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlCollection, HtmlElement, HtmlInputElement, HtmlTextAreaElement};

use crate::logic::draft;
use crate::logic::place::Place;
use crate::logic::shortcut::{REGIONS, next_region};

fn element(id: &str) -> Option<Element> {
    super::document().get_element_by_id(id)
}

/// Marks the page as one that reacts to its reader.
pub(super) fn show_ready() {
    if let Ok(Some(page)) = super::document().query_selector(".page") {
        _ = page.set_attribute("data-ready", "true");
    }
}

/// Puts a stored draft into the composer and returns the composer's text. Text that is there
/// already stays: people may have typed before hydration, and the server puts in shared or refused
/// text.
pub(super) fn restore_draft(kept: &str) -> String {
    let Some(field) = element("chat_content") else { return kept.to_owned() };
    let field: HtmlTextAreaElement = field.unchecked_into();
    let written = field.value();
    let text = draft::join(kept, &written);
    // Setting even the same text moves the cursor and ends an input method's composition.
    if text != written {
        field.set_value(&text);
    }
    report_change(&field);
    text
}

/// Reports a name that was typed before hydration.
pub(super) fn report_name() {
    let Some(field) = element("author") else { return };
    let field: HtmlInputElement = field.unchecked_into();
    if field.value() != field.default_value() {
        report_change(&field);
    }
}

/// Tells a field's component that its value was set.
fn report_change(field: &Element) {
    if let Ok(event) = Event::new("change") {
        _ = field.dispatch_event(&event);
    }
}

/// Focuses an element.
pub(super) fn focus(id: &str) {
    if let Some(element) = element(id) {
        _ = element.unchecked_into::<HtmlElement>().focus();
    }
}

/// Focuses the row of the list around the focus; the list, if there is none.
pub(super) fn focus_row() {
    let focused = super::document().active_element();
    let row = focused.and_then(|focused| focused.closest("#messages > li").ok().flatten());
    match row {
        Some(row) => {
            let row: HtmlElement = row.unchecked_into();
            row.set_tab_index(-1);
            _ = row.focus();
        }
        None => focus("scroller"),
    }
}

/// The offset of the message to which the composer's text refers, by an attribute.
pub(super) fn reference(attribute: &str) -> Option<u64> {
    element("message_form")?.get_attribute(attribute)?.parse().ok()
}

/// Returns that offset, and ends the reference. `composing.js` sees that.
pub(super) fn take_reference(attribute: &str) -> Option<u64> {
    let offset = reference(attribute)?;
    _ = element("message_form")?.remove_attribute(attribute);
    Some(offset)
}

/// Names the messages that have changed, for `rows.js`.
pub(super) fn report_changed(offsets: &str) {
    if let Some(messages) = element("messages") {
        _ = messages.set_attribute("data-changed", offsets);
    }
}

/// Focuses the next region of the page, or the one before.
pub(super) fn focus_region(back: bool) {
    let document = super::document();
    let focused = document.active_element();
    let has_focus = |region: &str| focused.as_ref().is_some_and(|focused| focused.closest(region).is_ok_and(|region| region.is_some()));
    let current = REGIONS.iter().position(|(region, _)| has_focus(region));
    if let Ok(Some(target)) = document.query_selector(REGIONS[next_region(current, back)].1) {
        _ = target.unchecked_into::<HtmlElement>().focus();
    }
}

/// Focuses the list if the element that is about to disappear has the focus.
pub(super) fn pass_focus(from: &str) {
    if super::document().active_element().is_some_and(|focused| focused.id() == from) {
        focus("scroller");
    }
}

/// Scrolls to the newest message. The box is laid out from its end, so that is 0.
pub(super) fn to_end() {
    if let Some(scroller) = element("scroller") {
        scroller.set_scroll_top(0);
    }
}

/// Scrolls the list by nearly its height, up or down. False, without a scroll, if the field with
/// the focus can scroll that way itself, or is not in the composer.
pub(super) fn page_from(field: &Element, up: bool) -> bool {
    let below = field.scroll_height() - field.client_height() - field.scroll_top();
    let stays = if up { field.scroll_top() <= 0 } else { below <= 1 };
    let in_composer = field.matches(".composer *").unwrap_or_default();
    let Some(scroller) = element("scroller").filter(|_| stays && in_composer) else { return false };
    let page = scroller.client_height() * 7 / 8;
    scroller.set_scroll_top(scroller.scroll_top() + if up { -page } else { page });
    true
}

/// True if the reader is nearer to the newest message than to the oldest one shown.
pub(super) fn is_nearer_end() -> bool {
    element("scroller").is_some_and(|scroller| 2 * scroller.scroll_top().abs() < scroller.scroll_height() - scroller.client_height())
}

/// Marks a list that follows its end. Rows that were never on the screen then have estimated
/// heights (`list.css`), so code that measures heights removes the mark first.
pub(super) fn show_follows(follows: bool) {
    if let Some(scroller) = element("scroller") {
        _ = scroller.toggle_attribute_with_force("data-follows", follows);
    }
}

/// Returns the row of the message at an offset, if it is shown.
pub(super) fn message(offset: u64) -> Option<Element> {
    element(&["m-", &offset.to_string()].concat())
}

/// Returns the unread line, if it is in the list.
pub(super) fn unread_line() -> Option<Element> {
    element("unread")
}

/// Scrolls a row to `top` pixels below the upper edge of the list's box; with `None` to a third of
/// its height. Returns the distance from the newest message, in pixels.
pub(super) fn to_row(row: &Element, top: Option<i32>) -> i32 {
    let Some(scroller) = element("scroller") else { return 0 };
    let top = top.unwrap_or(scroller.client_height() / 3);
    scroller.set_scroll_top(scroller.scroll_top() + distance_from_top(row, &scroller).round() as i32 - top);
    scroller.scroll_top().abs()
}

/// Marks a row, and no other.
pub(super) fn mark(row: &Element) {
    if let Ok(Some(marked)) = super::document().query_selector(".linked") {
        _ = marked.class_list().remove_1("linked");
    }
    _ = row.class_list().add_1("linked");
}

/// Where a row is: above what the reader sees ([`Ordering::Less`]), in it, or below.
pub(super) fn side(row: &Element) -> Ordering {
    let Some(scroller) = element("scroller") else { return Ordering::Equal };
    let (row, box_) = (row.get_bounding_client_rect(), scroller.get_bounding_client_rect());
    if row.bottom() <= box_.top() {
        Ordering::Less
    } else if row.top() >= box_.bottom() {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

/// The place of a list that does not follow its end: the first message that the reader sees.
pub(super) fn place() -> Option<Place> {
    let scroller = element("scroller")?;
    let row = message_at(&element("messages")?.children(), top_of(&scroller))?;
    let offset = row.get_attribute("data-offset")?.parse().ok()?;
    Some(Place::Message { offset, top: distance_from_top(&row, &scroller).round() as i32 })
}

/// Shows the reader's name, unless they are changing it.
pub(super) fn show_author(name: &str) {
    let focused = super::document().active_element().is_some_and(|focused| focused.id() == "author");
    if let Some(field) = element("author").filter(|_| !focused) {
        let field: HtmlInputElement = field.unchecked_into();
        field.set_value(name);
        report_change(&field);
    }
}

/// A row on the screen and its place. Browsers differ in scroll anchoring for boxes that are laid
/// out from their end, so the style sheet turns it off (`overflow-anchor`) and the driver keeps a
/// row in place.
pub(super) struct Anchor {
    row: Element,
    top: f64,
}

impl Anchor {
    /// Takes the message in the middle of the screen. `drift` is the rest that the last
    /// [`Anchor::hold`] returned.
    pub(super) fn take(drift: f64) -> Option<Self> {
        let scroller = element("scroller")?.get_bounding_client_rect();
        let row = message_at(&element("messages")?.children(), scroller.top() + scroller.height() / 2.0)?;
        let top = top_of(&row) - drift;
        Some(Self { row, top })
    }

    /// Scrolls by as much as the row has moved. Boxes scroll by whole pixels; returns the rest.
    pub(super) fn hold(&self) -> f64 {
        let Some(scroller) = element("scroller") else { return 0.0 };
        // A message that has changed has another row.
        let Some(row) = Some(self.row.clone()).filter(|row| row.is_connected()).or_else(|| element(&self.row.id())) else { return 0.0 };
        let moved = top_of(&row) - self.top;
        if moved.abs() >= 0.5 {
            scroller.set_scroll_top(scroller.scroll_top() + moved.round() as i32);
        }
        let drift = top_of(&row) - self.top;
        // At an end of the list the box can't scroll further.
        if drift.abs() < 1.0 { drift } else { 0.0 }
    }
}

fn top_of(element: &Element) -> f64 {
    element.get_bounding_client_rect().top()
}

fn distance_from_top(row: &Element, scroller: &Element) -> f64 {
    top_of(row) - top_of(scroller)
}

/// Returns the last message that begins above this height of the screen; the first message if none
/// does.
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
