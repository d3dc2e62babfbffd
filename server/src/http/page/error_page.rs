//! Errors as pages, for browsers: in the reader's language and colours. Programs get the problem
//! document.

use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use frontend::{Language, Refusal, Scheme, nearest_room};
use hyper::body::Incoming;
use leptos::prelude::{Owner, RenderHtml as _};
use percent_encoding::percent_decode_str;
use protocol::{ErrorCode, RoomName};

use super::companions::OpenQuery;
use super::key::key_form_path;
use super::preferences::PageQuery;
use super::unstored::FRAMED;
use crate::http::assets;
use crate::http::error::{AnsweredError, ApiError};
use crate::http::extract::query;

/// The content policy of an error page: it may show itself, also in the live view's frame, and open
/// a room.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
);

/// The middleware around everything that may fail: it turns an error into a page for a person.
pub(in crate::http) async fn error_pages(request: axum::extract::Request, next: Next) -> Response {
    let person = Person::of(request.uri(), request.headers());
    let response = next.run(request).await;
    match person {
        Some(person) => person.show(response),
        None => response,
    }
}

/// The answer to a request that fails before it reaches the router.
pub(in crate::http) fn respond_with_error(code: ErrorCode, request: &Request<Incoming>) -> Response {
    let error = ApiError::from(code).into_response();
    match Person::of(request.uri(), request.headers()) {
        Some(person) => person.show(error),
        None => error,
    }
}

/// Redirects an address with a slash at its end to the one without.
pub(in crate::http) async fn without_slash(uri: Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, uri.path().trim_end_matches('/').to_owned() + &query)]).into_response()
}

/// A reader of pages, with their preferences and what they asked for.
struct Person {
    language: Language,
    scheme: Scheme,
    asked: Uri,
}

impl Person {
    fn of(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        if !prefers_pages(headers) {
            return None;
        }
        let query = query::<PageQuery>(uri).unwrap_or_default();
        Some(Self { language: query.language(headers), scheme: query.scheme(headers), asked: uri.clone() })
    }

    /// Replaces a problem document by a page. Other answers stay as they are.
    fn show(self, response: Response) -> Response {
        let Some(AnsweredError { code, detail }) = response.extensions().get().cloned() else { return response };
        let Self { language, scheme, asked } = self;
        let name = (code == ErrorCode::RoomNameInvalid).then(|| asked_name(&asked));
        let suggestion = match code {
            ErrorCode::RoomNameInvalid => name.as_deref().and_then(nearest_room),
            ErrorCode::NotFound => meant_room(&asked),
            _ => None,
        };
        let key_form = takes_a_key(code).then(|| key_form_path(asked.path()));
        let refusal = Refusal { code, detail, name, suggestion, key_form };
        let html = Owner::new().with(|| frontend::refusal(assets::BASE, language, scheme, refusal).to_html());
        // A private room has no other page for who has no key. Its script trades the key of a link.
        let policy = if code == ErrorCode::NotFound { FRAMED } else { POLICY };
        let mut parts = response.into_parts().0;
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        parts.headers.insert(CONTENT_SECURITY_POLICY, policy);
        Response::from_parts(parts, html.into())
    }
}

/// True if an access key may change the answer. A private room is answered like an unknown path, so
/// all unknown paths lead to the form.
fn takes_a_key(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::NotFound | ErrorCode::AccessRefused | ErrorCode::AccessKeyUnknown)
}

/// The name of the room for which somebody asked, as they wrote it.
fn asked_name(asked: &Uri) -> String {
    match asked.path().split('/').collect::<Vec<_>>()[..] {
        ["", "open"] => query::<OpenQuery>(asked).ok().and_then(|query| query.room).unwrap_or_default(),
        ["", "r" | "ws", name, ..] | ["", "api", "rooms", name, ..] => percent_decode_str(name).decode_utf8_lossy().into_owned(),
        _ => String::new(),
    }
}

/// The room that an address without content may have meant: `/tea-time` is near to `/r/tea-time`.
fn meant_room(asked: &Uri) -> Option<RoomName> {
    let segment = asked.path().trim_matches('/');
    // A name with a dot is a file's.
    let is_name = !segment.contains(['/', '.']);
    percent_decode_str(segment).decode_utf8().ok().filter(|_| is_name).and_then(|name| nearest_room(&name))
}

/// True if a page is preferred to a problem document (RFC 9110, section 12.5.1). A client that
/// accepts anything is a program.
fn prefers_pages(headers: &HeaderMap) -> bool {
    let page = preference(headers, "text", "html").max(preference(headers, "application", "xhtml+xml"));
    page.0 > 0 && page > preference(headers, "application", "json").max(preference(headers, "application", "problem+json"))
}

/// The weight of a media type in thousandths, and how exactly it is named, which decides between
/// equal weights.
fn preference(headers: &HeaderMap, kind: &str, subtype: &str) -> (u32, u8) {
    let listed = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let matching = listed.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (k, s) = parts.next()?.split_once('/')?;
        let exactness = match (k, s) {
            ("*", "*") => 0,
            (k, "*") if k.eq_ignore_ascii_case(kind) => 1,
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(1.0));
        Some((exactness, (weight.clamp(0.0, 1.0) * 1000.0) as u32))
    });
    // The most exact range that matches counts.
    matching.max().map_or((0, 0), |(exactness, weight)| (weight, exactness))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefers(accept: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        prefers_pages(&headers)
    }

    #[test]
    fn browsers_prefer_pages() {
        for accept in [
            "text/html",
            "Text/HTML;q=0.5",
            "text/*",
            "application/xhtml+xml",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "text/html, text/*;q=0.5, image/*, application/*",
            "text/html, text/plain, */*;q=0.01",
            "text/html, */*",
            "application/json;q=0.9, text/html",
            "text/html; charset=utf-8 ; q=0.9, application/json;q=0.1",
        ] {
            assert!(prefers(&[accept]), "{accept}");
        }
        assert!(prefers(&["application/json;q=0.2", "text/html"]), "lines are one list");
    }

    #[test]
    fn programs_prefer_documents() {
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/plain, */*",
            "application/problem+json, text/html;q=0.9",
            "text/html;q=0, */*",
            "text/html;q=0",
            "text/*;q=0.5, application/json",
            "text/html, application/json",
            "text/event-stream",
            "image/avif,image/webp,*/*;q=0.8",
            "text/html;q=0.3, */*;q=0.5",
            "nonsense, ,;;=, text",
        ] {
            assert!(!prefers(&[accept]), "{accept}");
        }
        assert!(!prefers(&[]));
    }
}
