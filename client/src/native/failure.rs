//! Why attempts, sessions and requests fail.

use std::error::Error;
use std::{io, iter};

use protocol::{Disconnect, ErrorCode, Problem};
use rustls::CertificateError;

/// Why an attempt to connect, a session or a request failed. The text is for people,
/// [`Failure::kind`] for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: FailureKind,
    message: String,
}

/// A kind of [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// There is no connection to the server: its name is unknown, nothing listens on its port, or
    /// there is no way to it.
    NoServer,
    /// There is no connection to the proxy that the environment sets.
    NoProxy,
    /// The proxy does not connect to the server.
    ProxyRefused {
        /// The HTTP status. `None` if the proxy speaks SOCKS.
        status: Option<u16>,
    },
    /// The proxy wants another user and password.
    ProxyPassword,
    /// The server's certificate is invalid, or of an unknown authority.
    Certificate,
    /// The server does not speak TLS, or no version of it that is safe.
    Tls,
    /// The answer is not one of a Crier server: the URL is wrong, or something on the way answered.
    NotCrier {
        /// The HTTP status.
        status: u16,
    },
    /// The server refused with this code.
    Refused(ErrorCode),
    /// The server closed the connection with this WebSocket close code.
    Closed {
        /// The close code.
        code: u16,
    },
    /// The server does not answer in time.
    NoAnswer,
    /// The connection broke.
    Broken,
    /// The program dropped the subscription.
    Dropped,
    /// The system has no random numbers.
    Random,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Returns what kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// True if the same attempt may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self.kind {
            FailureKind::NoServer
            | FailureKind::NoProxy
            | FailureKind::ProxyRefused { status: None }
            | FailureKind::NoAnswer
            | FailureKind::Broken => true,
            FailureKind::ProxyPassword | FailureKind::Certificate | FailureKind::Tls | FailureKind::Dropped | FailureKind::Random => false,
            FailureKind::NotCrier { status } | FailureKind::ProxyRefused { status: Some(status) } => {
                !(300..500).contains(&status) || matches!(status, 408 | 425 | 429)
            }
            FailureKind::Refused(code) => code.is_temporary(),
            FailureKind::Closed { code } => Disconnect::should_reconnect(code),
        }
    }

    /// True if every transport would fail in the same way.
    pub(super) fn is_for_all_transports(&self) -> bool {
        match self.kind {
            // A proxy may forward a handshake without its upgrade. Crier then refuses it as
            // malformed, but a plain request may succeed.
            FailureKind::Refused(code) => code != ErrorCode::RequestInvalid && !code.is_temporary(),
            FailureKind::Certificate | FailureKind::ProxyPassword => true,
            _ => false,
        }
    }

    /// True if the board says that the program may not read the room, over no transport.
    pub(super) fn ends_access(&self) -> bool {
        matches!(self.kind, FailureKind::Refused(ErrorCode::NotFound | ErrorCode::AccessKeyUnknown))
    }

    /// Describes a library's error by its innermost cause. The outer ones only name layers.
    pub(super) fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut innermost = error;
        for cause in causes(error) {
            if let Some(failure) = cause.downcast_ref::<Self>() {
                return failure.clone();
            }
            if let Some(error) = cause.downcast_ref::<rustls::Error>() {
                return Self::from_tls(error);
            }
            innermost = cause;
        }
        Self::new(FailureKind::Broken, innermost.to_string())
    }

    fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Self::new(
                FailureKind::Certificate,
                "the server's certificate is of an authority that this system does not know. Name a file with its certificate in SSL_CERT_FILE.",
            ),
            rustls::Error::InvalidCertificate(error) => {
                Self::new(FailureKind::Certificate, format!("the server's certificate is refused: {error}"))
            }
            error => Self::new(FailureKind::Tls, format!("there is no TLS with the server: {error}")),
        }
    }

    /// Describes an HTTP answer with another status than the one that was expected.
    pub(super) fn from_answer(status: u16, phrase: &str, problem: Option<&Problem>) -> Self {
        let title = problem.map(|problem| format!(": {}", problem.title)).unwrap_or_default();
        let kind = problem.map_or(FailureKind::NotCrier { status }, |problem| FailureKind::Refused(problem.code));
        Self::new(kind, format!("the server answered {status} {phrase}{title}"))
    }

    /// Describes an answer that there is nothing now.
    pub(super) fn busy(problem: &Problem) -> Self {
        Self::new(FailureKind::Refused(problem.code), problem.title.clone())
    }

    /// Describes the end of a session by the server.
    pub(super) fn closed(code: u16, reason: &str) -> Self {
        let colon = if reason.is_empty() { "" } else { ": " };
        Self::new(FailureKind::Closed { code }, format!("the server closed the connection with {code}{colon}{reason}"))
    }
}

/// Returns an error and its causes, the outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        // `io::Error::source` skips the error that it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// A subscription has ended for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscription has ended: {failure}")]
#[non_exhaustive]
pub struct Ended {
    /// Why.
    pub failure: Failure,
}

/// Why a [`super::Board`] could not be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a Crier server.
    #[error("{0:?} is not the address of a server: it must be like http://localhost:5000")]
    Url(String),
    /// The URL has a user or a password, which would not be sent. The sentence does not repeat it.
    #[error("the server's address has a user or password, which would not be sent. Remove them.")]
    Password,
    /// The system has no random numbers, so keys would not be unique.
    #[error("the system gives no random numbers")]
    Random,
    /// The access key is malformed. The sentence does not repeat it.
    #[error("an access key begins with crk_ and has no spaces")]
    AccessKey,
}
