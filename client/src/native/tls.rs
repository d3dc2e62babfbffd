//! The certificates that TLS accepts.

use rustls::{ClientConfig, RootCertStore};

/// Returns settings that accept the system's certificate authorities, and those in the file that
/// `SSL_CERT_FILE` names. If there are none, the usual authorities of the web are accepted.
pub(super) fn config(is_secure: bool) -> ClientConfig {
    // TLS needs a process-wide provider of cryptography. If the program has chosen one, this fails
    // and that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    if is_secure {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
