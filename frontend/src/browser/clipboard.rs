//! The clipboard, by `execCommand`: the newer interface needs HTTPS.

use wasm_bindgen::JsCast;
use web_sys::{HtmlDocument, HtmlElement, HtmlTextAreaElement};

use super::document;

/// Copies a text. True if that worked.
pub(super) fn copy(text: &str) -> bool {
    let document = document();
    let focused = document.active_element();
    let copied = (|| {
        let field: HtmlTextAreaElement = document.create_element("textarea").ok()?.unchecked_into();
        field.set_value(text);
        field.set_class_name("visually-hidden");
        // Inside an open panel: elements outside of it can't have the focus.
        let open = document.query_selector(":popover-open").ok().flatten();
        let place = open.or_else(|| Some(document.body()?.into()))?;
        place.append_child(&field).ok()?;
        field.select();
        let copied = document.unchecked_ref::<HtmlDocument>().exec_command("copy");
        field.remove();
        copied.ok()
    })();
    if let Some(focused) = focused {
        _ = focused.unchecked_into::<HtmlElement>().focus();
    }
    copied.unwrap_or_default()
}
