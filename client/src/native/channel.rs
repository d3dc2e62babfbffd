//! What channels say to the driver.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use protocol::{ErrorCode, MessagesPage, Problem, ServerFrame};

use super::tls;

/// Something that is to come.
pub(super) type Coming<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What was heard of a channel.
pub(super) enum ChannelEvent {
    Opened,
    Frame(Option<ServerFrame>),
    Comment,
    Page(MessagesPage),
    /// The server has no page for now, and says why.
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
    /// In words for people.
    pub(super) trouble: String,
    /// Whether it is one that asking again in the same way does not change.
    pub(super) is_refusal: bool,
    /// Whether it is so for more than this transport: a Crier said so, or is not who it should be.
    pub(super) is_final: bool,
}

impl Failure {
    pub(super) fn of(trouble: &(impl ToString + ?Sized)) -> Self {
        Self { trouble: trouble.to_string(), is_refusal: false, is_final: false }
    }

    /// What a library says. The innermost cause says it best; what is around it are the layers of the library.
    pub(super) fn of_error(error: &(dyn Error + 'static)) -> Self {
        if let Some(refusal) = tls::refusal(error) {
            return Self { trouble: refusal.trouble, is_refusal: true, is_final: refusal.is_certificate };
        }
        let mut cause = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::of(cause)
    }

    /// An answer that is not the one that was wanted.
    pub(super) fn of_answer(status: u16, phrase: &str, body: &[u8]) -> Self {
        let problem = std::str::from_utf8(body).ok().and_then(Problem::read);
        let is_refusal = (300..500).contains(&status) && !matches!(status, 408 | 425 | 429);
        // A proxy may have forwarded a handshake without its upgrade: what is left of that is malformed, and a plain request
        // may do well.
        let is_general = |problem: &Problem| problem.code != ErrorCode::RequestInvalid && !problem.code.is_temporary();
        let is_final = is_refusal && problem.as_ref().is_some_and(is_general);
        let title = problem.map(|problem| format!(": {}", problem.title)).unwrap_or_default();
        Self { trouble: format!("the server answered {status} {phrase}{title}"), is_refusal, is_final }
    }
}
