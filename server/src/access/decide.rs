//! The decision whether somebody may do something. `docs/access.md` has it as a table.

use protocol::{ErrorCode, Kind, Mode, RoomSettings};

use super::rights::Rights;

/// What somebody wants to do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read entries, and count as a reader.
    Read,
    /// Publish a message, a reaction, or a change of one's own message.
    Publish,
    /// Change and approve what others posted, and set the room up.
    Moderate,
}

impl Action {
    /// Returns what it takes to publish an entry of a kind.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Pin | Kind::Unpin | Kind::Room => Self::Moderate,
            _ => Self::Publish,
        }
    }
}

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
    /// True if the caller is banned.
    pub is_banned: bool,
}

/// Decides whether a caller may do something in a room.
///
/// # Errors
/// Why not. Who may not read is told the same as for a path that does not exist.
pub fn decide(facts: Facts<'_>, action: Action) -> Result<(), ErrorCode> {
    let Facts { settings, exists, rooms_by, rights, is_banned } = facts;
    let is_hidden = settings.mode == Mode::Private && rights < Rights::Read;
    let is_unopened = !exists && rooms_by == RoomsBy::Key && rights < Rights::Post;
    if is_hidden || is_unopened {
        return Err(ErrorCode::NotFound);
    }
    match action {
        Action::Read => Ok(()),
        Action::Moderate if rights >= Rights::Moderate => Ok(()),
        Action::Moderate => Err(ErrorCode::AccessRefused),
        Action::Publish if is_banned => Err(ErrorCode::Banned),
        Action::Publish if settings.closed && rights < Rights::Moderate => Err(ErrorCode::RoomClosed),
        Action::Publish if settings.mode != Mode::Open && rights < Rights::Post => Err(ErrorCode::PostRefused),
        Action::Publish => Ok(()),
    }
}
