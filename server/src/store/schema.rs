//! The database file: opens it, and brings an older one up to date.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use protocol::RoomName;
use rusqlite::{Connection, OpenFlags, params};

use super::error::OpenError;

/// "Crie" in ASCII. Marks the file as a history of crier, so that the database of another program
/// is never changed.
const APPLICATION_ID: i32 = 0x4372_6965;
/// In older releases two connections could lose data when the write-ahead log was reset
/// (sqlite.org/wal.html).
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Maximum time that a statement waits for another process, such as a backup.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// With FULL a commit is on disk when it returns; with NORMAL a power cut loses acknowledged
/// messages.
pub(super) const SYNC_COMMITS: &str = "PRAGMA synchronous = FULL";
/// Prepared statements that a connection caches.
const CACHED_STATEMENTS_MAX: usize = 64;
/// Size of the write-ahead log when SQLite copies it into the database: a header, and 1,000 pages
/// of 4 KiB with a header each.
const WAL_BYTES: u64 = 32 + 1000 * (24 + 4096);

/// Each step migrates a database from version `index` to `index + 1`. Steps are added, never
/// changed.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE log (epoch INTEGER NOT NULL) STRICT;
    -- `first`: entries up to this offset have expired. `latest`: the newest offset.
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        first INTEGER NOT NULL,
        latest INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        room INTEGER NOT NULL REFERENCES rooms (id),
        offset INTEGER NOT NULL,
        time INTEGER NOT NULL,
        author TEXT NOT NULL,
        text TEXT NOT NULL,
        key TEXT,
        raw TEXT,
        PRIMARY KEY (room, offset)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX messages_by_key ON messages (room, key) WHERE key IS NOT NULL;
",
    "
    -- `bytes`: size of all messages of a room.
    ALTER TABLE rooms ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE rooms SET bytes = (
        SELECT coalesce(sum(octet_length(author) + octet_length(text) + coalesce(octet_length(key), 0) + coalesce(octet_length(raw), 0)), 0)
        FROM messages WHERE room = rooms.id
    );
