//! `GET /r/{room}/live`: the room as HTML that keeps arriving, for browsers that run no script. The page shows it in an
//! `<iframe>` inside `<noscript>`.
//!
//! There is no script in it and its policy forbids one. The newest row is in view by the style sheet alone: the list
//! is laid out from its end and never closed. When the response has ended a refresh goes on with it, and when it has
//! just stopped, the style sheet shows the last heartbeat, which is a link.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State as FromState;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use frontend::{Language, Scheme, TITLE, Texts, live_gap_html, live_row_html};
use protocol::{Disconnect, Epoch, Gap, Position, RoomName, ServerFrame};

use super::{End, PASS_ON, Script};
use crate::encoded::{Encoded, HTML_FORMS};
use crate::http::assets;
use crate::http::error::ApiError;
use crate::http::extract::{After, Query, Room, SameOrigin};
use crate::http::page::Wishes;
use crate::http::permit::ConnectionPermit;
use crate::http::socket::Reader;
use crate::http::state::State;
use crate::session::Session;

const _: () = assert!(Language::ALL.len() == HTML_FORMS);

/// What this document may do: show itself in our own page, in our own style.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
);
/// How long after its connection broke the document comes back, in seconds: the server may need a moment to be there again,
/// and a browser that meets nobody shows its own page and never asks again.
const BROKEN_PAUSE: u64 = 5;
/// The same after the server said that it stops.
const RESTART_PAUSE: u64 = 3;
/// The style sheet shows a heartbeat that none has followed for 50 s, so it only may where more would have come by then.
const BEAT_TIME_MAX: Duration = Duration::from_secs(20);

pub(in crate::http) async fn live(
    FromState(state): FromState<State>,
    _: SameOrigin,
    (reader, place): (Reader, ConnectionPermit),
    Room(room): Room,
    Query(wanted): Query<After>,
    Query(wishes): Query<Wishes>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let beats = state.context.heartbeat <= BEAT_TIME_MAX;
    let (session, hello) = Session::start(state.context, place.account().cloned(), &room, wanted.after)?;
    let (language, scheme) = (wishes.language(&headers), wishes.scheme(&headers));
    let document = Document { room, epoch: hello.position.epoch, language, scheme, beats };
    let asked = wanted.after.unwrap_or(hello.position);
    let mut first = document.head(asked);
    if let Some(gap) = &hello.gap {
        first += &document.missing(gap, asked.offset);
    }
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let shared = [(CONTENT_TYPE, html), (CONTENT_SECURITY_POLICY, POLICY)];
    let mut response =
        (PASS_ON, shared, super::body(session, document, hello.position.offset, first.into(), (reader, place))).into_response();
    // In HTTP/1.0 the end of the connection is the end of the document. In chunks, one that breaks off is a failure, on which
    // browsers give up the refresh, too.
    *response.version_mut() = Version::HTTP_10;
    Ok(response)
}

struct Document {
    room: RoomName,
    epoch: Epoch,
    language: Language,
    scheme: Scheme,
    beats: bool,
}

impl Document {
    fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    /// All that stands before the first row. If the connection breaks, the document is read again from `after`.
    fn head(&self, after: Position) -> String {
        let (language, scheme, texts) = (self.language.tag(), self.scheme.word(), self.texts());
        let sheet = |name: &str| format!("<link rel=\"stylesheet\" href=\"{}/{name}.css\">", assets::BASE);
        let sheets: String = ["style", "live"].into_iter().map(sheet).collect();
        let refresh = self.refresh(BROKEN_PAUSE, after);
        format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\" data-scheme=\"{scheme}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{refresh}<title>{TITLE}</title>{sheets}</head>\
             <body class=\"live\"><div id=\"scroller\" tabindex=\"0\"><div class=\"column\"><p>{}</p>\
             <ol id=\"messages\" role=\"log\" aria-label=\"{}\">\n",
            texts.live_empty, texts.live_view
        )
    }

    /// Browsers wait with it until the document has ended, and of two they follow the earlier.
    fn refresh(&self, seconds: u64, after: Position) -> String {
        format!("<meta http-equiv=\"refresh\" content=\"{seconds};url={}\">", self.address(after))
    }

    /// A room's name has nothing in it that an attribute or an address would need to escape.
    fn address(&self, after: Position) -> String {
        format!("/r/{}/live?after={after}&amp;lang={}&amp;scheme={}", self.room, self.language.tag(), self.scheme.word())
    }

    fn missing(&self, gap: &Gap, after: u64) -> String {
        live_gap_html(gap, after, self.language) + "\n"
    }
}

impl Script for Document {
    /// So that the document is another one before it has a megabyte, which some browsers and readers handle badly.
    const BYTES_MAX: usize = 990_000;
    const SIGNS: bool = false;

    fn entry(&self, entry: &Encoded) -> Bytes {
        let form = Language::ALL.iter().position(|language| *language == self.language).unwrap_or_default();
        entry.html(form, |entry| live_row_html(entry, self.language) + "\n")
    }

    fn frame(&self, frame: &ServerFrame, after: u64) -> Bytes {
        match frame {
            ServerFrame::Gap(gap) => self.missing(gap, after).into(),
            _ => Bytes::new(),
        }
    }

    fn heartbeat(&self, after: u64) -> Bytes {
        if !self.beats {
            return Bytes::from_static(b"\n");
        }
        let after = Position { epoch: self.epoch, offset: after };
        format!("<li class=\"beat\"><a href=\"{}\">{}</a></li>\n", self.address(after), self.texts().live_stopped).into()
    }

    fn end(&self, end: End, after: u64) -> Bytes {
        let pause = match end {
            End::Recycled => 0,
            End::Closed(Disconnect::Restart { .. }) => RESTART_PAUSE,
            End::Closed(_) => BROKEN_PAUSE,
        };
        let after = Position { epoch: self.epoch, offset: after };
        // The link is for browsers that were told not to follow a refresh.
        let (refresh, address, words) = (self.refresh(pause, after), self.address(after), self.texts().live_view);
        format!("<li class=\"ended\"><a href=\"{address}\">{words}</a></li>{refresh}\n").into()
    }
}
