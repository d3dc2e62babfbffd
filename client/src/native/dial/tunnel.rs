//! Connections through a proxy: `CONNECT` (RFC 9110, section 9.3.6) and SOCKS.
//!
//! hyper-util's `CONNECT` does not tell which status a proxy answered, so it is here.

use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};

use hyper::{StatusCode, Uri};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_service::Service;

use super::super::failure::{Failure, FailureKind};
use super::Proxy;

/// Maximum size of a proxy's answer, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Asks an HTTP proxy for a tunnel.
pub(super) async fn through_http(
    proxy: &Proxy,
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    target: &Uri,
) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, Failure> {
    let mut stream = TokioIo::new(stream);
    let authority = authority(target);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = proxy.authorization() {
        request.extend([b"Proxy-Authorization: ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    let answer = async {
        stream.write_all(&request).await?;
        read_head(&mut stream).await
    };
    let head = answer.await.map_err(|error| broken(proxy, &error))?;
    match status(&head) {
        Some(status) if status.is_success() => Ok(stream.into_inner()),
        Some(status) => Err(proxy.refusal(status.as_u16(), status.canonical_reason().unwrap_or_default())),
        None => Err(broken(proxy, &"the answer is not HTTP")),
    }
}

/// Reads to the end of a response's head, and nothing after it, which belongs to the tunnel.
async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        if head.len() > ANSWER_BYTES_MAX {
            return Err(io::Error::other("the answer is too long"));
        }
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<StatusCode> {
    let mut words = head.split(|byte| *byte == b' ');
    words.next().filter(|version| version.starts_with(b"HTTP/1."))?;
    StatusCode::from_bytes(words.next()?.get(..3)?).ok()
}

/// Asks a SOCKS proxy for a tunnel. The proxy resolves the server's name.
pub(super) async fn through_socks(proxy: &Proxy, stream: TokioIo<TcpStream>, target: Uri) -> Result<TokioIo<TcpStream>, Failure> {
    let refused = |error: &dyn ToString| {
        Failure::new(FailureKind::ProxyRefused { status: None }, format!("the proxy {proxy} does not connect: {}", error.to_string()))
    };
    let target: Uri = format!("{}://{}/", target.scheme_str().unwrap_or_default(), authority(&target)).parse().unwrap_or(target);
    let (uri, connected) = (proxy.uri().clone(), AlreadyConnected(Some(stream)));
    if uri.scheme_str().is_some_and(|scheme| scheme.starts_with("socks4")) {
        return SocksV4::new(uri, connected).call(target).await.map_err(|error| refused(&error));
    }
    let mut socks = SocksV5::new(uri, connected);
    if let Some((user, password)) = proxy.raw_auth() {
        socks = socks.with_auth(user.to_owned(), password.to_owned());
    }
    socks.call(target).await.map_err(|error| refused(&error))
}

/// Returns the host of a URL with its port.
fn authority(target: &Uri) -> String {
    let port = if target.scheme_str() == Some("https") { 443 } else { 80 };
    format!("{}:{}", target.host().unwrap_or_default(), target.port_u16().unwrap_or(port))
}

fn broken(proxy: &Proxy, error: &dyn ToString) -> Failure {
    Failure::new(FailureKind::NoProxy, format!("the proxy {proxy} does not work: {}", error.to_string()))
}

/// A connection that is already there, as the library wants it.
struct AlreadyConnected(Option<TokioIo<TcpStream>>);

impl Service<Uri> for AlreadyConnected {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
