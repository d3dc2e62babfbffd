//! Messages in forms, as the page and `curl -d` send them.

use protocol::{Author, ErrorCode, PublishRequest, Text};

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Once for each field, this would take minutes.
    #[test]
    fn a_form_is_searched_for_what_is_not_text_only_once() {
        let body = "=%FF&".repeat(1_000_000) + "text=%EF%BF%BD";
        assert_eq!(Form::parse(&body).map(|form| form.content), Ok(Some("\u{fffd}".to_owned())));
    }
}
