//! What the admin interface speaks of: access keys, bans, messages that wait, and the audit.

mod pattern;

mod ban;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::fields::{FromFields, InputError};
use crate::limits::{LABEL_CHARS_MAX, OFFSET_MAX, REASON_CHARS_MAX};
use crate::settings::line;
use crate::{ErrorCode, Position, Tag};

pub use ban::{Ban, BanFields, Banned, BannedAddress, NewBan};
pub use pattern::RoomPattern;

/// What somebody may do in a room. Each right includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rights {
    /// What everybody may do.
    #[default]
    None,
    /// Read private rooms.
    Read,
    /// Post where only people with a key can.
    Post,
    /// Change and remove others' messages, approve, pin, ban, and change the room's settings.
    Moderate,
    /// Create and revoke access keys, on the whole board.
    Admin,
}

impl Rights {
    /// What a key can give.
    pub const OF_KEYS: [Self; 4] = [Self::Read, Self::Post, Self::Moderate, Self::Admin];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Post => "post",
            Self::Moderate => "moderate",
            Self::Admin => "admin",
        }
    }

    /// Reads the word of what a key can give.
    pub fn parse(word: &str) -> Option<Self> {
        Self::OF_KEYS.into_iter().find(|rights| rights.as_str() == word)
    }
}

/// What names an access key in public: the first 32 bits of its hash, as 8 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(pub u32);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for KeyId {
    type Err = ErrorCode;

    fn from_str(text: &str) -> Result<Self, ErrorCode> {
        let is_form = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
        let id = u32::from_str_radix(text, 16).ok().filter(|_| is_form);
        id.map(Self).ok_or(ErrorCode::QueryInvalid)
    }
}

impl TryFrom<String> for KeyId {
    type Error = ErrorCode;

    fn try_from(text: String) -> Result<Self, ErrorCode> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

/// An access key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// What names it.
    pub id: KeyId,
    /// What it allows.
    pub rights: Rights,
    /// In which rooms.
    pub rooms: RoomPattern,
    /// What it is for, or whose it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// When it was created, in milliseconds since 1970.
    pub created: u64,
    /// When it ends, in milliseconds since 1970. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// The key that created it. Absent for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<KeyId>,
}

/// An access key that was just created. Its secret is told this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The secret: `crk_` and 43 characters.
    pub key: String,
    /// Everything else.
    #[serde(flatten)]
    pub info: KeyInfo,
}

/// The access key to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// What it allows.
    pub rights: Rights,
    /// In which rooms. An admin key is for all.
    pub rooms: RoomPattern,
    /// What it is for, or whose it is.
    pub label: String,
    /// When it ends, in milliseconds since 1970.
    pub expires: Option<u64>,
}

/// The fields of a [`NewKey`] as they arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKeyFields {
    /// The word of a right.
    pub rights: String,
    /// A room pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<String>,
    /// A label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

impl FromFields for NewKey {
    type Fields = NewKeyFields;
}

impl TryFrom<NewKeyFields> for NewKey {
    type Error = InputError;

    fn try_from(fields: NewKeyFields) -> Result<Self, InputError> {
        let refused = |detail: &str| InputError::with_detail(ErrorCode::ShapeInvalid, detail);
        let rights = Rights::parse(&fields.rights).ok_or_else(|| refused("rights must be read, post, moderate or admin"))?;
        let rooms = fields.rooms.filter(|rooms| !rooms.trim().is_empty()).map(RoomPattern::try_from).transpose()?;
        let rooms = rooms.unwrap_or_default();
        if rights == Rights::Admin && rooms != RoomPattern::default() {
            return Err(refused("an admin key is for all rooms"));
        }
        if !is_time(fields.expires) {
            return Err(refused(TIME_REFUSED));
        }
        let label = line(&fields.label.unwrap_or_default(), LABEL_CHARS_MAX)
            .ok_or_else(|| refused("label must be one line of at most 64 characters"))?;
        Ok(Self { rights, rooms, label, expires: fields.expires })
    }
}

/// Why a time is refused that [`is_time`] is not true of.
const TIME_REFUSED: &str = "a time is in milliseconds since 1970, at most 2^53 - 1";

/// True for a time, if any, that the store and every JSON parser can represent.
fn is_time(time: Option<u64>) -> bool {
    time.is_none_or(|time| time <= OFFSET_MAX)
}

