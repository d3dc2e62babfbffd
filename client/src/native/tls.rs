//! The certificates that TLS accepts.

use rustls::{ClientConfig, RootCertStore};

/// Returns settings that accept the certificate authorities that `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// name, or the system's without them. If there are none, the usual ones of the web are accepted.
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
