//! The proxies that the environment sets.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::super::failure::{Failure, FailureKind};

/// Which servers are behind which proxy.
#[derive(Debug)]
pub(in super::super) struct Proxies(Matcher);

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or small letters.
    /// None is used if `REQUEST_METHOD` is set: a web server would let its clients choose the proxy
    /// of the programs that it runs.
    pub(in super::super) fn from_environment() -> Self {
        Self(Matcher::from_env())
    }

    #[cfg(test)]
    pub(in super::super) fn new(matcher: Matcher) -> Self {
        Self(matcher)
    }

    /// Returns the proxy for a URL with the scheme `http` or `https`. A server on this machine has
    /// none: a proxy on another one could not reach it.
    pub(in super::super) fn find(&self, target: &Uri) -> Option<Proxy> {
        let is_local = is_loopback(target.host().unwrap_or_default());
        self.0.intercept(target).filter(|_| !is_local).map(|intercept| Proxy { uri: with_port(intercept.uri()), intercept })
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let is_address = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_address || host == "localhost" || host.ends_with(".localhost")
}

/// Adds the default port of a proxy that speaks SOCKS.
fn with_port(uri: &Uri) -> Uri {
    let is_complete = uri.port().is_some() || !is_socks(uri);
    let with_port = format!("{}://{}:1080/", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
    if is_complete { uri.clone() } else { with_port.parse().unwrap_or_else(|_| uri.clone()) }
}

fn is_socks(uri: &Uri) -> bool {
    uri.scheme_str().is_some_and(|scheme| scheme.starts_with("socks"))
}

/// A proxy. As a text, it has no user and no password.
#[derive(Clone, Debug)]
pub(in super::super) struct Proxy {
    uri: Uri,
    intercept: Intercept,
}

impl Proxy {
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn is_socks(&self) -> bool {
        is_socks(&self.uri)
    }

    /// Returns the user and password for SOCKS.
    pub(super) fn raw_auth(&self) -> Option<(&str, &str)> {
        self.intercept.raw_auth()
    }

    /// Returns the value of the header field `Proxy-Authorization`.
    pub(in super::super) fn authorization(&self) -> Option<&HeaderValue> {
        self.intercept.basic_auth()
    }

    /// True if requests for the URL are sent to the proxy as they are. Other connections are
    /// tunnelled.
    pub(in super::super) fn forwards(&self, target: &Uri) -> bool {
        !self.is_socks() && target.scheme() == Some(&Scheme::HTTP)
    }

    /// Describes an answer of the proxy itself.
    pub(in super::super) fn refusal(&self, status: u16, phrase: &str) -> Failure {
        match (status, self.authorization()) {
            (407, None) => {
                let example = "http://USER:PASSWORD@HOST:PORT";
                Failure::new(FailureKind::ProxyPassword, format!("the proxy {self} wants a user and a password. Set it as {example}."))
            }
            (407, Some(_)) => Failure::new(FailureKind::ProxyPassword, format!("the proxy {self} refuses the user and password")),
            _ => Failure::new(FailureKind::ProxyRefused { status: Some(status) }, format!("the proxy {self} answered {status} {phrase}")),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.uri.path_and_query().map_or("", PathAndQuery::as_str);
        f.write_str(self.uri.to_string().trim_end_matches(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> Proxies {
        Proxies(Matcher::builder().all("http://u:secret@proxy.example:3128").no("inside.example, 10.0.0.0/8").build())
    }

    fn find(target: &str) -> Option<String> {
        proxies().find(&target.parse().unwrap()).map(|proxy| proxy.to_string())
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        assert_eq!(find("https://board.example").as_deref(), Some("http://proxy.example:3128"));
        let proxy = proxies().find(&"http://board.example".parse().unwrap()).unwrap();
        for status in [403, 407, 502] {
            let text = format!("{proxy:?} {:?}", proxy.refusal(status, "No"));
            assert!(text.contains("proxy.example:3128") && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn servers_on_this_machine_and_exceptions_have_no_proxy() {
        for direct in ["http://localhost:5000", "http://127.0.0.1:5000", "http://[::1]", "http://a.localhost", "http://LOCALHOST."] {
            assert_eq!(find(direct), None, "{direct}");
        }
        for direct in ["https://inside.example", "https://board.inside.example", "http://10.1.2.3"] {
            assert_eq!(find(direct), None, "{direct}");
        }
        for behind in ["http://localhost.example", "http://notinside.example", "http://11.1.2.3"] {
            assert!(find(behind).is_some(), "{behind}");
        }
    }

    #[test]
    fn socks_has_a_default_port() {
        for (set, named) in
            [("socks5://p", "socks5://p:1080"), ("socks5h://p:9", "socks5h://p:9"), ("http://p", "http://p"), ("p:80", "http://p:80")]
        {
            let proxies = Proxies(Matcher::builder().all(set).build());
            assert_eq!(proxies.find(&"http://h".parse().unwrap()).unwrap().to_string(), named);
        }
    }
}
