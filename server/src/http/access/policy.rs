//! The access policy: which hosts are answered, and which requests may act.

use std::net::IpAddr;

use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, Version};
use protocol::ErrorCode;
use protocol::admin::BannedAddress;
use protocol::limits::{HEADER_BYTES_MAX, URI_BYTES_MAX};

use super::address::{self, Proxy};
use super::host::{HostName, Origin, RequestHost};

/// The path of the liveness probe.
pub(in crate::http) const ALIVE_PATH: &str = "/healthz";
/// The path of the readiness probe.
pub(in crate::http) const READY_PATH: &str = "/readyz";

/// Which requests are answered, and which may act. The default answers any host and allows no
/// foreign origin.
#[derive(Clone, Debug, Default)]
pub struct AccessPolicy {
    /// True if only loopback host names are answered, besides `hosts`. It keeps a page of another
    /// site from reaching a board on the visitor's own machine by pointing its own name at it ("DNS
    /// rebinding").
    pub loopback_only: bool,
    /// Hosts to answer for. If empty: any host, or any loopback host if `loopback_only`.
    pub hosts: Vec<HostName>,
    /// Origins that may act besides the board's own.
    pub origins: Vec<Origin>,
    /// Proxies whose forwarding headers are believed.
    pub proxies: Vec<Proxy>,
}

impl AccessPolicy {
    /// Returns the error with which a request from `peer` is refused, if the policy refuses it.
    pub(in crate::http) fn check(&self, peer: IpAddr, parts: &Parts) -> Result<(), ErrorCode> {
        let Parts { method, uri, headers, .. } = parts;
        if uri.path_and_query().is_some_and(|target| target.as_str().len() > URI_BYTES_MAX) {
            return Err(ErrorCode::UriTooLong);
        }
        if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > HEADER_BYTES_MAX {
            return Err(ErrorCode::HeadersTooLong);
        }
        if [ALIVE_PATH, READY_PATH].contains(&uri.path()) {
            // Probes use an address as host, or in HTTP/1.0 no host. Their answers are no secret.
            let hosts = headers.get_all(HOST).iter().count();
            let is_valid = hosts == 1 || hosts == 0 && parts.version == Version::HTTP_10;
            return if is_valid { Ok(()) } else { Err(ErrorCode::RequestInvalid) };
        }
        let target = RequestHost::of(uri, headers).ok_or(ErrorCode::RequestInvalid)?;
        if !self.answers_for(&target.host, peer, headers) {
            return Err(ErrorCode::HostRefused);
        }
        let acts = method != Method::GET && method != Method::HEAD || headers.contains_key(UPGRADE);
        if acts && !self.may_act(uri, headers) { Err(ErrorCode::OriginRefused) } else { Ok(()) }
    }

