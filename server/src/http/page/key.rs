//! The pages about access keys: the form that takes one, and the first admin key.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use frontend::{claimed_page, key_page};
use leptos::prelude::{Owner, RenderHtml};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::limits::URI_BYTES_MAX;
use protocol::{ErrorCode, FromFields};
use serde::Deserialize;

use super::preferences::PageQuery;
use super::unstored::{UNFRAMED, respond};
use crate::http::assets;
use crate::http::extract::Query;

/// The query of the form.
#[derive(Default, Deserialize)]
pub(in crate::http) struct KeyQuery {
    #[serde(default)]
    next: String,
    /// The code with which a key was refused.
    #[serde(default)]
    refused: String,
}

impl FromFields for KeyQuery {
    type Fields = Self;
}

/// `GET /key?next=PATH`: the form that takes an access key, for browsers that don't run the script
/// of a link with a key.
pub(in crate::http) async fn key(Query(query): Query<KeyQuery>, Query(page): Query<PageQuery>, headers: HeaderMap) -> Response {
    let mut response = form(&headers, &page, &query.next, ErrorCode::parse(&query.refused));
    *response.status_mut() = StatusCode::OK;
    response
}

/// The form again, after a key was refused.
pub(in crate::http) fn key_form(headers: &HeaderMap, next: &str, refused: Option<ErrorCode>) -> Response {
    form(headers, &PageQuery::default(), next, refused)
}

fn form(headers: &HeaderMap, page: &PageQuery, next: &str, refused: Option<ErrorCode>) -> Response {
    let (language, scheme) = (page.language(headers), page.scheme(headers));
    let html = Owner::new().with(|| key_page(assets::BASE, language, scheme, local_path(next).to_owned(), refused).to_html());
    let status = refused.and_then(|code| StatusCode::from_u16(code.status()).ok()).unwrap_or_default();
    respond(status, UNFRAMED, html)
}

/// The first admin key, which is shown once.
pub(in crate::http) fn claimed(headers: &HeaderMap, secret: &str, next: &str) -> Response {
    let page = PageQuery::default();
    let (language, scheme) = (page.language(headers), page.scheme(headers));
    let (secret, next) = (secret.to_owned(), local_path(next).to_owned());
    respond(StatusCode::OK, UNFRAMED, Owner::new().with(|| claimed_page(assets::BASE, language, scheme, secret, next).to_html()))
}

/// The path to return to after a key was taken, if it is one of this board; else the board's first
/// page. Browsers read a second slash or a backslash as the start of a host, and skip control
/// characters. Paths in addresses are ASCII.
pub(in crate::http) fn local_path(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next[1..].starts_with(['/', '\\']) && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path && next.len() <= URI_BYTES_MAX { next } else { "/" }
}

/// The address of the form that returns to a path.
pub(super) fn key_form_path(next: &str) -> String {
    format!("/key?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_only_to_paths_of_the_board() {
        for path in ["/", "/r/tea-time", "/r/a?lang=en", "/r/%E8%8C%B6"] {
            assert_eq!(local_path(path), path);
        }
        for path in [
            "",
            "r/a",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            "/茶",
            "https://evil.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(local_path(path), "/", "{path:?}");
        }
    }

    #[test]
    fn the_form_returns_to_the_address_that_was_asked_for() {
        assert_eq!(key_form_path("/r/tea-time"), "/key?next=%2Fr%2Ftea%2Dtime");
    }
}
