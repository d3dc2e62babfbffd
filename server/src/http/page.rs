//! The page of a room, rendered on the server; it reads and posts without any script.

mod companions;
mod error_page;

use std::net::IpAddr;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as FromState};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use frontend::{Language, PageData, Scheme};
use leptos::context::use_context;
use leptos_axum::ResponseOptions;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{ErrorCode, PublishKey, RoomName};
use serde::Deserialize;

pub(super) use companions::{icon, manifest, open, qr};
pub(super) use error_page::{present, refuse, without_slash};

use super::assets;
use super::error::ApiError;
use super::extract::{ClientAddress, Query, Room, WholeBody, cookie};
use super::form::Form;
use super::state::State;
use crate::limits::turns::{self, Account};
use crate::room::Range;

/// A cookie's life, in seconds: a year.
const COOKIE_SECONDS: u32 = 31_536_000;
/// How far a clock can be from UTC, in minutes: 14 hours.
const ZONE_MINUTES_MAX: i32 = 14 * 60;

/// What a page's address may ask for; it is remembered.
#[derive(Default, Deserialize)]
pub(super) struct Wishes {
    lang: Option<String>,
    scheme: Option<String>,
    /// What another program shares, for the composer.
    title: Option<String>,
    text: Option<String>,
    url: Option<String>,
}

