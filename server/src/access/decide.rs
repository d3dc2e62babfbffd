//! The decision whether somebody may do something in a room.

use protocol::admin::Rights;
use protocol::{ErrorCode, Mode, RoomSettings};

use super::caller::Action;

/// Who may open a room that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoomsBy {
    /// Everybody.
    #[default]
    Anyone,
    /// Who has an access key for the room with the right to post.
    Key,
}

/// Who may show a screen in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CastsBy {
    /// Who may post in the room.
    #[default]
    Post,
    /// Who has an access key for the room with the right to post.
    Key,
    /// Nobody.
    Off,
}

/// What is known about a room and its caller.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The room's settings.
    pub settings: &'a RoomSettings,
    /// True if the room has, or had, entries, or is the lobby.
    pub exists: bool,
    /// Who may open rooms.
    pub rooms_by: RoomsBy,
    /// Who may show a screen.
    pub casts_by: CastsBy,
    /// The caller's rights in the room.
    pub rights: Rights,
    /// True if the caller has an identity.
    pub has_identity: bool,
    /// True if the caller is banned. Has no effect on moderators.
    pub is_banned: bool,
}

/// Decides whether a caller may do something in a room.
///
/// # Errors
/// Why not. Who may not read is told the same as for a path that does not exist, before anything
/// else.
pub fn decide(facts: Facts<'_>, action: Action) -> Result<(), ErrorCode> {
    let Facts { settings, exists, rooms_by, casts_by, rights, has_identity, .. } = facts;
    let is_hidden = settings.mode == Mode::Private && rights < Rights::Read;
    let is_unopened = !exists && rooms_by == RoomsBy::Key && rights < Rights::Post;
    if is_hidden || is_unopened {
        return Err(ErrorCode::NotFound);
    }
    if action == Action::Cast && casts_by == CastsBy::Off {
        return Err(ErrorCode::CastOff);
    }
    if rights < Rights::Moderate {
        decide_for_others(facts, action)?;
    }
    // A presenter that comes back is recognized by it.
    if action == Action::Cast && !has_identity { Err(ErrorCode::IdentityRequired) } else { Ok(()) }
}

