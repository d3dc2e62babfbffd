//! Publishing by `POST`: the body is JSON, a form, or just the text, so that `curl -d hello` works.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as FromState;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use protocol::{Author, ErrorCode, PublishKey, PublishRequest, Text};
use serde::Deserialize;

use crate::http::error::ApiError;
use crate::http::extract::{ClientAddress, Query, Room, WholeBody};
use crate::http::form::{Form, without_mark};
use crate::http::state::State;

/// What a bare text can't say itself.
#[derive(Debug, Default, Deserialize)]
pub(in crate::http) struct Aside {
    author: Option<Author>,
    key: Option<PublishKey>,
}

/// `POST /api/rooms/{room}/messages`
pub(in crate::http) async fn publish(
    FromState(state): FromState<State>,
    Room(room): Room,
    ClientAddress(address): ClientAddress,
    Query(aside): Query<Aside>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let message = parse(&headers, &body, aside)?;
    state.context.admit(address, &state.context.hub.room(&room)).map_err(|(code, wait)| ApiError::retry_after(code, wait))?;
    let published = state.context.hub.publish(&room, message, None)?.await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(published)).into_response())
}

/// Reads a body by its content type.
fn parse(headers: &HeaderMap, body: &Bytes, aside: Aside) -> Result<PublishRequest, ApiError> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let media_type = content_type.and_then(|value| value.split(';').next()).map(|value| value.trim().to_ascii_lowercase());
    let text = without_mark(std::str::from_utf8(body).map_err(|_| ErrorCode::NotUtf8)?);
    let bare = || Ok(PublishRequest { text: Text::parse(text)?, author: aside.author.unwrap_or_default(), key: aside.key });
    match media_type.as_deref() {
        Some("application/json") => {
            serde_json::from_str(text).map_err(|error| ApiError::detail(ErrorCode::of_json(&error), error.to_string()))
        }
        Some("application/x-www-form-urlencoded") => match Form::find(text)? {
            Some(form) => Ok(form.check()?),
            None => bare(),
        },
        Some("text/plain") | None => bare(),
        Some(_) => Err(ErrorCode::BodyUnsupported.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &str) -> Result<(String, String), ErrorCode> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        let request = parse(&headers, &Bytes::copy_from_slice(body.as_bytes()), Aside::default());
        request.map(|it| (it.text.as_str().to_owned(), it.author.as_str().to_owned())).map_err(|refusal| refusal.code())
    }

    #[test]
    fn json_a_form_and_a_bare_text_say_the_same() {
        let said = |text: &str, author: &str| Ok((text.to_owned(), author.to_owned()));
        let form = "application/x-www-form-urlencoded";
        assert_eq!(read("application/json", r#"{"text":"你好","author":"a"}"#), said("你好", "a"));
        assert_eq!(read("application/json; charset=utf-8", r#"{"text":"hi"}"#), said("hi", ""));
        assert_eq!(read(form, "content=%E4%BD%A0+%E5%A5%BD&author=a"), said("你 好", "a"));
        assert_eq!(read(form, "text=hi"), said("hi", ""));
        assert_eq!(read(form, "hello"), said("hello", ""));
        assert_eq!(read(form, "a=b&c"), said("a=b&c", ""));
        assert_eq!(read("text/plain", "content=x"), said("content=x", ""));
    }

    #[test]
    fn each_is_refused_for_what_is_wrong() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(read("application/json", "{"), Err(ErrorCode::NotJson));
        assert_eq!(read("application/json", "[]"), Err(ErrorCode::ShapeInvalid));
        assert_eq!(read("application/json", r#"{"text":""}"#), Err(ErrorCode::TextEmpty));
        assert_eq!(read("application/json", r#"{"text":"a","text":"b"}"#), Err(ErrorCode::ShapeInvalid));
        assert_eq!(read("application/json", r#"{"text":"\ud800"}"#), Err(ErrorCode::NotJson));
        assert_eq!(read(form, "content=%ff"), Err(ErrorCode::NotUtf8));
        assert_eq!(read(form, "content=%EF%BF%BD"), Ok(("\u{fffd}".to_owned(), String::new())));
        assert_eq!(read(form, "content=+"), Err(ErrorCode::TextEmpty));
        assert_eq!(read("image/png", "x"), Err(ErrorCode::BodyUnsupported));
    }
}
