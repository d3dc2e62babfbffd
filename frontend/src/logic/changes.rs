//! The reader's own changes of messages, shown before the server has answered.

use client::{Pending, Stage};
use protocol::limits::OFFSET_MAX;
use protocol::{Entry, ErrorCode, PublishKey, Tag};

/// A change of a message that is on its way, or was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnChange {
    /// Its publish key.
    pub key: PublishKey,
    /// Why it was refused; `None` while it is on its way.
    pub refused: Option<ErrorCode>,
    /// True if it has a text, which its author may want to copy.
    pub has_text: bool,
}

/// Returns the changes of the message at an offset that are in the outbox, oldest first.
fn of(offset: u64, outbox: &[Pending]) -> impl Iterator<Item = &Pending> {
    outbox.iter().filter(move |pending| pending.message.of == Some(offset))
}

/// Applies the changes that are on their way. Returns the one to tell about: the newest that was
/// refused, else the newest.
pub fn apply(entry: &mut Entry, outbox: &[Pending], you: Option<Tag>) -> Option<OwnChange> {
    let (mut told, changed) = (None::<OwnChange>, entry.changed);
    for Pending { message, stage } in of(entry.offset, outbox) {
        let Some(key) = message.key.clone() else { continue };
        let refused = match stage {
            Stage::Failed { code, .. } => Some(*code),
            _ => None,
        };
        if refused.is_none() {
            let change = Entry {
                // Above all changes that have arrived.
                offset: OFFSET_MAX,
                time: entry.time,
                kind: message.kind,
                of: message.of,
                text: message.text.clone(),
                emoji: message.emoji.clone(),
                off: message.off,
                by: you,
                ..Entry::default()
            };
            entry.changed = 0;
            entry.fold(&change, you);
        }
        if refused.is_some() || told.as_ref().is_none_or(|told| told.refused.is_none()) {
            told = Some(OwnChange { key, refused, has_text: !message.text.as_str().is_empty() });
        }
    }
    entry.changed = changed;
    told
}

/// Returns a number that differs whenever the message looks different: by the changes that have
/// arrived, and by those in the outbox.
pub fn version(entry: &Entry, outbox: &[Pending]) -> u64 {
    of(entry.offset, outbox).fold(entry.changed, |version, Pending { message, stage }| {
        let key = message.key.as_ref().map_or("", PublishKey::as_str);
        let mix = |version: u64, byte: u8| (version ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        mix(key.bytes().fold(version, mix), u8::from(matches!(stage, Stage::Failed { .. })))
    })
}

#[cfg(test)]
mod tests {
    use protocol::{Emoji, Kind, PublishRequest, Text};

    use super::*;

    fn message() -> Entry {
        Entry { offset: 5, text: Text::parse("one").unwrap(), changed: 8, by: Some(Tag::from_bits(1)), ..Entry::default() }
    }

    fn pending(key: &str, kind: Kind, stage: Stage) -> Pending {
        let text = if kind == Kind::Edit { Text::parse("two").unwrap() } else { Text::default() };
        let emoji = (kind == Kind::React).then(|| Emoji::parse("👍").unwrap());
        let message = PublishRequest { kind, of: Some(5), text, emoji, key: Some(key.parse().unwrap()), ..PublishRequest::default() };
        Pending { message, stage }
    }

    fn refused() -> Stage {
        Stage::Failed { code: ErrorCode::EditLate, detail: String::new() }
    }

    #[test]
    fn a_change_shows_at_once_and_is_undone_when_it_is_refused() {
        let (mut entry, you) = (message(), Some(Tag::from_bits(1)));
        let outbox = [pending("a", Kind::Edit, Stage::Sending), pending("b", Kind::React, Stage::Sending)];
        let told = apply(&mut entry, &outbox, you).unwrap();
        assert_eq!((entry.text.as_str(), entry.reactions.len(), entry.reactions[0].mine, entry.changed), ("two", 1, true, 8));
        assert_eq!((told.key.as_str(), told.refused), ("b", None));
        let mut entry = message();
        let outbox = [pending("a", Kind::Edit, refused()), pending("b", Kind::React, Stage::Sending)];
        let told = apply(&mut entry, &outbox, you).unwrap();
        assert_eq!((entry.text.as_str(), entry.reactions.len()), ("one", 1));
        assert_eq!(told, OwnChange { key: "a".parse().unwrap(), refused: Some(ErrorCode::EditLate), has_text: true });
        let mut entry = message();
        assert_eq!((apply(&mut entry, &[], you), entry), (None, message()));
    }

    #[test]
    fn an_erased_message_is_not_edited() {
        let mut entry = message();
        apply(&mut entry, &[pending("a", Kind::Erase, Stage::Sending), pending("b", Kind::Edit, Stage::Sending)], None);
        assert!(entry.erased && entry.text.as_str().is_empty());
    }

    #[test]
    fn each_state_has_a_version_of_its_own() {
        let later = Entry { changed: 9, ..message() };
        let outboxes: [&[Pending]; 5] = [
            &[],
            &[pending("a", Kind::React, Stage::Sending)],
            &[pending("a", Kind::React, refused())],
            &[pending("b", Kind::React, Stage::Sending)],
            &[pending("a", Kind::React, Stage::Sending), pending("b", Kind::React, Stage::Sending)],
        ];
        let versions: std::collections::HashSet<_> =
            outboxes.iter().flat_map(|outbox| [version(&message(), outbox), version(&later, outbox)]).collect();
        assert_eq!(versions.len(), 10);
        let other = Entry { offset: 6, ..message() };
        assert_eq!(version(&other, outboxes[1]), 8);
    }
}
