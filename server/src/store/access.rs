//! Access keys, bans, moderators' names and the audit in the database.

use protocol::ErrorCode;
use protocol::admin::{AuditRecord, Ban, Banned, KeyId, KeyInfo, Rights, RoomPattern};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::access::{AccessChange, KeyHash, StoredAccess, StoredKey};

/// Number of records that the audit keeps.
const AUDIT_RECORDS_MAX: u64 = 10_000;
/// Bytes of the board's secret.
const SECRET_BYTES: usize = 32;

/// Draws the board's secret, if it has none. Identities get their tags by it.
pub(super) fn draw_secret(connection: &Connection) -> rusqlite::Result<()> {
    let mut secret = [0; SECRET_BYTES];
    // Without random numbers, the next start draws one.
    if getrandom::fill(&mut secret).is_ok() {
        connection.execute("INSERT OR IGNORE INTO secrets (name, secret) VALUES ('tags', ?1)", [secret])?;
    }
    Ok(())
}

/// Loads all but the audit.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<StoredAccess> {
    let secret = connection.query_row("SELECT secret FROM secrets WHERE name = 'tags'", [], |row| row.get(0)).optional()?;
    let secret = secret.unwrap_or_else(|| {
        tracing::warn!("the board's secret could not be stored: after a restart, nobody can change their earlier messages");
        let mut secret = vec![0; SECRET_BYTES];
        let _ = getrandom::fill(&mut secret);
        secret
    });
    Ok(StoredAccess { secret, keys: keys(connection)?, bans: bans(connection)?, names: names(connection)? })
}

fn keys(connection: &Connection) -> rusqlite::Result<Vec<StoredKey>> {
    let mut keys = connection.prepare("SELECT hash, rights, rooms, label, created, expires, by FROM access_keys")?;
    let keys = keys.query_map([], |row| {
        let hash = KeyHash::from_bytes(row.get(0)?);
        let rights: String = row.get(1)?;
        // What a newer version may know gives nothing here.
        let rights = Rights::parse(&rights).unwrap_or_default();
        let rooms = RoomPattern::from_stored(row.get(2)?);
        let info = KeyInfo {
            id: hash.id(),
            rights,
            rooms,
            label: row.get(3)?,
            created: row.get(4)?,
            expires: row.get(5)?,
            by: row.get::<_, Option<u32>>(6)?.map(KeyId),
        };
        Ok(StoredKey { info, hash })
    })?;
    keys.collect()
}

fn bans(connection: &Connection) -> rusqlite::Result<Vec<Ban>> {
    let mut bans = connection.prepare("SELECT id, kind, banned, rooms, until, reason, created, by FROM bans")?;
    let bans = bans.query_map([], |row| banned(row)?.map(|banned| ban(row, banned)).transpose())?;
    bans.filter_map(Result::transpose).collect()
}

fn ban(row: &Row<'_>, banned: Banned) -> rusqlite::Result<Ban> {
    Ok(Ban {
        id: row.get(0)?,
        banned,
        rooms: RoomPattern::from_stored(row.get(3)?),
        until: row.get(4)?,
        reason: row.get(5)?,
        created: row.get(6)?,
        by: row.get::<_, Option<u32>>(7)?.map(KeyId),
    })
}

/// Returns who is banned. None if another version has written it.
fn banned(row: &Row<'_>) -> rusqlite::Result<Option<Banned>> {
    let (kind, text): (String, String) = (row.get(1)?, row.get(2)?);
    Ok(match kind.as_str() {
        "tag" => text.parse().ok().map(Banned::Tag),
        "key" => text.parse().ok().map(Banned::Key),
        "address" => text.parse().ok().map(Banned::Address),
        _ => None,
    })
}

fn columns(banned: &Banned) -> (&'static str, String) {
    match banned {
        Banned::Tag(tag) => ("tag", tag.to_string()),
        Banned::Key(id) => ("key", id.to_string()),
        Banned::Address(address) => ("address", address.to_string()),
    }
}

fn names(connection: &Connection) -> rusqlite::Result<Vec<(KeyId, String)>> {
    let mut names = connection.prepare("SELECT key, name FROM badge_names")?;
    names.query_map([], |row| Ok((KeyId(row.get(0)?), row.get(1)?)))?.collect()
}

