//! The forms of the moderators' page: what they ask for, as values.

use frontend::moderation::{BAN_HOURS, BanForm, Done, KEY_DAYS, KeyForm, PartName};
use protocol::admin::{BanFields, Decision, DecisionFields, KeyId, NewBan, NewKey, NewKeyFields, Rights};
use protocol::{ErrorCode, InputError, Mode, RoomSettings, Tag};
use serde::Deserialize;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The fields of all forms of the page. `do` names the form.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Form {
    #[serde(default)]
    r#do: String,
    id: Option<String>,
    of: Option<String>,
    #[serde(default)]
    reason: String,
    pub(super) order: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    mode: String,
    queue: Option<String>,
    closed: Option<String>,
    #[serde(default)]
    slow: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    hours: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    rights: String,
    #[serde(default)]
    rooms: String,
    #[serde(default)]
    days: String,
}

/// What a moderator asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Decides about a message that waits.
    Decide(u64, Decision),
    /// Changes the room.
    Change(RoomSettings),
    /// Ends a cast.
    EndCast(u64),
    /// Unpins a message.
    Unpin(u64),
    /// Bans somebody.
    Ban(NewBan),
    /// Ends a ban.
    Unban(u64),
    /// Makes an access key.
    CreateKey(NewKey),
    /// Revokes an access key.
    RevokeKey(KeyId),
}

impl Act {
    /// The part of the page that the act belongs to, and what it has done once it is done.
    pub(super) fn outcome(&self) -> (PartName, Done) {
        match self {
            Self::Decide(_, Decision::Approve) => (PartName::Queue, Done::Approved),
            Self::Decide(_, Decision::Reject { .. }) => (PartName::Queue, Done::Rejected),
            Self::Change(_) => (PartName::Room, Done::Saved),
            Self::EndCast(_) => (PartName::Room, Done::CastEnded),
            Self::Unpin(_) => (PartName::Pins, Done::Unpinned),
            Self::Ban(_) => (PartName::Bans, Done::Banned),
            Self::Unban(_) => (PartName::Bans, Done::Unbanned),
            Self::CreateKey(_) => (PartName::Keys, Done::Created),
            Self::RevokeKey(_) => (PartName::Keys, Done::Revoked),
        }
    }
}

impl Form {
    /// Reads a form. Unknown fields are ignored.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ErrorCode> {
        serde_urlencoded::from_bytes(body).map_err(|_| ErrorCode::RequestInvalid)
    }

    /// Reads what the form asks for. `now` is in milliseconds since 1970.
    pub(super) fn act(&self, now: u64) -> Result<Act, InputError> {
        Ok(match self.r#do.as_str() {
            decision @ ("approve" | "reject") => {
                let fields = DecisionFields { decision: decision.to_owned(), reason: Some(self.reason.clone()) };
                Act::Decide(number(self.id.as_deref(), "id")?, fields.try_into()?)
            }
            "settings" => Act::Change(self.settings()?),
            "end-cast" => Act::EndCast(number(self.id.as_deref(), "id")?),
            "unpin" => Act::Unpin(number(self.of.as_deref(), "of")?),
            "ban" => Act::Ban(self.ban(now)?),
            "unban" => Act::Unban(number(self.id.as_deref(), "id")?),
            "create-key" => Act::CreateKey(self.key(now)?),
            "revoke-key" => Act::RevokeKey(self.id.as_deref().unwrap_or_default().parse()?),
            _ => return Err(ErrorCode::RequestInvalid.into()),
        })
    }

    /// The part of the page that the form belongs to.
    pub(super) fn part(&self) -> PartName {
        match self.r#do.as_str() {
            "settings" | "end-cast" => PartName::Room,
            "unpin" => PartName::Pins,
            "ban" | "unban" => PartName::Bans,
            "create-key" | "revoke-key" => PartName::Keys,
            _ => PartName::Queue,
        }
    }

    fn settings(&self) -> Result<RoomSettings, InputError> {
        let mode = Mode::parse(&self.mode).ok_or(ErrorCode::SettingsInvalid)?;
        let slow = if self.slow.trim().is_empty() { Ok(0) } else { self.slow.trim().parse() };
        let slow = slow.map_err(|_| ErrorCode::SettingsInvalid)?;
        let (title, topic) = (self.title.clone(), self.topic.clone());
        let settings = RoomSettings { title, topic, mode, queue: self.queue.is_some(), slow, closed: self.closed.is_some() };
        Ok(settings.checked()?)
    }

    /// The settings as they were written, for a form that was refused.
    pub(super) fn written_settings(&self) -> Option<RoomSettings> {
        (self.r#do == "settings").then(|| RoomSettings {
            title: self.title.clone(),
            topic: self.topic.clone(),
            mode: Mode::parse(&self.mode).unwrap_or_default(),
            queue: self.queue.is_some(),
            slow: self.slow.trim().parse().unwrap_or_default(),
            closed: self.closed.is_some(),
        })
    }

    fn ban(&self, now: u64) -> Result<NewBan, InputError> {
        let who = self.who.trim().to_owned();
        let mut fields = BanFields { reason: Some(self.reason.clone()), until: end(now, &self.hours, HOUR_MS), ..BanFields::default() };
        // Their forms differ, so one field takes all three.
        let field = if who.parse::<Tag>().is_ok() {
            &mut fields.tag
        } else if who.parse::<KeyId>().is_ok() {
            &mut fields.key
        } else {
            &mut fields.address
        };
        *field = Some(who);
        NewBan::try_from(fields)
    }

    /// The ban as it was written, for a form that was refused.
    pub(super) fn written_ban(&self) -> Option<BanForm> {
        let hours = self.hours.parse().ok().filter(|hours| BAN_HOURS.contains(hours)).unwrap_or(BAN_HOURS[1]);
        (self.r#do == "ban").then(|| BanForm { who: self.who.clone(), reason: self.reason.clone(), hours })
    }

    fn key(&self, now: u64) -> Result<NewKey, InputError> {
        // An admin key is for all rooms, whatever the field says.
        let rooms = (self.rights != Rights::Admin.as_str()).then(|| self.rooms.clone());
        let expires = end(now, &self.days, DAY_MS);
        NewKey::try_from(NewKeyFields { rights: self.rights.clone(), rooms, label: Some(self.label.clone()), expires })
    }

    /// The key as it was written, for a form that was refused.
    pub(super) fn written_key(&self) -> Option<KeyForm> {
        let days = self.days.parse().ok().filter(|days| KEY_DAYS.contains(days)).unwrap_or_default();
        let rights = Rights::parse(&self.rights).unwrap_or(Rights::Post);
        (self.r#do == "create-key").then(|| KeyForm { label: self.label.clone(), rights, rooms: self.rooms.clone(), days })
    }
}

fn number(text: Option<&str>, field: &str) -> Result<u64, InputError> {
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| InputError::with_detail(ErrorCode::RequestInvalid, format!("{field} must be a number")))
}

