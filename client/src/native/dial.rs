//! Connecting: the one way to a server, for all transports.

use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::failure::{Failure, FailureKind};
use super::tls;

/// A connection, with TLS if the URL asks for it.
pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections to the host of a URL, with TLS if it is `https`.
pub(super) type Connector = HttpsConnector<Dialer>;

/// Returns a connector. Certificates are read only if `is_secure`.
pub(super) fn connector(is_secure: bool) -> Connector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    HttpsConnectorBuilder::new().with_tls_config(tls::config(is_secure)).https_or_http().enable_http1().wrap_connector(Dialer { tcp })
}

/// Opens connections without TLS.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    tcp: HttpConnector,
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Self::Response, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.tcp.call(target);
        Box::pin(
            async move { connecting.await.map_err(|error| Failure::new(FailureKind::NoServer, Failure::from_error(&error).to_string())) },
        )
    }
}
