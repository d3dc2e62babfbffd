//! What can fail in the store.

use std::path::PathBuf;

use rusqlite::ffi;

/// Why the history cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be created or used.
    #[error("can't use the folder {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another server has the folder open.
    #[error("the folder {} is in use by another crier", .0.display())]
    InUse(PathBuf),
    /// The file is not a history, is damaged, or was written by a newer version. It is left
    /// unchanged.
    #[error("{0}")]
    Foreign(String),
    /// An error of SQLite.
    #[error("can't open the history")]
    Sqlite(#[from] rusqlite::Error),
    /// The disk does not store what is written.
    #[error("the history can't be used")]
    Unsafe(#[source] WriteError),
}

/// Why the history cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// An error of SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The data folder cannot be written.
    #[error(transparent)]
    Folder(#[from] std::io::Error),
    /// A file of the database was moved or removed. What is written to it would be lost.
    #[error("{} was removed, moved or replaced while the server ran", .0.display())]
    Gone(PathBuf),
    /// The writer panicked. The log has the place.
    #[error("the history's writer panicked, which is a fault of crier")]
    Panicked,
}

impl WriteError {
    /// True if the writer must stop. After a failed fsync the kernel may have dropped the pages
    /// that it could not write, so a retry could succeed although the data is gone ("fsyncgate",
    /// 2018).
    pub(super) fn is_final(&self) -> bool {
        let code = match self {
            Self::Gone(_) | Self::Panicked => return true,
            Self::Folder(_) => return false,
            Self::Sqlite(error) => error.sqlite_error().map(|error| error.extended_code),
        };
        matches!(code, Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC | ffi::SQLITE_CORRUPT))
    }
}

/// The history cannot be read at the moment. The log has the cause.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the history can't be read")]
pub struct ReadError;
