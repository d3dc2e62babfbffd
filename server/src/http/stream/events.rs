//! `GET /api/rooms/{room}/events`: server-sent events (HTML Living Standard, section 9.2). The data
//! of each is the JSON that a WebSocket carries, so one reader serves both.

use axum::body::Body;
use axum::extract::State as FromState;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use protocol::{Epoch, ErrorCode, Position, ServerFrame};

use super::PASS_ON;
use crate::access::{Action, Caller};
use crate::delivery::{FlushPolicy, Place, Policy, WireFormat};
use crate::encoded::{Encoded, FormatId};
use crate::http::error::ApiError;
use crate::http::extract::{After, Query, Room, SameOrigin};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::http::takeover::{Continuation, Takeover};

/// How many bytes a response has at most.
const RESPONSE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a browser waits before it comes back, in milliseconds.
const RETRY: u64 = 2000;

pub(in crate::http) async fn events(
    FromState(state): FromState<State>,
    _: SameOrigin,
    (permit, caller): (ConnectionPermit, Caller),
    Room(room): Room,
    Query(wanted): Query<After>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // The address is what the page first asked for; the header is how far the browser has come
    // since.
    let after = last_event_id(&headers)?.or(wanted.after);
    let pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    let (admission, hello) = state.fanout.admit(&Events, permit.client(caller, wanted.reader), &pass, after)?;
    let (position, gap) = (hello.position, hello.gap.clone());
    let mut first = format!("retry: {RETRY}\n").into_bytes();
    put_event(&mut first, "hello", Some(position), &ServerFrame::Hello(hello));
    if let Some(gap) = gap {
        put_event(&mut first, "gap", Some(gap.resumes), &ServerFrame::Gap(gap));
    }
    let event_stream = HeaderValue::from_static("text/event-stream");
    let takeover = Takeover::extension(Continuation::reader(admission, first, permit));
    Ok((PASS_ON, [(CONTENT_TYPE, event_stream)], takeover, Body::empty()).into_response())
}

/// Returns the position that a browser sends back, if it has one.
fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, ErrorCode> {
    let mut ids = headers.get_all("last-event-id").iter();
    match (ids.next(), ids.next()) {
        (None, _) => Ok(None),
        (Some(id), None) => id.to_str().map_err(|_| ErrorCode::PositionInvalid)?.parse().map(Some),
        (Some(_), Some(_)) => Err(ErrorCode::PositionInvalid),
    }
}

/// Server-sent events.
pub(in crate::http) struct Events;

impl WireFormat for Events {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        Policy::response(RESPONSE_BYTES_MAX, FlushPolicy::Always)
    }

    /// An event whose id is the entry's position; one with a name, if it is no message. JSON has no
    /// line breaks of its own, so nothing in a message can end the event's line.
    fn entry(&self, entry: &Encoded, epoch: Epoch) -> Bytes {
        entry.form(self.id(), |entry| {
            let id = Position { epoch, offset: entry.offset() };
            let name = if entry.kind().is_message() { "" } else { "event: change\n" };
            [format!("{name}id: {id}\ndata: ").as_bytes(), entry.json(), b"\n\n"].concat().into()
        })
    }

    fn say(&self, frame: &ServerFrame, _: &Place<'_>, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Gap(gap) => put_event(out, "gap", Some(gap.resumes), frame),
            ServerFrame::Presence { .. } => put_event(out, "presence", None, frame),
            // A response answers no commands.
            _ => {}
        }
    }

    fn heartbeat(&self, _: &Place<'_>, out: &mut Vec<u8>) {
        out.extend(b":\n\n");
    }
}

fn put_event(out: &mut Vec<u8>, name: &str, id: Option<Position>, frame: &ServerFrame) {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    out.extend(format!("event: {name}\n{id}data: {}\n\n", frame.to_json()).into_bytes());
}

#[cfg(test)]
mod tests {
    use protocol::{Author, Entry, Text};

    use super::*;

    #[test]
    fn an_event_is_one_line_of_data_whatever_is_said() {
        let text = Text::parse("\r\n\r\nevent: x\ndata: y\u{2028}\n\n:").unwrap();
        let hostile = Entry { offset: 7, time: 0, author: Author::parse("a").unwrap(), text, key: None, raw: None, ..Default::default() };
        let event = Events.entry(&Encoded::new(&hostile), Epoch(1));
        let event = std::str::from_utf8(&event).unwrap();
        let lines: Vec<_> = event.split('\n').collect();
        assert_eq!((lines.len(), lines[0]), (4, "id: 0000000000000001:7"));
        let json = lines[1].strip_prefix("data: ").unwrap();
        assert!(!json.contains('\r'));
        assert_eq!(serde_json::from_str::<Entry>(json).unwrap(), hostile);
    }
}
