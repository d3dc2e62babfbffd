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
    let trusted = |address: &IpAddr| door.proxies.contains(&address.to_canonical());
    if !trusted(&peer) {
        return peer;
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().rev().filter_map(|value| value.to_str().ok());
    let hops = forwarded.flat_map(|value| value.rsplit(',')).map_while(|hop| hop.trim().parse().ok());
    hops.into_iter().find(|hop| !trusted(hop)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let door = Door { loopback_only: false, hosts: vec![], origins: vec![], proxies: vec!["10.0.0.9".parse().unwrap()] };
        let of = |peer: &str, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            of(peer.parse().unwrap(), &headers, &door).to_string()
        };
        assert_eq!(of("10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(of("10.0.0.9", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.9", &["6.6.6.6, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(of("10.0.0.9", &["6.6.6.6", "1.1.1.1, 10.0.0.9"]), "1.1.1.1");
        assert_eq!(of("10.0.0.9", &["rubbish"]), "10.0.0.9");
        assert_eq!(of("10.0.0.9", &[]), "10.0.0.9");
    }
}
