//! `GET /ws/{room}/view`: a viewer's socket. The presenter's chunks as they came, and a few words.

use axum::extract::State as FromState;
use axum::response::Response;
use protocol::cast::ViewerFrame;
use protocol::{Disconnect, ErrorCode, ServerFrame};

use super::handshake::Handshake;
use crate::access::{Action, Caller};
use crate::cast::Track;
use crate::codec::{self, Limits};
use crate::commands::Command;
use crate::delivery::{Message, Place, Policy, WireFormat};
use crate::encoded::FormatId;
use crate::http::error::ApiError;
use crate::http::extract::Room;
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;

pub(in crate::http) async fn upgrade(
    FromState(state): FromState<State>,
    Room(room): Room,
    caller: Caller,
    permit: ConnectionPermit,
    handshake: Handshake,
) -> Result<Response, ApiError> {
    let pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    let (admission, log) = state.fanout.admit_viewer(&View, permit.client(caller, None), &pass, Track::Video)?;
    let (feed, heartbeat_seconds) = (log.feed(), state.context.heartbeat.as_secs().max(1));
    let mut first = Vec::new();
    put(&ViewerFrame::Cast { cast: feed.info().clone(), viewers: feed.viewers(), heartbeat_seconds }, &mut first);
    if feed.is_paused() {
        put(&ViewerFrame::Paused, &mut first);
    }
    Ok(handshake.accept(admission, first, permit))
}

fn put(frame: &ViewerFrame, out: &mut Vec<u8>) {
    codec::put_text(out, &frame.to_json());
}

/// Chunks, and JSON beside them.
struct View;

impl WireFormat for View {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        Policy::web_socket(Limits::BOARD)
    }

    fn say(&self, frame: &ServerFrame, place: &Place<'_>, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Gap(gap) => put(&ViewerFrame::Skipped { chunks: gap.resumes.offset - place.position.offset }, out),
            ServerFrame::Pong { .. } | ServerFrame::Error { .. } => codec::put_text(out, &frame.to_json()),
            _ => {}
        }
    }

    fn heartbeat(&self, _: &Place<'_>, out: &mut Vec<u8>) {
        put(&ViewerFrame::Heartbeat, out);
        // The answer shows that the client is alive; pages can't see it.
        codec::put_ping(out);
    }

    /// A viewer may only ask whether the connection is alive.
    fn command(&self, message: Message<'_>) -> Command {
        let Message::Text(json) = message else { return Command::Disconnect(Disconnect::Binary) };
        match Command::parse(json) {
            Command::Publish { r#ref, .. } => {
                let code = ErrorCode::ShapeInvalid;
                Command::Invalid { r#ref: Some(r#ref), code, detail: code.to_string() }
            }
            command => command,
        }
    }
}
