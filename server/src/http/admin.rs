//! What moderators and admins do, for the JSON interface and for the page: each function checks the
//! caller's keys, and what it changes is in the audit.

use protocol::admin::{
    AuditRecord, Ban, Banned, BannedAddress, CreatedKey, Decided, Decision, KeyId, KeyInfo, NewBan, NewKey, QueuePage, Rights, RoomPattern,
};
use protocol::limits::OFFSET_MAX;
use protocol::{ErrorCode, RoomName};

use super::error::ApiError;
use super::state::State;
use crate::access::{AccessChange, Action, Caller, KeySecret, StoredKey};

/// Maximum number of records of the audit in one answer.
pub(super) const AUDIT_PAGE_MAX: usize = 200;
/// Maximum number of waiting messages in one answer.
pub(super) const QUEUE_PAGE_MAX: usize = 50;

/// Which messages of a queue are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueueRange {
    /// At most this many.
    pub(super) limit: usize,
    /// The newest first, instead of the oldest.
    pub(super) newest_first: bool,
}

fn now(state: &State) -> u64 {
    (state.context.hub.clock())()
}

/// True if a time is in the future, and one that can be stored.
fn is_later(time: u64, now: u64) -> bool {
    (now + 1..=OFFSET_MAX).contains(&time)
}

/// Returns the caller's key with at least this right, in any room. The one for most rooms, if there
/// are several.
fn key_with(state: &State, caller: &Caller, rights: Rights) -> Result<KeyInfo, ApiError> {
    let keys = state.context.hub.access().granted(caller, now(state)).into_iter().filter(|key| key.rights >= rights);
    keys.max_by_key(|key| key.rooms == RoomPattern::default()).ok_or_else(|| ErrorCode::AccessRefused.into())
}

/// Returns all access keys.
///
/// # Errors
/// `access_refused` without an admin key.
pub(super) fn keys(state: &State, caller: &Caller) -> Result<Vec<KeyInfo>, ApiError> {
    key_with(state, caller, Rights::Admin)?;
    Ok(state.context.hub.access().keys())
}

/// Creates an access key.
///
/// # Errors
/// `access_refused` without an admin key, or if there are too many keys.
pub(super) async fn create_key(state: &State, caller: &Caller, new: NewKey) -> Result<CreatedKey, ApiError> {
    let by = key_with(state, caller, Rights::Admin)?.id;
    add_key(state, new, Some(by)).await
}

/// Creates the first admin key for somebody with the link of the first start.
///
/// # Errors
/// `access_key_unknown` if the link was used, is too old, or is of another start.
pub(super) async fn claim_key(state: &State, claim: &str) -> Result<CreatedKey, ApiError> {
    if !state.context.hub.access().take_claim(claim, now(state)) {
        let detail = "This link was used already, or is older than 15 minutes. While there is no admin key, each start of the server prints a new one.";
        return Err(ApiError::detail(ErrorCode::AccessKeyUnknown, detail));
    }
    let new = NewKey { rights: Rights::Admin, rooms: RoomPattern::default(), label: String::new(), expires: None };
    add_key(state, new, None).await
}

async fn add_key(state: &State, new: NewKey, by: Option<KeyId>) -> Result<CreatedKey, ApiError> {
    let (access, created) = (&state.context.hub.access(), now(state));
    if new.expires.is_some_and(|expires| !is_later(expires, created)) {
        return Err(ApiError::detail(ErrorCode::ShapeInvalid, "expires must be in the future, in milliseconds since 1970"));
    }
    if access.has_all_keys() {
        return Err(ApiError::detail(ErrorCode::AccessRefused, "There are 1,000 access keys. Revoke some first."));
    }
    let secret = KeySecret::random().map_err(|_| ErrorCode::Unavailable)?;
    let NewKey { rights, rooms, label, expires } = new;
    let info = KeyInfo { id: secret.hash().id(), rights, rooms, label, created, expires, by };
    if access.key(info.id).is_some() {
        // Two keys of one id: one in four thousand million.
        return Err(ErrorCode::Unavailable.into());
    }
    let stored = StoredKey { info: info.clone(), hash: secret.hash() };
    state.context.hub.change_access(AccessChange::KeyCreated(stored), by).await?;
    Ok(CreatedKey { key: secret.reveal().to_owned(), info })
}

/// Revokes an access key. Its sessions end.
///
/// # Errors
/// `access_refused` without an admin key; `not_found`.
pub(super) async fn revoke_key(state: &State, caller: &Caller, id: KeyId) -> Result<(), ApiError> {
    let by = key_with(state, caller, Rights::Admin)?.id;
    state.context.hub.change_access(AccessChange::KeyRevoked(id), Some(by)).await?;
    Ok(())
}

/// Returns the bans that concern a moderator's rooms, or one of these rooms.
///
/// # Errors
/// `access_refused` without a moderator's key.
pub(super) fn bans(state: &State, caller: &Caller, room: Option<&RoomName>) -> Result<Vec<Ban>, ApiError> {
    let key = key_with(state, caller, Rights::Moderate)?;
    let own = moderated(state, caller);
    let concerns = |ban: &Ban| match room {
        Some(room) => ban.rooms.covers(room) && own.iter().any(|rooms| rooms.covers(room)),
        None => key.rights == Rights::Admin || own.iter().any(|rooms| rooms.includes(&ban.rooms) || ban.rooms.includes(rooms)),
    };
    Ok(state.context.hub.access().bans().into_iter().filter(concerns).collect())
}

