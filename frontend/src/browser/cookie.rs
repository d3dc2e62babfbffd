//! The cookies that let the server render the page as this reader has it.

use wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

use crate::Scheme;

/// A year, in seconds.
const KEPT_SECONDS: &str = "31536000";

/// Remembers the reader's name; an empty one is forgotten.
pub(super) fn keep_author(name: &str) {
    let name = name.trim();
    let encoded = String::from(js_sys::encode_uri_component(name));
    set("author", &encoded, if name.is_empty() { "0" } else { KEPT_SECONDS });
}

/// Remembers the colours, and shows them.
pub(super) fn keep_scheme(scheme: Scheme) {
    set("scheme", scheme.word(), KEPT_SECONDS);
    if let Some(root) = super::document().document_element() {
        // The attribute's name is valid, so this can't fail.
        _ = root.set_attribute("data-scheme", scheme.word());
    }
}

/// Remembers how far the reader's clock is ahead of UTC, in minutes.
pub(super) fn keep_zone(minutes: i32) {
    set("zone", &minutes.to_string(), KEPT_SECONDS);
}

fn set(name: &str, value: &str, seconds: &str) {
    let cookie = [name, "=", value, "; Path=/; Max-Age=", seconds, "; SameSite=Lax"].concat();
    // A browser that keeps no cookies throws; the page goes on without.
    _ = super::document().unchecked_into::<HtmlDocument>().set_cookie(&cookie);
}