",
    "
    -- A publish inserts a message and updates no row, so a commit writes one page less. A room's
    -- newest offset is that of its newest message, or `first` if it has none. `total`: bytes of all
    -- messages of the room up to this one. `gone`: bytes of all messages that have expired.
    CREATE TABLE messages_with_total (
        room INTEGER NOT NULL REFERENCES rooms (id),
        offset INTEGER NOT NULL,
        total INTEGER NOT NULL,
        time INTEGER NOT NULL,
        author TEXT NOT NULL,
        text TEXT NOT NULL,
        key TEXT,
        raw TEXT,
        PRIMARY KEY (room, offset)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO messages_with_total
        SELECT room, offset,
            sum(octet_length(author) + octet_length(text) + coalesce(octet_length(key), 0) + coalesce(octet_length(raw), 0))
                OVER (PARTITION BY room ORDER BY offset),
            time, author, text, key, raw
        FROM messages ORDER BY room, offset;
    DROP TABLE messages;
    ALTER TABLE messages_with_total RENAME TO messages;
    CREATE UNIQUE INDEX messages_by_key ON messages (room, key) WHERE key IS NOT NULL;
    ALTER TABLE rooms DROP COLUMN latest;
    ALTER TABLE rooms DROP COLUMN bytes;
    ALTER TABLE rooms ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
    CREATE VIEW heads AS
        SELECT id, name, first, coalesce(newest.offset, first) AS latest, gone, coalesce(newest.total, gone) AS total
        FROM rooms LEFT JOIN messages AS newest
            ON newest.room = id AND newest.offset = (SELECT max(offset) FROM messages WHERE room = id);
",
    "
    -- `floor`: no room that is missing in `rooms` ever had an entry after this offset.
    ALTER TABLE log ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
",
    "
    -- `home`: the fingerprint of the files, see `identity`.
    -- `open`: 1 while a server uses the database.
    ALTER TABLE log ADD COLUMN home TEXT;
    ALTER TABLE log ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
",
    "
    -- The trusted time: at most one row, in milliseconds since 1970. An older database starts with
    -- the time of its newest message.
    CREATE TABLE clock (time INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;
    INSERT INTO clock SELECT max(messages.time), 0 FROM heads JOIN messages ON room = id AND offset = latest HAVING count(*) > 0;
",
    "
    -- `secrets`: by which identities get their tags.
    CREATE TABLE secrets (name TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT, WITHOUT ROWID;
    -- `hash`: the SHA-256 of the secret; `id`: its first 32 bits. `by`: the key that created it.
    CREATE TABLE access_keys (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL,
        rights TEXT NOT NULL,
        rooms TEXT NOT NULL,
        label TEXT NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER,
        by INTEGER
    ) STRICT;
    -- Names under which moderators published.
    CREATE TABLE badge_names (key INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (key, name)) STRICT, WITHOUT ROWID;
    -- AUTOINCREMENT: no number is given twice.
    CREATE TABLE bans (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        banned TEXT NOT NULL,
        rooms TEXT NOT NULL,
        until INTEGER,
        reason TEXT NOT NULL,
        created INTEGER NOT NULL,
        by INTEGER
    ) STRICT;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time INTEGER NOT NULL,
        key INTEGER,
        action TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
",
    "
    -- `kind`: NULL for a message. `by`: the 60 bits of an identity's tag. `more`: fields that few
    -- entries have, as JSON. Each column costs every publish, so there are few.
    ALTER TABLE messages ADD COLUMN kind TEXT;
    ALTER TABLE messages ADD COLUMN by INTEGER;
    ALTER TABLE messages ADD COLUMN more TEXT;
    -- The entries that change a message, by its offset `of`.
    CREATE TABLE changes (
        room INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
        of INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        kind TEXT NOT NULL,
        emoji TEXT,
        by INTEGER,
        PRIMARY KEY (room, of, offset)
    ) STRICT, WITHOUT ROWID;
    -- `settings`: JSON, and the offset of the entry that set them. Kept when that entry expires.
    ALTER TABLE rooms ADD COLUMN settings TEXT;
    ALTER TABLE rooms ADD COLUMN settings_at INTEGER;
    DROP VIEW heads;
    CREATE VIEW heads AS
        SELECT id, name, first, coalesce(newest.offset, first) AS latest, gone, coalesce(newest.total, gone) AS total, rooms.settings
        FROM rooms LEFT JOIN messages AS newest
            ON newest.room = id AND newest.offset = (SELECT max(offset) FROM messages WHERE room = id);
    CREATE TABLE reactions (
        room INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
        of INTEGER NOT NULL,
        emoji TEXT NOT NULL,
        by INTEGER NOT NULL,
        PRIMARY KEY (room, of, emoji, by)
    ) STRICT, WITHOUT ROWID;
    -- `at`: the offset of the entry that pinned the message.
    CREATE TABLE pins (
        room INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
        of INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (room, of)
    ) STRICT, WITHOUT ROWID;
    -- When an identity posted last in a slow room. 0 stands for all that have no identity.
    CREATE TABLE last_posts (
        room TEXT NOT NULL,
        by INTEGER NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (room, by)
    ) STRICT, WITHOUT ROWID;
    -- Messages that wait for approval, and decisions of the last day. `decided`: when, NULL while
    -- the message waits. `offset`: where an approved message is. `reason`: why one was rejected.
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        room TEXT NOT NULL,
        received INTEGER NOT NULL,
        author TEXT NOT NULL,
        text TEXT NOT NULL,
        key TEXT,
        raw TEXT,
        by INTEGER,
        reply INTEGER,
        decided INTEGER,
        offset INTEGER,
        reason TEXT
    ) STRICT;
    CREATE UNIQUE INDEX queue_by_key ON queue (room, key) WHERE key IS NOT NULL;
    CREATE INDEX queue_by_room ON queue (room, id) WHERE decided IS NULL;
    CREATE INDEX queue_by_decision ON queue (decided) WHERE decided IS NOT NULL;
    -- Has a row while parts of an erased text may be in the files; see `scrub`.
    CREATE TABLE scrub (pending INTEGER PRIMARY KEY) STRICT;
",
    "
    -- The casts that are running. `at`: the offset of the entry that began it, which may have
    -- expired. `key`: by which its presenter continues it.
    CREATE TABLE casts (
        room INTEGER PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
        at INTEGER NOT NULL,
        key TEXT NOT NULL,
        author TEXT NOT NULL,
        by INTEGER NOT NULL,
        since INTEGER NOT NULL
    ) STRICT;
",
];

/// Opens the database for writing. Creates it if it is missing.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    assert!(rusqlite::version_number() >= SQLITE_VERSION_MIN, "the bundled SQLite is older than 3.51.3");
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS_MAX);
    let mark: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if mark != APPLICATION_ID && tables > 0 {
        return Err(OpenError::Foreign(format!("{} is not a history of crier; it is left as it is", path.display())));
    }
    let version = user_version(&connection)?;
    if version > MIGRATIONS.len() {
        return Err(OpenError::Foreign(format!("{} was written by a newer crier; it is left as it is", path.display())));
    }
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;")?;
    connection.execute_batch(SYNC_COMMITS)?;
    // Deleted rows are zeroed. What that leaves is for `scrub`.
    connection.execute_batch("PRAGMA secure_delete = ON")?;
    Ok(connection)
}

