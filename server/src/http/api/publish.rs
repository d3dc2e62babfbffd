//! Publishing by `POST`: the body is JSON, a form, or just the text, so that `curl -d hello` works.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as FromState;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum_extra::headers::{ContentType, HeaderMapExt as _, Mime};
use protocol::{ErrorCode, FromFields, InputError, PublishFields, PublishRequest, from_json};
use serde::Deserialize;

use crate::access::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Query, Room, WholeBody};
use crate::http::form::{self, without_mark};
use crate::http::state::State;

/// The query's fields, which go with a body that is only the text.
#[derive(Debug, Default, Deserialize)]
pub(in crate::http) struct BareTextFields {
    author: Option<String>,
    key: Option<String>,
}

impl FromFields for BareTextFields {
    type Fields = Self;
}

/// `POST /api/rooms/{room}/messages`
pub(in crate::http) async fn publish(
    FromState(state): FromState<State>,
    Room(room): Room,
    caller: Caller,
    Query(fields): Query<BareTextFields>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let message = read(&headers, &body, fields)?;
    let published = state.context.publish(&caller, &room, message).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(published)).into_response())
}

/// Reads a body by its content type.
fn read(headers: &HeaderMap, body: &Bytes, fields: BareTextFields) -> Result<PublishRequest, InputError> {
    let content_type = headers.typed_try_get::<ContentType>().map_err(|_| ErrorCode::BodyUnsupported)?;
    let media_type = content_type.map(Mime::from);
    let text = without_mark(std::str::from_utf8(body).map_err(|_| ErrorCode::NotUtf8)?);
    let bare = || {
        let BareTextFields { author, key } = fields;
        PublishFields { text: Some(text.to_owned()), author, key, ..PublishFields::default() }.try_into()
    };
    match media_type.as_ref().map(Mime::essence_str) {
        Some("application/json") => from_json(text),
        Some("application/x-www-form-urlencoded") => match form::find(text)? {
            Some(form) => Ok(form.try_into()?),
            None => bare(),
        },
        Some("text/plain") | None => bare(),
        Some(_) => Err(ErrorCode::BodyUnsupported.into()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use protocol::ClientFrame;
    use protocol::limits::{AUTHOR_CHARS_MAX, KEY_CHARS_MAX, TEXT_BYTES_MAX};
    use serde_json::json;

    use super::*;
    use crate::http::extract::query;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn publish(content_type: &str, uri: &str, body: &str) -> Result<PublishRequest, ErrorCode> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        let fields = query(&uri.parse().unwrap()).map_err(|error| error.code)?;
        read(&headers, &Bytes::copy_from_slice(body.as_bytes()), fields).map_err(|error| error.code)
    }

    fn said(content_type: &str, body: &str) -> Result<(String, String), ErrorCode> {
        publish(content_type, "/", body).map(|it| (it.text.into(), it.author.into()))
    }

    #[test]
    fn json_a_form_and_a_bare_text_say_the_same() {
        let expected = |text: &str, author: &str| Ok((text.to_owned(), author.to_owned()));
        assert_eq!(said("application/json", r#"{"text":"你好","author":"a"}"#), expected("你好", "a"));
        assert_eq!(said("Application/JSON; charset=utf-8", r#"{"text":"hi"}"#), expected("hi", ""));
        assert_eq!(said(FORM, "content=%E4%BD%A0+%E5%A5%BD&author=a"), expected("你 好", "a"));
        assert_eq!(said(FORM, "text=hi"), expected("hi", ""));
        assert_eq!(said(FORM, "hello"), expected("hello", ""));
        assert_eq!(said(FORM, "a=b&c"), expected("a=b&c", ""));
        assert_eq!(said("text/plain", "content=x"), expected("content=x", ""));
        assert_eq!(said("text/plain;", "x"), expected("x", ""));
    }

    /// A body in JSON, a form, a bare text with its query, and a WebSocket's frame.
    #[test]
    fn a_refused_field_has_the_same_code_however_it_arrives() {
        let long = |count: usize| "x".repeat(count + 1);
        for (text, author, key, code) in [
            ("", "", "k", ErrorCode::TextEmpty),
            (" \n\u{200b}", "", "k", ErrorCode::TextEmpty),
            ("a\0", "", "k", ErrorCode::TextInvalid),
            (&long(TEXT_BYTES_MAX), "", "k", ErrorCode::TextTooLong),
            ("a", "\u{202e}admin", "k", ErrorCode::AuthorInvalid),
            ("a", &long(AUTHOR_CHARS_MAX), "k", ErrorCode::AuthorTooLong),
            ("a", "", "?", ErrorCode::KeyInvalid),
            ("a", "", &long(KEY_CHARS_MAX), ErrorCode::KeyInvalid),
            // Of several refused fields, the first one is told.
            ("", "\u{202e}", "?", ErrorCode::TextEmpty),
        ] {
            let encode = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
            let body = json!({ "text": text, "author": author, "key": key });
            let fields = format!("author={}&key={}", encode(author), encode(key));
            let frame = json!({ "type": "publish", "ref": 1, "text": text, "author": author, "key": key });
            assert_eq!(publish("application/json", "/", &body.to_string()), Err(code), "{body:.80}");
            assert_eq!(publish(FORM, "/", &format!("content={}&{fields}", encode(text))), Err(code), "{body:.80}");
            assert_eq!(publish("text/plain", &format!("/?{fields}"), text), Err(code), "{body:.80}");
            let error = ClientFrame::parse(&frame.to_string()).unwrap_err();
            assert_eq!((error.code, error.r#ref), (code, Some(1)), "{body:.80}");
        }
    }

    #[test]
    fn each_body_is_refused_for_what_is_wrong() {
        assert_eq!(said("application/json", "{"), Err(ErrorCode::NotJson));
        assert_eq!(said("application/json", "[]"), Err(ErrorCode::ShapeInvalid));
        assert_eq!(said("application/json", r#"{"author":"a"}"#), Err(ErrorCode::ShapeInvalid));
        assert_eq!(said("application/json", r#"{"text":5}"#), Err(ErrorCode::ShapeInvalid));
        assert_eq!(said("application/json", r#"{"text":"a","text":"b"}"#), Err(ErrorCode::ShapeInvalid));
        assert_eq!(said("application/json", r#"{"text":"\ud800"}"#), Err(ErrorCode::NotJson));
        assert_eq!(said(FORM, "content=%ff"), Err(ErrorCode::NotUtf8));
        assert_eq!(said(FORM, "content=%EF%BF%BD"), Ok(("\u{fffd}".to_owned(), String::new())));
        assert_eq!(said("image/png", "x"), Err(ErrorCode::BodyUnsupported));
        assert_eq!(said("nonsense", "x"), Err(ErrorCode::BodyUnsupported));
        assert_eq!(publish("text/plain", "/?author=a&author=b", "x"), Err(ErrorCode::QueryInvalid));
    }
}
