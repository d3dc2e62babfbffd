//! The identity of a log: it keeps its epoch only if it is certainly the log that this folder had last.
//!
//! A copy of the folder has the same bytes, but other inodes. So the database stores the inode and the time of birth of two files:
//! itself and the *anchor*, an empty file. The anchor is replaced at each start, every ten minutes, and at an orderly end. A copy
//! in another place has other inodes. A copy that is put back over the original names an anchor that is gone, or was overwritten.
//!
//! Not detected: a snapshot of a whole file system, which restores the inodes too. The operator then removes the anchor.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use protocol::Epoch;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::folder::DATABASE;
use super::{OpenError, WriteError};

const ANCHOR_PREFIX: &str = "anchor-";
/// How long an anchor is used. A shorter time detects younger copies after `kill -9`.
const ANCHOR_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// The epoch of an open log, and its anchor.
pub(super) struct Identity {
    folder: PathBuf,
    epoch: Epoch,
    /// When this run last replaced the anchor. `None`: nothing may be committed yet.
    anchored: Option<Instant>,
}

/// What a start finds in the folder.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    New,
    Same,
    /// The log of a version that had no anchors.
    Older,
    Copy,
    /// A database without the write-ahead log that belongs to it.
    WithoutWal,
}

impl Identity {
    /// Decides whether the log keeps its epoch or takes `fresh`, and logs the reason. Writes nothing.
    /// `had_wal`: true if there was a write-ahead log before the database was opened.
    pub(super) fn find(connection: &Connection, folder: &Path, had_wal: bool, fresh: Epoch) -> Result<Self, OpenError> {
        let last = connection
            .query_row("SELECT epoch, home, open FROM log", [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let (found, last, open) = match last {
            None => (Found::New, fresh, false),
            Some((epoch, home, open)) => (classify(folder, home, open, had_wal), Epoch(epoch.cast_unsigned()), open),
        };
        let epoch = if found == Found::Same { last } else { fresh };
        match found {
            Found::New => tracing::info!(%epoch, "a new log begins"),
            Found::Same => tracing::info!(%epoch, "the log goes on"),
            Found::Older => tracing::warn!(%epoch, "the log was written by an older version, which could not detect copies. {NEW_EPOCH}"),
            Found::Copy => tracing::warn!(%epoch, "the data folder is a copy, or was restored from one. {NEW_EPOCH}"),
            Found::WithoutWal => tracing::warn!(
                %epoch,
                "crier.db is here without its crier.db-wal, so the newest messages may be missing. {NEW_EPOCH} \
                 To copy a board, stop its server first and copy the whole folder."
            ),
        }
        if open && found != Found::Same {
            check_whole(connection, folder)?;
        }
        Ok(Self { folder: folder.to_owned(), epoch, anchored: None })
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// To be called before each commit. Replaces the anchor if it is due, so that an older copy can't be taken for this log.
    pub(super) fn settle(&mut self, connection: &Connection) -> Result<(), WriteError> {
        if self.anchored.is_some_and(|anchored| anchored.elapsed() < ANCHOR_TIME_MAX) {
            return Ok(());
        }
        match self.anchor(connection, true) {
            Err(WriteError::Folder(error)) if self.anchored.is_some() => {
                tracing::warn!(%error, "the anchor could not be replaced; the current one stays valid");
                self.anchored = Some(Instant::now());
                Ok(())
            }
            result => result,
        }
    }

    /// Marks the log as closed in good order.
    pub(super) fn close(&mut self, connection: &Connection) -> Result<(), WriteError> {
        self.anchor(connection, false)
    }

    /// Creates a new anchor, stores it in the database, removes all others. The stored anchor exists after every step.
    fn anchor(&mut self, connection: &Connection, open: bool) -> Result<(), WriteError> {
        let anchor = tempfile::Builder::new().prefix(ANCHOR_PREFIX).tempfile_in(&self.folder)?;
        // If this fails and the power is cut, the next start takes a new epoch, which is safe.
        let _ = anchor.as_file().sync_all().and_then(|()| File::open(&self.folder)?.sync_all());
        let name = anchor.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let home = home(&self.folder, &name)?;
        let transaction = connection.unchecked_transaction()?;
        let log = params![self.epoch.0.cast_signed(), home, open];
        if transaction.execute("UPDATE log SET epoch = ?1, home = ?2, open = ?3", log)? == 0 {
            transaction.execute("INSERT INTO log (epoch, home, open) VALUES (?1, ?2, ?3)", log)?;
        }
        transaction.commit()?;
        anchor.keep().map_err(|error| error.error)?;
        self.anchored = Some(Instant::now());
        for other in fs::read_dir(&self.folder)?.flatten() {
            if other.file_name().to_string_lossy().starts_with(ANCHOR_PREFIX) && other.file_name() != *name {
                let _ = fs::remove_file(other.path());
            }
        }
        Ok(())
    }
}

const NEW_EPOCH: &str = "It goes on under a new epoch: readers who come back are told of a gap.";

fn classify(folder: &Path, known: Option<String>, open: bool, had_wal: bool) -> Found {
    let Some(known) = known else { return Found::Older };
    let name = known.split(':').next().unwrap_or_default();
    // After an orderly end no copy has the anchor, so it may have been touched since: containers often start with `chown -R`.
    let same = |home: &str| if open { home == known } else { untouched(home) == untouched(&known) };
    match home(folder, name) {
        _ if open && !had_wal => Found::WithoutWal,
        Ok(home) if same(&home) => Found::Same,
        _ => Found::Copy,
    }
}

/// Describes the anchor and the database by what a copy does not share. Comes last: when the anchor's inode was last changed.
fn home(folder: &Path, name: &str) -> io::Result<String> {
    let born = |file: &Metadata| Some(file.created().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos());
    let (anchor, database) = (folder.join(name).symlink_metadata()?, folder.join(DATABASE).metadata()?);
    let touched = i128::from(anchor.ctime()) * 1_000_000_000 + i128::from(anchor.ctime_nsec());
    // Some file systems store no time of birth.
    let anchor_born = born(&anchor).map_or(touched.to_string(), |born| born.to_string());
    let database_born = born(&database).unwrap_or_default();
    Ok(format!("{name}:{}:{anchor_born}:{}:{database_born}:{touched}", anchor.ino(), database.ino()))
}

fn untouched(home: &str) -> Option<&str> {
    home.rsplit_once(':').map(|(files, _)| files)
}

/// Fails if the database is damaged: files that were copied while a server wrote to them may not match.
fn check_whole(connection: &Connection, folder: &Path) -> Result<(), OpenError> {
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

    fn find_in(folder: &Path, connection: &Connection, fresh: u64) -> Identity {
        Identity::find(connection, folder, true, Epoch(fresh)).unwrap()
    }

    fn anchors(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(ANCHOR_PREFIX)).collect()
    }

    #[test]
    fn the_epoch_is_drawn_once() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        for (fresh, ends) in [(u64::MAX, true), (1, false), (2, false), (3, true), (4, true)] {
            let mut identity = find_in(folder.path(), &connection, fresh);
            assert_eq!(identity.epoch(), Epoch(u64::MAX));
            identity.settle(&connection).unwrap();
            if ends {
                identity.close(&connection).unwrap();
            }
            assert_eq!(anchors(folder.path()).len(), 1);
        }
    }

    #[test]
    fn a_power_cut_while_the_anchor_is_made_changes_nothing() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        find_in(folder.path(), &connection, 1).settle(&connection).unwrap();
        // The database did not come to know the new one, or the old one was not yet removed: both look like this.
        File::create(folder.path().join("anchor-other")).unwrap();
        let mut identity = find_in(folder.path(), &connection, 2);
        assert_eq!(identity.epoch(), Epoch(1));
        identity.settle(&connection).unwrap();
        assert_eq!(anchors(folder.path()).len(), 1);
    }

