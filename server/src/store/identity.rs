//! Detects that the data folder is a copy, or was restored from one. The log then gets a new epoch.
//!
//! A copy has the same bytes, but other inodes. The database stores a *fingerprint*: the inodes and
//! creation times of the database and of the *anchor*, an empty file. The anchor is replaced at
//! each start, every ten minutes, and at an orderly end. A copy in another place has other inodes.
//! A copy that replaces the original names an anchor that no longer exists, or was overwritten.
//!
//! Not detected: a snapshot of a whole file system, which restores inodes too. The operator must
//! then remove the anchor.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use protocol::Epoch;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::{OpenError, WriteError};
use super::folder::DATABASE;

const ANCHOR_PREFIX: &str = "anchor-";
/// Maximum age of an anchor. After `kill -9`, copies younger than this are not detected.
const ANCHOR_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// The epoch of an open log, and its anchor.
pub(super) struct Identity {
    folder: PathBuf,
    epoch: Epoch,
    /// When this run last replaced the anchor. `None` if it has not: then nothing may be committed.
    anchor_time: Option<Instant>,
}

/// What the folder contains at a start.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// No log.
    New,
    /// The log that was last written in this folder.
    Same,
    /// A log of a version that had no anchors.
    Older,
    /// A copy of a log.
    Copy,
    /// A database without its write-ahead log.
    WithoutWal,
}

impl Identity {
    /// Decides whether the log keeps its epoch or gets `new_epoch`, and logs the reason. Writes
    /// nothing. `had_wal`: true if there was a write-ahead log before the database was opened.
    pub(super) fn determine(connection: &Connection, folder: &Path, had_wal: bool, new_epoch: Epoch) -> Result<Self, OpenError> {
        let last = connection
            .query_row("SELECT epoch, home, open FROM log", [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let (found, last_epoch, open) = match last {
            None => (Found::New, new_epoch, false),
            Some((epoch, fingerprint, open)) => (classify(folder, fingerprint, open, had_wal), Epoch(epoch.cast_unsigned()), open),
        };
        let epoch = if found == Found::Same { last_epoch } else { new_epoch };
        match found {
            Found::New => tracing::info!(%epoch, "a new log begins"),
            Found::Same => tracing::info!(%epoch, "the log continues"),
            Found::Older => tracing::warn!(%epoch, "the log was written by an older version, which could not detect copies. {NEW_EPOCH}"),
            Found::Copy => tracing::warn!(%epoch, "the data folder is a copy, or was restored from one. {NEW_EPOCH}"),
            Found::WithoutWal => tracing::warn!(
                %epoch,
                "crier.db is here without its crier.db-wal, so the newest messages may be missing. {NEW_EPOCH} \
                 To copy a board, stop its server first and copy the whole folder."
            ),
        }
        if open && found != Found::Same {
            check_integrity(connection, folder)?;
        }
        Ok(Self { folder: folder.to_owned(), epoch, anchor_time: None })
    }

    /// Returns the epoch of the log.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Replaces the anchor if it is too old. Called before each commit, so that a copy made before
    /// is never taken for this log.
    pub(super) fn renew_anchor(&mut self, connection: &Connection) -> Result<(), WriteError> {
        if self.anchor_time.is_some_and(|time| time.elapsed() < ANCHOR_TIME_MAX) {
            return Ok(());
        }
        match self.replace_anchor(connection, true) {
            Err(WriteError::Folder(error)) if self.anchor_time.is_some() => {
                tracing::warn!(%error, "the anchor could not be replaced; the current one stays valid");
                self.anchor_time = Some(Instant::now());
                Ok(())
            }
            result => result,
        }
    }

    /// Replaces the anchor, and marks the log as closed in order.
    pub(super) fn close(&mut self, connection: &Connection) -> Result<(), WriteError> {
        self.replace_anchor(connection, false)
    }

    /// Creates an anchor, stores its fingerprint, and removes all other anchors. The stored anchor
    /// exists after every step.
    fn replace_anchor(&mut self, connection: &Connection, open: bool) -> Result<(), WriteError> {
        let anchor = tempfile::Builder::new().prefix(ANCHOR_PREFIX).tempfile_in(&self.folder)?;
        // If this fails and the power is cut, the next start gets a new epoch, which is safe.
        let _ = anchor.as_file().sync_all().and_then(|()| File::open(&self.folder)?.sync_all());
        let name = anchor.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let fingerprint = fingerprint(&self.folder, &name)?;
        let transaction = connection.unchecked_transaction()?;
        let log = params![self.epoch.0.cast_signed(), fingerprint, open];
        if transaction.execute("UPDATE log SET epoch = ?1, home = ?2, open = ?3", log)? == 0 {
            transaction.execute("INSERT INTO log (epoch, home, open) VALUES (?1, ?2, ?3)", log)?;
        }
        transaction.commit()?;
        anchor.keep().map_err(|error| error.error)?;
        self.anchor_time = Some(Instant::now());
        for other in fs::read_dir(&self.folder)?.flatten() {
            if other.file_name().to_string_lossy().starts_with(ANCHOR_PREFIX) && other.file_name() != *name {
                let _ = fs::remove_file(other.path());
            }
        }
        Ok(())
    }
}

const NEW_EPOCH: &str = "It continues with a new epoch: readers who return are told of a gap.";

fn classify(folder: &Path, stored: Option<String>, open: bool, had_wal: bool) -> Found {
    let Some(stored) = stored else { return Found::Older };
    let anchor = stored.split(':').next().unwrap_or_default();
    // After an orderly end no copy has the anchor, so a change of its inode is allowed: containers
    // often start with `chown -R`.
    let is_same = |found: &str| if open { found == stored } else { without_change_time(found) == without_change_time(&stored) };
    match fingerprint(folder, anchor) {
        _ if open && !had_wal => Found::WithoutWal,
        Ok(found) if is_same(&found) => Found::Same,
        _ => Found::Copy,
    }
}

/// Describes the anchor and the database by what a copy does not share: `anchor
/// name:inode:created:database inode:created:time of the anchor's last inode change`. Times are in
/// nanoseconds since 1970.
fn fingerprint(folder: &Path, name: &str) -> io::Result<String> {
    let created = |file: &Metadata| Some(file.created().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos());
    let (anchor, database) = (folder.join(name).symlink_metadata()?, folder.join(DATABASE).metadata()?);
    let changed = i128::from(anchor.ctime()) * 1_000_000_000 + i128::from(anchor.ctime_nsec());
    // Some file systems store no creation time.
    let anchor_created = created(&anchor).map_or(changed.to_string(), |created| created.to_string());
    let database_created = created(&database).unwrap_or_default();
    Ok(format!("{name}:{}:{anchor_created}:{}:{database_created}:{changed}", anchor.ino(), database.ino()))
}

fn without_change_time(fingerprint: &str) -> Option<&str> {
    fingerprint.rsplit_once(':').map(|(rest, _)| rest)
}

/// Fails if the database is damaged: files that were copied while a server wrote to them may not
/// match.
fn check_integrity(connection: &Connection, folder: &Path) -> Result<(), OpenError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    let database = folder.join(DATABASE);
    Err(OpenError::Foreign(format!("{} is damaged; it was copied while a server wrote to it: {verdict}", database.display())))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::schema;
    use super::*;

    fn open(folder: &Path) -> Connection {
        let mut connection = schema::open(&folder.join(DATABASE)).unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    fn determine(folder: &Path, connection: &Connection, new_epoch: u64) -> Identity {
        Identity::determine(connection, folder, true, Epoch(new_epoch)).unwrap()
    }

    fn anchors(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(ANCHOR_PREFIX)).collect()
    }

    #[test]
    fn keeps_the_first_epoch() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        for (new_epoch, ends) in [(u64::MAX, true), (1, false), (2, false), (3, true), (4, true)] {
            let mut identity = determine(folder.path(), &connection, new_epoch);
            assert_eq!(identity.epoch(), Epoch(u64::MAX));
            identity.renew_anchor(&connection).unwrap();
            if ends {
                identity.close(&connection).unwrap();
            }
            assert_eq!(anchors(folder.path()).len(), 1);
        }
    }

