//! Requests to the HTTP interface: pages of history, and publishing.

use gloo_net::http::Request;
use protocol::{Json, MessagesPage, Position, Problem, Published, RoomName};
use serde::de::DeserializeOwned;
use web_sys::{AbortController, AbortSignal};

use super::json::Parsed;

/// How long a page of history may take, in milliseconds.
const HISTORY_MS: u32 = 15_000;

/// Why a request failed: the server's problem document, if it sent one that can be read.
pub(super) type Failure = Option<Problem>;

/// A running request. Dropping it aborts the request.
pub(super) struct Abort(AbortController);

impl Abort {
    /// `None` if the browser does not support it.
    pub(super) fn new() -> Option<Self> {
        AbortController::new().ok().map(Self)
    }

    /// The signal to start the request with.
    pub(super) fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Fetches the page that `query` asks for.
pub(super) async fn page(room: &RoomName, query: &[(&str, String)], signal: &AbortSignal) -> Result<MessagesPage, Failure> {
    let query = query.iter().map(|(name, value)| (*name, value.as_str()));
    let request = Request::get(&messages(room)).query(query).abort_signal(Some(signal)).build();
    answer(request.map_err(|_| None)?).await
}

/// A page of history.
#[derive(Clone, Copy)]
pub(super) enum Range {
    /// The newest.
    Newest,
    /// The entries up to a position.
    Before(Position),
    /// The same, or if all of them have expired, the oldest entries.
    BeforeOrOldest(Position),
    /// The entries after a position.
    After(Position),
}

/// Fetches a page of history. `None` if that failed or took too long.
pub(super) async fn history(room: &RoomName, range: Range) -> Option<MessagesPage> {
    let page = fetch_range(room, range).await.ok()?;
    match range {
        Range::BeforeOrOldest(position) if page.entries.is_empty() => {
            let failure = fetch_range(room, Range::After(position)).await.err()??;
            fetch_range(room, Range::After(failure.gap?.first)).await.ok()
        }
        _ => Some(page),
    }
}

async fn fetch_range(room: &RoomName, range: Range) -> Result<MessagesPage, Failure> {
    let mut query = vec![("limit", "50".to_owned())];
    match range {
        Range::Newest => {}
        Range::Before(position) | Range::BeforeOrOldest(position) => query.push(("before", position.to_string())),
        Range::After(position) => query.push(("after", position.to_string())),
    }
    page(room, &query, &AbortSignal::timeout_with_u32(HISTORY_MS)).await
}

/// Fetches the position of the newest entry of a room. `None` if that failed or took too long.
pub(super) async fn latest(room: &RoomName) -> Option<Position> {
    let page = page(room, &[("limit", "1".to_owned())], &AbortSignal::timeout_with_u32(HISTORY_MS)).await;
    page.ok().map(|page| page.latest)
}

/// Publishes a message, given as JSON.
pub(super) async fn post(room: &RoomName, json: String, signal: &AbortSignal) -> Result<Published, Failure> {
    let request = Request::post(&messages(room)).header("content-type", "application/json").abort_signal(Some(signal)).body(json);
    answer(request.map_err(|_| None)?).await
}

fn messages(room: &RoomName) -> String {
    ["/api/rooms/", room.as_str(), "/messages"].concat()
}

async fn answer<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    let response = request.send().await.map_err(|_| None)?;
    let json = response.text().await.map_err(|_| None)?;
    let json = Parsed::new(&json).ok_or(None)?;
    // 202 refuses a message for now: it waits for a moderator.
    if response.status() == 200 { json.read().ok_or(None) } else { Err(Problem::read(&json)) }
}