/// Decides for somebody who may read and is no moderator.
fn decide_for_others(Facts { settings, casts_by, rights, is_banned, .. }: Facts<'_>, action: Action) -> Result<(), ErrorCode> {
    match action {
        Action::Read => Ok(()),
        Action::Moderate => Err(ErrorCode::AccessRefused),
        Action::Publish | Action::Cast if is_banned => Err(ErrorCode::Banned),
        Action::Publish | Action::Cast if settings.closed => Err(ErrorCode::RoomClosed),
        Action::Publish | Action::Cast if settings.mode != Mode::Open && rights < Rights::Post => Err(ErrorCode::PostRefused),
        Action::Publish => Ok(()),
        Action::Cast if casts_by == CastsBy::Key && rights < Rights::Post => Err(ErrorCode::CastRefused),
        // Nobody can approve a screen before it is seen.
        Action::Cast if settings.queue => Err(ErrorCode::CastRefused),
        Action::Cast => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody without rights, with an identity, in a room that exists.
    fn facts(settings: &RoomSettings) -> Facts<'_> {
        let (rooms_by, casts_by) = (RoomsBy::Anyone, CastsBy::Post);
        Facts { settings, exists: true, rooms_by, casts_by, rights: Rights::None, has_identity: true, is_banned: false }
    }

    /// For each mode and each right, what reading, publishing and moderating gives.
    #[test]
    fn the_table_of_decisions() {
        const YES: Result<(), ErrorCode> = Ok(());
        const NONE: Result<(), ErrorCode> = Err(ErrorCode::NotFound);
        const POST: Result<(), ErrorCode> = Err(ErrorCode::PostRefused);
        const MODE: Result<(), ErrorCode> = Err(ErrorCode::AccessRefused);
        const SHUT: Result<(), ErrorCode> = Err(ErrorCode::RoomClosed);
        const BANNED: Result<(), ErrorCode> = Err(ErrorCode::Banned);
        let rights = [Rights::None, Rights::Read, Rights::Post, Rights::Moderate, Rights::Admin];
        let all = [YES; 5];
        let moderators = [MODE, MODE, MODE, YES, YES];
        // Mode, closed, banned, exists, rooms by key; then reading, publishing, moderating.
        for (mode, closed, banned, exists, by_key, read, publish, moderate) in [
            (Mode::Open, false, false, true, false, all, all, moderators),
            (Mode::Open, false, false, false, false, all, all, moderators),
            (Mode::Open, false, false, true, true, all, all, moderators),
            (Mode::Open, false, false, false, true, [NONE, NONE, YES, YES, YES], [NONE, NONE, YES, YES, YES], [NONE, NONE, MODE, YES, YES]),
            (Mode::Open, true, false, true, false, all, [SHUT, SHUT, SHUT, YES, YES], moderators),
            (Mode::Open, false, true, true, false, all, [BANNED, BANNED, BANNED, YES, YES], moderators),
            (Mode::Open, true, true, true, false, all, [BANNED, BANNED, BANNED, YES, YES], moderators),
            (Mode::Announce, false, false, true, false, all, [POST, POST, YES, YES, YES], moderators),
            (Mode::Announce, true, false, true, false, all, [SHUT, SHUT, SHUT, YES, YES], moderators),
            (Mode::Announce, false, true, true, false, all, [BANNED, BANNED, BANNED, YES, YES], moderators),
            (
                Mode::Private,
                false,
                false,
                true,
                false,
                [NONE, YES, YES, YES, YES],
                [NONE, POST, YES, YES, YES],
                [NONE, MODE, MODE, YES, YES],
            ),
            (
                Mode::Private,
                true,
                true,
                true,
                true,
                [NONE, YES, YES, YES, YES],
                [NONE, BANNED, BANNED, YES, YES],
                [NONE, MODE, MODE, YES, YES],
            ),
        ] {
            let settings = RoomSettings { mode, closed, ..RoomSettings::default() };
            let rooms_by = if by_key { RoomsBy::Key } else { RoomsBy::Anyone };
            for (index, rights) in rights.into_iter().enumerate() {
                for (action, expected) in [(Action::Read, read), (Action::Publish, publish), (Action::Moderate, moderate)] {
                    let facts = Facts { exists, rooms_by, rights, is_banned: banned, ..facts(&settings) };
                    assert_eq!(decide(facts, action), expected[index], "{facts:?} {action:?}");
                }
            }
        }
    }
    /// For each mode and each right, what showing a screen gives.
    #[test]
    fn the_table_of_decisions_about_casts() {
        use ErrorCode::{CastOff, CastRefused, IdentityRequired, NotFound, PostRefused, RoomClosed};
        const YES: Result<(), ErrorCode> = Ok(());
        let open = RoomSettings::default();
        let mode = |mode| RoomSettings { mode, ..RoomSettings::default() };
        let queue = RoomSettings { queue: true, ..RoomSettings::default() };
        let closed = RoomSettings { closed: true, ..RoomSettings::default() };
        let no = |code| Err(code);
        for (settings, casts_by, has_identity, expected) in [
            (&open, CastsBy::Post, true, [YES; 5]),
            (&open, CastsBy::Post, false, [no(IdentityRequired); 5]),
            (&open, CastsBy::Off, true, [no(CastOff); 5]),
            (&open, CastsBy::Key, true, [no(CastRefused), no(CastRefused), YES, YES, YES]),
            (&queue, CastsBy::Post, true, [no(CastRefused), no(CastRefused), no(CastRefused), YES, YES]),
            (&closed, CastsBy::Key, true, [no(RoomClosed), no(RoomClosed), no(RoomClosed), YES, YES]),
            (&mode(Mode::Announce), CastsBy::Post, false, {
                [no(PostRefused), no(PostRefused), no(IdentityRequired), no(IdentityRequired), no(IdentityRequired)]
            }),
            (&mode(Mode::Private), CastsBy::Post, true, [no(NotFound), no(PostRefused), YES, YES, YES]),
            (&mode(Mode::Private), CastsBy::Off, true, [no(NotFound), no(CastOff), no(CastOff), no(CastOff), no(CastOff)]),
        ] {
            let rights = [Rights::None, Rights::Read, Rights::Post, Rights::Moderate, Rights::Admin];
            for (rights, expected) in rights.into_iter().zip(expected) {
                let facts = Facts { casts_by, rights, has_identity, ..facts(settings) };
                assert_eq!(decide(facts, Action::Cast), expected, "{facts:?}");
            }
        }
        for (rights, expected) in [(Rights::Post, Err(ErrorCode::Banned)), (Rights::Moderate, YES)] {
            assert_eq!(decide(Facts { is_banned: true, rights, ..facts(&open) }, Action::Cast), expected);
        }
    }
}
