//! The command line with servers behind TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{TIMEOUT, TestServer, crier, texts};

/// A TLS proxy in front of a server, with a certificate of its own authority.
pub struct TlsProxy {
    pub port: u16,
    pub authority: PathBuf,
    _folder: TempDir,
}

impl TlsProxy {
    /// Starts a proxy whose certificate is for `name`.
    pub async fn before(behind: SocketAddr, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&key).unwrap();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, certificate.pem()).unwrap();
        let own_key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&own_key, &Issuer::new(authority, key)).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
        let secret = PrivateKeyDer::try_from(own_key.serialize_der()).unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![own.der().clone()], secret).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    copy_bidirectional(&mut stream, &mut TcpStream::connect(behind).await?).await
                });
            }
        });
        Self { port, authority: file, _folder: folder }
    }

    fn crier(&self, arguments: &[&str], knows_authority: bool) -> Command {
        let mut command = crier(&format!("https://localhost:{}", self.port), arguments);
        if knows_authority {
            command.env("SSL_CERT_FILE", &self.authority);
        }
        command
    }
}

/// Runs a program that must fail at once, and returns its error output.
async fn failure(mut command: Command) -> String {
    let Output { status, stderr, .. } = timeout(TIMEOUT, command.output()).await.expect("the program does not end").unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{stderr}");
    stderr
}

const COMMANDS: [&[&str]; 4] = [
    &["post", "lobby", "x", "--timeout", "3600"],
    &["tail", "lobby"],
    &["tail", "lobby", "--transport", "sse"],
    &["tail", "lobby", "--transport", "poll"],
];

#[tokio::test]
async fn trusts_a_configured_certificate_authority() {
    let server = TestServer::start();
    let proxy = TlsProxy::before(server.address, "localhost").await;
    let start = server.page("lobby", "").await.latest.to_string();
    let posted = timeout(TIMEOUT, proxy.crier(&["post", "lobby", "over TLS"], true).output()).await.unwrap().unwrap();
    assert!(posted.status.success(), "{posted:?}");
    assert_eq!(texts(&server.all_entries("lobby").await), ["over TLS"]);
    for transport in ["ws", "sse", "long-poll", "poll"] {
        let mut tail = proxy.crier(&["tail", "lobby", "--json", "--after", &start, "--transport", transport], true);
        let mut child = tail.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the program has ended");
        assert!(line.contains("over TLS"), "{transport}: {line}");
    }
}

#[tokio::test]
async fn a_rejected_certificate_is_a_final_error() {
    let server = TestServer::start();
    let proxy = TlsProxy::before(server.address, "localhost").await;
    for arguments in COMMANDS {
        let stderr = failure(proxy.crier(arguments, false)).await;
        assert!(stderr.contains("authority that this system does not know") && stderr.contains("SSL_CERT_FILE"), "{arguments:?}: {stderr}");
    }
    let other = TlsProxy::before(server.address, "other.example").await;
    for arguments in COMMANDS {
        let stderr = failure(other.crier(arguments, true)).await;
        assert!(stderr.contains("certificate is refused") && stderr.contains("localhost"), "{arguments:?}: {stderr}");
    }
    assert!(server.all_entries("lobby").await.is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_a_final_error() {
    let server = TestServer::start();
    for arguments in COMMANDS {
        let stderr = failure(crier(&format!("https://{}", server.address), arguments)).await;
        assert!(stderr.contains("no TLS with the server"), "{arguments:?}: {stderr}");
    }
}
