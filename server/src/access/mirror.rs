//! All that is known about access, in memory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use protocol::admin::{Ban, KeyId, KeyInfo, Rights};
use protocol::{Author, ErrorCode, RoomName, RoomSettings, Tag};

use super::bans::Bans;
use super::caller::{Action, Actor, Caller, Grants};
use super::change::{AccessChange, StoredAccess};
use super::claim::Claim;
use super::decide::{CastsBy, Facts, RoomsBy, decide};
use super::keys::Keys;
use super::secret::{BoardSecret, Identity, KeySecret};

/// Maximum number of access keys.
pub const KEYS_MAX: usize = 1000;
/// Maximum number of bans.
pub const BANS_MAX: usize = 10_000;

/// Who may do what. Cheap to clone. Only commits change it.
#[derive(Clone, Default)]
pub struct Access(Arc<Shared>);

#[derive(Default)]
struct Shared {
    rooms_by: RoomsBy,
    casts_by: CastsBy,
    /// The settings of rooms that have none of their own.
    defaults: Arc<RoomSettings>,
    /// Set when the store is open.
    secret: OnceLock<BoardSecret>,
    claim: Claim,
    known: RwLock<Known>,
    /// True if there is a ban. Most boards have none, and need no lock.
    has_bans: AtomicBool,
    /// Counts the changes after which a session may have to end.
    version: AtomicU64,
    /// When the next key ends, in milliseconds since 1970.
    next_end: AtomicU64,
}

#[derive(Default)]
struct Known {
    keys: Keys,
    bans: Bans,
}

impl Access {
    /// Returns a board's access without keys and bans.
    pub fn new(rooms_by: RoomsBy, casts_by: CastsBy, defaults: RoomSettings) -> Self {
        Self(Arc::new(Shared { rooms_by, casts_by, defaults: Arc::new(defaults), ..Shared::default() }))
    }

    /// Takes what is stored, once at the start.
    pub fn load(&self, stored: StoredAccess) {
        let _ = self.0.secret.set(BoardSecret::new(&stored.secret));
        let keys = stored.keys.into_iter().map(AccessChange::KeyCreated);
        let names = stored.names.into_iter().map(|(key, name)| AccessChange::NameUsed { key, name });
        let bans = stored.bans.into_iter().map(AccessChange::Banned);
        keys.chain(names).chain(bans).for_each(|change| self.apply(change));
    }

