//! Values that are made of the fields a client sends: in JSON, a form, a query or a frame.
//!
//! serde's errors carry only a sentence. So fields are deserialized as plain strings and numbers,
//! and checked afterwards: the [`ErrorCode`] of a refused field is a value all the way.

use std::convert::Infallible;

use serde::de::DeserializeOwned;

use crate::ErrorCode;

/// A value that is checked after its fields were deserialized.
pub trait FromFields: TryFrom<<Self as FromFields>::Fields, Error: Into<InputError>> {
    /// The fields as they arrive, of plain types. Their deserialization checks nothing else.
    type Fields: DeserializeOwned;
}

/// Why something that a client sent was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", detail.as_deref().unwrap_or(code.title()))]
pub struct InputError {
    /// What is wrong.
    pub code: ErrorCode,
    /// What is special about this occurrence.
    pub detail: Option<String>,
}

impl InputError {
    /// An error with a sentence about this occurrence.
    pub fn with_detail(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()) }
    }
}

impl From<ErrorCode> for InputError {
    fn from(code: ErrorCode) -> Self {
        Self { code, detail: None }
    }
}

impl From<Infallible> for InputError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Reads a value out of a JSON text. A byte order mark before it is ignored (RFC 8259, section
/// 8.1).
///
/// # Errors
/// `not_json`, `shape_invalid`, or the code of the field that is refused.
pub fn from_json<T: FromFields>(json: &str) -> Result<T, InputError> {
    T::try_from(fields_from_json(json)?).map_err(Into::into)
}

/// Deserializes fields without checking their values.
pub(crate) fn fields_from_json<F: DeserializeOwned>(json: &str) -> Result<F, InputError> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    serde_json::from_str(json).map_err(|error| {
        let code = if error.is_data() { ErrorCode::ShapeInvalid } else { ErrorCode::NotJson };
        InputError::with_detail(code, error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{AUTHOR_CHARS_MAX, KEY_CHARS_MAX, TEXT_BYTES_MAX};
    use crate::{ClientFrame, PublishRequest};

    #[test]
    fn a_refused_field_has_the_same_code_in_a_body_and_in_a_frame() {
        let long = |count: usize| format!("\"{}\"", "x".repeat(count + 1));
        for (field, value, code) in [
            ("text", "\"\"".to_owned(), ErrorCode::TextEmpty),
            ("text", "\"\\u0000\"".to_owned(), ErrorCode::TextInvalid),
            ("text", long(TEXT_BYTES_MAX), ErrorCode::TextTooLong),
            ("text", "5".to_owned(), ErrorCode::ShapeInvalid),
            ("text", "null".to_owned(), ErrorCode::ShapeInvalid),
            ("author", "\"\\u202e\"".to_owned(), ErrorCode::AuthorInvalid),
            ("author", long(AUTHOR_CHARS_MAX), ErrorCode::AuthorTooLong),
            ("author", "5".to_owned(), ErrorCode::ShapeInvalid),
            ("key", "\"?\"".to_owned(), ErrorCode::KeyInvalid),
            ("key", long(KEY_CHARS_MAX), ErrorCode::KeyInvalid),
            ("key", "5".to_owned(), ErrorCode::ShapeInvalid),
        ] {
            let text = if field == "text" { "" } else { "\"text\":\"x\"," };
            let body = format!("{{{text}\"{field}\":{value}}}");
            assert_eq!(from_json::<PublishRequest>(&body).unwrap_err().code, code, "{body:.80}");
            let frame = format!("{{\"type\":\"publish\",\"ref\":1,{text}\"{field}\":{value}}}");
            let error = ClientFrame::parse(&frame).unwrap_err();
            assert_eq!((error.r#ref, error.code), (Some(1), code), "{frame:.80}");
        }
    }

    /// A sentence of ours in a wrong place is not a code.
    #[test]
    fn a_code_is_not_found_by_its_sentence() {
        let title = ErrorCode::TextTooLong.title();
        let body = format!("{{\"text\":\"x\",\"{title}\":1,\"author\":[\"{title}\"]}}");
        assert_eq!(from_json::<PublishRequest>(&body).unwrap_err().code, ErrorCode::ShapeInvalid);
    }

    #[test]
    fn null_is_the_same_as_an_absent_field() {
        let absent = from_json::<PublishRequest>(r#"{"text":"x"}"#);
        let null = from_json::<PublishRequest>("\u{feff}{\"text\":\"x\",\"author\":null,\"key\":null}");
        assert!(absent.is_ok());
        assert_eq!(absent, null);
    }
}
