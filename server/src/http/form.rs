//! What is published, in forms: as the page and `curl -d` send them.

use protocol::{ErrorCode, Kind, Mode, PublishFields, RoomSettings};

/// The names of the field with the text. The first is the demo's.
const CONTENT: [&str; 2] = ["content", "text"];
/// The other fields of a message.
const OF_MESSAGE: &[&str] = &["author", "key", "reply"];
/// The other fields of a form that names its kind.
const OF_KIND: &[&str] = &["kind", "of", "author", "key", "reply", "emoji", "off"];
/// The fields of a room's settings.
const OF_ROOM: &[&str] = &["kind", "key", "title", "topic", "mode", "queue", "slow", "closed"];

/// Reads `application/x-www-form-urlencoded`. Other fields are ignored.
pub(super) fn parse(body: &str) -> Result<PublishFields, ErrorCode> {
    fields_of(body, pairs(body)?)
}

/// Reads a body that is declared as a form, as `curl -d` declares any text. None if it is just a
/// text: if it has an unknown field, one field twice, or neither content nor a known kind.
pub(super) fn find(body: &str) -> Result<Option<PublishFields>, ErrorCode> {
    let pairs = pairs(body)?;
    let count = |name: &str| pairs.iter().filter(|(other, _)| other == name).count();
    let contents: usize = CONTENT.into_iter().map(count).sum();
    let kind = pairs.iter().find(|(name, _)| name == "kind").map(|(_, word)| Kind::parse(word));
    let (others, has_enough) = match kind {
        None => (OF_MESSAGE, contents == 1),
        Some(None) => return Ok(None),
        Some(Some(Kind::Room)) => (OF_ROOM, contents == 0),
        Some(Some(_)) => (OF_KIND, contents <= 1),
    };
    let is_single = others.iter().all(|name| count(name) <= 1);
    let known: usize = contents + others.iter().map(|name| count(name)).sum::<usize>();
    if has_enough && is_single && known == pairs.len() { fields_of(body, pairs).map(Some) } else { Ok(None) }
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
    let is_room = pairs.iter().any(|(name, word)| name == "kind" && Kind::parse(word) == Some(Kind::Room));
    let settings = if is_room { Some(settings_of(&pairs)?) } else { None };
    let mut fields = PublishFields { settings, ..PublishFields::default() };
    for (name, value) in pairs {
        match name.as_str() {
            name if CONTENT.contains(&name) => fields.text = Some(value),
            "author" => fields.author = Some(value),
            // A form sends its empty fields as well.
            _ if value.is_empty() => {}
            "key" => fields.key = Some(value),
            "kind" => fields.kind = Some(value),
            "of" => fields.of = Some(value.parse().map_err(|_| ErrorCode::ShapeInvalid)?),
            "reply" => fields.reply = Some(value.parse().map_err(|_| ErrorCode::ShapeInvalid)?),
            "emoji" => fields.emoji = Some(value),
            "off" => fields.off = Some(is_on(&value)),
            _ => {}
        }
    }
    Ok(fields)
}

fn settings_of(pairs: &[(String, String)]) -> Result<RoomSettings, ErrorCode> {
    let mut settings = RoomSettings::default();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "title" => settings.title.clone_from(value),
            "topic" => settings.topic.clone_from(value),
            "mode" => settings.mode = Mode::parse(value).ok_or(ErrorCode::SettingsInvalid)?,
            "queue" => settings.queue = is_on(value),
            "slow" => settings.slow = value.parse().map_err(|_| ErrorCode::SettingsInvalid)?,
            "closed" => settings.closed = is_on(value),
            _ => {}
        }
    }
    Ok(settings)
}

/// Reads a switch. A checkbox that is not set is not sent.
fn is_on(value: &str) -> bool {
    !matches!(value, "" | "false" | "off" | "0")
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

    #[test]
    fn a_form_with_a_kind_needs_no_content() {
        let erase = PublishFields { kind: Some("erase".to_owned()), of: Some(5), ..PublishFields::default() };
        assert_eq!(find("kind=erase&of=5"), Ok(Some(erase)));
        let found = |body: &str| find(body).map(|fields| fields.is_some());
        for form in ["kind=edit&of=5&text=x", "content=x&reply=5", "kind=react&of=5&emoji=x&off=true&key=k", "kind=room&mode=open&slow=5"] {
            assert_eq!(found(form), Ok(true), "{form}");
        }
        for bare in ["kind=regards", "content=x&of=5", "content=x&title=x", "kind=erase&of=5&of=6", "kind=erase&slow=5", "kind=room&text=x"]
        {
            assert_eq!(found(bare), Ok(false), "{bare}");
        }
        for bad in ["kind=erase&of=x", "kind=erase&of=-1", "content=x&reply=1.5"] {
            assert_eq!(find(bad), Err(ErrorCode::ShapeInvalid), "{bad}");
        }
    }

    #[test]
    fn a_form_has_the_settings_of_a_room_as_fields() {
        let settings = |body: &str| find(body).map(|fields| fields.and_then(|fields| fields.settings));
        let expected = RoomSettings { title: "Tea".to_owned(), mode: Mode::Announce, slow: 5, closed: true, ..RoomSettings::default() };
        assert_eq!(settings("kind=room&title=Tea&topic=&mode=announce&slow=5&closed=on"), Ok(Some(expected)));
        assert_eq!(settings("kind=room"), Ok(Some(RoomSettings::default())));
        for bad in ["kind=room&mode=loud", "kind=room&slow=soon"] {
            assert_eq!(settings(bad), Err(ErrorCode::SettingsInvalid), "{bad}");
        }
        assert_eq!(parse("content=x&mode=loud").map(|fields| fields.settings), Ok(None));
    }
}