/// The end of a time that begins now; none for 0, and for what is no number.
fn end(now: u64, count: &str, unit: u64) -> Option<u64> {
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    Some(now.saturating_add(count.saturating_mul(unit)))
}

#[cfg(test)]
mod tests {
    use protocol::admin::Banned;

    use super::*;

    fn act(body: &str) -> Result<Act, ErrorCode> {
        Form::parse(body.as_bytes())?.act(1000).map_err(|error| error.code)
    }

    #[test]
    fn one_field_takes_a_tag_a_key_or_an_address() {
        let banned = |who: &str| act(&format!("do=ban&who={who}&hours=1&reason=spam"));
        let ban = |banned| Act::Ban(NewBan { banned, rooms: None, until: Some(1000 + HOUR_MS), reason: "spam".to_owned() });
        assert_eq!(banned("+aaaaaaaaaaab+"), Ok(ban(Banned::Tag("aaaaaaaaaaab".parse().unwrap()))));
        assert_eq!(banned("0123abcd"), Ok(ban(Banned::Key("0123abcd".parse().unwrap()))));
        assert_eq!(banned("192.0.2.7"), Ok(ban(Banned::Address("192.0.2.7".parse().unwrap()))));
        assert_eq!(banned("somebody"), Err(ErrorCode::ShapeInvalid));
    }

    #[test]
    fn a_time_of_zero_has_no_end() {
        assert_eq!(
            (end(5, "0", 10), end(5, "", 10), end(5, "2", 10), end(5, &u64::MAX.to_string(), 10)),
            (None, None, Some(25), Some(u64::MAX))
        );
    }

    #[test]
    fn an_absent_switch_is_off() {
        let settings = RoomSettings { mode: Mode::Announce, queue: true, slow: 5, ..RoomSettings::default() };
        assert_eq!(act("do=settings&mode=announce&queue=true&slow=5&title="), Ok(Act::Change(settings)));
        assert_eq!(act("do=settings&mode=open&slow="), Ok(Act::Change(RoomSettings::default())));
        for bad in ["do=settings&mode=secret", "do=settings&mode=open&slow=-1", "do=settings&mode=open&slow=999999999"] {
            assert_eq!(act(bad), Err(ErrorCode::SettingsInvalid), "{bad}");
        }
    }

    #[test]
    fn a_form_that_is_none_of_the_pages_is_refused() {
        for bad in ["", "do=", "do=erase-all", "do=approve", "do=approve&id=x", "do=unpin&of=", "do=end-cast", "do=revoke-key&id=zz"] {
            assert!(act(bad).is_err(), "{bad}");
        }
        assert_eq!(act("do=end-cast&id=50"), Ok(Act::EndCast(50)));
        assert_eq!(act("do=reject&id=7&reason=+off+topic+"), Ok(Act::Decide(7, Decision::Reject { reason: "off topic".to_owned() })));
    }

    #[test]
    fn a_refused_form_keeps_what_was_written() {
        let form = Form::parse(b"do=create-key&label=Ana&rights=moderate&rooms=tea%2F&days=30").unwrap();
        let written = form.written_key().unwrap();
        assert_eq!((written.label.as_str(), written.rights, written.rooms.as_str(), written.days), ("Ana", Rights::Moderate, "tea/", 30));
        assert!(form.act(0).is_err() && form.written_ban().is_none() && form.written_settings().is_none());
    }
}
