//! Who is let in: host names, origins, and the headers that every answer carries.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State as FromState};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, HeaderName, IF_NONE_MATCH, ORIGIN, REFERRER_POLICY, RETRY_AFTER, UPGRADE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;
use protocol::limits::{HEADER_BYTES_MAX, URI_BYTES_MAX};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::address::{self, Proxy};
use super::health;
use super::host::{Asked, HostName, Origin};
use super::problem::Refusal;
use super::state::State;

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
    /// Hosts to answer for. If there are none, any is, or only loopback ones.
    pub hosts: Vec<HostName>,
    /// Origins that may act besides our own.
    pub origins: Vec<Origin>,
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
        let origins = self.origins.clone();
        let is_friend = move |origin: &HeaderValue, _: &Parts| read(origin).is_some_and(|origin| origins.contains(&origin));
        (!self.origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(AllowOrigin::predicate(is_friend))
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([CONTENT_TYPE, IF_NONE_MATCH, HeaderName::from_static("last-event-id")])
                .expose_headers([ETAG, RETRY_AFTER])
                .max_age(PREFLIGHT_TIME_MAX)
        })
    }

    /// True if a request from `peer` for this host is answered. Whoever is on this machine may call it by its loopback names, which no
    /// other site's name can be: so its own command line reaches a board that listens elsewhere under a name.
    fn answers_for(&self, host: &HostName, peer: IpAddr, headers: &HeaderMap) -> bool {
        let any = self.hosts.is_empty() && !self.loopback_only;
        let loopback = || host.is_loopback() && (self.loopback_only || address::is_here(peer, headers, self));
        any || self.hosts.contains(host) || loopback()
    }

    /// Whether a request may act (post, subscribe, wait). Programs send no Origin and are free to; a browser's must be ours.
    pub(super) fn may_act(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => !headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site"),
            (Some(origin), None) => read(origin).is_some_and(|origin| self.is_ours(&origin, Asked::of(uri, headers))),
            (Some(_), Some(_)) => false,
        }
    }

    fn is_ours(&self, origin: &Origin, asked: Option<Asked>) -> bool {
        self.origins.contains(origin) || asked.is_some_and(|asked| origin.is_of(&asked))
    }
}

fn read(origin: &HeaderValue) -> Option<Origin> {
    Origin::parse(origin.to_str().ok()?)
}

/// Stands before every handler: turns away what is not for us and gives every answer its headers.
pub(super) async fn guard(FromState(state): FromState<State>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match refusal(&state.door, address::peer(&parts), &parts) {
        Some(code) => Refusal::from(code).into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
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

/// Why a request from `peer` is not let in, if it is not.
pub(super) fn refusal(door: &Door, peer: IpAddr, parts: &Parts) -> Option<ErrorCode> {
    let Parts { method, uri, headers, .. } = parts;
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > URI_BYTES_MAX) {
        return Some(ErrorCode::UriTooLong);
    }
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > HEADER_BYTES_MAX {
        return Some(ErrorCode::HeadersTooLong);
    }
    if [health::ALIVE, health::READY].contains(&uri.path()) {
        // Probes ask by address, or over HTTP/1.0 for no host at all. What they are told may be known to all.
        let hosts = headers.get_all(HOST).iter().count();
        let is_right = hosts == 1 || hosts == 0 && parts.version == Version::HTTP_10;
        return (!is_right).then_some(ErrorCode::RequestInvalid);
    }
    let Some(asked) = Asked::of(uri, headers) else { return Some(ErrorCode::RequestInvalid) };
    if !door.answers_for(&asked.host, peer, headers) {
        return Some(ErrorCode::HostRefused);
    }
    let acts = method != Method::GET && method != Method::HEAD || headers.contains_key(UPGRADE);
    (acts && !door.may_act(uri, headers)).then_some(ErrorCode::OriginRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(loopback_only: bool, hosts: &[&str], origins: &[&str]) -> Door {
        let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        Door { loopback_only, hosts, origins, proxies: vec![] }
    }

    /// Whether somebody elsewhere is answered who asks for this host.
    fn answers_for(door: &Door, host: &str) -> bool {
        let peer = IpAddr::from([203, 0, 113, 7]);
        let asked = Asked::of(&Uri::from_static("/"), &headers(&[("host", host)]));
        asked.is_some_and(|asked| door.answers_for(&asked.host, peer, &HeaderMap::new()))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn on_loopback_only_loopback_names_are_answered() {
        let door = door(true, &[], &[]);
        for host in ["localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "[::1]"] {
            assert!(answers_for(&door, host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:5000", "10.0.0.1", "[2001:db8::1]:80", "localhost:x"]
        {
            assert!(!answers_for(&door, host), "{host}");
        }
    }

    #[test]
    fn named_hosts_are_answered_and_elsewhere_any_is_by_default() {
        assert!(answers_for(&door(true, &["board.example"], &[]), "Board.example:443"));
        assert!(answers_for(&door(false, &[], &[]), "anything.example"));
        assert!(!answers_for(&door(false, &["board.example"], &[]), "anything.example"));
    }

    #[test]
    fn foreign_pages_may_not_act() {
        let door = door(false, &[], &["https://friend.example"]);
        let may = |pairs: &[(&'static str, &str)]| {
            let mut headers = headers(pairs);
            headers.insert(HOST, HeaderValue::from_static("board.example:5000"));
            door.may_act(&Uri::from_static("/"), &headers)
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
