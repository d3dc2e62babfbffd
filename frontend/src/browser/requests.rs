//! Pages of the log and publishing, by HTTP.

use js_sys::{Object, Reflect};
use protocol::{Json, MessagesPage, Position, Problem, Published, RoomName};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, RequestInit, Response};

use super::json::Parsed;

/// How long a page of history may take, in milliseconds.
const HISTORY_MS: u32 = 15_000;

/// Why there is no answer: the server's words, if there were any that can be read.
pub(super) type Refused = Option<Problem>;

/// A request that is out. Dropping it ends it.
pub(super) struct Abort(AbortController);

impl Abort {
    /// `None` where the browser has no such thing.
    pub(super) fn new() -> Option<Self> {
        AbortController::new().ok().map(Self)
    }

    /// What the request is to be made with.
    pub(super) fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The page that `query` asks for.
pub(super) async fn page(room: &RoomName, query: &str, signal: &AbortSignal) -> Result<MessagesPage, Refused> {
    answer(&address(room, query), signal, &RequestInit::new()).await
}

/// Which page of history.
#[derive(Clone, Copy)]
pub(super) enum Range {
    /// The newest.
    Newest,
    /// The entries up to a position.
    Before(Position),
    /// Those that follow it.
    After(Position),
}

/// A page of history. `None` if it could not be had.
pub(super) async fn history(room: &RoomName, range: Range) -> Option<MessagesPage> {
    let (side, position) = match range {
        Range::Newest => ("", String::new()),
        Range::Before(position) => ("&before=", position.to_string()),
        Range::After(position) => ("&after=", position.to_string()),
    };
    page(room, &["?limit=50", side, &position].concat(), &AbortSignal::timeout_with_u32(HISTORY_MS)).await.ok()
}

/// Publishes a message, which is JSON.
pub(super) async fn post(room: &RoomName, json: &str, signal: &AbortSignal) -> Result<Published, Refused> {
    let (options, headers) = (RequestInit::new(), Object::new());
    // Setting a field of an object that was just made can't fail.
    _ = Reflect::set(&headers, &"content-type".into(), &"application/json".into());
    options.set_method("POST");
    options.set_headers(&headers);
    options.set_body(&json.into());
    answer(&address(room, ""), signal, &options).await
}

fn address(room: &RoomName, query: &str) -> String {
    ["/api/rooms/", room.as_str(), "/messages", query].concat()
}

async fn answer<T: DeserializeOwned>(address: &str, signal: &AbortSignal, options: &RequestInit) -> Result<T, Refused> {
    options.set_signal(Some(signal));
    let response = JsFuture::from(super::window().fetch_with_str_and_init(address, options)).await.map_err(|_| None)?;
    let response: Response = response.unchecked_into();
    let json = JsFuture::from(response.text().map_err(|_| None)?).await.map_err(|_| None)?;
    let answer = json.as_string().and_then(|json| Parsed::new(&json)).ok_or(None)?;
    if response.ok() { answer.read().ok_or(None) } else { Err(Problem::read(&answer)) }
}
