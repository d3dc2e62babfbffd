//! The address that a request comes from, through trusted proxies. All addresses are canonical: an
//! IPv4 address mapped into IPv6 is an IPv4 address.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::Extensions;
use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use protocol::admin::BannedAddress;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the other end of the connection, which may be a proxy. An extension of each
/// request.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Peer(pub(in crate::http) IpAddr);

impl Peer {
    /// The peer of a request's connection.
    pub(in crate::http) fn of(extensions: &Extensions) -> IpAddr {
        extensions.get::<Self>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0)
    }
}

/// A trusted proxy, or a network of them.
#[derive(Clone, Copy, Debug)]
pub struct Proxy(IpNet);

impl Proxy {
    /// True if the proxy has this canonical address.
    fn has(&self, address: IpAddr) -> bool {
        let mapped = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().into(),
            IpAddr::V6(_) => address,
        };
        self.0.contains(&address) || self.0.contains(&mapped)
    }
}

impl FromStr for Proxy {
    type Err = String;

    /// Reads a setting. The error says what to write instead.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(network) = text.parse() {
            return Ok(Self(network));
        }
        match (text.parse::<IpAddr>(), node(text)) {
            (Ok(address), _) if address.is_unspecified() => Err(format!("no proxy has this address; to trust all write {address}/0")),
            (Ok(address), _) => Ok(Self(address.into())),
            (Err(_), Some(address)) => Err(format!("a proxy is named without brackets, port and interface; write {address}")),
            (Err(_), None) => Err("not an address; write one, such as 10.0.0.2, or a network, such as 10.0.0.0/8".to_owned()),
        }
    }
}

/// True if this canonical address is one of the proxies'.
pub(super) fn is_trusted(address: IpAddr, proxies: &[Proxy]) -> bool {
    proxies.iter().any(|proxy| proxy.has(address))
}

/// True if one of the proxies has one of these addresses.
pub(super) fn has_proxy_in(addresses: BannedAddress, proxies: &[Proxy]) -> bool {
    let first = addresses.first();
    let bits = if first.is_ipv4() { 32 } else { 64 };
    let banned = IpNet::new_assert(first, bits);
    is_trusted(first, proxies) || proxies.iter().any(|proxy| banned.contains(&proxy.0) || proxy.0.contains(&banned))
}

/// The address that a trusted proxy forwards for: the last hop in its headers that is not a trusted
/// proxy itself. A client could have written the hops before that.
///
/// It is the proxy's own address if the hop can't be read. None if `peer` is not trusted or names
/// no hop. `X-Forwarded-For` comes first: proxies that set it pass on a client's `Forwarded` (RFC
/// 7239).
pub(super) fn forwarded(peer: IpAddr, headers: &HeaderMap, proxies: &[Proxy]) -> Option<IpAddr> {
    if !is_trusted(peer, proxies) {
        return None;
    }
    let listed = headers.get_all(X_FORWARDED_FOR).iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let listed = listed.filter(|hop| !hop.trim_ascii().is_empty()).map(|hop| node(std::str::from_utf8(hop).ok()?));
    let standard = headers.get_all(FORWARDED).iter().rev().flat_map(|value| nodes(value).into_iter().rev());
    farthest(peer, listed, proxies).or_else(|| farthest(peer, standard, proxies))
}

/// True if a request was made on this machine, and not through a proxy elsewhere.
pub(super) fn is_local(peer: IpAddr, headers: &HeaderMap, proxies: &[Proxy]) -> bool {
    let came_through = headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
    let client = forwarded(peer, headers, proxies).unwrap_or(peer);
    client.is_loopback() && (is_trusted(peer, proxies) || !came_through)
}

/// The farthest hop that was named by trusted proxies alone, beginning with the last hop. None if
/// there are no hops.
fn farthest(peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>, proxies: &[Proxy]) -> Option<IpAddr> {
    let mut hops = hops.peekable();
    hops.peek()?;
    let mut address = peer;
    for hop in hops.map_while(|hop| hop) {
        address = hop;
        if !is_trusted(address, proxies) {
            break;
        }
    }
    Some(address)
}

/// Parses a hop as proxies write it: an address, which may have quotes, brackets, a port and an
/// interface.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let host = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The hops of a `Forwarded` header (RFC 7239, section 4). With an unclosed quote, all of it is one
/// unreadable hop.
fn nodes(value: &HeaderValue) -> Vec<Option<IpAddr>> {
    let Some(elements) = value.to_str().ok().and_then(|text| split(text, ',')) else { return vec![None] };
    let hop = |element: &str| {
        let pairs = split(element, ';')?;
        let mut pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
        node(pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?.1)
    };
    elements.into_iter().filter(|element| !element.trim().is_empty()).map(hop).collect()
}

