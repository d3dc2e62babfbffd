//! Errors as clients see them: a stable code, a status and a sentence. The server's log has the
//! cause.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, as a stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status of an answer with this code.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A sentence for people: what happened, and where it helps, what to do.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

error_codes! {
    /// The text is blank.
    TextEmpty = "text_empty", 422, "The text is empty.";
    /// The text is longer than [`crate::limits::TEXT_BYTES_MAX`].
    TextTooLong = "text_too_long", 422, "The text is longer than 16 KiB.";
    /// The text has a character that no message may have (NUL).
    TextInvalid = "text_invalid", 422, "The text contains a NUL character.";
    /// The author's name is longer than [`crate::limits::AUTHOR_CHARS_MAX`].
    AuthorTooLong = "author_too_long", 422, "The name is longer than 64 characters.";
    /// The author's name has control or invisible characters.
    AuthorInvalid = "author_invalid", 422, "The name contains control or invisible characters.";
    /// The publish key is malformed.
    KeyInvalid = "key_invalid", 422, "The key must be 1 to 64 of A-Z a-z 0-9 _ -.";
    /// The key already belongs to another message of this room.
    KeyReused = "key_reused", 409, "The key already belongs to another message. Send this one with a new key.";
    /// The author's name looks like a moderator's.
    AuthorReserved = "author_reserved", 422, "This name looks like a moderator's. Choose another one.";
    /// An identity's tag is malformed.
    TagInvalid = "tag_invalid", 422, "A tag is 12 of a-z 2-7.";
    /// This is not one emoji.
    EmojiInvalid = "emoji_invalid", 422, "This is not an emoji.";
    /// A room's settings are out of range.
    SettingsInvalid = "settings_invalid", 422, "The room's settings are not valid.";
    /// The message to change does not exist, has expired, or was erased.
    MessageGone = "message_gone", 404, "The message does not exist any more.";
    /// The message to change is another author's.
    NotYours = "not_yours", 403, "Only its author or a moderator can change this message.";
    /// The message is too old to be edited, or its room has a queue.
    EditLate = "edit_late", 403, "The message can no longer be edited.";
    /// The message has as many different emoji as it may have.
    ReactionsFull = "reactions_full", 409, "The message has 12 different reactions. Choose one of them.";
    /// The room has as many pinned messages as it may have.
    PinsFull = "pins_full", 409, "Three messages are pinned. Unpin one first.";
    /// A reaction needs an identity: a cookie, or the header `Crier-Identity`.
    IdentityRequired = "identity_required", 403, "This needs an identity. Allow cookies, or send the header Crier-Identity.";
    /// Who asks may not publish in this room.
    PostRefused = "post_refused", 403, "Only people with an access key can post in this room.";
    /// The room is closed.
    RoomClosed = "room_closed", 403, "The room is closed. Only moderators can post.";
    /// Who asks is banned.
    Banned = "banned", 403, "You are banned from posting.";
    /// Who asks has not the right.
    AccessRefused = "access_refused", 403, "This takes an access key with the right to do it.";
    /// The access key is unknown, has expired or was revoked.
    AccessKeyUnknown = "access_key_unknown", 401, "The access key is unknown, has expired or was revoked.";
    /// An address or key that must not be banned.
    BanRefused = "ban_refused", 422, "This can't be banned: it stands for this machine, a proxy or yourself.";
    /// The message waits for a moderator. Durable, although it is told as a refusal for now.
    Queued = "queued", 202, "The message waits for a moderator's approval.";
    /// A moderator has rejected the message.
    Rejected = "rejected", 403, "A moderator has rejected the message.";
    /// As many messages as may wait for approval wait in this room.
    QueueFull = "queue_full", 503, "Too many messages wait for approval. Try again later.";
    /// The identity has posted in this slow room a moment ago.
    SlowMode = "slow_mode", 429, "This room is slow: wait before the next message.";
    /// The board has no casts.
    CastOff = "cast_off", 403, "This board does not show screens.";
    /// Who asks may post, but not show a screen.
    CastRefused = "cast_refused", 403, "To show a screen here takes an access key with the right to do it.";
    /// Another cast is running in the room.
    CastBusy = "cast_busy", 409, "Somebody else is showing a screen in this room.";
    /// The server has reached its number of casts.
    CastsFull = "casts_full", 503, "Too many screens are shown at the moment. Try again later.";
    /// No cast is running in the room.
    NoCast = "no_cast", 404, "Nobody is showing a screen in this room.";
    /// The cast has as many viewers as it may have, or the server sends as much as it may.
    ViewersFull = "viewers_full", 503, "Too many people are watching at the moment. Try again later.";
    /// A presenter sends more than a cast may have.
    CastTooFast = "cast_too_fast", 429, "The cast has too many bytes or chunks a second.";
    /// A presenter has sent what is no chunk.
    ChunkInvalid = "chunk_invalid", 422, "This is not a chunk of a cast.";
    /// A chunk is longer than [`crate::limits::CHUNK_BYTES_MAX`], or its picture than
    /// [`crate::limits::PICTURE_BYTES_MAX`].
    ChunkTooLong = "chunk_too_long", 413, "The chunk is longer than 512 KiB, or its picture than 256 KiB.";
    /// The room's name is malformed.
    RoomNameInvalid = "room_name_invalid", 400, "A room's name is 1 to 64 letters, digits, '_' or '-'.";
    /// The position is malformed.
    PositionInvalid = "position_invalid", 400, "The position is not of the form epoch:offset.";
    /// The position can't be continued: it is of another log, beyond the end, or no longer kept.
    PositionGone = "position_gone", 410, "The log can't be continued from this position.";
    /// A query parameter is missing, repeated or out of its range.
    QueryInvalid = "query_invalid", 400, "A query parameter is not valid.";
    /// A frame or body is not JSON.
    NotJson = "not_json", 400, "This is not JSON.";
    /// A frame or body is JSON of another structure.
    ShapeInvalid = "shape_invalid", 422, "Unexpected JSON structure.";
    /// A frame's `type` is unknown.
    CommandUnknown = "command_unknown", 400, "Unknown type of frame.";
    /// A body is not UTF-8.
    NotUtf8 = "not_utf8", 400, "The body is not UTF-8.";
    /// A body has an unsupported type or encoding.
    BodyUnsupported = "body_unsupported", 415, "The body must be JSON, a form or plain text, not compressed.";
    /// A body is longer than [`crate::limits::BODY_BYTES_MAX`].
    BodyTooLong = "body_too_long", 413, "The body is longer than 64 KiB.";
    /// A request took too long to arrive.
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive. Send it again.";
    /// The request comes from a page of another site.
    OriginRefused = "origin_refused", 403, "Requests from this origin are not allowed.";
    /// The request names a host that this server does not answer for.
    HostRefused = "host_refused", 421, "This server does not answer for that host name.";
    /// The request itself is malformed.
    RequestInvalid = "request_invalid", 400, "The request is malformed.";
    /// The request's target is longer than [`crate::limits::URI_BYTES_MAX`].
    UriTooLong = "uri_too_long", 414, "The address is longer than 8 KiB.";
    /// All header fields together are longer than [`crate::limits::HEADER_BYTES_MAX`].
    HeadersTooLong = "headers_too_long", 431, "The header fields are longer than 32 KiB.";
    /// There is nothing at this address.
    NotFound = "not_found", 404, "There is nothing at this address.";
    /// The address does not support this method.
    MethodNotAllowed = "method_not_allowed", 405, "This address does not support that method.";
    /// This address has published too much in too short a time.
    RateLimited = "rate_limited", 429, "Too many messages in a short time. Wait, then try again.";
    /// This address has too many connections open.
    ConnectionsLimited = "connections_limited", 429, "Too many connections from this address. Close some, then try again.";
    /// This address has opened too many rooms in too short a time.
    RoomsLimited = "rooms_limited", 429, "Too many new rooms in a short time. Wait, then try again.";
    /// The server has reached its number of connections.
    ServerFull = "server_full", 503, "The server accepts no more connections at the moment. Try again later.";
    /// The server has reached its number of rooms. A new one is possible when the messages of
    /// another have expired.
    RoomsFull = "rooms_full", 507, "The server accepts no more rooms at the moment. Post to a room that exists.";
    /// The queue of publishes is full.
    Overloaded = "overloaded", 503, "The server is busy. Try again later.";
    /// The history can't be written or read at the moment.
    Unavailable = "unavailable", 503, "The history is not available at the moment. Try again later.";
}

