//! Messages in bodies: JSON, a form, or just the text, so that `curl -d hello` works.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use protocol::{Author, ErrorCode, PublishKey, PublishRequest, Text};
use serde::Deserialize;

use super::problem::Refusal;

/// What a bare text can't say itself.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Aside {
    author: Option<Author>,
    key: Option<PublishKey>,
}

/// What the field with the text is called; the first is the demo's name for it.
const CONTENT: [&str; 2] = ["content", "text"];

/// A form's fields, unchecked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) content: Option<String>,
    pub(super) author: String,
    pub(super) key: Option<String>,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`. Other fields are passed over.
    pub(super) fn parse(body: &str) -> Result<Self, ErrorCode> {
        Self::of(body, fields(body)?)
    }

    /// Reads a body that calls itself a form, as all that `curl -d` sends does. `None` if it is just a text: it has a field that no
    /// form of ours has, one of them twice, or nothing to say.
    pub(super) fn find(body: &str) -> Result<Option<Self>, ErrorCode> {
        let fields = fields(body)?;
        let count = |names: &[&str]| fields.iter().filter(|(name, _)| names.contains(&name.as_str())).count();
        let (contents, authors, keys) = (count(&CONTENT), count(&["author"]), count(&["key"]));
        let is_form = contents == 1 && authors <= 1 && keys <= 1 && fields.len() == contents + authors + keys;
        if is_form { Self::of(body, fields).map(Some) } else { Ok(None) }
    }

    fn of(body: &str, fields: Vec<(String, String)>) -> Result<Self, ErrorCode> {
        // The decoder turns what is not UTF-8 into U+FFFD; only then the author did not write one.
        let is_written = || body.contains('\u{fffd}') || body.to_ascii_lowercase().contains("%ef%bf%bd");
        if fields.iter().any(|(_, value)| value.contains('\u{fffd}')) && !is_written() {
            return Err(ErrorCode::NotUtf8);
        }
        let mut form = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                name if CONTENT.contains(&name) => form.content = Some(value),
                "author" => form.author = value,
                "key" => form.key = Some(value),
                _ => {}
            }
        }
        Ok(form)
    }

    /// Checks the fields.
    pub(super) fn check(&self) -> Result<PublishRequest, ErrorCode> {
        let key = self.key.as_deref().filter(|key| !key.is_empty()).map(str::parse).transpose()?;
        Ok(PublishRequest { text: Text::parse(self.content.as_deref().unwrap_or_default())?, author: Author::parse(&self.author)?, key })
    }
}

fn fields(body: &str) -> Result<Vec<(String, String)>, ErrorCode> {
    serde_urlencoded::from_str(body).map_err(|_| ErrorCode::RequestInvalid)
}

/// What is said without the byte order mark with which some programs begin a file.
pub(super) fn without_mark(said: &str) -> &str {
    said.strip_prefix('\u{feff}').unwrap_or(said)
}

/// Reads a body by its content type.
pub(super) fn parse(headers: &HeaderMap, body: &Bytes, aside: Aside) -> Result<PublishRequest, Refusal> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let media_type = content_type.and_then(|value| value.split(';').next()).map(|value| value.trim().to_ascii_lowercase());
    let text = without_mark(std::str::from_utf8(body).map_err(|_| ErrorCode::NotUtf8)?);
    let bare = || Ok(PublishRequest { text: Text::parse(text)?, author: aside.author.unwrap_or_default(), key: aside.key });
    match media_type.as_deref() {
        Some("application/json") => {
            serde_json::from_str(text).map_err(|error| Refusal::detail(ErrorCode::of_json(&error), error.to_string()))
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

    /// Once for each field, this would take minutes.
    #[test]
    fn a_form_is_searched_for_what_is_not_text_only_once() {
        let body = "=%FF&".repeat(1_000_000) + "text=%EF%BF%BD";
        assert_eq!(Form::parse(&body).map(|form| form.content), Ok(Some("\u{fffd}".to_owned())));
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