/// The rooms that a caller moderates.
fn moderated(state: &State, caller: &Caller) -> Vec<RoomPattern> {
    let keys = state.context.hub.access().granted(caller, now(state)).into_iter();
    keys.filter(|key| key.rights >= Rights::Moderate).map(|key| key.rooms).collect()
}

/// Bans somebody from rooms that the caller moderates.
///
/// # Errors
/// `access_refused` without a moderator's key for these rooms; `ban_refused`.
pub(super) async fn ban(state: &State, caller: &Caller, new: NewBan) -> Result<Ban, ApiError> {
    let key = key_with(state, caller, Rights::Moderate)?;
    let rooms = new.rooms.unwrap_or(key.rooms);
    if !moderated(state, caller).iter().any(|own| own.includes(&rooms)) {
        return Err(ErrorCode::AccessRefused.into());
    }
    let created = now(state);
    if new.until.is_some_and(|until| !is_later(until, created)) {
        return Err(ApiError::detail(ErrorCode::ShapeInvalid, "until must be in the future, in milliseconds since 1970"));
    }
    if let Some(detail) = unbannable(state, caller, new.banned) {
        return Err(ApiError::detail(ErrorCode::BanRefused, detail));
    }
    if state.context.hub.access().has_all_bans() {
        return Err(ApiError::detail(ErrorCode::AccessRefused, "There are 10,000 bans. Remove some first."));
    }
    let ban = Ban { id: 0, banned: new.banned, rooms, until: new.until, reason: new.reason, created, by: Some(key.id) };
    match state.context.hub.change_access(AccessChange::Banned(ban), Some(key.id)).await? {
        AccessChange::Banned(ban) => Ok(ban),
        _ => Err(ErrorCode::Unavailable.into()),
    }
}

/// Why this must not be banned.
fn unbannable(state: &State, caller: &Caller, banned: Banned) -> Option<&'static str> {
    match banned {
        Banned::Tag(tag) => (caller.tag == Some(tag)).then_some("This is your own tag."),
        Banned::Key(id) => {
            let is_own = caller.grants.as_deref().is_some_and(|grants| grants.keys().contains(&id));
            let key = state.context.hub.access().key(id);
            match key {
                _ if is_own => Some("This is your own access key."),
                None => Some("There is no access key with this id."),
                Some(key) if key.rights >= Rights::Moderate => Some("This is a moderator's access key. An admin can revoke it."),
                Some(_) => None,
            }
        }
        Banned::Address(address) if address.first().is_loopback() || address.first().is_unspecified() => {
            Some("This is the machine of the server itself.")
        }
        Banned::Address(address) if state.access.has_proxy_in(address) => Some("This is a trusted proxy, through which others come too."),
        Banned::Address(address) => (BannedAddress::of(caller.address) == address).then_some("This is your own address."),
    }
}

/// Removes a ban.
///
/// # Errors
/// `access_refused` without a moderator's key for its rooms; `not_found`.
pub(super) async fn unban(state: &State, caller: &Caller, id: u64) -> Result<(), ApiError> {
    let key = key_with(state, caller, Rights::Moderate)?;
    let ban = state.context.hub.access().ban(id).ok_or(ErrorCode::NotFound)?;
    if !moderated(state, caller).iter().any(|own| own.includes(&ban.rooms)) {
        return Err(ErrorCode::AccessRefused.into());
    }
    state.context.hub.change_access(AccessChange::Unbanned(id), Some(key.id)).await?;
    Ok(())
}

/// Returns the newest acts of moderators and admins before one, or of all.
///
/// # Errors
/// `access_refused` without an admin key.
pub(super) async fn audit(state: &State, caller: &Caller, before: Option<u64>, limit: usize) -> Result<Vec<AuditRecord>, ApiError> {
    key_with(state, caller, Rights::Admin)?;
    Ok(state.context.hub.audit(before, limit.min(AUDIT_PAGE_MAX)).await?)
}

/// Returns messages that wait in a room.
///
/// # Errors
/// `access_refused` without a moderator's key for the room; `not_found` if it is hidden.
pub(super) async fn queue(state: &State, caller: &Caller, room: &RoomName, range: QueueRange) -> Result<QueuePage, ApiError> {
    let pass = state.context.hub.enter(caller, room, Action::Moderate)?;
    Ok(state.context.hub.queue(&pass, range.limit.min(QUEUE_PAGE_MAX), range.newest_first).await?)
}

/// Decides on a message that waits. A second decision has the result of the first.
///
/// # Errors
/// As for [`queue`]; `not_found` if there is no such message.
pub(super) async fn decide(state: &State, caller: &Caller, room: &RoomName, id: u64, decision: Decision) -> Result<Decided, ApiError> {
    let pass = state.context.hub.enter(caller, room, Action::Moderate)?;
    if id > OFFSET_MAX {
        return Err(ErrorCode::NotFound.into());
    }
    Ok(Decided { position: state.context.hub.decide(&pass, id, decision).await? })
}
