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

/// What is known about a room and its caller.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The room's settings.
    pub settings: &'a RoomSettings,
    /// True if the room has, or had, entries, or is the lobby.
    pub exists: bool,
    /// Who may open rooms.
    pub rooms_by: RoomsBy,
    /// The caller's rights in the room.
    pub rights: Rights,
    /// True if the caller is banned. Has no effect on moderators.
    pub is_banned: bool,
}

/// Decides whether a caller may do something in a room.
///
/// # Errors
/// Why not. Who may not read is told the same as for a path that does not exist, before anything
/// else.
pub fn decide(facts: Facts<'_>, action: Action) -> Result<(), ErrorCode> {
    let Facts { settings, exists, rooms_by, rights, is_banned } = facts;
    let is_hidden = settings.mode == Mode::Private && rights < Rights::Read;
    let is_unopened = !exists && rooms_by == RoomsBy::Key && rights < Rights::Post;
    if is_hidden || is_unopened {
        return Err(ErrorCode::NotFound);
    }
    if rights >= Rights::Moderate {
        return Ok(());
    }
    match action {
        Action::Read => Ok(()),
        Action::Moderate => Err(ErrorCode::AccessRefused),
        Action::Publish if is_banned => Err(ErrorCode::Banned),
        Action::Publish if settings.closed => Err(ErrorCode::RoomClosed),
        Action::Publish if settings.mode != Mode::Open && rights < Rights::Post => Err(ErrorCode::PostRefused),
        Action::Publish => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                    let facts = Facts { settings: &settings, exists, rooms_by, rights, is_banned: banned };
                    assert_eq!(decide(facts, action), expected[index], "{facts:?} {action:?}");
                }
            }
        }
    }
}