/// Makes a change, with its record in the audit. Returns it as it is stored, or why there is
/// nothing to change.
pub(super) fn apply(
    connection: &Connection,
    change: &AccessChange,
    by: Option<KeyId>,
    time: u64,
) -> rusqlite::Result<Result<AccessChange, ErrorCode>> {
    let is_done = match change {
        AccessChange::KeyCreated(key) => return create(connection, key, by, time).map(|()| Ok(change.clone())),
        AccessChange::Banned(new) => return add_ban(connection, new, by, time).map(|ban| Ok(AccessChange::Banned(ban))),
        AccessChange::KeyRevoked(id) => {
            connection.prepare_cached("DELETE FROM badge_names WHERE key = ?1")?.execute([id.0])?;
            let revoked = connection.prepare_cached("DELETE FROM access_keys WHERE id = ?1")?.execute([id.0])? > 0;
            if revoked {
                record(connection, time, by, "key_revoked", &id.to_string())?;
            }
            revoked
        }
        AccessChange::Unbanned(id) => {
            let removed = connection.prepare_cached("DELETE FROM bans WHERE id = ?1")?.execute([id])? > 0;
            if removed {
                record(connection, time, by, "unbanned", &id.to_string())?;
            }
            removed
        }
        AccessChange::NameUsed { key, name } => {
            // The key may have been revoked meanwhile.
            let insert = "INSERT OR IGNORE INTO badge_names (key, name) SELECT id, ?2 FROM access_keys WHERE id = ?1";
            connection.prepare_cached(insert)?.execute(params![key.0, name])? > 0
        }
    };
    Ok(if is_done { Ok(change.clone()) } else { Err(ErrorCode::NotFound) })
}

fn create(connection: &Connection, key: &StoredKey, by: Option<KeyId>, time: u64) -> rusqlite::Result<()> {
    let KeyInfo { id, rights, rooms, label, created, expires, by: creator } = &key.info;
    let insert = "INSERT INTO access_keys (id, hash, rights, rooms, label, created, expires, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.prepare_cached(insert)?.execute(params![
        id.0,
        key.hash.as_bytes(),
        rights.as_str(),
        rooms.as_str(),
        label,
        created,
        expires,
        creator.map(|key| key.0)
    ])?;
    record(connection, time, by, "key_created", format!("{id} {} {rooms} {label}", rights.as_str()).trim_end())
}

fn add_ban(connection: &Connection, new: &Ban, by: Option<KeyId>, time: u64) -> rusqlite::Result<Ban> {
    let (kind, banned) = columns(&new.banned);
    let insert = "INSERT INTO bans (kind, banned, rooms, until, reason, created, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id";
    let values = params![kind, banned, new.rooms.as_str(), new.until, new.reason, new.created, new.by.map(|key| key.0)];
    let id = connection.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    record(connection, time, by, "banned", &format!("{id} {} {}", new.banned, new.rooms))?;
    Ok(Ban { id, ..new.clone() })
}

/// Adds a record to the audit, and removes the oldest if there are too many. `detail` never has a
/// message's text.
pub(super) fn record(connection: &Connection, time: u64, by: Option<KeyId>, action: &str, detail: &str) -> rusqlite::Result<()> {
    let insert = "INSERT INTO audit (time, key, action, detail) VALUES (?1, ?2, ?3, ?4) RETURNING id";
    let values = params![time, by.map(|key| key.0), action, detail];
    let id: u64 = connection.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    connection.prepare_cached("DELETE FROM audit WHERE id <= ?1")?.execute([id.saturating_sub(AUDIT_RECORDS_MAX)])?;
    Ok(())
}

