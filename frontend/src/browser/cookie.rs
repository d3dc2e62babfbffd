//! The cookies from which the server renders the page for this reader.

use wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

use crate::Scheme;

/// A year, in seconds.
const KEPT_SECONDS: &str = "31536000";

/// Remembers the reader's name. Without a cookie the server would give the reader a name, so an
/// empty one is remembered as well.
pub(super) fn keep_author(name: &str) {
    let encoded = String::from(js_sys::encode_uri_component(name.trim()));
    set("author", &encoded, KEPT_SECONDS);
}

/// Remembers the colour scheme, and applies it.
pub(super) fn keep_scheme(scheme: Scheme) {
    set("scheme", scheme.word(), KEPT_SECONDS);
    if let Some(root) = super::document().document_element() {
        // It can't fail: the attribute's name is valid.
        _ = root.set_attribute("data-scheme", scheme.word());
    }
}

/// Remembers how many minutes the reader's clock is ahead of UTC.
pub(super) fn keep_zone(minutes: i32) {
    set("zone", &minutes.to_string(), KEPT_SECONDS);
}

fn set(name: &str, value: &str, seconds: &str) {
    let cookie = [name, "=", value, "; Path=/; Max-Age=", seconds, "; SameSite=Lax"].concat();
    // It fails in a browser without cookies; the page works without them.
    _ = super::document().unchecked_into::<HtmlDocument>().set_cookie(&cookie);
}
