//! Whose request it is.

use std::net::IpAddr;

use axum::http::HeaderMap;

use super::Door;

/// The other end of the connection, which may be a proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// The address a request from `peer` counts for: the peer's own, or behind a proxy that is trusted, the last one in X-Forwarded-For
/// that is not such a proxy itself. What stands before that, anybody could have written.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap, door: &Door) -> IpAddr {
    let trusted = |address: &IpAddr| door.trusts(*address);
    if !trusted(&peer) {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().rev();
    let hops = forwarded.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let hops = hops.map_while(|hop| std::str::from_utf8(hop).ok()?.trim().parse().ok());
    hops.into_iter().find(|hop| !trusted(hop)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let door = Door { loopback_only: false, hosts: vec![], origins: vec![], proxies: vec!["10.0.0.9".parse().unwrap()] };
        let of = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            of(peer.parse().unwrap(), &headers, &door).to_string()
        };
        assert_eq!(of("10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(of("10.0.0.9", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.9", &["6.6.6.6, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.9", &["6.6.6.6", "1.1.1.1, 10.0.0.9"]), "1.1.1.1");
        assert_eq!(of("10.0.0.9", &["\u{ff}, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.9", &["rubbish"]), "10.0.0.9");
        assert_eq!(of("10.0.0.9", &[]), "10.0.0.9");
    }
}