/// Splits at a character outside quotes (RFC 9110, section 5.6.4). None if a quote is not closed.
fn split(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|character| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        is_escaped = is_quoted && character == '\\';
        is_quoted ^= character == '"';
        !is_quoted && character == at
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client of a request from `peer`, with the proxies 10.0.0.9, 192.168.0.0/16 and
    /// 2001:db8::/32.
    fn address(peer: &str, lines: &[(HeaderName, &str)]) -> String {
        let proxies = ["10.0.0.9", "192.168.0.0/16", "2001:db8::/32"].map(|proxy| proxy.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let peer = peer.parse().unwrap();
        forwarded(peer, &headers, &proxies).unwrap_or(peer).to_string()
    }

    fn listed(values: &[&str]) -> String {
        address("10.0.0.9", &values.iter().map(|value| (X_FORWARDED_FOR, *value)).collect::<Vec<_>>())
    }

    fn said(values: &[&str]) -> String {
        address("10.0.0.9", &values.iter().map(|value| (FORWARDED, *value)).collect::<Vec<_>>())
    }

    #[test]
    fn believes_only_a_trusted_proxy() {
        assert_eq!(address("10.0.0.1", &[(X_FORWARDED_FOR, "1.1.1.1")]), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &[(FORWARDED, "for=1.1.1.1")]), "10.0.0.1");
        assert_eq!(address("192.168.7.7", &[(X_FORWARDED_FOR, "1.1.1.1")]), "1.1.1.1");
        assert_eq!(address("2001:db8:1::1", &[(X_FORWARDED_FOR, "1.1.1.1")]), "1.1.1.1");
        assert_eq!(listed(&["1.1.1.1"]), "1.1.1.1");
        assert_eq!(listed(&["6.6.6.6, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(listed(&["6.6.6.6", "1.1.1.1, 10.0.0.9"]), "1.1.1.1");
        assert_eq!(listed(&["6.6.6.6", "1.1.1.1", "192.168.3.4, 10.0.0.9"]), "1.1.1.1");
        assert_eq!(listed(&["\u{ff}, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(listed(&["rubbish"]), "10.0.0.9");
        assert_eq!(listed(&["1.1.1.1, unknown"]), "10.0.0.9");
        assert_eq!(listed(&["1.1.1.1, unknown, 192.168.3.4"]), "192.168.3.4");
        assert_eq!(listed(&[]), "10.0.0.9");
    }

    #[test]
    fn reads_an_address_in_every_form_that_proxies_write() {
        for (hop, address) in [
            ("203.0.113.3:51234", "203.0.113.3"),
            ("[2001:db9::1]:443", "2001:db9::1"),
            ("[2001:db9::1]", "2001:db9::1"),
            ("2001:DB9:0::1", "2001:db9::1"),
            ("\"[2001:db9::1]:443\"", "2001:db9::1"),
            ("::ffff:203.0.113.3", "203.0.113.3"),
            ("[::ffff:203.0.113.3]:1", "203.0.113.3"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:1", "fe80::1"),
            ("  203.0.113.3\t", "203.0.113.3"),
            ("203.0.113.3,", "203.0.113.3"),
            ("203.0.113.3, ,", "203.0.113.3"),
        ] {
            assert_eq!(listed(&[hop]), address, "{hop}");
            assert_eq!(listed(&["6.6.6.6:1", hop, "10.0.0.9:80"]), address, "{hop}");
        }
        assert_eq!(listed(&["203.0.113.3", ""]), "203.0.113.3");
    }

    #[test]
    fn a_trusted_proxy_may_itself_be_the_client() {
        assert_eq!(listed(&["192.168.1.2"]), "192.168.1.2");
        assert_eq!(listed(&["192.168.1.2, 192.168.0.1"]), "192.168.1.2");
    }

    #[test]
    fn reads_forwarded_if_there_is_no_x_forwarded_for() {
        for (value, address) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("For=192.0.2.43;proto=http;by=203.0.113.43", "192.0.2.43"),
            ("proto=https; for=192.0.2.43", "192.0.2.43"),
            ("for=\"[2001:db9:cafe::17]:4711\"", "2001:db9:cafe::17"),
            ("for=\"192.0.2.43:_port\"", "192.0.2.43"),
            ("for=6.6.6.6, for=192.0.2.43", "192.0.2.43"),
            ("for=192.0.2.43, for=\"192.168.1.1:80\"", "192.0.2.43"),
            ("for=192.0.2.43;host=\"a, b; for=6.6.6.6\"", "192.0.2.43"),
            ("for=192.0.2.43;host=\"\\\", for=6.6.6.6;a=\\\"\"", "192.0.2.43"),
            ("host=\"for=6.6.6.6\";for=192.0.2.43,", "192.0.2.43"),
            ("for=unknown", "10.0.0.9"),
            ("for=_hidden", "10.0.0.9"),
            ("for=6.6.6.6, proto=https", "10.0.0.9"),
            ("for=6.6.6.6;host=\"x, for=192.0.2.43", "10.0.0.9"),
            ("rubbish", "10.0.0.9"),
        ] {
            assert_eq!(said(&[value]), address, "{value}");
        }
        assert_eq!(said(&["for=6.6.6.6", "for=192.0.2.43"]), "192.0.2.43");
        assert_eq!(said(&["for=6.6.6.6;host=\"x", "for=192.0.2.43"]), "192.0.2.43");
        assert_eq!(address("10.0.0.9", &[(FORWARDED, "for=6.6.6.6"), (X_FORWARDED_FOR, "192.0.2.43")]), "192.0.2.43");
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network_in_either_family() {
        let has = |proxy: &str, address: &str| proxy.parse::<Proxy>().unwrap().has(address.parse::<IpAddr>().unwrap());
        for (proxy, address) in [
            (" 10.0.0.9 ", "10.0.0.9"),
            ("::ffff:10.0.0.9", "10.0.0.9"),
            ("10.1.2.3/8", "10.200.0.1"),
            ("::ffff:10.0.0.0/104", "10.200.0.1"),
            ("0.0.0.0/0", "203.0.113.3"),
            ("::/0", "2001:db8::1"),
            ("::/0", "203.0.113.3"),
            ("fe80::/10", "fe80::1"),
        ] {
            assert!(has(proxy, address), "{proxy} {address}");
        }
        for (proxy, address) in
            [("10.0.0.9", "10.0.0.8"), ("10.0.0.0/8", "11.0.0.1"), ("0.0.0.0/0", "::1"), ("::ffff:10.0.0.0/104", "11.0.0.1")]
        {
            assert!(!has(proxy, address), "{proxy} {address}");
        }
    }
}
