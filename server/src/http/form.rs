//! Messages in forms, as the page and `curl -d` send them.

use protocol::{ErrorCode, PublishFields};

/// The names of the field with the text. The first is the demo's.
const CONTENT: [&str; 2] = ["content", "text"];

/// Reads `application/x-www-form-urlencoded`. Other fields are ignored.
pub(super) fn parse(body: &str) -> Result<PublishFields, ErrorCode> {
    fields_of(body, pairs(body)?)
}

/// Reads a body that is declared as a form, as `curl -d` declares any text. None if it is just a
/// text: if it has an unknown field, one field twice, or no content.
pub(super) fn find(body: &str) -> Result<Option<PublishFields>, ErrorCode> {
    let pairs = pairs(body)?;
    let count = |names: &[&str]| pairs.iter().filter(|(name, _)| names.contains(&name.as_str())).count();
    let (contents, authors, keys) = (count(&CONTENT), count(&["author"]), count(&["key"]));
    let is_form = contents == 1 && authors <= 1 && keys <= 1 && pairs.len() == contents + authors + keys;
    if is_form { fields_of(body, pairs).map(Some) } else { Ok(None) }
}

fn pairs(body: &str) -> Result<Vec<(String, String)>, ErrorCode> {
    serde_urlencoded::from_str(body).map_err(|_| ErrorCode::RequestInvalid)
}

fn fields_of(body: &str, pairs: Vec<(String, String)>) -> Result<PublishFields, ErrorCode> {
    // The decoder replaces bytes that are not UTF-8 by U+FFFD. If the body has none, one in a value
    // is a replaced byte.
    let is_written = || body.contains('\u{fffd}') || body.to_ascii_lowercase().contains("%ef%bf%bd");
    if pairs.iter().any(|(_, value)| value.contains('\u{fffd}')) && !is_written() {
        return Err(ErrorCode::NotUtf8);
    }
    let mut fields = PublishFields::default();
    for (name, value) in pairs {
        match name.as_str() {
            name if CONTENT.contains(&name) => fields.text = Some(value),
            "author" => fields.author = Some(value),
            // A form without a key may still send the field.
            "key" => fields.key = Some(value).filter(|key| !key.is_empty()),
            _ => {}
        }
    }
    Ok(fields)
}

/// The text without the byte order mark that some programs put before it.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_form_only_where_every_field_is_known_and_single() {
        let text = |body: &str| find(body).map(|fields| fields.and_then(|fields| fields.text));
        assert_eq!(text("content=a&author=b&key=c"), Ok(Some("a".to_owned())));
        for bare in ["", "a", "author=b", "content=a&text=b", "content=a&content=b", "content=a&other=b"] {
            assert_eq!(text(bare), Ok(None), "{bare}");
        }
        assert_eq!(parse("content=a&other=b").map(|fields| fields.text), Ok(Some("a".to_owned())));
    }

    #[test]
    fn an_empty_key_is_no_key() {
        assert_eq!(parse("content=a&key=").map(|fields| fields.key), Ok(None));
    }

    /// With one search for each field, this would take minutes.
    #[test]
    fn searches_the_body_only_once_for_replaced_bytes() {
        let body = "=%FF&".repeat(1_000_000) + "text=%EF%BF%BD";
        assert_eq!(parse(&body).map(|fields| fields.text), Ok(Some("\u{fffd}".to_owned())));
    }
}
