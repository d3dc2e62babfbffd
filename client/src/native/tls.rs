//! The certificates that TLS accepts, and which of its failures are permanent.

use std::error::Error;
use std::io;

use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Returns settings that accept the system's certificate authorities, and those in the file that
/// `SSL_CERT_FILE` names. If there are none, the usual authorities of the web are accepted.
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

/// Why TLS with a server failed.
pub(super) struct Refusal {
    /// For people.
    pub(super) message: String,
    /// True if the certificate is invalid, which is so for every transport.
    pub(super) is_certificate: bool,
}

/// Returns the TLS failure that caused an error, if there is one.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<Refusal> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(explain(error));
        }
        // `io::Error::source` skips the error that it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn explain(error: &rustls::Error) -> Refusal {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Refusal {
            message: "the server's certificate is of an authority that this system does not know. Name a file with its certificate in SSL_CERT_FILE."
                .to_owned(),
            is_certificate: true,
        },
        rustls::Error::InvalidCertificate(error) => {
            Refusal { message: format!("the server's certificate is refused: {error}"), is_certificate: true }
        }
        error => Refusal { message: format!("there is no TLS with the server: {error}"), is_certificate: false },
    }
}
