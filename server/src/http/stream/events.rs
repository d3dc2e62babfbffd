//! `GET /api/rooms/{room}/events`: server-sent events (HTML Living Standard, section 9.2). The data of each is the JSON that
//! a WebSocket carries, so one reader serves both.

use axum::body::Bytes;
use axum::extract::State as FromState;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use protocol::{Epoch, ErrorCode, Position, ServerFrame};

use super::{End, PASS_ON, Script};
use crate::encoded::Encoded;
use crate::http::error::ApiError;
use crate::http::extract::{After, Query, Room, SameOrigin};
use crate::http::permit::ConnectionPermit;
use crate::http::socket::Reader;
use crate::http::state::State;
use crate::session::Session;

/// How long a browser waits before it comes back, in milliseconds.
const RETRY: u64 = 2000;

pub(in crate::http) async fn events(
    FromState(state): FromState<State>,
    _: SameOrigin,
    (reader, place): (Reader, ConnectionPermit),
    Room(room): Room,
    Query(wanted): Query<After>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // The address is what the page first asked for; the header is how far the browser has come since.
    let after = last_event_id(&headers)?.or(wanted.after);
    let (session, hello) = Session::start(state.context, place.account().cloned(), &room, after)?;
    let (position, gap) = (hello.position, hello.gap.clone());
    let script = Events { epoch: position.epoch };
    let mut first = format!("retry: {RETRY}\n").into_bytes();
    first.extend(named("hello", Some(position), &ServerFrame::Hello(hello)));
    first.extend(gap.map(|gap| script.frame(&ServerFrame::Gap(gap), position.offset)).unwrap_or_default());
    let event_stream = HeaderValue::from_static("text/event-stream");
    Ok((PASS_ON, [(CONTENT_TYPE, event_stream)], super::body(session, script, position.offset, first.into(), (reader, place)))
        .into_response())
}

/// The position that a browser sends back, if it has one.
fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, ErrorCode> {
    let mut ids = headers.get_all("last-event-id").iter();
    match (ids.next(), ids.next()) {
        (None, _) => Ok(None),
        (Some(id), None) => id.to_str().map_err(|_| ErrorCode::PositionInvalid)?.parse().map(Some),
        (Some(_), Some(_)) => Err(ErrorCode::PositionInvalid),
    }
}

struct Events {
    epoch: Epoch,
}

impl Script for Events {
    const BYTES_MAX: usize = 16 * 1024 * 1024;
    const SIGNS: bool = true;

    fn entry(&self, entry: &Encoded) -> Bytes {
        entry.event(self.epoch)
    }

    fn frame(&self, frame: &ServerFrame, _: u64) -> Bytes {
        match frame {
            ServerFrame::Gap(gap) => named("gap", Some(gap.resumes), frame).into(),
            ServerFrame::Presence { .. } => named("presence", None, frame).into(),
            // Nobody asks anything on a stream that goes one way, so nothing is answered.
            _ => Bytes::new(),
        }
    }

    fn heartbeat(&self, _: u64) -> Bytes {
        Bytes::from_static(b":\n\n")
    }

    /// Nothing: a browser comes back by itself, with its position.
    fn end(&self, _: End, _: u64) -> Bytes {
        Bytes::new()
    }
}

fn named(name: &str, id: Option<Position>, frame: &ServerFrame) -> Vec<u8> {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {name}\n{id}data: {}\n\n", frame.to_json()).into_bytes()
}
