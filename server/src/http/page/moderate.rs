//! `/r/{room}/moderate`: the queue, the room's settings, pins and bans, and for admins the keys and
//! the audit list. Every act is a form that posts here and is answered with a redirect, so it works
//! without script. The acts are those of the admin interface.

mod form;
mod read;

use axum::extract::State as FromState;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use frontend::moderation::{Moderation, PartName};
use frontend::moderation_page;
use leptos::prelude::{Owner, RenderHtml};
use protocol::{ErrorCode, FromFields, Kind, PublishRequest, RoomName};
use serde::Deserialize;
use time::Duration;

use super::preferences::PageQuery;
use super::unstored;
use crate::access::Caller;
use crate::http::admin;
use crate::http::assets;
use crate::http::caller::AdminCaller;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room, WholeBody};
use crate::http::state::State;
use crate::limits;
use form::{Act, Form};
use read::{Asked, read};

/// The cookie that carries a new key from the act to the page that shows it once.
const NEW_KEY: &str = "new_key";
/// How long that may take.
const NEW_KEY_TIME: Duration = Duration::minutes(1);

/// The query of the page.
#[derive(Default, Deserialize)]
pub(in crate::http) struct ModerateQuery {
    show: Option<String>,
    done: Option<String>,
    order: Option<String>,
    ban: Option<String>,
}

impl FromFields for ModerateQuery {
    type Fields = Self;
}

/// `GET /r/{room}/moderate`
pub(in crate::http) async fn moderate(
    FromState(state): FromState<State>,
    caller: Caller,
    Room(room): Room,
    Query(query): Query<ModerateQuery>,
    Query(page): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let shown = query.show.as_deref().and_then(PartName::parse);
    let part = shown.unwrap_or(if query.ban.is_some() { PartName::Bans } else { PartName::Queue });
    let made = (part == PartName::Keys).then(|| CookieJar::from_headers(&headers).get(NEW_KEY).map(|key| key.value().to_owned())).flatten();
    let cookies = made.is_some().then(|| CookieJar::default().add(new_key(&room, &headers, String::new(), Duration::ZERO)));
    let asked = Asked {
        is_newest_first: query.order.as_deref() == Some("newest"),
        done: query.done.as_deref().and_then(frontend::moderation::Done::parse),
        ban: query.ban.unwrap_or_default(),
        made,
        ..Asked::new(part)
    };
    let shown = show(&state, &caller, room, asked, &page, &headers).await?;
    Ok((cookies, respond(StatusCode::OK, shown)).into_response())
}

/// `POST /r/{room}/moderate`: does what a form asks for, and redirects to the part it belongs to.
pub(in crate::http) async fn post_moderate(
    FromState(state): FromState<State>,
    Room(room): Room,
    Query(page): Query<PageQuery>,
    // An allowed origin may post messages, but not use a moderator's cookie.
    AdminCaller(caller): AdminCaller,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    // A caller without the right learns nothing about the form.
    read::check(&state, &caller, &room)?;
    let form = Form::parse(&body)?;
    let is_newest_first = form.order.as_deref() == Some("newest");
    let refused = match form.act((state.context.hub.clock())()) {
        Ok(act) => {
            let (part, done) = act.outcome();
            match perform(&state, &caller, &room, &headers, act).await {
                Ok(cookies) => {
                    let order = if is_newest_first && part == PartName::Queue { "&order=newest" } else { "" };
                    let path = format!("{}/moderate?show={}&done={}{order}", super::room_path(&room), part.word(), done.word());
                    return Ok((StatusCode::SEE_OTHER, cookies, [(LOCATION, path)]).into_response());
                }
                Err(error) => error,
            }
        }
        Err(error) => error.into(),
    };
    // Without the right, the whole page is refused.
    if matches!(refused.reason().0, ErrorCode::NotFound | ErrorCode::AccessRefused | ErrorCode::AccessKeyUnknown) {
        return Err(refused);
    }
    let status = StatusCode::from_u16(refused.reason().0.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let asked = Asked { is_newest_first, refused: Some(refused), form: Some(form.clone()), ..Asked::new(form.part()) };
    let shown = show(&state, &caller, room, asked, &page, &headers).await?;
    Ok(respond(status, shown))
}

/// Does what a form asks for. Returns the cookie with a new key, if one was made.
async fn perform(state: &State, caller: &Caller, room: &RoomName, headers: &HeaderMap, act: Act) -> Result<Option<CookieJar>, ApiError> {
    match act {
        Act::Decide(id, decision) => {
            admin::decide(state, caller, room, id, decision).await?;
        }
        Act::Change(settings) => {
            let change = PublishRequest { kind: Kind::Room, settings: Some(settings.into()), ..PublishRequest::default() };
            state.context.publish(caller, room, change).await?;
        }
        Act::EndCast(id) => {
            let pass = read::check(state, caller, room)?;
            state.context.hub.end_cast(&pass, Some(id)).await?;
        }
        Act::Unpin(of) => {
            let change = PublishRequest { kind: Kind::Unpin, of: Some(of), ..PublishRequest::default() };
            state.context.publish(caller, room, change).await?;
        }
        Act::Ban(ban) => drop(admin::ban(state, caller, ban).await?),
        Act::Unban(id) => admin::unban(state, caller, id).await?,
        Act::CreateKey(key) => {
            let created = admin::create_key(state, caller, key).await?;
            return Ok(Some(CookieJar::default().add(new_key(room, headers, created.key, NEW_KEY_TIME))));
        }
        Act::RevokeKey(id) => admin::revoke_key(state, caller, id).await?,
    }
    Ok(None)
}

/// The cookie with a new key. It is sent only to this page, and lives a minute.
fn new_key(room: &RoomName, headers: &HeaderMap, secret: String, time: Duration) -> Cookie<'static> {
    let is_secure = super::origin(headers).is_some_and(|origin| origin.starts_with("https:"));
    let path = super::room_path(room) + "/moderate";
    Cookie::build((NEW_KEY, secret)).path(path).max_age(time).http_only(true).secure(is_secure).same_site(SameSite::Strict).build()
}

/// Reads the page. An address reads one page at a time.
async fn show(
    state: &State,
    caller: &Caller,
    room: RoomName,
    asked: Asked,
    page: &PageQuery,
    headers: &HeaderMap,
) -> Result<Moderation, ApiError> {
    let account = state.context.limiter.account(caller.address);
    limits::one_at_a_time(account.as_deref(), read(state, caller, room, asked, page, headers)).await
}

fn respond(status: StatusCode, page: Moderation) -> Response {
    let html = Owner::new().with(|| moderation_page(assets::BASE, page).to_html());
    unstored::respond(status, unstored::FRAMED, html)
}