    /// Shows a committed change.
    pub fn apply(&self, change: AccessChange) {
        let mut known = self.0.known.write();
        match change {
            AccessChange::KeyCreated(stored) => known.keys.add(stored),
            AccessChange::KeyRevoked(id) => known.keys.remove(id),
            AccessChange::Banned(ban) => known.bans.add(ban),
            AccessChange::Unbanned(id) => known.bans.remove(id),
            AccessChange::NameUsed { key, name } => return known.keys.use_name(key, name),
        }
        self.0.has_bans.store(!known.bans.is_empty(), Ordering::Relaxed);
        // The next look at the version finds out when the next key ends.
        self.0.next_end.store(0, Ordering::Relaxed);
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// Returns who may open rooms.
    pub fn rooms_by(&self) -> RoomsBy {
        self.0.rooms_by
    }

    /// Returns the settings of rooms that have none of their own.
    pub fn defaults(&self) -> &Arc<RoomSettings> {
        &self.0.defaults
    }

    /// Returns a number that changes when a session may have to end: a key was revoked, or its time
    /// is over. `now` is in milliseconds since 1970.
    pub fn version(&self, now: u64) -> u64 {
        if now >= self.0.next_end.load(Ordering::Relaxed) {
            let next_end = self.0.known.read().keys.next_end(now).unwrap_or(u64::MAX);
            self.0.next_end.store(next_end, Ordering::Relaxed);
            self.0.version.fetch_add(1, Ordering::Release);
        }
        self.0.version.load(Ordering::Acquire)
    }

    /// Returns the tag of an identity. None before anything is stored.
    pub fn tag(&self, identity: &Identity) -> Option<Tag> {
        self.0.secret.get().map(|secret| secret.tag(identity))
    }

    /// Returns the active key with a secret.
    pub fn find(&self, secret: &KeySecret, now: u64) -> Option<KeyInfo> {
        self.0.known.read().keys.find(secret, now).cloned()
    }

    /// Returns the grants of the secrets that a caller shows. Unknown ones give nothing.
    pub fn grants(&self, secrets: &[KeySecret], now: u64) -> Option<Arc<Grants>> {
        if secrets.is_empty() {
            return None;
        }
        let known = self.0.known.read();
        Grants::of(secrets.iter().filter_map(|secret| known.keys.find(secret, now)).map(|key| key.id).collect())
    }

    /// Returns the active keys of a caller.
    pub fn granted(&self, caller: &Caller, now: u64) -> Vec<KeyInfo> {
        let Some(grants) = caller.grants.as_deref() else { return Vec::new() };
        self.0.known.read().keys.granted(grants, now).cloned().collect()
    }

    /// Returns who a caller is in a room, and what their keys allow there.
    pub fn actor(&self, caller: &Caller, room: &RoomName, now: u64) -> Actor {
        Actor { tag: caller.tag, ..self.rights(caller.grants.as_deref(), room, now) }
    }

    fn rights(&self, grants: Option<&Grants>, room: &RoomName, now: u64) -> Actor {
        match grants {
            None => Actor::default(),
            Some(_) => self.0.known.read().keys.actor(grants, room, now),
        }
    }

    /// Decides whether a caller may do something in a room with these settings. `exists` is true if
    /// the room has, or had, entries, or is the lobby.
    ///
    /// # Errors
    /// See [`decide`].
    pub fn enter(
        &self,
        caller: &Caller,
        room: &RoomName,
        settings: &RoomSettings,
        exists: bool,
        action: Action,
        now: u64,
    ) -> Result<Actor, ErrorCode> {
        let actor = self.actor(caller, room, now);
        let may_be_banned = matches!(action, Action::Publish | Action::Cast) && self.0.has_bans.load(Ordering::Relaxed);
        let is_banned = may_be_banned && self.0.known.read().bans.has(caller, room, now);
        decide(Facts { exists, has_identity: actor.tag.is_some(), is_banned, ..self.facts(settings, actor.rights) }, action)?;
        Ok(actor)
    }

    /// True if a session that has begun may go on: its keys, if it needs some, still allow it.
    pub fn may_read(&self, grants: Option<&Grants>, room: &RoomName, settings: &RoomSettings, now: u64) -> bool {
        let rights = self.rights(grants, room, now).rights;
        // The room may have been there only for this reader.
        decide(self.facts(settings, rights), Action::Read).is_ok()
    }

    /// The facts about somebody without an identity and a ban, in a room that exists.
    fn facts<'a>(&self, settings: &'a RoomSettings, rights: Rights) -> Facts<'a> {
        let Shared { rooms_by, casts_by, .. } = *self.0;
        Facts { settings, exists: true, rooms_by, casts_by, rights, has_identity: false, is_banned: false }
    }

    /// Refuses a name that looks like that of a moderator of the room, unless the author is one.
    ///
    /// # Errors
    /// `author_reserved`.
    pub fn check_author(&self, author: &Author, room: &RoomName, actor: Actor, now: u64) -> Result<(), ErrorCode> {
        let is_refused = !actor.is_moderator() && !author.is_nameless() && self.0.known.read().keys.is_reserved(author.as_str(), room, now);
        if is_refused { Err(ErrorCode::AuthorReserved) } else { Ok(()) }
    }

    /// Returns what has to be stored when a moderator publishes under a name, if it is not yet.
    pub fn name_used(&self, author: &Author, actor: Actor) -> Option<AccessChange> {
        let key = actor.key.filter(|_| actor.is_moderator())?;
        let name = author.as_str();
        let is_new = self.0.known.read().keys.takes_name(key, name);
        is_new.then(|| AccessChange::NameUsed { key, name: name.to_owned() })
    }

    /// Returns all keys, the oldest first.
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.0.known.read().keys.all()
    }

    /// Returns a key.
    pub fn key(&self, id: KeyId) -> Option<KeyInfo> {
        self.0.known.read().keys.get(id).cloned()
    }

    /// True if there is an admin key that can be used.
    pub fn has_admin(&self, now: u64) -> bool {
        self.keys().iter().any(|key| key.rights == Rights::Admin && key.expires.is_none_or(|expires| now < expires))
    }

    /// True if no more keys may be created.
    pub fn has_all_keys(&self) -> bool {
        self.0.known.read().keys.len() >= KEYS_MAX
    }

    /// Returns all bans, the oldest first.
    pub fn bans(&self) -> Vec<Ban> {
        self.0.known.read().bans.all()
    }

    /// Returns a ban.
    pub fn ban(&self, id: u64) -> Option<Ban> {
        self.0.known.read().bans.get(id).cloned()
    }

    /// True if no more bans may be made.
    pub fn has_all_bans(&self) -> bool {
        self.0.known.read().bans.len() >= BANS_MAX
    }

    /// Offers a claim, with which the first admin key is made. Returns its text.
    ///
    /// # Errors
    /// Fails if the system has no random numbers.
    pub fn offer_claim(&self, now: u64) -> Result<String, getrandom::Error> {
        self.0.claim.offer(now)
    }

    /// True if this is the claim that is offered, and there is still no admin key. It is used up
    /// then.
    pub fn take_claim(&self, text: &str, now: u64) -> bool {
        self.0.claim.take(text, now) && !self.has_admin(now)
    }

    /// True for a text that can only be a claim.
    pub fn is_claim(text: &str) -> bool {
        Claim::is_form(text)
    }
}

