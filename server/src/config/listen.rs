//! The value of `--listen`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

/// Parses an address or a host name with a port. A name means its first IPv4 address, as in most
/// programs; no host means all addresses. The error says what to write instead.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let form = || "an address has a port; write 127.0.0.1:5000, [::1]:5000, localhost:5000, or :5000 for every address".to_owned();
    let (host, port) = text.trim().rsplit_once(':').ok_or_else(form)?;
    let port: u16 = port.parse().map_err(|_| form())?;
    if host.is_empty() || host == "*" {
        return Ok((Ipv6Addr::UNSPECIFIED, port).into());
    }
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if inside.is_none() && host.contains(':') {
        return Err(form());
    }
    let found = (inside.unwrap_or(host), port).to_socket_addrs().map_err(|error| format!("{host} has no address: {error}"))?;
    let found: Vec<_> = found.map(canonical).collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| format!("{host} has no address"))
}

/// Converts an IPv4-mapped IPv6 address to IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        // Returned unchanged, because a link-local address has a scope id.
        IpAddr::V6(_) => address,
    }
}
