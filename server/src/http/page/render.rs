//! Renders the page of a room.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use frontend::{PageData, Wall};
use leptos::context::use_context;
use leptos_axum::ResponseOptions;
use parking_lot::Mutex;
use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{ErrorCode, PublishKey, RoomName};

use super::preferences::{self, PageQuery};
use super::server_part::server_part;
use crate::access::{Action, Caller};
use crate::http::assets;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::limits::{self, Account};
use crate::room::Range;
use crate::store::Refusal;

/// A post that was refused, with what the person wrote.
#[derive(Default)]
pub(super) struct RefusedPost {
    pub(super) code: Option<ErrorCode>,
    /// In milliseconds.
    pub(super) retry_after: Option<u64>,
    pub(super) draft: String,
    pub(super) author: Option<String>,
}

impl From<Refusal> for RefusedPost {
    fn from(refusal: Refusal) -> Self {
        Self { code: Some(refusal.code), retry_after: refusal.retry_after, ..Self::default() }
    }
}

impl From<ErrorCode> for RefusedPost {
    fn from(code: ErrorCode) -> Self {
        Self { code: Some(code), retry_after: code.retry_after(), ..Self::default() }
    }
}

/// Renders the page, with the form as it was if a post was refused.
pub(super) async fn render(
    state: &State,
    caller: &Caller,
    room: RoomName,
    query: PageQuery,
    refused: RefusedPost,
    request: Request,
) -> Response {
    let account = state.context.limiter.account(caller.address);
    // A page takes a megabyte until it is sent. So an address renders one page at a time.
    limits::one_at_a_time(account.as_deref(), render_page(state, account.as_deref(), caller, room, query, refused, request)).await
}

async fn render_page(
    state: &State,
    account: Option<&Account>,
    caller: &Caller,
    room: RoomName,
    query: PageQuery,
    refused: RefusedPost,
    request: Request,
) -> Response {
    let (code, retry_after) = (refused.code, refused.retry_after);
    let refused = RefusedPost { code: code.or_else(|| query.told()), ..refused };
    let (headers, language) = (request.headers(), query.language(request.headers()));
    let (author, cookies) = match refused.author.clone().or_else(|| preferences::author(headers)) {
        Some(author) => (author, None),
        None => {
            let drawn = preferences::draw_name(language);
            (drawn.clone(), Some(CookieJar::default().add(preferences::author_cookie(drawn))))
        }
    };
    let refused = RefusedPost { author: Some(author), ..refused };
    let mut response = match page_data(state, account, caller, room, &query, refused, request.headers()).await {
        Ok(data) => respond(request, data, None).await,
        Err(error) => return error.into_response(),
    };
    if let Some(status) = code.and_then(|code| StatusCode::from_u16(code.status()).ok()) {
        *response.status_mut() = status;
    }
    if let Some(wait) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
    }
    (cookies, response).into_response()
}

/// Reads what a page is rendered from.
pub(super) async fn page_data(
    state: &State,
    account: Option<&Account>,
    caller: &Caller,
    room: RoomName,
    query: &PageQuery,
    refused: RefusedPost,
    headers: &HeaderMap,
) -> Result<PageData, ApiError> {
    let pass = state.context.hub.enter(caller, &room, Action::Read)?;
    let page = limits::charge(account, state.context.hub.page(&pass, Range::Last, PAGE_ENTRIES_DEFAULT)).await?;
    let server = server_part(state, account, caller, &pass, &page).await?;
    let settings = server.info.as_ref().map(|info| info.settings.clone()).unwrap_or_default();
    Ok(PageData {
        online: page.online,
        link: super::origin(headers).unwrap_or_default() + "/r/" + room.as_str(),
        room,
        page,
        language: query.language(headers),
        scheme: query.scheme(headers),
        key: fresh_key(),
        author: refused.author.unwrap_or_default(),
        draft: if refused.draft.is_empty() { query.shared() } else { refused.draft },
        refusal: refused.code,
        zone: preferences::known_zone(headers).unwrap_or_default(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: settings.title,
        slow: settings.slow > 0,
        server,
    })
}

/// Renders a room's page, or its wall.
pub(super) async fn respond(request: Request, data: PageData, wall: Option<Wall>) -> Response {
    // Leptos wants a function that could be called again, and calls it once.
    let parts = Arc::new(Mutex::new(Some((data, wall))));
    let document = move || {
        let (data, wall) = parts.lock().take().expect("a document is rendered once");
        frontend::shell(assets::BASE, data, wall)
    };
    let respond = leptos_axum::render_app_to_stream_with_context(set_policy, document);
    let mut response = whole(respond(request).await).await;
    // `no-store` would also keep the page out of the browser's back/forward cache. A stored copy is
    // out of date, and its form has an old key. With `*`, browsers do not use it on the way back.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response.headers_mut().insert(VARY, HeaderValue::from_static("*"));
    response
}

/// Renders a streamed page to its end, so that the work is charged to its reader, and it has a
/// length.
async fn whole(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => Response::from_parts(parts, bytes.into()),
        Err(_) => ApiError::from(ErrorCode::Unavailable).into_response(),
    }
}

/// Sets the content policy: the page may use only its own files and its own server.
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

fn fresh_key() -> PublishKey {
    // Without a random source, the key is one that was used before. Then the post is refused with
    // `key_reused`.
    PublishKey::random().unwrap_or_else(|_| PublishKey::from_bits(0))
}