#[cfg(test)]
mod tests {
    use protocol::Mode;
    use protocol::admin::{Banned, RoomPattern};

    use super::super::change::StoredKey;
    use super::*;

    fn room(name: &str) -> RoomName {
        name.parse().unwrap()
    }

    fn access() -> Access {
        let access = Access::default();
        access.load(StoredAccess { secret: vec![1; 32], ..StoredAccess::default() });
        access
    }

    /// Creates a key, and returns it and a caller who has it.
    fn create(access: &Access, rights: Rights, rooms: &str, label: &str, expires: Option<u64>) -> (KeyId, Caller) {
        let secret = KeySecret::random().unwrap();
        let (hash, rooms) = (secret.hash(), RoomPattern::try_from(rooms.to_owned()).unwrap());
        let info = KeyInfo { id: hash.id(), rights, rooms, label: label.to_owned(), created: 0, expires, by: None };
        access.apply(AccessChange::KeyCreated(StoredKey { info, hash }));
        let grants = access.grants(&[secret], 0);
        (hash.id(), Caller { grants, ..Caller::anonymous([192, 0, 2, 1].into()) })
    }

    fn ban(id: u64, banned: Banned, rooms: &str, until: Option<u64>) -> AccessChange {
        let rooms = RoomPattern::try_from(rooms.to_owned()).unwrap();
        AccessChange::Banned(Ban { id, banned, rooms, until, reason: String::new(), created: 0, by: None })
    }

    #[test]
    fn a_key_counts_until_it_ends_in_its_rooms_only() {
        let access = access();
        let private = RoomSettings { mode: Mode::Private, ..RoomSettings::default() };
        let (id, caller) = create(&access, Rights::Post, "team-*", "", Some(100));
        let enter = |name: &str, now: u64| access.enter(&caller, &room(name), &private, true, Action::Publish, now).map(|actor| actor.key);
        assert_eq!(enter("team-red", 99), Ok(Some(id)));
        assert_eq!(enter("lobby", 99), Err(ErrorCode::NotFound));
        assert_eq!(enter("team-red", 100), Err(ErrorCode::NotFound));
        let may_read = |now| access.may_read(caller.grants.as_deref(), &room("team-red"), &private, now);
        assert!(may_read(99) && !may_read(100));
        access.apply(AccessChange::KeyRevoked(id));
        assert_eq!(enter("team-red", 99), Err(ErrorCode::NotFound));
        assert!(!may_read(99));
    }