    /// True if a request may act: post, subscribe or wait. Programs send no `Origin`, and may. A
    /// browser's `Origin` must be the board's own or an allowed one.
    pub(in crate::http) fn may_act(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => !headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site"),
            (Some(origin), None) => Origin::read(origin).is_some_and(|origin| self.allows(&origin, uri, headers)),
            (Some(_), Some(_)) => false,
        }
    }

    fn allows(&self, origin: &Origin, uri: &Uri, headers: &HeaderMap) -> bool {
        self.origins.contains(origin) || RequestHost::of(uri, headers).is_some_and(|target| origin.is_of(&target))
    }

    /// True if requests for this host are answered. On this machine loopback names are always
    /// answered: no other site can have one, and the command line uses them for a board that
    /// listens elsewhere.
    fn answers_for(&self, host: &HostName, peer: IpAddr, headers: &HeaderMap) -> bool {
        let any = self.hosts.is_empty() && !self.loopback_only;
        let loopback = || host.is_loopback() && (self.loopback_only || address::is_local(peer, headers, &self.proxies));
        any || self.hosts.contains(host) || loopback()
    }

    /// True if no page of another origin makes this request, not even one that may act. For what a
    /// browser's cookies allow.
    pub(in crate::http) fn is_own_page(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let is_own = |origin: &HeaderValue| {
            let target = RequestHost::of(uri, headers);
            Origin::read(origin).zip(target).is_some_and(|(origin, target)| origin.is_of(&target))
        };
        let site = headers.get("sec-fetch-site");
        headers.get_all(ORIGIN).iter().all(is_own) && site.is_none_or(|site| site == "same-origin" || site == "none")
    }

    /// True if the client uses https, as far as a trusted proxy says.
    pub(in crate::http) fn is_secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.trusts(peer) && headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
    }

    /// True if a trusted proxy has one of these addresses.
    pub(in crate::http) fn has_proxy_in(&self, addresses: BannedAddress) -> bool {
        address::has_proxy_in(addresses, &self.proxies)
    }

    /// True if this canonical address is a trusted proxy's.
    pub(in crate::http) fn trusts(&self, address: IpAddr) -> bool {
        address::is_trusted(address, &self.proxies)
    }

    /// The address that a request from `peer` counts for: the forwarded one, or else the peer's
    /// own.
    pub(in crate::http) fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.forwarded_address(peer, headers).unwrap_or(peer)
    }

    /// The address that a trusted proxy forwards for. None if `peer` is no trusted proxy, or names
    /// nobody.
    pub(in crate::http) fn forwarded_address(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        address::forwarded(peer, headers, &self.proxies)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn policy(loopback_only: bool, hosts: &[&str], origins: &[&str]) -> AccessPolicy {
        let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        AccessPolicy { loopback_only, hosts, origins, proxies: vec![] }
    }

    /// True if a request for this host from another machine is answered.
    fn answers_for(policy: &AccessPolicy, host: &str) -> bool {
        let peer = IpAddr::from([203, 0, 113, 7]);
        let target = RequestHost::of(&Uri::from_static("/"), &headers(&[("host", host)]));
        target.is_some_and(|target| policy.answers_for(&target.host, peer, &HeaderMap::new()))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn on_loopback_only_loopback_names_are_answered() {
        let policy = policy(true, &[], &[]);
        for host in ["localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "[::1]"] {
            assert!(answers_for(&policy, host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:5000", "10.0.0.1", "[2001:db8::1]:80", "localhost:x"]
        {
            assert!(!answers_for(&policy, host), "{host}");
        }
    }

    #[test]
    fn named_hosts_are_answered_and_elsewhere_any_is_by_default() {
        assert!(answers_for(&policy(true, &["board.example"], &[]), "Board.example:443"));
        assert!(answers_for(&policy(false, &[], &[]), "anything.example"));
        assert!(!answers_for(&policy(false, &["board.example"], &[]), "anything.example"));
    }

    #[test]
    fn foreign_pages_may_not_act() {
        let policy = policy(false, &[], &["https://friend.example"]);
        let may = |pairs: &[(&'static str, &str)]| {
            let mut headers = headers(pairs);
            headers.insert(HOST, HeaderValue::from_static("board.example:5000"));
            policy.may_act(&Uri::from_static("/"), &headers)
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

    #[test]
    fn cookies_count_on_the_boards_own_pages_only() {
        let policy = policy(false, &[], &["https://friend.example"]);
        let is_own = |pairs: &[(&'static str, &str)]| {
            let mut headers = headers(pairs);
            headers.insert(HOST, HeaderValue::from_static("board.example:5000"));
            policy.is_own_page(&Uri::from_static("/"), &headers)
        };
        assert!(is_own(&[]) && is_own(&[("origin", "http://board.example:5000"), ("sec-fetch-site", "same-origin")]));
        assert!(is_own(&[("sec-fetch-site", "none")]));
        for pairs in [
            [("origin", "https://friend.example")],
            [("origin", "null")],
            [("sec-fetch-site", "cross-site")],
            [("sec-fetch-site", "same-site")],
        ] {
            assert!(!is_own(&pairs), "{pairs:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_can_say_that_a_client_uses_https() {
        let policy = AccessPolicy { proxies: vec!["10.0.0.9".parse().unwrap(), "2001:db8::7".parse().unwrap()], ..AccessPolicy::default() };
        let is_secure = |peer: [u8; 4], scheme| policy.is_secure(peer.into(), &headers(&[("x-forwarded-proto", scheme)]));
        assert!(is_secure([10, 0, 0, 9], "https") && !is_secure([10, 0, 0, 9], "http") && !is_secure([10, 0, 0, 8], "https"));
        let has_proxy = |address: &str| policy.has_proxy_in(address.parse().unwrap());
        assert!(has_proxy("10.0.0.9") && has_proxy("2001:db8::1") && !has_proxy("10.0.0.8") && !has_proxy("2001:db8:1::1"));
    }
}
