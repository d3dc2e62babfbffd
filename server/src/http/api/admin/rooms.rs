//! The admin interface of one room: its queue and its settings.

use std::time::Duration;

use axum::extract::{Path, State as FromState};
use axum::response::Response;
use protocol::admin::{Decided, Decision, QueuePage};
use protocol::{ErrorCode, FromFields, InputError, Kind, Mode, PublishRequest, Published, RoomName, RoomSettings};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Body, answer, id};
use crate::access::{Action, Caller};
use crate::http::admin::{self, QUEUE_PAGE_MAX, QueueRange};
use crate::http::caller::AdminCaller;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room, wait_time};
use crate::http::state::State;

/// How often a request that waits checks whether its key still counts.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Which waiting messages are asked for, and how long to wait until there are others.
pub(in crate::http) struct QueueQuery {
    range: QueueRange,
    /// The version that the client has, and the longest wait.
    wait: Option<(u64, Duration)>,
}

#[derive(Deserialize)]
pub(in crate::http) struct QueueFields {
    limit: Option<usize>,
    newest: Option<bool>,
    /// In seconds.
    wait: Option<u64>,
    version: Option<u64>,
}

impl FromFields for QueueQuery {
    type Fields = QueueFields;
}

impl TryFrom<QueueFields> for QueueQuery {
    type Error = InputError;

    fn try_from(fields: QueueFields) -> Result<Self, InputError> {
        let invalid = |detail: String| InputError::with_detail(ErrorCode::QueryInvalid, detail);
        let limit = fields.limit.unwrap_or(QUEUE_PAGE_MAX);
        if limit > QUEUE_PAGE_MAX {
            return Err(invalid(format!("limit must be 0 to {QUEUE_PAGE_MAX}")));
        }
        let wait = match (fields.wait, fields.version) {
            (None, _) => None,
            (Some(seconds), version) => match wait_time(seconds)? {
                None => None,
                Some(time) => Some((version.ok_or_else(|| invalid("wait needs version".to_owned()))?, time)),
            },
        };
        Ok(Self { range: QueueRange { limit, newest_first: fields.newest.unwrap_or_default() }, wait })
    }
}

/// `GET /api/admin/rooms/{room}/queue`
pub(in crate::http) async fn queue(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Room(room): Room,
    Query(query): Query<QueueQuery>,
) -> Result<Response, ApiError> {
    state.context.hub.enter(&caller, &room, Action::Moderate)?;
    if let Some((version, time)) = query.wait {
        wait(&state, &caller, &room, version, time).await?;
    }
    let page: QueuePage = admin::queue(&state, &caller, &room, query.range).await?;
    Ok(answer(page))
}

/// Waits until the queue has another version, the time is over, the server stops, or the caller's
/// key does not count any more.
async fn wait(state: &State, caller: &Caller, room: &RoomName, version: u64, time: Duration) -> Result<(), ApiError> {
    let changed = async {
        loop {
            tokio::select! {
                () = state.context.hub.queue_changed(version) => return Ok(()),
                () = state.context.stop.cancelled() => return Ok(()),
                () = sleep(CHECK_INTERVAL) => state.context.hub.enter(caller, room, Action::Moderate).map(drop)?,
            }
        }
    };
    timeout_at(Instant::now() + time, changed).await.unwrap_or(Ok(()))
}

/// `POST /api/admin/rooms/{room}/queue/{id}`
pub(in crate::http) async fn decide(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Path((room, message)): Path<(String, String)>,
    Body(decision): Body<Decision>,
) -> Result<Response, ApiError> {
    let room: RoomName = room.parse()?;
    let decided: Decided = admin::decide(&state, &caller, &room, id(&message)?, decision).await?;
    Ok(answer(decided))
}

/// Settings to change. Absent ones stay as they are.
#[derive(Deserialize)]
pub(in crate::http) struct SettingsFields {
    title: Option<String>,
    topic: Option<String>,
    mode: Option<String>,
    queue: Option<bool>,
    slow: Option<u32>,
    closed: Option<bool>,
}

impl FromFields for SettingsFields {
    type Fields = Self;
}

impl SettingsFields {
    fn over(self, settings: RoomSettings) -> Result<RoomSettings, InputError> {
        let mode = match self.mode.as_deref() {
            None => settings.mode,
            Some(word) => Mode::parse(word)
                .ok_or_else(|| InputError::with_detail(ErrorCode::SettingsInvalid, "mode must be open, announce or private"))?,
        };
        let changed = RoomSettings {
            title: self.title.unwrap_or(settings.title),
            topic: self.topic.unwrap_or(settings.topic),
            mode,
            queue: self.queue.unwrap_or(settings.queue),
            slow: self.slow.unwrap_or(settings.slow),
            closed: self.closed.unwrap_or(settings.closed),
        };
        Ok(changed.checked()?)
    }
}

/// `PUT /api/admin/rooms/{room}`
pub(in crate::http) async fn set_room(
    FromState(state): FromState<State>,
    AdminCaller(caller): AdminCaller,
    Room(room): Room,
    Body(fields): Body<SettingsFields>,
) -> Result<Response, ApiError> {
    let pass = state.context.hub.enter(&caller, &room, Action::Moderate)?;
    let settings = fields.over(state.context.hub.info(&pass).await?.settings)?;
    let request = PublishRequest { kind: Kind::Room, settings: Some(Box::new(settings)), ..PublishRequest::default() };
    let published: Published = state.context.publish(&caller, &room, request).await?;
    Ok(answer(published))
}
