//! Hosts and origins in canonical form, so that two spellings of one are equal. The `url` crate
//! knows the forms.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri};
use url::{Host, Url};

/// A host without a port: a name in lower case and punycode, without a dot at its end, or a
/// canonical address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(Host);

impl HostName {
    fn parse(text: &str) -> Option<Self> {
        Self::of(Host::parse(text).ok()?)
    }

    fn of(host: Host) -> Option<Self> {
        let host = match host {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase();
                // The URL standard allows more characters than host names have.
                let label =
                    |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
                name.split('.').all(label).then_some(Host::Domain(name))?
            }
            Host::Ipv6(address) => match address.to_canonical() {
                IpAddr::V4(address) => Host::Ipv4(address),
                IpAddr::V6(address) => Host::Ipv6(address),
            },
            Host::Ipv4(_) => host,
        };
        Some(Self(host))
    }

    /// True if it means the client's own machine.
    pub(super) fn is_loopback(&self) -> bool {
        match &self.0 {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl Display for HostName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for HostName {
    type Err = String;

    /// Reads a setting. The error says what to write instead.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let host = match text.parse::<Ipv6Addr>() {
            // Without a port an address needs no brackets.
            Ok(address) => Self::of(Host::Ipv6(address)),
            Err(_) => Self::parse(text),
        };
        host.ok_or_else(|| match url_in(text, "http").and_then(|url| Self::of(url.host()?.to_owned())) {
            _ if text.contains('*') => "there are no wildcards; name each host, such as board.example.org".to_owned(),
            Some(host) => format!("a host is named without scheme, port and path; write {host}"),
            None => "not a host; write a name, such as board.example.org, or an address".to_owned(),
        })
    }
}

/// The origin of a page (RFC 6454). An explicit default port makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: HostName,
    port: Option<u16>,
}

impl Origin {
    /// Reads an `Origin` header. None if no page can have it.
    pub(super) fn read(header: &HeaderValue) -> Option<Self> {
        Self::parse(header.to_str().ok()?)
    }

    /// Reads an origin. None if no page can have it.
    fn parse(text: &str) -> Option<Self> {
        let url = text.contains("://").then(|| Url::parse(text).ok())??;
        let has_more = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
        let has_user = !url.username().is_empty() || url.password().is_some();
        let has_pages = !matches!(url.scheme(), "ws" | "wss" | "ftp" | "file");
        if has_more || has_user || !has_pages { None } else { Self::of(&url) }
    }

    /// The origin of a URL. Its path and query are ignored.
    fn of(url: &Url) -> Option<Self> {
        let host = HostName::of(url.host()?.to_owned())?;
        Some(Self { scheme: url.scheme().to_owned(), host, port: url.port_or_known_default() })
    }

    /// True if this is the origin of the request's own host, by either scheme: behind a proxy the
    /// board can't know which one the client used.
    pub(super) fn is_of(&self, target: &RequestHost) -> bool {
        let default = default_port(&self.scheme);
        default.is_some() && self.host == target.host && self.port == target.port.or(default)
    }
}

impl Display for Origin {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)?;
        match self.port.filter(|port| Some(*port) != default_port(&self.scheme)) {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Origin {
    type Err = String;

    /// Reads a setting. The error says what to write instead.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let probable = || {
            let mut origin = Self::of(&url_in(text, "https")?)?;
            if let Some(secure) = origin.scheme.strip_prefix("ws") {
                origin.scheme = format!("http{secure}");
            }
            Some(origin)
        };
        Self::parse(text).ok_or_else(|| match probable() {
            _ if text.contains('*') => "any page on the web could post then; name each origin, such as https://example.org".to_owned(),
            Some(origin) if text != "null" => format!("an origin is scheme, host and port; write {origin}"),
            _ => "not an origin; write scheme and host, such as https://example.org".to_owned(),
        })
    }
}

/// The host and port that a request is for.
pub(super) struct RequestHost {
    pub(super) host: HostName,
    port: Option<u16>,
}

impl RequestHost {
    /// None unless the request has exactly one valid `Host`. An absolute URI in the request line
    /// takes precedence (RFC 9112, section 3.2).
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
        match uri.authority() {
            Some(authority) => Self::parse(authority),
            None => Self::parse(&Authority::try_from(host.as_bytes()).ok()?),
        }
    }

    fn parse(authority: &Authority) -> Option<Self> {
        let text = authority.as_str();
        if text.contains('@') {
            return None;
        }
        let host = authority.host();
        let port = match &text[host.len()..] {
            "" | ":" => None,
            port => Some(port.strip_prefix(':')?.parse().ok()?),
        };
        Some(Self { host: HostName::parse(host)?, port })
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The URL that a mistyped setting probably means.
fn url_in(text: &str, scheme: &str) -> Option<Url> {
    if text.contains("://") { Url::parse(text).ok() } else { Url::parse(&format!("{scheme}://{text}")).ok() }
}
