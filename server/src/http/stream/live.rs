//! `GET /r/{room}/live`: the room as HTML that keeps arriving, for browsers that run no script. The
//! page shows it in an `<iframe>` inside `<noscript>`.
//!
//! There is no script in it and its policy forbids one. The newest row is in view by the style
//! sheet alone: the list is laid out from its end and never closed. When the response has ended a
//! refresh goes on with it, and when it has just stopped, the style sheet shows the last heartbeat,
//! which is a link. For people, a document also begins with the messages before its position.
//!
//! A row that was written can't be changed. When its message is edited or erased, the document ends
//! with a refresh, and the next one has the result.

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as FromState;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use frontend::{Language, PlainTexts, Scheme, TITLE, live_gap_html, live_row_html};
use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{Disconnect, Entry, Epoch, ErrorCode, FromFields, Gap, InputError, Kind, Position, RoomName, ServerFrame};
use serde::Deserialize;

use super::PASS_ON;
use crate::access::{Action, Caller};
use crate::delivery::{FlushPolicy, Place, Policy, ResponseEnd, Stale, WireFormat};
use crate::encoded::{Encoded, FormatId};
use crate::http::assets;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room, SameOrigin};
use crate::http::page::{PageQuery, ZONE_MINUTES_MAX, known_zone};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::http::takeover::{Continuation, Takeover};
use crate::limits;
use crate::room::Range;

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

/// Maximum bytes of the messages before the position. A document must have room for new ones.
const EARLIER_BYTES_MAX: usize = 200_000;

/// Zones are whole quarters of an hour ahead of UTC.
const ZONE_STEP: i32 = 15;
/// The zones of the formats, in minutes.
const ZONES: std::ops::RangeInclusive<i32> = -ZONE_MINUTES_MAX..=ZONE_MINUTES_MAX;

/// The query of a live view.
pub(in crate::http) struct LiveQuery {
    after: Option<Position>,
    /// True if the document begins with the messages before its position.
    earlier: bool,
}

#[derive(Deserialize)]
pub(in crate::http) struct LiveFields {
    after: Option<String>,
    earlier: Option<String>,
}

impl FromFields for LiveQuery {
    type Fields = LiveFields;
}

impl TryFrom<LiveFields> for LiveQuery {
    type Error = InputError;

    fn try_from(fields: LiveFields) -> Result<Self, InputError> {
        let earlier = match fields.earlier.as_deref() {
            Some("true") => true,
            None | Some("false") => false,
            Some(_) => return Err(InputError::with_detail(ErrorCode::QueryInvalid, "earlier: true or false")),
        };
        Ok(Self { after: fields.after.map(Position::try_from).transpose()?, earlier })
    }
}

pub(in crate::http) async fn live(
    FromState(state): FromState<State>,
    _: SameOrigin,
    (permit, caller): (ConnectionPermit, Caller),
    Room(room): Room,
    Query(wanted): Query<LiveQuery>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format = Live::find(query.language(&headers), query.scheme(&headers), known_zone(&headers), wanted.earlier);
    let pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    let account = state.context.limiter.account(caller.address);
    let (admission, hello) = state.fanout.admit(format, permit.client(caller, None), &pass, wanted.after)?;
    let asked = wanted.after.unwrap_or(hello.position);
    let mut first = format.head(&room, asked);
    match &hello.gap {
        Some(gap) => first += &format.missing(gap, asked.offset),
        None if wanted.earlier => {
            let next = Position { offset: asked.offset + 1, ..asked };
            let range = if asked.offset < hello.latest { Range::Before(next) } else { Range::Last };
            let page = limits::charge(account.as_deref(), state.context.hub.page(&pass, range, PAGE_ENTRIES_DEFAULT)).await?;
            // What was posted meanwhile follows by itself.
            first += &format.earlier(page.entries.iter().filter(|entry| entry.kind.is_message() && entry.offset <= asked.offset));
        }
        None => {}
    }
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let shared = [(CONTENT_TYPE, html), (CONTENT_SECURITY_POLICY, POLICY)];
    let takeover = Takeover::extension(Continuation::reader(admission, first.into(), permit));
    let mut response = (PASS_ON, shared, takeover, Body::empty()).into_response();
    // In HTTP/1.0 the end of the connection is the end of the document.
    *response.version_mut() = Version::HTTP_10;
    Ok(response)
}

/// Every language in every zone, in every scheme, with and without earlier messages.
pub(in crate::http) static FORMATS: LazyLock<Vec<Live>> = LazyLock::new(|| {
    let zones = || std::iter::once(None).chain(ZONES.step_by(ZONE_STEP as usize).map(Some));
    let rows = (0..).zip(Language::ALL.into_iter().flat_map(|language| zones().map(move |zone| (language, zone))));
    let looks = Scheme::ALL.into_iter().flat_map(|scheme| [false, true].map(|has_earlier| (scheme, has_earlier)));
    let each = rows.flat_map(|row| looks.clone().map(move |look| (row, look)));
    let format = |(number, ((form, (language, zone)), (scheme, has_earlier)))| Live { number, form, language, zone, scheme, has_earlier };
    (0..).zip(each).map(format).collect()
});