/// Extends the write-ahead log of an open database to its full size. Without this, each sync also
/// writes the file's new length. SQLite ignores frames that it has not written
/// (sqlite.org/fileformat2.html, section 4.1).
pub(super) fn preallocate_wal(path: &Path) -> io::Result<()> {
    extend_wal(path, WAL_BYTES).map(|_| ())
}

/// Does a part of [`preallocate_wal`]: adds at most `bytes_max`. True if nothing is missing now.
pub(super) fn extend_wal(path: &Path, bytes_max: u64) -> io::Result<bool> {
    let mut wal = File::options().append(true).open(path)?;
    let missing = WAL_BYTES.saturating_sub(wal.metadata()?.len());
    io::copy(&mut io::repeat(0).take(missing.min(bytes_max)), &mut wal)?;
    if missing <= bytes_max {
        wal.sync_all()?;
    }
    Ok(missing <= bytes_max)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS_MAX);
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Applies the migrations that the database does not have.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction()?;
    for (version, step) in MIGRATIONS.iter().enumerate().skip(user_version(&transaction)?) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(transaction.commit()?)
}

/// Renames rooms whose stored name is spelled differently by today's rules, so that requests find
/// them.
pub(super) fn rename_rooms(connection: &Connection) -> rusqlite::Result<()> {
    let mut rooms = connection.prepare("SELECT id, name FROM rooms ORDER BY id")?;
    let mut rooms = rooms.query([])?;
    while let Some(row) = rooms.next()? {
        let stored = row.get_ref(1)?.as_bytes()?;
        let text = String::from_utf8_lossy(stored);
        let parsed = text.parse::<RoomName>();
        let name = parsed.as_ref().map_or(&*text, RoomName::as_str);
        let rename = || connection.execute("UPDATE OR IGNORE rooms SET name = ?2 WHERE id = ?1", params![row.get::<_, i64>(0)?, name]);
        let is_current = name.as_bytes() == stored || rename()? > 0;
        if parsed.is_err() || !is_current {
            tracing::warn!(room = ?text, "no request can name this room, because the rules for names have changed. It is kept unchanged");
        }
    }
    Ok(())
}

/// Commits without a change: writes the same version again.
pub(super) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", MIGRATIONS.len())
}

