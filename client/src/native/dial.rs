//! Connecting to a server: the one way, for all transports, directly or through a proxy.

mod proxies;
mod stream;

mod tunnel;

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::http::uri::Scheme;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tower_service::Service;

use super::failure::{Failure, FailureKind};
use super::tls;
use stream::DialedStream;

pub(super) use proxies::{Proxies, Proxy};

/// A connection, with TLS if the URL asks for it.
pub(super) type Stream = MaybeHttpsStream<DialedStream>;

/// Opens connections to the host of a URL, with TLS if it is `https`.
pub(super) type Connector = HttpsConnector<Dialer>;

/// Returns a connector for WebSockets, and one for HTTP requests. `server` is the server's URL.
pub(super) fn connectors(server: &Uri, proxies: &Arc<Proxies>) -> (Connector, Connector) {
    let needs_tls = |uri: &Uri| uri.scheme() == Some(&Scheme::HTTPS);
    let is_secure = needs_tls(server) || proxies.find(server).is_some_and(|proxy| needs_tls(proxy.uri()));
    let config = tls::config(is_secure);
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let dialer = Dialer { proxies: proxies.clone(), to_proxy: with_tls(&config, tcp.clone()), tcp, is_for_requests: false };
    let for_requests = Dialer { is_for_requests: true, ..dialer.clone() };
    (with_tls(&config, dialer), with_tls(&config, for_requests))
}

fn with_tls<T>(config: &ClientConfig, connector: T) -> HttpsConnector<T> {
    HttpsConnectorBuilder::new().with_tls_config(config.clone()).https_or_http().enable_http1().wrap_connector(connector)
}

/// Opens connections without TLS of their own.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    proxies: Arc<Proxies>,
    tcp: HttpConnector,
    /// Opens connections to a proxy, which may want TLS itself.
    to_proxy: HttpsConnector<HttpConnector>,
    /// True if the connections carry HTTP requests, which a proxy can forward. Everything else
    /// needs a tunnel.
    is_for_requests: bool,
}

impl Dialer {
    async fn dial(mut self, target: Uri) -> Result<DialedStream, Failure> {
        let Some(proxy) = self.proxies.find(&target) else {
            let stream = self.tcp.call(target).await.map_err(|error| no_connection(FailureKind::NoServer, "", &error))?;
            return Ok(DialedStream::new(MaybeHttpsStream::Http(stream)));
        };
        let to_proxy = format!("there is no connection to the proxy {proxy}: ");
        let uri = proxy.uri().clone();
        if proxy.is_socks() {
            let stream = self.tcp.call(uri).await.map_err(|error| no_connection(FailureKind::NoProxy, &to_proxy, &error))?;
            let stream = tunnel::through_socks(&proxy, stream, target).await?;
            return Ok(DialedStream::new(MaybeHttpsStream::Http(stream)));
        }
        let stream = self.to_proxy.call(uri).await.map_err(|error| no_connection(FailureKind::NoProxy, &to_proxy, &*error))?;
        if self.is_for_requests && proxy.forwards(&target) {
            return Ok(DialedStream::forwarded(stream));
        }
        tunnel::through_http(&proxy, stream, &target).await.map(DialedStream::new)
    }
}

fn no_connection(kind: FailureKind, before: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::new(kind, format!("{before}{}", Failure::from_error(error)))
}

impl Service<Uri> for Dialer {
    type Response = DialedStream;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<DialedStream, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        Box::pin(self.clone().dial(target))
    }
}
