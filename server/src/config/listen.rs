//! The address that `crier serve` listens on.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

/// Reads it: an address or a host name with a port. A name stands for its first IPv4 address, as with most programs, and without a
/// host it is every address. The error says what to write instead.
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

/// An IPv4 address that is mapped into IPv6 as the address it is.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        // Not made anew, because a link-local one has an interface.
        IpAddr::V6(_) => address,
    }
}
