//! Whom TLS believes, and what of its failures another try does not change.

use std::error::Error;
use std::io;

use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Settings that believe whom the system believes, so that an authority of one's own counts here as it does for other programs; its
/// certificate may also stand in the file that `SSL_CERT_FILE` names. A system that knows of none has the web's.
pub(super) fn config(is_secure: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if is_secure {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

/// Why there is no TLS with a server that can be reached.
pub(super) struct Refusal {
    pub(super) trouble: String,
    /// Whether it is the certificate, which is the same for every transport.
    pub(super) is_certificate: bool,
}

/// What TLS says, if it is TLS that an error comes from.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<Refusal> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(explain(error));
        }
        // An I/O error does not name what it wraps as its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn explain(error: &rustls::Error) -> Refusal {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Refusal {
            trouble: "the server's certificate is of an authority that this system does not know; SSL_CERT_FILE can name a file with it"
                .to_owned(),
            is_certificate: true,
        },
        rustls::Error::InvalidCertificate(error) => {
            Refusal { trouble: format!("the server's certificate is refused: {error}"), is_certificate: true }
        }
        error => Refusal { trouble: format!("there is no TLS with the server: {error}"), is_certificate: false },
    }
}