impl Wishes {
    /// What was shared, a line for each part.
    fn shared(&self) -> String {
        let parts = [&self.title, &self.text, &self.url].into_iter().flatten().map(String::as_str);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

impl Wishes {
    /// The language in which this reader is answered.
    pub(super) fn language(&self, headers: &HeaderMap) -> Language {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::negotiate(self.lang.as_deref(), cookie(headers, "lang").as_deref(), accepted)
    }

    /// The colours that this reader is shown.
    pub(super) fn scheme(&self, headers: &HeaderMap) -> Scheme {
        Scheme::negotiate(self.scheme.as_deref(), cookie(headers, "scheme").as_deref())
    }
}

/// `GET /`
pub(super) async fn lobby(state: FromState<State>, address: ClientAddress, query: Query<Wishes>, request: Request) -> Response {
    room(state, address, Room(RoomName::lobby()), query, request).await
}

/// `GET /r/{room}`
pub(super) async fn room(
    FromState(state): FromState<State>,
    ClientAddress(address): ClientAddress,
    Room(room): Room,
    Query(wishes): Query<Wishes>,
    request: Request,
) -> Response {
    match canonical_address(&room, request.uri()) {
        Some(there) => (StatusCode::SEE_OTHER, [(LOCATION, there)]).into_response(),
        None => render(&state, address, room, wishes, Refused::default(), request).await,
    }
}

/// Where a room's page is, if it was asked for by another spelling of the room's name.
fn canonical_address(room: &RoomName, asked: &Uri) -> Option<String> {
    let spelled = percent_decode_str(asked.path().strip_prefix("/r/")?).decode_utf8().ok()?;
    let query = asked.query().map(|query| format!("?{query}")).unwrap_or_default();
    (spelled != room.as_str()).then(|| room_path(room) + &query)
}

/// How many minutes the reader's clock is ahead of UTC, as the page found out on an earlier visit.
fn zone(headers: &HeaderMap) -> i32 {
    let minutes = cookie(headers, "zone").and_then(|minutes| minutes.parse().ok());
    minutes.filter(|minutes| (-ZONE_MINUTES_MAX..=ZONE_MINUTES_MAX).contains(minutes)).unwrap_or_default()
}

/// `POST /`
pub(super) async fn post_lobby(
    state: FromState<State>,
    address: ClientAddress,
    query: Query<Wishes>,
    headers: HeaderMap,
    body: WholeBody,
) -> Response {
    post_room(state, Room(RoomName::lobby()), address, query, headers, body).await
}

/// `POST /r/{room}`: publishes and sends the browser back, so that reloading the page posts nothing.
pub(super) async fn post_room(
    FromState(state): FromState<State>,
    Room(room): Room,
    ClientAddress(address): ClientAddress,
    Query(wishes): Query<Wishes>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Response {
    let form = std::str::from_utf8(&body).map_err(|_| ErrorCode::NotUtf8).and_then(Form::parse);
    let (form, published) = match form {
        Ok(form) => {
            let published = publish(&state, &room, address, &form).await;
            (form, published)
        }
        Err(code) => (Form::default(), Err(code.into())),
    };
    match published {
        Ok(()) => {
            let location = if room == RoomName::lobby() { "/".to_owned() } else { room_path(&room) };
            let mut response = (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
            remember(&mut response, "author", &form.author);
            response
        }
        Err(refused) => {
            let mut request = Request::new(Body::empty());
            *request.headers_mut() = headers;
            let refused = Refused { draft: form.content.unwrap_or_default(), author: Some(form.author), ..refused };
            render(&state, address, room, wishes, refused, request).await
        }
    }
}

async fn publish(state: &State, room: &RoomName, address: IpAddr, form: &Form) -> Result<(), Refused> {
    let message = form.check()?;
    state
        .context
        .admit(address, &state.context.hub.room(room))
        .map_err(|(code, wait)| Refused { retry_after: Some(wait), ..code.into() })?;
    state.context.hub.publish(room, message, None)?.await?;
    Ok(())
}

/// A post that was refused, with what the person wrote.
#[derive(Default)]
struct Refused {
    code: Option<ErrorCode>,
    /// In milliseconds.
    retry_after: Option<u64>,
    draft: String,
    author: Option<String>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self { code: Some(code), retry_after: code.retry_after(), ..Self::default() }
    }
}

async fn render(state: &State, address: IpAddr, room: RoomName, wishes: Wishes, refused: Refused, request: Request) -> Response {
    let account = state.context.limiter.account(address);
    // A page takes a megabyte until it is sent, and many connections of an address would wait with one each.
    turns::alone(account.as_deref(), render_page(state, account.as_deref(), room, wishes, refused, request)).await
}

async fn render_page(
    state: &State,
    account: Option<&Account>,
    room: RoomName,
    wishes: Wishes,
    refused: Refused,
    request: Request,
) -> Response {
    let page = match turns::read(account, state.context.hub.page(&room, Range::Last, PAGE_ENTRIES_DEFAULT)).await {
        Ok(page) => page,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let headers = request.headers();
    let (language, scheme) = (wishes.language(headers), wishes.scheme(headers));
    let data = PageData {
        online: page.online,
        room,
        page,
        language,
        scheme,
        key: fresh_key(),
        author: refused.author.or_else(|| cookie(headers, "author")).unwrap_or_default(),
        draft: if refused.draft.is_empty() { wishes.shared() } else { refused.draft },
        refusal: refused.code,
        zone: zone(headers),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let respond = leptos_axum::render_app_to_stream_with_context(set_policy, move || frontend::shell(assets::BASE, data.clone()));
    let mut response = whole(respond(request).await).await;
    if let Some(status) = refused.code.and_then(|code| StatusCode::from_u16(code.status()).ok()) {
        *response.status_mut() = status;
    }
    if let Some(wait) = refused.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
    }
    // The page holds a fresh key and the newest messages: a kept copy would post under an old one.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if wishes.lang.is_some() {
        remember(&mut response, "lang", language.tag());
    }
    if wishes.scheme.is_some() {
        remember(&mut response, "scheme", scheme.word());
    }
    response
}

/// Renders all of a page at once, so that it is charged to its reader's address, and is sent with its length.
async fn whole(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => Response::from_parts(parts, bytes.into()),
        Err(_) => ApiError::from(ErrorCode::Unavailable).into_response(),
    }
}

/// What the page may do in a browser: nothing but its own files and its own server.
fn set_policy() {
    let nonce = leptos::nonce::use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    if let (Some(response), Ok(policy)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&policy)) {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
}

fn remember(response: &mut Response, name: &str, value: &str) {
    let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
    let cookie = format!("{name}={value}; Path=/; Max-Age={COOKIE_SECONDS}; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn room_path(room: &RoomName) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    format!("/r/{}", utf8_percent_encode(room.as_str(), ESCAPED))
}

fn fresh_key() -> PublishKey {
    // Without randomness the key is one that somebody used before, which the post then says.
    PublishKey::random().unwrap_or_else(|_| PublishKey::from_bits(0))
}
