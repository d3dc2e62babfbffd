//! What two chats write into one file.

use protocol::{Position, PublishRequest};

use crate::event::{Saved, SavedRoom};

/// Returns what the file must hold: `ours`, and from `theirs`, which is in the file, all that
/// others have changed since it was `base`.
pub(super) fn merged(ours: &Saved, base: &Saved, theirs: Saved) -> Saved {
    let mut rooms: Vec<_> = ours.rooms.iter().map(|room| merged_room(room, find(base, room), find(&theirs, room))).collect();
    for room in &theirs.rooms {
        let is_ours = find(ours, room).is_some();
        if !is_ours && let Some(room) = left_room(room, find(base, room)) {
            rooms.push(room);
        }
    }
    Saved {
        author: changed(&ours.author, &base.author, theirs.author),
        rooms,
        active: ours.active,
        history: changed(&ours.history, &base.history, theirs.history),
    }
}

fn find<'a>(saved: &'a Saved, room: &SavedRoom) -> Option<&'a SavedRoom> {
    saved.rooms.iter().find(|other| other.name == room.name)
}

/// Returns our value if we have changed it, else the file's.
fn changed<T: Clone + PartialEq>(ours: &T, base: &T, theirs: T) -> T {
    if ours == base { theirs } else { ours.clone() }
}

fn merged_room(ours: &SavedRoom, base: Option<&SavedRoom>, theirs: Option<&SavedRoom>) -> SavedRoom {
    let Some(theirs) = theirs else { return ours.clone() };
    let base_draft = base.map_or("", |base| &base.draft);
    let mut outbox = ours.outbox.clone();
    outbox.extend(added(theirs, base).filter(|message| !has_key(ours, message)).cloned());
    let mut own = theirs.own.clone();
    own.retain(|key| !ours.own.contains(key) && base.is_none_or(|base| !base.own.contains(key)));
    own.extend_from_slice(&ours.own);
    SavedRoom {
        name: ours.name.clone(),
        read: further(ours.read, theirs.read),
        draft: changed(&ours.draft.as_str(), &base_draft, &theirs.draft).to_owned(),
        outbox,
        own,
    }
}

/// Returns what stays of a room that this chat does not have open: all if another chat has opened
/// it, else what another chat has added.
fn left_room(theirs: &SavedRoom, base: Option<&SavedRoom>) -> Option<SavedRoom> {
    let Some(base) = base else { return Some(theirs.clone()) };
    let outbox: Vec<_> = added(theirs, Some(base)).cloned().collect();
    let is_used = !outbox.is_empty() || theirs.draft != base.draft;
    is_used.then(|| SavedRoom { outbox, ..theirs.clone() })
}

/// Returns the messages that another chat has added.
fn added<'a>(theirs: &'a SavedRoom, base: Option<&'a SavedRoom>) -> impl Iterator<Item = &'a PublishRequest> {
    theirs.outbox.iter().filter(move |message| base.is_none_or(|base| !has_key(base, message)))
}

fn has_key(room: &SavedRoom, message: &PublishRequest) -> bool {
    room.outbox.iter().any(|other| other.key == message.key)
}

/// Returns the later position. Ours counts in another log.
fn further(ours: Option<Position>, theirs: Option<Position>) -> Option<Position> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.epoch == theirs.epoch && theirs.offset > ours.offset => Some(theirs),
        (ours, theirs) => ours.or(theirs),
    }
}
