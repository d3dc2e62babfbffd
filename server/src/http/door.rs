//! Who is let in: host names, origins, and the headers that every answer carries.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State as FromState};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, HeaderName, IF_NONE_MATCH, ORIGIN, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;
use protocol::limits::{HEADER_BYTES_MAX, URI_BYTES_MAX};
use tower_http::cors::CorsLayer;

use super::State;
use super::address::Proxy;
use super::problem::Refusal;

/// What answers that are no pages may do in a browser: nothing.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");

/// How long a browser may remember what it may ask for.
const PREFLIGHT_TIME_MAX: Duration = Duration::from_secs(600);

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// Whether only loopback host names are answered, besides `hosts`. It keeps a page of another site from reaching a
    /// board on the visitor's own machine by pointing its own name at it ("DNS rebinding").
    pub loopback_only: bool,
    /// Host names to answer for, in lower case, without a port.
    pub hosts: Vec<String>,
    /// Origins that may act besides our own, in lower case.
    pub origins: Vec<String>,
    /// Proxies whose word about an address is taken.
    pub proxies: Vec<Proxy>,
}

impl Door {
    /// True if it is such a proxy's address. Takes a canonical one.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.has(address))
    }

    /// Has browsers show our answers to the pages of other origins that may act (fetch.spec.whatwg.org, section 3.3).
    pub(super) fn friends(&self) -> Option<CorsLayer> {
        let origins: Vec<_> = self.origins.iter().filter(|origin| *origin != "*").filter_map(|origin| origin.parse().ok()).collect();
        (!origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(origins)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([CONTENT_TYPE, IF_NONE_MATCH, HeaderName::from_static("last-event-id")])
                .expose_headers([ETAG, RETRY_AFTER])
                .max_age(PREFLIGHT_TIME_MAX)
        })
    }

    fn answers_for(&self, host: &str) -> bool {
        let name = host_name(host).to_ascii_lowercase();
        if self.hosts.contains(&name) {
            return true;
        }
        if !self.loopback_only {
            return self.hosts.is_empty();
        }
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether a request may act (post, subscribe, wait). Programs send no Origin and are free to; a browser's must be ours.
    pub(super) fn may_act(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => !headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site"),
            (Some(origin), None) => origin.to_str().is_ok_and(|origin| self.is_ours(origin, host)),
            (Some(_), Some(_)) => false,
        }
    }

    fn is_ours(&self, origin: &str, host: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        let asked = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        asked == Some(&host.to_ascii_lowercase()) || self.origins.contains(&origin)
    }
}

/// The name in a `Host` header, without the port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

/// Stands before every handler: turns away what is not for us and gives every answer its headers.
pub(super) async fn guard(FromState(state): FromState<State>, request: Request, next: Next) -> Response {
    let refused = refusal(&state.door, request.method(), request.uri(), request.headers());
    let mut response = match refused {
        Some(code) => Refusal::from(code).into_response(),
        None => next.run(request).await,
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // No document: what follows are frames, which none of this is for.
        return response;
    }
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not `no-referrer`, under which browsers send `Origin: null` with our own page's form.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    response
}

/// Why a request is not let in, if it is not.
pub(super) fn refusal(door: &Door, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<ErrorCode> {
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > URI_BYTES_MAX) {
        return Some(ErrorCode::UriTooLong);
    }
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > HEADER_BYTES_MAX {
        return Some(ErrorCode::HeadersTooLong);
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
        return Some(ErrorCode::RequestInvalid);
    };
    if !door.answers_for(host) {
        return Some(ErrorCode::HostRefused);
    }
    let acts = method != Method::GET && method != Method::HEAD || headers.contains_key("upgrade");
    (acts && !door.may_act(headers)).then_some(ErrorCode::OriginRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(loopback_only: bool, hosts: &[&str], origins: &[&str]) -> Door {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Door { loopback_only, hosts: owned(hosts), origins: owned(origins), proxies: vec![] }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn on_loopback_only_loopback_names_are_answered() {
        let door = door(true, &[], &[]);
        for host in ["localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "[::1]"] {
            assert!(door.answers_for(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:5000", "10.0.0.1", "[2001:db8::1]:80", "localhost:x"]
        {
            assert!(!door.answers_for(host), "{host}");
        }
    }

    #[test]
    fn named_hosts_are_answered_and_elsewhere_any_is_by_default() {
        assert!(door(true, &["board.example"], &[]).answers_for("Board.example:443"));
        assert!(door(false, &[], &[]).answers_for("anything.example"));
        assert!(!door(false, &["board.example"], &[]).answers_for("anything.example"));
    }

    #[test]
    fn foreign_pages_may_not_act() {
        let door = door(false, &[], &["https://friend.example"]);
        let may = |pairs: &[(&'static str, &str)]| {
            let mut headers = headers(pairs);
            headers.insert(HOST, HeaderValue::from_static("board.example:5000"));
            door.may_act(&headers)
        };
        assert!(may(&[]));
        assert!(may(&[("origin", "http://board.example:5000")]));
        assert!(may(&[("origin", "https://Board.example:5000")]));
        assert!(may(&[("origin", "https://friend.example")]));
        assert!(may(&[("sec-fetch-site", "same-origin")]));
        for origin in [
            "null",
            "",
            "http://board.example",
            "http://board.example:5001",
            "http://xboard.example:5000",
            "http://board.example:5000.evil.example",
            "https://friend.example.evil.example",
            "http://friend.example",
            "ftp://board.example:5000",
            "board.example:5000",
        ] {
            assert!(!may(&[("origin", origin)]), "{origin}");
        }
        assert!(!may(&[("sec-fetch-site", "cross-site")]));
        assert!(!may(&[("sec-fetch-site", "same-site")]));
    }
}