    #[test]
    fn nothing_is_committed_before_the_anchor_is_known() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        let mut identity = find_in(folder.path(), &connection, 1);
        connection.execute_batch("PRAGMA query_only = ON").unwrap();
        for _ in 0..2 {
            assert!(identity.settle(&connection).is_err());
            assert_eq!(anchors(folder.path()).len(), 0);
        }
        connection.execute_batch("PRAGMA query_only = OFF").unwrap();
        identity.settle(&connection).unwrap();
        assert_eq!(anchors(folder.path()).len(), 1);
    }

    #[test]
    fn a_long_run_makes_its_anchor_anew() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        let mut identity = find_in(folder.path(), &connection, 1);
        identity.settle(&connection).unwrap();
        let first = anchors(folder.path());
        identity.settle(&connection).unwrap();
        assert_eq!(anchors(folder.path()), first);
        let long_ago = Instant::now().checked_sub(ANCHOR_TIME_MAX);
        identity.anchored = long_ago;
        identity.settle(&connection).unwrap();
        assert_ne!(anchors(folder.path()), first);
        // In a folder that takes no new file the current one stays valid.
        identity.anchored = long_ago;
        identity.folder = folder.path().join("gone");
        identity.settle(&connection).unwrap();
        assert_eq!(find_in(folder.path(), &connection, 2).epoch(), Epoch(1));
    }

    #[test]
    fn a_log_of_a_version_that_could_not_tell_a_copy_takes_a_new_epoch() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        connection.execute("INSERT INTO log (epoch) VALUES (7)", []).unwrap();
        assert_eq!(find_in(folder.path(), &connection, 1).epoch(), Epoch(1));
    }

    #[test]
    fn a_removed_anchor_is_a_new_epoch() {
        let folder = TempDir::new().unwrap();
        let connection = open(folder.path());
        let mut identity = find_in(folder.path(), &connection, 1);
        identity.settle(&connection).unwrap();
        identity.close(&connection).unwrap();
        fs::remove_file(folder.path().join(&anchors(folder.path())[0])).unwrap();
        assert_eq!(find_in(folder.path(), &connection, 2).epoch(), Epoch(2));
    }
}
