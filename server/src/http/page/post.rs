//! `POST` of the page's form, for browsers without script.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{Request, State as FromState};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use protocol::{ErrorCode, PublishFields, RoomName};

use super::page_path;
use super::preferences::{PageQuery, author_cookie};
use super::render::{RefusedPost, render};
use crate::http::extract::{ClientAddress, Query, Room, WholeBody};
use crate::http::form;
use crate::http::state::State;

/// `POST /`
pub(in crate::http) async fn post_lobby(
    state: FromState<State>,
    address: ClientAddress,
    query: Query<PageQuery>,
    headers: HeaderMap,
    body: WholeBody,
) -> Response {
    post_room(state, Room(RoomName::lobby()), address, query, headers, body).await
}

/// `POST /r/{room}`: publishes and redirects to the page, so that reloading it posts nothing.
pub(in crate::http) async fn post_room(
    FromState(state): FromState<State>,
    Room(room): Room,
    ClientAddress(address): ClientAddress,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Response {
    let form = std::str::from_utf8(&body).map_err(|_| ErrorCode::NotUtf8).and_then(form::parse);
    let (form, published) = match form {
        Ok(form) => {
            let published = publish(&state, &room, address, form.clone()).await;
            (form, published)
        }
        Err(code) => (PublishFields::default(), Err(code.into())),
    };
    let author = form.author;
    match published {
        Ok(()) => {
            // A form without the field, such as the demo's, does not change the reader's name.
            let cookies = author.map(|author| CookieJar::default().add(author_cookie(author)));
            (StatusCode::SEE_OTHER, cookies, [(LOCATION, page_path(&room))]).into_response()
        }
        Err(refused) => {
            let mut request = Request::new(Body::empty());
            *request.headers_mut() = headers;
            let refused = RefusedPost { draft: form.text, author, ..refused };
            render(&state, address, room, query, refused, request).await
        }
    }
}

async fn publish(state: &State, room: &RoomName, address: IpAddr, form: PublishFields) -> Result<(), RefusedPost> {
    let message = form.try_into()?;
    let admitted = state.context.admit(address, &state.context.hub.room(room));
    admitted.map_err(|(code, wait)| RefusedPost { retry_after: Some(wait), ..code.into() })?;
    state.context.hub.publish(room, message, None)?.await?;
    Ok(())
}