    #[test]
    fn keeps_the_epoch_after_a_power_cut_while_the_anchor_is_replaced() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        determine(folder.path(), &connection, 1).renew_anchor(&connection).unwrap();
        // The new anchor is not yet stored, or the old one is not yet removed.
        File::create(folder.path().join("anchor-other")).unwrap();
        let mut identity = determine(folder.path(), &connection, 2);
        assert_eq!(identity.epoch(), Epoch(1));
        identity.renew_anchor(&connection).unwrap();
        assert_eq!(anchors(folder.path()).len(), 1);
    }

    #[test]
    fn fails_to_commit_until_the_anchor_is_stored() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        let mut identity = determine(folder.path(), &connection, 1);
        connection.execute_batch("PRAGMA query_only = ON").unwrap();
        for _ in 0..2 {
            assert!(identity.renew_anchor(&connection).is_err());
            assert_eq!(anchors(folder.path()).len(), 0);
        }
        connection.execute_batch("PRAGMA query_only = OFF").unwrap();
        identity.renew_anchor(&connection).unwrap();
        assert_eq!(anchors(folder.path()).len(), 1);
    }

    #[test]
    fn replaces_an_old_anchor_and_keeps_it_if_that_fails() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        let mut identity = determine(folder.path(), &connection, 1);
        identity.renew_anchor(&connection).unwrap();
        let first = anchors(folder.path());
        identity.renew_anchor(&connection).unwrap();
        assert_eq!(anchors(folder.path()), first);
        let long_ago = Instant::now().checked_sub(ANCHOR_TIME_MAX);
        identity.anchor_time = long_ago;
        identity.renew_anchor(&connection).unwrap();
        assert_ne!(anchors(folder.path()), first);
        // If no new file can be created, the current anchor stays valid.
        identity.anchor_time = long_ago;
        identity.folder = folder.path().join("gone");
        identity.renew_anchor(&connection).unwrap();
        assert_eq!(determine(folder.path(), &connection, 2).epoch(), Epoch(1));
    }

    #[test]
    fn gives_a_log_without_an_anchor_a_new_epoch() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        connection.execute("INSERT INTO log (epoch) VALUES (7)", []).unwrap();
        assert_eq!(determine(folder.path(), &connection, 1).epoch(), Epoch(1));
    }

    #[test]
    fn gives_a_log_whose_anchor_was_removed_a_new_epoch() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        let mut identity = determine(folder.path(), &connection, 1);
        identity.renew_anchor(&connection).unwrap();
        identity.close(&connection).unwrap();
        fs::remove_file(folder.path().join(&anchors(folder.path())[0])).unwrap();
        assert_eq!(determine(folder.path(), &connection, 2).epoch(), Epoch(2));
    }
}
