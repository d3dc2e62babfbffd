//! The data of a page: the server renders it as HTML, and sends it along for hydration.

#[cfg(any(feature = "ssr", debug_assertions))]
use protocol::{Entry, RoomInfo};
use protocol::{ErrorCode, MessagesPage, PublishKey, RoomName};
use serde::{Deserialize, Serialize};

use crate::{Language, Scheme};

/// Everything that a page is rendered from. The browser hydrates from the same data, so both
/// produce the same HTML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageData {
    /// The room.
    pub room: RoomName,
    /// The whole address of its page, as the request names the host.
    pub link: String,
    /// Its newest entries.
    pub page: MessagesPage,
    /// How many sessions the room has.
    pub online: usize,
    /// The language of the page's own texts.
    pub language: Language,
    /// The colour scheme.
    pub scheme: Scheme,
    /// A new publish key for the form, so that a page without script posts only once.
    pub key: PublishKey,
    /// The reader's own name, from the cookie `author`, or drawn by the server if there is no
    /// cookie; empty if the reader wants none.
    pub author: String,
    /// The text of a form post that was refused; else empty.
    pub draft: String,
    /// Why it was refused.
    pub refusal: Option<ErrorCode>,
    /// How many minutes the reader's clock is ahead of UTC, from the cookie `zone`; 0 if unknown.
    pub zone: i32,
    /// The server's version.
    pub version: String,
    /// The room's name for people; empty if it has none.
    #[serde(default)]
    pub title: String,
    /// True if the room asks each person to wait between two messages.
    #[serde(default)]
    pub slow: bool,
    /// What only the server renders.
    #[cfg(any(feature = "ssr", debug_assertions))]
    #[serde(skip)]
    pub server: ServerPart,
}

/// What only the server renders: the browser does not need to know it, and finds it in the page.
#[cfg(any(feature = "ssr", debug_assertions))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerPart {
    /// The room, and what the reader may do in it. `None` in tests.
    pub info: Option<RoomInfo>,
    /// Why the reader may not post.
    pub closed: Option<ErrorCode>,
    /// Messages that are quoted, and are not among the newest.
    pub quoted: Vec<Entry>,
    /// For how long its author may edit a message, in seconds.
    pub edit_seconds: u64,
}

impl PageData {
    /// The data as JSON that is safe inside a `<script>` element. What ends the element or opens a
    /// comment begins with `<`, so no user text can do that.
    pub fn to_script_json(&self) -> String {
        let json = serde_json::to_string(self).expect("page data has only string keys and plain values");
        json.replace('<', "\\u003c")
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Entry, Epoch, Position, Text};

    use super::*;

    #[test]
    fn escapes_hostile_text_so_that_it_reads_back() {
        let position = Position { epoch: Epoch(1), offset: 1 };
        let text = Text::parse("</script><!--<script>&amp;\u{2028}\u{2029}\"\\").unwrap();
        let entry = Entry { offset: 1, time: 0, author: Author::default(), text, key: None, raw: None, ..Default::default() };
        let data = PageData {
            room: RoomName::lobby(),
            link: String::new(),
            page: MessagesPage {
                room: RoomName::lobby(),
                entries: vec![entry],
                position,
                before: None,
                latest: position,
                online: 1,
                you: None,
            },
            online: 1,
            language: Language::En,
            scheme: Scheme::System,
            key: "k".parse().unwrap(),
            author: "</script>".to_owned(),
            draft: "<!--".to_owned(),
            refusal: Some(ErrorCode::RateLimited),
            zone: -480,
            version: String::new(),
            title: "<b>".to_owned(),
            slow: true,
            server: ServerPart::default(),
        };
        let json = data.to_script_json();
        assert!(!json.contains('<'));
        assert_eq!(serde_json::from_str::<PageData>(&json).unwrap(), data);
    }
}