/// The document in a language, a zone and a scheme.
pub(in crate::http) struct Live {
    /// Its place among [`FORMATS`].
    number: u16,
    /// The form of entries: that of the language and the zone.
    form: u16,
    language: Language,
    /// How many minutes the reader's clock is ahead of UTC, if that is known.
    zone: Option<i32>,
    scheme: Scheme,
    has_earlier: bool,
}

impl Live {
    fn find(language: Language, scheme: Scheme, zone: Option<i32>, has_earlier: bool) -> &'static Self {
        let zone = zone.filter(|zone| ZONES.contains(zone) && zone % ZONE_STEP == 0);
        let is_wanted =
            |live: &&Self| live.language == language && live.scheme == scheme && live.zone == zone && live.has_earlier == has_earlier;
        FORMATS.iter().find(is_wanted).expect("there is one for each")
    }

    fn texts(&self) -> &'static PlainTexts {
        PlainTexts::of(self.language)
    }

    /// Returns all that stands before the first row. If the connection breaks, the document is read
    /// again from `after`.
    fn head(&self, room: &RoomName, after: Position) -> String {
        let (language, scheme, texts) = (self.language.tag(), self.scheme.word(), self.texts());
        let sheet = |name: &str| format!("<link rel=\"stylesheet\" href=\"{}/{name}.css\">", assets::BASE);
        let sheets: String = ["style", "live"].into_iter().map(sheet).collect();
        let refresh = self.refresh(BROKEN_PAUSE, room, after);
        let zone = if self.zone.is_none() { format!(" · {}", texts.utc) } else { String::new() };
        format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\" data-scheme=\"{scheme}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{refresh}<title>{room} · {TITLE}</title>{sheets}</head>\
             <body class=\"live\"><div id=\"scroller\" tabindex=\"0\"><div class=\"column\"><p># <bdi>{room}</bdi>{zone}</p>\
             <p class=\"waits\">{}</p><ol id=\"messages\" role=\"log\" aria-label=\"{}\">\n",
            texts.empty, texts.live
        )
    }

    /// Returns the newest of these entries as rows, as far as a document has room for them.
    fn earlier<'a>(&self, entries: impl DoubleEndedIterator<Item = &'a Entry>) -> String {
        let (mut rows, mut bytes_left) = (Vec::new(), EARLIER_BYTES_MAX);
        for row in entries.rev().map(|entry| self.row(entry)) {
            let Some(left) = bytes_left.checked_sub(row.len()) else { break };
            bytes_left = left;
            rows.push(row);
        }
        rows.reverse();
        rows.concat()
    }

    fn row(&self, entry: &Entry) -> String {
        live_row_html(entry, self.language, self.zone.unwrap_or_default()) + "\n"
    }

    /// Browsers wait with a refresh until the document has ended, and of two they follow the
    /// earlier.
    fn refresh(&self, seconds: u64, room: &RoomName, after: Position) -> String {
        format!("<meta http-equiv=\"refresh\" content=\"{seconds};url={}\">", self.address(room, after))
    }

    /// A room's name has nothing in it that an attribute or an address would need to escape.
    fn address(&self, room: &RoomName, after: Position) -> String {
        let earlier = if self.has_earlier { "&amp;earlier=true" } else { "" };
        format!("/r/{room}/live?after={after}&amp;lang={}&amp;scheme={}{earlier}", self.language.tag(), self.scheme.word())
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
        if !entry.kind().is_message() {
            return Bytes::new();
        }
        let write = |entry: &Encoded| entry.entry().map(|entry| self.row(&entry)).unwrap_or_default().into();
        entry.form(FormatId::of::<PlainTexts>(self.form), write)
    }

    fn stale(&self, kind: Kind) -> Stale {
        match kind {
            Kind::Edit | Kind::Erase => Stale::Texts,
            Kind::React => Stale::Reactions,
            _ => Stale::Nothing,
        }
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
        let (address, words) = (self.address(place.room, place.position), self.texts().stopped);
        out.extend(format!("<li class=\"beat\"><a href=\"{address}\">{words}</a></li>\n").into_bytes());
    }

    fn end(&self, end: ResponseEnd, place: &Place<'_>, out: &mut Vec<u8>) {
        let pause = match end {
            // What follows an end of access is a refusal, in place of what was read.
            ResponseEnd::Recycled | ResponseEnd::Disconnected(Disconnect::AccessEnded) => 0,
            ResponseEnd::Disconnected(Disconnect::Restart { .. }) => RESTART_PAUSE,
            ResponseEnd::Disconnected(_) => BROKEN_PAUSE,
        };
        let Place { room, position, .. } = place;
        // The link is for browsers that were told not to follow a refresh.
        let (refresh, address, words) = (self.refresh(pause, room, *position), self.address(room, *position), self.texts().next);
        out.extend(format!("<li class=\"ended\"><a href=\"{address}\">{words}</a></li>{refresh}\n").into_bytes());
    }
}
