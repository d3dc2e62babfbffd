//! Pictures of a cast: `GET /r/{room}/cast.jpg`, and `GET /r/{room}/cast.mjpeg`, a stream in which
//! each replaces the one before. Browsers show that in an `<img>`, without script.

use axum::body::Body;
use axum::extract::State as FromState;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, ServerFrame};

use super::PASS_ON;
use crate::access::{Action, Caller};
use crate::cast::{PARTS_START, PARTS_TYPE, Track};
use crate::delivery::{FlushPolicy, Place, Policy, WireFormat};
use crate::encoded::FormatId;
use crate::http::error::ApiError;
use crate::http::extract::{Room, SameOrigin};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::http::takeover::{Continuation, Takeover};

/// The newest picture.
pub(in crate::http) async fn picture(FromState(state): FromState<State>, caller: Caller, Room(room): Room) -> Result<Response, ApiError> {
    let (hub, feeds) = (&state.context.hub, &state.context.feeds);
    hub.enter(&caller, &room, Action::Read)?;
    let feed = feeds.of(&hub.room(&room))?;
    let jpeg = feed.picture().ok_or(ErrorCode::NoCast)?;
    feed.take_egress(jpeg.len(), feeds.now())?;
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("image/jpeg")), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, jpeg).into_response())
}

/// The newest picture, and each that follows.
pub(in crate::http) async fn pictures(
    FromState(state): FromState<State>,
    _: SameOrigin,
    (permit, caller): (ConnectionPermit, Caller),
    Room(room): Room,
) -> Result<Response, ApiError> {
    let pass = state.context.hub.enter(&caller, &room, Action::Read)?;
    let (admission, _) = state.fanout.admit_viewer(&Pictures, permit.client(caller, None), &pass, Track::Pictures)?;
    let takeover = Takeover::extension(Continuation::reader(admission, PARTS_START.to_vec(), permit));
    Ok((PASS_ON, [(CONTENT_TYPE, HeaderValue::from_static(PARTS_TYPE))], takeover, Body::empty()).into_response())
}

/// Parts of a multipart response.
struct Pictures;

impl WireFormat for Pictures {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        // A browser does not ask again when it ends.
        Policy { input: None, flush: FlushPolicy::Off, bytes_max: u64::MAX, age_max: None }
    }

    fn say(&self, _: &ServerFrame, _: &Place<'_>, _: &mut Vec<u8>) {}

    /// A header of the next part: nothing else may stand between two.
    fn heartbeat(&self, _: &Place<'_>, out: &mut Vec<u8>) {
        out.extend(b"Heartbeat: 1\r\n");
    }
}