impl ErrorCode {
    /// Returns the error with this code on the wire. `None` if this version does not know it.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == code)
    }

    /// True if the same request may succeed later. A client then keeps the message and tries again.
    pub fn is_temporary(self) -> bool {
        self.retry_after().is_some()
    }

    /// The default time before another try, in milliseconds. None if the error is permanent.
    pub fn retry_after(self) -> Option<u64> {
        match self {
            Self::RateLimited
            | Self::RoomsLimited
            | Self::ConnectionsLimited
            | Self::ServerFull
            | Self::Overloaded
            | Self::Unavailable
            | Self::RequestTimeout
            | Self::CastTooFast
            | Self::SlowMode => Some(1000),
            Self::Queued | Self::CastsFull | Self::ViewersFull => Some(10_000),
            Self::QueueFull => Some(30_000),
            // Only retention frees rooms, which takes long.
            Self::RoomsFull => Some(60_000),
            _ => None,
        }
    }
}

impl TryFrom<String> for ErrorCode {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, &'static str> {
        Self::parse(&code).ok_or("unknown error code")
    }
}

impl From<ErrorCode> for &'static str {
    fn from(code: ErrorCode) -> Self {
        code.as_str()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl std::error::Error for ErrorCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_survive_json() {
        let words: std::collections::HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{}\"", code.as_str()));
            assert!((400..600).contains(&code.status()) || *code == ErrorCode::Queued);
        }
    }
}
