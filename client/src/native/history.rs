//! Reading a room's history.

use protocol::{ErrorCode, Gap, Position};

use super::failure::Failure;
use super::http::Answer;

/// Which part of a room's history to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// The newest entries.
    #[default]
    Latest,
    /// The entries older than a position: [`protocol::MessagesPage::before`] of a page.
    Before(Position),
    /// The entries after a position: [`protocol::MessagesPage::position`] of a page.
    After(Position),
}

impl Page {
    /// Returns the page's query, with at most `limit` entries.
    pub(super) fn query(self, limit: usize) -> String {
        match self {
            Self::Latest => format!("limit={limit}"),
            Self::Before(position) => format!("before={position}&limit={limit}"),
            Self::After(position) => format!("after={position}&limit={limit}"),
        }
    }
}

/// Why a page of history could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The history does not continue from the position: entries have expired, or the log is another
    /// one. Read on after [`Gap::resumes`].
    #[error("the history does not continue from this position ({:?}); it goes on after {}", .0.reason, .0.resumes)]
    Gap(Gap),
    /// The server refused the request.
    #[error("{detail}")]
    Refused {
        /// Why.
        code: ErrorCode,
        /// The server's explanation, for people.
        detail: String,
    },
    /// There was no answer of a Crier server.
    #[error("{0}")]
    Failed(Failure),
    /// No answer came in time.
    #[error("no answer in time")]
    TimedOut,
}

impl HistoryError {
    /// True if the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Gap(_) => false,
            Self::Refused { code, .. } => code.is_temporary(),
            Self::Failed(failure) => failure.is_temporary(),
            Self::TimedOut => true,
        }
    }
}

/// Returns the value of an answer.
pub(super) fn read<T>(answer: Answer<T>) -> Result<T, HistoryError> {
    answer.map_err(|(failure, problem)| match problem {
        Some(problem) => match problem.gap {
            Some(gap) => HistoryError::Gap(gap),
            None => HistoryError::Refused { code: problem.code, detail: problem.detail.unwrap_or(problem.title) },
        },
        None => HistoryError::Failed(failure),
    })
}
