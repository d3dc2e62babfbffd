//! Errors as clients see them: a stable code, a status, a sentence. Causes stay in the server's log.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, as a word that never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status it travels with.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A sentence for people, the same for every occurrence.
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
    /// The publish key is not one.
    KeyInvalid = "key_invalid", 422, "The key must be 1 to 64 of A-Z a-z 0-9 _ -.";
    /// The key already names another message of this room.
    KeyReused = "key_reused", 409, "The key already belongs to another message.";
    /// The room's name is not one.
    RoomNameInvalid = "room_name_invalid", 400, "A room's name is 1 to 64 letters, digits, '_' or '-'.";
    /// The position is not one.
    PositionInvalid = "position_invalid", 400, "The position is not of the form epoch:offset.";
    /// The position can't be continued: it is of another log, beyond the end, or no longer kept.
    PositionGone = "position_gone", 410, "The log can't be continued from this position.";
    /// A query parameter is missing, unknown or out of its range.
    QueryInvalid = "query_invalid", 400, "A query parameter is not valid.";
    /// A frame or body is not JSON.
    NotJson = "not_json", 400, "This is not JSON.";
    /// A frame or body is JSON of the wrong shape.
    ShapeInvalid = "shape_invalid", 422, "The JSON has not the expected shape.";
    /// A frame's `type` is not known.
    CommandUnknown = "command_unknown", 400, "The frame's type is not known.";
    /// A body is not UTF-8.
    NotUtf8 = "not_utf8", 400, "The body is not UTF-8.";
    /// A body has a type or an encoding that is not taken.
    BodyUnsupported = "body_unsupported", 415, "The body must be JSON, a form or plain text, not compressed.";
    /// A body is longer than [`crate::limits::BODY_BYTES_MAX`].
    BodyTooLong = "body_too_long", 413, "The body is longer than 64 KiB.";
    /// A request took too long to arrive.
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive.";
    /// The request comes from a page of another site.
    OriginRefused = "origin_refused", 403, "Requests from this origin are not allowed.";
    /// The request names a host that this server does not answer for.
    HostRefused = "host_refused", 421, "This server does not answer for that host name.";
    /// The request itself is malformed.
    RequestInvalid = "request_invalid", 400, "The request is malformed.";
    /// The request's target is longer than [`crate::limits::URI_BYTES_MAX`].
    UriTooLong = "uri_too_long", 414, "The address is longer than 8 KiB.";
    /// The request's header fields are longer than [`crate::limits::HEADER_BYTES_MAX`] together.
    HeadersTooLong = "headers_too_long", 431, "The header fields are longer than 32 KiB.";
    /// There is nothing at this address.
    NotFound = "not_found", 404, "There is nothing at this address.";
    /// The address does not take this method.
    MethodNotAllowed = "method_not_allowed", 405, "This address does not take that method.";
    /// This address has published too much in too short a time.
    RateLimited = "rate_limited", 429, "Too many messages in a short time.";
    /// This address has too many connections open.
    ConnectionsLimited = "connections_limited", 429, "Too many connections from this address.";
    /// This address has opened too many rooms in too short a time.
    RoomsLimited = "rooms_limited", 429, "Too many new rooms in a short time.";
    /// The server has as many connections as it may.
    ServerFull = "server_full", 503, "The server has no room for more connections.";
    /// As many rooms have messages as may. A room that has none yet gets its first when another's have expired.
    RoomsFull = "rooms_full", 507, "The server has no room for more rooms.";
    /// More publishes are waiting than the server queues.
    Overloaded = "overloaded", 503, "The server is busy.";
    /// The history can't be written or read at the moment.
    Unavailable = "unavailable", 503, "The history is not available at the moment.";
}

impl ErrorCode {
    /// What is wrong with JSON that could not be read. The value types refuse with their code's own sentence, by which
    /// the code is found again.
    pub fn of_json(error: &serde_json::Error) -> Self {
        if !error.is_data() {
            return Self::NotJson;
        }
        Self::of_refusal(&error.to_string()).unwrap_or(Self::ShapeInvalid)
    }

    /// The code with whose sentence a value refused itself, whatever a reader wrote behind it.
    pub fn of_refusal(detail: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| detail.starts_with(code.title()))
    }

    /// Whether the same request may succeed later, so that a client should keep the message and try again.
    pub fn is_temporary(self) -> bool {
        self.retry_after().is_some()
    }

    /// Milliseconds to wait before another try, where nothing more is known, for a refusal that is temporary.
    pub fn retry_after(self) -> Option<u64> {
        match self {
            Self::RateLimited
            | Self::RoomsLimited
            | Self::ConnectionsLimited
            | Self::ServerFull
            | Self::Overloaded
            | Self::Unavailable
            | Self::RequestTimeout => Some(1000),
            // Rooms become free by retention, which is seldom.
            Self::RoomsFull => Some(60_000),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl std::error::Error for ErrorCode {}

/// An error as an HTTP body: problem details (RFC 9457) with our `code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:crier:error:` and the code.
    pub r#type: String,
    /// The code's sentence.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// The code.
    pub code: ErrorCode,
    /// What is special about this occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// With a temporary code: how many milliseconds to wait before another try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// With `position_gone`: the gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<crate::Gap>,
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self {
            r#type: format!("urn:crier:error:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: None,
            retry_after: None,
            gap: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_read_back() {
        let words: std::collections::HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{}\"", code.as_str()));
            assert!((400..600).contains(&code.status()));
        }
    }
}
