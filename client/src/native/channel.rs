//! What the channels of all transports report to the driver.

use std::error::Error;

use protocol::{ErrorCode, MessagesPage, Problem, ServerFrame};

use super::tls;

pub(super) enum ChannelEvent {
    Opened,
    /// `None` for a frame that is not known.
    Frame(Option<ServerFrame>),
    Comment,
    Page(MessagesPage),
    /// The server has no page now: there is a gap, or it is busy.
    NoPage(Problem),
    Closed {
        code: u16,
        reason: String,
    },
    Failed(Failure),
}

/// Why a channel could not be opened, or broke.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// For people.
    pub(super) message: String,
    /// True if the same attempt would fail again.
    pub(super) is_permanent: bool,
    /// True if it would fail with every transport: a Crier server refused it, or the certificate is
    /// invalid.
    pub(super) is_for_all_transports: bool,
}

impl Failure {
    pub(super) fn new(message: &(impl ToString + ?Sized)) -> Self {
        Self { message: message.to_string(), is_permanent: false, is_for_all_transports: false }
    }

    /// Describes a library's error by its innermost cause. The outer ones only name layers.
    pub(super) fn from_error(error: &(dyn Error + 'static)) -> Self {
        if let Some(refusal) = tls::refusal(error) {
            return Self { message: refusal.message, is_permanent: true, is_for_all_transports: refusal.is_certificate };
        }
        let mut cause = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::new(cause)
    }

    /// Describes an HTTP answer with another status than the one that was expected.
    pub(super) fn from_answer(status: u16, phrase: &str, body: &[u8]) -> Self {
        let problem = std::str::from_utf8(body).ok().and_then(Problem::read);
        let is_permanent = (300..500).contains(&status) && !matches!(status, 408 | 425 | 429);
        // A proxy may forward a handshake without its upgrade. Crier then refuses it as malformed,
        // but a plain request may succeed.
        let is_general = |problem: &Problem| problem.code != ErrorCode::RequestInvalid && !problem.code.is_temporary();
        let is_for_all_transports = is_permanent && problem.as_ref().is_some_and(is_general);
        let title = problem.map(|problem| format!(": {}", problem.title)).unwrap_or_default();
        Self { message: format!("the server answered {status} {phrase}{title}"), is_permanent, is_for_all_transports }
    }
}
