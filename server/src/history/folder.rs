//! The data folder: created private, locked for one server, and checked again with each commit.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{OpenError, WriteError};

/// The database's file name.
pub(super) const DATABASE: &str = "crier.db";
/// The name that SQLite gives its write-ahead log.
const WAL: &str = "crier.db-wal";

/// The data folder, locked until this is dropped. Two servers on one folder would each believe to be its only writer.
pub(super) struct Folder {
    /// Absolute: SQLite takes a path that begins with `file:` for a URI.
    path: PathBuf,
    locks: (File, Option<File>),
}

impl Drop for Folder {
    /// Unlocks explicitly. A child process that has not reached its `exec` still holds copies of the files, and so the locks.
    fn drop(&mut self) {
        let _ = self.locks.0.unlock();
        let _ = self.locks.1.as_ref().map(File::unlock);
    }
}

impl Folder {
    /// Locks the folder. A new one, and a new database, can be read by their owner only.
    pub(super) fn lock(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { folder: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let path = folder.canonicalize().map_err(failed)?;
        // Both: a lock file can be removed while the server runs, and some network file systems cannot lock a folder.
        let in_use = || OpenError::InUse(folder.to_owned());
        let itself = match File::open(&path).map(|itself| (itself.try_lock(), itself)).map_err(failed)? {
            (Ok(()), itself) => Some(itself),
            (Err(TryLockError::WouldBlock), _) => return Err(in_use()),
            (Err(TryLockError::Error(_)), _) => None,
        };
        let file = private().create(true).truncate(false).open(path.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use()),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // SQLite creates its other files with the permissions of this one.
        match private().create_new(true).open(path.join(DATABASE)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => warn_if_readable(&path),
        }
        Ok(Self { path, locks: (file, itself) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    pub(super) fn wal(&self) -> PathBuf {
        self.path.join(WAL)
    }
}

fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).mode(0o600);
    options
}

/// Older versions left the folder readable for all users. The operator may have meant that, so it is not changed.
fn warn_if_readable(folder: &Path) {
    let is_readable = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.mode() & 0o004 != 0);
    if is_readable(folder) && is_readable(&folder.join(DATABASE)) {
        tracing::warn!("every user of this machine can read {0}; `chmod 700 {0}` ends that", folder.display());
    }
}

/// The database's files as they were when it was opened: paths with device and inode.
pub(super) struct Files([(PathBuf, (u64, u64)); 2]);

impl Files {
    /// The files of an open database.
    pub(super) fn of(folder: &Folder) -> Result<Self, OpenError> {
        let find = |path: PathBuf| {
            let inode = inode(&path).map_err(|source| OpenError::Folder { folder: folder.path.clone(), source })?;
            Ok::<_, OpenError>((path, inode))
        };
        Ok(Self([find(folder.database())?, find(folder.wal())?]))
    }

    /// Fails if a file was removed, moved or replaced: the next start would not find what is written to it.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        let gone = self.0.iter().find(|(path, opened)| !inode(path).is_ok_and(|inode| inode == *opened));
        gone.map_or(Ok(()), |(path, _)| Err(WriteError::Gone(path.clone())))
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}