/// A message that waits for a moderator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its number in the queue.
    pub id: u64,
    /// When it came, in milliseconds since 1970.
    pub received: u64,
    /// The author's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// The text.
    pub text: String,
    /// The identity that posted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Tag>,
    /// The publish key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The offset of the message that it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<u64>,
}

/// The oldest messages of a room that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePage {
    /// Changes when a message comes or is decided on: pass it as `version` to wait for that.
    pub version: u64,
    /// The number of all that wait.
    pub count: u64,
    /// The oldest of them, oldest first.
    pub waiting: Vec<Waiting>,
}

/// What a moderator decides about a message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is published now.
    Approve,
    /// It is not published, and its author is told why.
    Reject {
        /// Why; may be empty.
        reason: String,
    },
}

/// The fields of a [`Decision`] as they arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionFields {
    /// `approve` or `reject`.
    pub decision: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl FromFields for Decision {
    type Fields = DecisionFields;
}

impl TryFrom<DecisionFields> for Decision {
    type Error = InputError;

    fn try_from(fields: DecisionFields) -> Result<Self, InputError> {
        let refused = |detail: &str| InputError::with_detail(ErrorCode::ShapeInvalid, detail);
        match fields.decision.as_str() {
            "approve" => Ok(Self::Approve),
            "reject" => reason(fields.reason).map(|reason| Self::Reject { reason }),
            _ => Err(refused("decision must be approve or reject")),
        }
    }
}

/// Checks a reason that people are told.
fn reason(reason: Option<String>) -> Result<String, InputError> {
    let refused = || InputError::with_detail(ErrorCode::ShapeInvalid, "reason must be one line of at most 200 characters");
    line(&reason.unwrap_or_default(), REASON_CHARS_MAX).ok_or_else(refused)
}

/// What became of a message that waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Where it was published. Absent if it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// An act of a moderator or an admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number.
    pub id: u64,
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// With which access key. Absent for the first-start link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// What was done, as a word.
    pub action: String,
    /// To what. Never a message's text.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_key(json: &str) -> Result<NewKey, ErrorCode> {
        crate::from_json(json).map_err(|error| error.code)
    }

    #[test]
    fn rights_include_those_before_them() {
        assert!(Rights::Admin > Rights::Moderate && Rights::Moderate > Rights::Post && Rights::Post > Rights::Read);
        for rights in Rights::OF_KEYS {
            assert_eq!(Rights::parse(rights.as_str()), Some(rights));
        }
        assert_eq!(Rights::parse("none"), None);
    }

    #[test]
    fn an_id_is_eight_hexadecimal_digits() {
        assert_eq!("0000beef".parse(), Ok(KeyId(0xbeef)));
        assert_eq!(KeyId(0xbeef).to_string(), "0000beef");
        for bad in ["", "beef", "0000BEEF", "+000beef", "00000beef"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }

    #[cfg(feature = "unicode")]
    #[test]
    fn a_new_key_is_checked() {
        let key = new_key(r#"{"rights":"post","rooms":"Team-*","label":" ana "}"#).unwrap();
        assert_eq!((key.rooms.as_str(), key.label.as_str(), key.expires), ("team-*", "ana", None));
        assert!(new_key(r#"{"rights":"admin"}"#).is_ok());
        for bad in [
            r#"{"rights":"none"}"#,
            r#"{"rights":"all"}"#,
            r#"{"rights":"read","expires":9223372036854775808}"#,
            r#"{"rights":"admin","rooms":"lobby"}"#,
            r#"{"rights":"read","label":"a\nb"}"#,
            r#"{"rights":"read","expires":"tomorrow"}"#,
        ] {
            assert_eq!(new_key(bad), Err(ErrorCode::ShapeInvalid), "{bad}");
        }
        assert_eq!(new_key(r#"{"rights":"read","rooms":"a/b"}"#), Err(ErrorCode::RoomNameInvalid));
    }

    #[test]
    fn a_decision_is_one_of_two_words() {
        let decide = |json: &str| crate::from_json::<Decision>(json).map_err(|error| error.code);
        assert_eq!(decide(r#"{"decision":"approve"}"#), Ok(Decision::Approve));
        assert_eq!(decide(r#"{"decision":"reject","reason":"off topic"}"#), Ok(Decision::Reject { reason: "off topic".to_owned() }));
        assert_eq!(decide(r#"{"decision":"maybe"}"#), Err(ErrorCode::ShapeInvalid));
    }
}
