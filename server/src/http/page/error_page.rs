//! Refusals as people read them: a page in their language and colours. Programs get the problem document that it is made from.

use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use frontend::{Language, Scheme};
use hyper::body::Incoming;
use leptos::prelude::{Owner, RenderHtml as _};
use protocol::ErrorCode;

use super::Wishes;
use crate::http::assets;
use crate::http::error::{ApiError, Refused};
use crate::http::extract::query;

/// What such a page may do: show itself, also where the live view would be, and lead to a room.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
);

/// Stands before everything that may refuse: what a person is refused is said on a page.
pub(in crate::http) async fn present(request: axum::extract::Request, next: Next) -> Response {
    let person = Person::of(request.uri(), request.headers());
    let response = next.run(request).await;
    match person {
        Some(person) => person.show(response),
        None => response,
    }
}

/// The answer to a request that is refused before anything else has seen it.
pub(in crate::http) fn refuse(code: ErrorCode, request: &Request<Incoming>) -> Response {
    let person = Person::of(request.uri(), request.headers());
    let refusal = ApiError::from(code).into_response();
    match person {
        Some(person) => person.show(refusal),
        None => refusal,
    }
}

/// An address with a slash too many means the one without.
pub(in crate::http) async fn without_slash(uri: Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, uri.path().trim_end_matches('/').to_owned() + &query)]).into_response()
}

/// Someone who reads pages, and how.
struct Person {
    language: Language,
    scheme: Scheme,
}

impl Person {
    fn of(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        if !prefers_pages(headers) {
            return None;
        }
        let wishes = query::<Wishes>(uri).unwrap_or_default();
        Some(Self { language: wishes.language(headers), scheme: wishes.scheme(headers) })
    }

    /// Puts a page in the place of a problem document; what is no refusal stays as it is.
    fn show(self, response: Response) -> Response {
        let Some(&Refused(code)) = response.extensions().get() else { return response };
        let Self { language, scheme } = self;
        let html = Owner::new().with(|| frontend::refusal(assets::BASE, language, scheme, code).to_html());
        let mut parts = response.into_parts().0;
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        parts.headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        Response::from_parts(parts, html.into())
    }
}

/// Whether a page is wanted rather than a document for programs (RFC 9110, section 12.5.1). Who takes anything is a program.
fn prefers_pages(headers: &HeaderMap) -> bool {
    let page = preference(headers, "text", "html").max(preference(headers, "application", "xhtml+xml"));
    page.0 > 0 && page > preference(headers, "application", "json").max(preference(headers, "application", "problem+json"))
}

/// How much a media type is wanted, in thousandths, and how exactly it is named, which decides between equals.
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
    // The most exact range that fits is the one that counts.
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
