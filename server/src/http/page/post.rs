//! `POST` of the page's form, for browsers without script.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Body;
use axum::extract::{Request, State as FromState};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use protocol::{ErrorCode, PublishFields, PublishKey, PublishRequest, RoomName};

use super::page_path;
use super::preferences::{PageQuery, QUEUED_QUERY, author_cookie};
use super::render::{RefusedPost, render};
use crate::access::Caller;
use crate::http::extract::{Query, Room, WholeBody};
use crate::http::form;
use crate::http::state::State;

/// `POST /`
pub(in crate::http) async fn post_lobby(
    state: FromState<State>,
    caller: Caller,
    query: Query<PageQuery>,
    headers: HeaderMap,
    body: WholeBody,
) -> Response {
    post_room(state, Room(RoomName::lobby()), caller, query, headers, body).await
}

/// `POST /r/{room}`: publishes and redirects to the page, so that reloading it posts nothing.
pub(in crate::http) async fn post_room(
    FromState(state): FromState<State>,
    Room(room): Room,
    caller: Caller,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Response {
    let form = std::str::from_utf8(&body).map_err(|_| ErrorCode::NotUtf8).and_then(form::parse);
    let (form, published) = match form {
        Ok(form) => {
            let published = publish(&state, &room, &caller, form.clone()).await;
            (form, published)
        }
        Err(code) => (PublishFields::default(), Err(code.into())),
    };
    let author = form.author;
    match published {
        Ok(is_queued) => {
            // A form without the field, such as the demo's, does not change the reader's name.
            let cookies = author.map(|author| CookieJar::default().add(author_cookie(author)));
            let query = if is_queued { QUEUED_QUERY } else { "" };
            (StatusCode::SEE_OTHER, cookies, [(LOCATION, page_path(&room) + query)]).into_response()
        }
        Err(refused) => {
            let mut request = Request::new(Body::empty());
            *request.headers_mut() = headers;
            let refused = RefusedPost { draft: form.text.unwrap_or_default(), author, ..refused };
            render(&state, &caller, room, query, refused, request).await
        }
    }
}

/// Publishes a form's message or change. True if it waits for a moderator: then it is stored as
/// well, and the person must not post it again.
async fn publish(state: &State, room: &RoomName, caller: &Caller, form: PublishFields) -> Result<bool, RefusedPost> {
    let request = PublishRequest::try_from(form).map_err(|error| error.code)?;
    let mut published = state.context.publish(caller, room, request.clone()).await;
    if published.as_ref().is_err_and(|refusal| refusal.code == ErrorCode::KeyReused) {
        // The browser kept the page on the way back, with the key of an earlier message.
        let key = request.key.as_ref().map(|key| key_of(key, &request));
        published = state.context.publish(caller, room, PublishRequest { key, ..request }).await;
    }
    match published {
        Ok(_) => Ok(false),
        Err(refusal) if refusal.code == ErrorCode::Queued => Ok(true),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Derives a key for a message from the form's key, so that posting the same form again is safe.
fn key_of(form: &PublishKey, message: &PublishRequest) -> PublishKey {
    let mut hasher = DefaultHasher::new();
    (form, message.text.as_str(), message.author.as_str()).hash(&mut hasher);
    PublishKey::from_bits(hasher.finish().into())
}