fn user_version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::super::retention::TrustedTime;
    use super::*;

    #[test]
    fn syncs_each_commit() {
        let folder = tempfile::TempDir::new().unwrap();
        let connection = open(&folder.path().join("crier.db")).unwrap();
        let setting = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, String>(0));
        // 2 is FULL. Only a power cut shows the difference to NORMAL.
        assert_eq!(connection.query_row("PRAGMA synchronous", [], |row| row.get(0)), Ok(2));
        assert_eq!(setting("journal_mode").as_deref(), Ok("wal"));
    }

    #[test]
    fn preallocates_the_write_ahead_log_behind_its_content() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("crier.db");
        let mut connection = open(&path).unwrap();
        migrate(&mut connection).unwrap();
        let wal = folder.path().join("crier.db-wal");
        for _ in 0..2 {
            preallocate_wal(&wal).unwrap();
            assert_eq!(wal.metadata().unwrap().len(), WAL_BYTES);
        }
        connection.execute_batch("INSERT INTO rooms (id, name, first) VALUES (1, 'a', 0)").unwrap();
        let number = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
        assert_eq!((number("page_size"), number("wal_autocheckpoint")), (Ok(4096), Ok(1000)));
        // As after a crash: nothing has been copied into the database.
        let found = tempfile::TempDir::new().unwrap();
        for name in ["crier.db", "crier.db-wal"] {
            std::fs::copy(folder.path().join(name), found.path().join(name)).unwrap();
        }
        assert_eq!(std::fs::metadata(found.path().join("crier.db-wal")).unwrap().len(), WAL_BYTES);
        let connection = open(&found.path().join("crier.db")).unwrap();
        assert_eq!(read::rooms(&connection).unwrap().len(), 1);
    }

    #[test]
    fn commits_a_probe() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut connection = open(&folder.path().join("crier.db")).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(read::trusted_time(&connection).unwrap(), None);
        // The number of pages in the write-ahead log.
        let pages = || connection.query_row("PRAGMA wal_checkpoint", [], |row| row.get::<_, i64>(1)).unwrap();
        let before = pages();
        probe(&connection).unwrap();
        assert_eq!(pages(), 1, "the log restarts after a checkpoint of {before} pages");
        connection.execute_batch("PRAGMA query_only = ON").unwrap();
        assert!(probe(&connection).is_err());
    }

    #[test]
    fn migrates_an_older_database() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut connection = open(&folder.path().join("crier.db")).unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        connection.execute_batch("INSERT INTO rooms VALUES (1, 'a', 1, 3), (2, 'b', 0, 0), (3, 'c', 7, 7)").unwrap();
        connection.execute_batch("INSERT INTO messages VALUES (1, 2, 5, '小', 'x', 'k', NULL), (1, 3, 6, '', 'yz', NULL, 'raw')").unwrap();
        migrate(&mut connection).unwrap();
        let rooms = read::rooms(&connection).unwrap();
        let rooms: Vec<_> = rooms.iter().map(|room| (room.expired, room.latest, room.bytes, room.oldest)).collect();
        assert_eq!(rooms, [(1, 3, 10, Some(5)), (0, 0, 0, None), (7, 7, 0, None)]);
        assert_eq!(read::trusted_time(&connection).unwrap(), Some(TrustedTime { time: 6, since: 0 }));
        let totals = "SELECT group_concat(offset || ':' || total || coalesce(key, '') || coalesce(raw, ''), ' ') FROM messages";
        assert_eq!(connection.query_row(totals, [], |row| row.get::<_, String>(0)).as_deref(), Ok("2:5k 3:10raw"));
    }

    #[test]
    fn a_database_without_casts_gets_room_for_them() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut connection = open(&folder.path().join("crier.db")).unwrap();
        // The eighth version is the last one without.
        for step in &MIGRATIONS[..8] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "user_version", 8).unwrap();
        connection.execute_batch("INSERT INTO rooms (id, name, first) VALUES (1, 'lobby', 0)").unwrap();
        connection.execute_batch("INSERT INTO messages (room, offset, total, time, author, text) VALUES (1, 1, 1, 5, '', 'x')").unwrap();
        migrate(&mut connection).unwrap();
        let rooms = read::rooms(&connection).unwrap();
        assert_eq!((rooms[0].latest, &rooms[0].cast), (1, &None));
        connection.execute_batch("INSERT INTO casts VALUES (1, 2, 'k', '小明', 3, 5)").unwrap();
        let cast = read::rooms(&connection).unwrap().remove(0).cast.unwrap();
        assert_eq!((cast.info.id, cast.info.author.as_str(), cast.key.as_str()), (2, "小明", "k"));
    }

    #[test]
    fn refuses_a_newer_database() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("crier.db");
        let mut connection = open(&path).unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", MIGRATIONS.len() + 1).unwrap();
        drop(connection);
        let error = open(&path).unwrap_err().to_string();
        assert!(error.contains("newer crier"), "{error}");
    }
}
