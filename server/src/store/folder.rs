//! The data folder: private to its owner, locked by one server, and checked after each commit.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::{OpenError, WriteError};

/// The database's file name.
pub(super) const DATABASE: &str = "crier.db";
/// The name that SQLite gives its write-ahead log.
const WAL: &str = "crier.db-wal";

/// The data folder, locked until this is dropped. Each folder has one writer.
pub(super) struct Folder {
    /// Absolute, because SQLite reads a path that begins with `file:` as a URI.
    path: PathBuf,
    locks: (File, Option<File>),
}

impl Drop for Folder {
    /// Unlocks explicitly: a child process before its `exec` holds copies of the files, and so of
    /// the locks.
    fn drop(&mut self) {
        let _ = self.locks.0.unlock();
        let _ = self.locks.1.as_ref().map(File::unlock);
    }
}

impl Folder {
    /// Locks the folder. Creates it and an empty database if they are missing, readable by their
    /// owner only.
    pub(super) fn lock(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { folder: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let path = folder.canonicalize().map_err(failed)?;
        // Locks the folder and a file in it: the file can be removed, and some network file systems
        // cannot lock a folder.
        let in_use = || OpenError::InUse(folder.to_owned());
        let locked_folder = match File::open(&path).map(|folder| (folder.try_lock(), folder)).map_err(failed)? {
            (Ok(()), folder) => Some(folder),
            (Err(TryLockError::WouldBlock), _) => return Err(in_use()),
            (Err(TryLockError::Error(_)), _) => None,
        };
        let file = private().create(true).truncate(false).open(path.join("lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use()),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // SQLite gives its other files the permissions of the database.
        match private().create_new(true).open(path.join(DATABASE)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => warn_if_readable(&path),
        }
        Ok(Self { path, locks: (file, locked_folder) })
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

/// Warns about a folder of an older version, which all users could read. It is not changed, because
/// that may be intended.
fn warn_if_readable(folder: &Path) {
    let is_readable = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.mode() & 0o004 != 0);
    if is_readable(folder) && is_readable(&folder.join(DATABASE)) {
        tracing::warn!("every user of this machine can read {0}. To change that, run `chmod 700 {0}`", folder.display());
    }
}

/// The files of an open database: their paths, devices and inodes.
pub(super) struct DatabaseFiles([(PathBuf, (u64, u64)); 2]);

impl DatabaseFiles {
    /// Finds the files of a database that was just opened.
    pub(super) fn find(folder: &Folder) -> Result<Self, OpenError> {
        let identify = |path: PathBuf| {
            let inode = inode(&path).map_err(|source| OpenError::Folder { folder: folder.path.clone(), source })?;
            Ok::<_, OpenError>((path, inode))
        };
        Ok(Self([identify(folder.database())?, identify(folder.wal())?]))
    }

    /// Fails if a file was removed, moved or replaced. The next start would not find what is
    /// written to it.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        let gone = self.0.iter().find(|(path, opened)| !inode(path).is_ok_and(|inode| inode == *opened));
        gone.map_or(Ok(()), |(path, _)| Err(WriteError::Gone(path.clone())))
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}
