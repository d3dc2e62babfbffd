//! `GET /r/{room}/live`: the room as HTML that keeps arriving, for browsers that run no script. The
//! page shows it in an `<iframe>` inside `<noscript>`.
//!
//! There is no script in it and its policy forbids one. The newest row is in view by the style
//! sheet alone: the list is laid out from its end and never closed. When the response has ended a
//! refresh goes on with it, and when it has just stopped, the style sheet shows the last heartbeat,
//! which is a link.

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as FromState;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use frontend::{Language, Scheme, TITLE, Texts, live_gap_html, live_row_html};
use protocol::{Disconnect, Epoch, Gap, Position, RoomName, ServerFrame};

use super::PASS_ON;
use crate::delivery::{FlushPolicy, Place, Policy, ResponseEnd, WireFormat};
use crate::encoded::{Encoded, FormatId};
use crate::http::assets;
use crate::http::error::ApiError;
use crate::http::extract::{After, ClientAddress, Query, Room, SameOrigin};
use crate::http::page::PageQuery;
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::http::takeover::{Continuation, Takeover};

/// What this document may do: show itself in our own page, in our own style.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
);
/// How long after its connection broke the document comes back, in seconds: the server may need a
/// moment to be there again, and a browser that meets nobody shows its own page and never asks
/// again.
const BROKEN_PAUSE: u64 = 5;
/// The same after the server said that it stops.
const RESTART_PAUSE: u64 = 3;
/// The style sheet shows a heartbeat that none has followed for 50 s, so it only may where more
/// would have come by then.
const BEAT_TIME_MAX: Duration = Duration::from_secs(20);

/// A document is another one before it has a megabyte, which some browsers and readers handle
/// badly.
const DOCUMENT_BYTES_MAX: u64 = 990_000;

pub(in crate::http) async fn live(
    FromState(state): FromState<State>,
    _: SameOrigin,
    (permit, ClientAddress(address)): (ConnectionPermit, ClientAddress),
    Room(room): Room,
    Query(wanted): Query<After>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format = Live::find(query.language(&headers), query.scheme(&headers));
    let (admission, hello) = state.fanout.admit(format, permit.client(address), &room, wanted.after)?;
    let asked = wanted.after.unwrap_or(hello.position);
    let mut first = format.head(&room, asked);
    if let Some(gap) = &hello.gap {
        first += &format.missing(gap, asked.offset);
    }
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let shared = [(CONTENT_TYPE, html), (CONTENT_SECURITY_POLICY, POLICY)];
    let takeover = Takeover::extension(Continuation { admission, first: first.into(), permit });
    let mut response = (PASS_ON, shared, takeover, Body::empty()).into_response();
    // In HTTP/1.0 the end of the connection is the end of the document.
    *response.version_mut() = Version::HTTP_10;
    Ok(response)
}

/// Every language in every scheme.
pub(in crate::http) static FORMATS: LazyLock<Vec<Live>> = LazyLock::new(|| {
    let languages = (0..).zip(Language::ALL);
    let each = languages.flat_map(|language| Scheme::ALL.map(|scheme| (language, scheme)));
    (0..).zip(each).map(|(number, ((form, language), scheme))| Live { number, form, language, scheme }).collect()
});

/// The document in a language and a scheme.
pub(in crate::http) struct Live {
    /// Its place among [`FORMATS`].
    number: u8,
    /// The form of entries: that of the language.
    form: u8,
    language: Language,
    scheme: Scheme,
}

impl Live {
    fn find(language: Language, scheme: Scheme) -> &'static Self {
        let is_wanted = |live: &&Self| live.language == language && live.scheme == scheme;
        FORMATS.iter().find(is_wanted).expect("there is one for each")
    }

    fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    /// Returns all that stands before the first row. If the connection breaks, the document is read
    /// again from `after`.
    fn head(&self, room: &RoomName, after: Position) -> String {
        let (language, scheme, texts) = (self.language.tag(), self.scheme.word(), self.texts());
        let sheet = |name: &str| format!("<link rel=\"stylesheet\" href=\"{}/{name}.css\">", assets::BASE);
        let sheets: String = ["style", "live"].into_iter().map(sheet).collect();
        let refresh = self.refresh(BROKEN_PAUSE, room, after);
        format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\" data-scheme=\"{scheme}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{refresh}<title>{TITLE}</title>{sheets}</head>\
             <body class=\"live\"><div id=\"scroller\" tabindex=\"0\"><div class=\"column\"><p>{}</p>\
             <ol id=\"messages\" role=\"log\" aria-label=\"{}\">\n",
            texts.live_empty, texts.live_view
        )
    }

    /// Browsers wait with a refresh until the document has ended, and of two they follow the
    /// earlier.
    fn refresh(&self, seconds: u64, room: &RoomName, after: Position) -> String {
        format!("<meta http-equiv=\"refresh\" content=\"{seconds};url={}\">", self.address(room, after))
    }

    /// A room's name has nothing in it that an attribute or an address would need to escape.
    fn address(&self, room: &RoomName, after: Position) -> String {
        format!("/r/{room}/live?after={after}&amp;lang={}&amp;scheme={}", self.language.tag(), self.scheme.word())
    }

    fn missing(&self, gap: &Gap, after: u64) -> String {
        live_gap_html(gap, after, self.language) + "\n"
    }
}

impl WireFormat for Live {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(self.number)
    }

    fn policy(&self) -> Policy {
        Policy::response(DOCUMENT_BYTES_MAX, FlushPolicy::Once)
    }

    fn entry(&self, entry: &Encoded, _: Epoch) -> Bytes {
        let write = |entry: &Encoded| entry.entry().map(|entry| live_row_html(&entry, self.language) + "\n").unwrap_or_default().into();
        entry.form(FormatId::of::<Texts>(self.form), write)
    }

    fn say(&self, frame: &ServerFrame, place: &Place<'_>, out: &mut Vec<u8>) {
        if let ServerFrame::Gap(gap) = frame {
            out.extend(self.missing(gap, place.position.offset).into_bytes());
        }
    }

    fn heartbeat(&self, place: &Place<'_>, out: &mut Vec<u8>) {
        if place.heartbeat > BEAT_TIME_MAX {
            return out.push(b'\n');
        }
        let (address, words) = (self.address(place.room, place.position), self.texts().live_stopped);
        out.extend(format!("<li class=\"beat\"><a href=\"{address}\">{words}</a></li>\n").into_bytes());
    }

    fn end(&self, end: ResponseEnd, place: &Place<'_>, out: &mut Vec<u8>) {
        let pause = match end {
            ResponseEnd::Recycled => 0,
            ResponseEnd::Disconnected(Disconnect::Restart { .. }) => RESTART_PAUSE,
            ResponseEnd::Disconnected(_) => BROKEN_PAUSE,
        };
        let Place { room, position, .. } = place;
        // The link is for browsers that were told not to follow a refresh.
        let (refresh, address, words) = (self.refresh(pause, room, *position), self.address(room, *position), self.texts().live_view);
        out.extend(format!("<li class=\"ended\"><a href=\"{address}\">{words}</a></li>{refresh}\n").into_bytes());
    }
}