    #[test]
    fn the_version_changes_with_keys_and_with_their_end() {
        let access = access();
        let seen = access.version(0);
        assert_eq!(access.version(0), seen);
        let (id, _) = create(&access, Rights::Read, "*", "", Some(100));
        let created = access.version(0);
        assert_ne!(created, seen);
        assert_eq!(access.version(99), created);
        let ended = access.version(100);
        assert_ne!(ended, created);
        assert_eq!(access.version(1000), ended);
        access.apply(AccessChange::KeyRevoked(id));
        assert_ne!(access.version(1000), ended);
    }

    #[test]
    fn a_ban_is_by_tag_key_or_address_and_has_rooms_and_an_end() {
        let access = access();
        let (key, with_key) = create(&access, Rights::Post, "*", "", None);
        let tag = Tag::from_bits(5);
        let with_tag = Caller { tag: Some(tag), ..Caller::anonymous([192, 0, 2, 2].into()) };
        let at_address = Caller::anonymous("2001:db8::9".parse().unwrap());
        let open = RoomSettings::default();
        let publish = |caller: &Caller, name: &str, now: u64| access.enter(caller, &room(name), &open, true, Action::Publish, now).err();
        access.apply(ban(1, Banned::Tag(tag), "team-*", Some(100)));
        access.apply(ban(2, Banned::Key(key), "*", None));
        access.apply(ban(3, Banned::Address("2001:db8::1".parse().unwrap()), "*", None));
        assert_eq!(publish(&with_tag, "team-red", 99), Some(ErrorCode::Banned));
        assert_eq!(publish(&with_tag, "team-red", 100), None);
        assert_eq!(publish(&with_tag, "lobby", 99), None);
        assert_eq!(publish(&with_key, "lobby", 0), Some(ErrorCode::Banned));
        assert_eq!(publish(&at_address, "lobby", 0), Some(ErrorCode::Banned));
        assert!(access.enter(&at_address, &room("lobby"), &open, true, Action::Read, 0).is_ok());
        for id in [1, 2, 3] {
            access.apply(AccessChange::Unbanned(id));
        }
        assert_eq!(publish(&at_address, "lobby", 0).or(publish(&with_key, "lobby", 0)).or(publish(&with_tag, "team-red", 0)), None);
    }

    #[test]
    fn a_moderators_names_are_reserved_while_the_key_is_active() {
        let access = access();
        let (id, moderator) = create(&access, Rights::Moderate, "lobby", "Paul", Some(100));
        create(&access, Rights::Post, "*", "Bot", None);
        let actor = access.actor(&moderator, &room("lobby"), 0);
        let check =
            |name: &str, actor: Actor, now: u64| access.check_author(&Author::parse(name).unwrap(), &room("lobby"), actor, now).is_ok();
        let other = Actor::default();
        assert!(!check("Раul", other, 0) && !check("PAUL", other, 99) && check("Paul", actor, 0) && check("Paul", other, 100));
        assert!(check("Bot", other, 0) && check("", other, 0) && check("Paula", other, 0));
        let admin_name = Author::parse("Frau Schmidt").unwrap();
        let used = access.name_used(&admin_name, actor).unwrap();
        assert!(check("frau schmidt", other, 0));
        access.apply(used);
        assert!(!check("frau schmidt", other, 0));
        assert_eq!(access.name_used(&admin_name, actor), None);
        assert_eq!(access.name_used(&admin_name, other), None);
        assert_eq!(access.check_author(&Author::parse("Paul").unwrap(), &room("tea"), other, 0), Ok(()), "in their rooms only");
        access.apply(AccessChange::KeyRevoked(id));
        assert!(check("frau schmidt", other, 0) && check("Paul", other, 0));
    }

    #[test]
    fn a_secret_that_is_not_stored_gives_nothing() {
        let access = access();
        create(&access, Rights::Admin, "*", "", None);
        assert_eq!(access.grants(&[KeySecret::random().unwrap()], 0), None);
        assert_eq!(access.find(&KeySecret::random().unwrap(), 0), None);
        assert!(access.has_admin(0));
        let claim = access.offer_claim(0).unwrap();
        assert!(!access.take_claim(&claim, 0), "there is an admin key");
    }
}