/// Reads the newest records of the audit before one, or of all, newest first.
pub(super) fn audit(connection: &Connection, before: Option<u64>, limit: usize) -> rusqlite::Result<Vec<AuditRecord>> {
    let select = "SELECT id, time, key, action, detail FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let mut records = connection.prepare_cached(select)?;
    let records = records.query_map(params![before.unwrap_or(i64::MAX as u64).min(i64::MAX as u64), limit], |row| {
        let key = row.get::<_, Option<u32>>(2)?.map(KeyId);
        Ok(AuditRecord { id: row.get(0)?, time: row.get(1)?, key, action: row.get(3)?, detail: row.get(4)? })
    })?;
    records.collect()
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    fn key(rights: Rights) -> StoredKey {
        let hash = KeyHash::from_bytes([rights as u8; 32]);
        let rooms = RoomPattern::from_stored("team-*".to_owned());
        let info =
            KeyInfo { id: hash.id(), rights, rooms, label: "ana".to_owned(), created: 1, expires: Some(2), by: Some(KeyId(u32::MAX)) };
        StoredKey { info, hash }
    }

    fn ban(banned: Banned) -> Ban {
        let reason = "spam".to_owned();
        Ban { id: 0, banned, rooms: RoomPattern::default(), until: Some(9), reason, created: 3, by: Some(KeyId(7)) }
    }

    #[test]
    fn loads_what_it_stored() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut connection = schema::open(&folder.path().join("test.db")).unwrap();
        schema::migrate(&mut connection).unwrap();
        draw_secret(&connection).unwrap();
        let empty = load(&connection).unwrap();
        assert!(empty.secret.len() == SECRET_BYTES && empty.keys.is_empty() && empty.bans.is_empty());
        draw_secret(&connection).unwrap();
        assert_eq!(load(&connection).unwrap(), empty, "the secret stays");

        let apply = |change: AccessChange| apply(&connection, &change, Some(KeyId(7)), 5).unwrap();
        let (admin, reader) = (key(Rights::Admin), key(Rights::Read));
        let id = admin.info.id;
        for key in [&admin, &reader] {
            assert!(apply(AccessChange::KeyCreated(key.clone())).is_ok());
        }
        let bans = [Banned::Tag("aaaaaaaaaaaf".parse().unwrap()), Banned::Key(KeyId(8)), Banned::Address("2001:db8::".parse().unwrap())];
        let bans = bans.map(|banned| {
            let Ok(AccessChange::Banned(ban)) = apply(AccessChange::Banned(ban(banned))) else { panic!("{banned:?}") };
            ban
        });
        assert!(apply(AccessChange::NameUsed { key: id, name: "小明".to_owned() }).is_ok());
        let loaded = load(&connection).unwrap();
        assert_eq!((loaded.keys.len(), &loaded.bans[..]), (2, &bans[..]));
        assert!(loaded.keys.contains(&admin) && loaded.keys.contains(&reader));
        assert_eq!(loaded.names, [(id, "小明".to_owned())]);

        assert!(apply(AccessChange::KeyRevoked(id)).is_ok() && apply(AccessChange::Unbanned(bans[0].id)).is_ok());
        for gone in
            [AccessChange::KeyRevoked(id), AccessChange::Unbanned(bans[0].id), AccessChange::NameUsed { key: id, name: "x".to_owned() }]
        {
            assert_eq!(apply(gone), Err(ErrorCode::NotFound));
        }
        let Ok(AccessChange::Banned(again)) = apply(AccessChange::Banned(bans[0].clone())) else { panic!("not banned") };
        assert!(again.id > bans[2].id, "no number is given twice");
        let loaded = load(&connection).unwrap();
        assert!(loaded.keys == [reader] && loaded.names.is_empty());
        let records = audit(&connection, None, 3).unwrap();
        let told: Vec<_> = records.iter().map(|record| (record.action.as_str(), record.detail.clone())).collect();
        assert_eq!(told[1..], [("unbanned", bans[0].id.to_string()), ("key_revoked", id.to_string())]);
        assert_eq!(audit(&connection, Some(records[2].id), 99).unwrap().len(), 5);
    }

    #[test]
    fn the_audit_is_bounded() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut connection = schema::open(&folder.path().join("test.db")).unwrap();
        schema::migrate(&mut connection).unwrap();
        let transaction = connection.transaction().unwrap();
        for time in 0..AUDIT_RECORDS_MAX + 5 {
            record(&transaction, time, None, "test", "").unwrap();
        }
        let count: u64 = transaction.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap();
        assert_eq!(count, AUDIT_RECORDS_MAX);
        assert_eq!(audit(&transaction, None, 1).unwrap()[0].time, AUDIT_RECORDS_MAX + 4);
    }
}
