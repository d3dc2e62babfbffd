//! Splits a long text into messages.

use protocol::limits::TEXT_BYTES_MAX;
use protocol::{ErrorCode, Text};

/// Returns the texts of the messages, in order. Splits only a text that is too long, and only
/// between lines. Fails if a single line is too long.
pub(super) fn messages(text: &str) -> Result<Vec<Text>, ErrorCode> {
    match Text::parse(text) {
        Err(ErrorCode::TextTooLong) => {}
        whole => return Ok(vec![whole?]),
    }
    let mut messages = Vec::new();
    let (mut start, mut end) = (0, 0);
    for line in text.split_inclusive('\n') {
        if end + line.len() - start > TEXT_BYTES_MAX && end > start {
            push(&text[start..end], &mut messages)?;
            start = end;
        }
        end += line.len();
    }
    push(&text[start..], &mut messages)?;
    if messages.is_empty() { Err(ErrorCode::TextEmpty) } else { Ok(messages) }
}

/// Appends a message, unless the text has only empty lines.
fn push(text: &str, messages: &mut Vec<Text>) -> Result<(), ErrorCode> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    match Text::parse(text) {
        Err(ErrorCode::TextEmpty) => {}
        text => messages.push(text?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<String>, ErrorCode> {
        messages(text).map(|texts| texts.iter().map(|text| text.as_str().to_owned()).collect())
    }

    #[test]
    fn does_not_split_a_text_that_fits() {
        assert_eq!(split("one\ntwo"), Ok(vec!["one\ntwo".to_owned()]));
        let full = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(split(&full), Ok(vec![full]));
        // A message stores each line end as one byte.
        assert_eq!(split(&"ab\r\n".repeat(5_000)).map(|messages| messages.len()), Ok(1));
    }

    #[test]
    fn splits_between_lines_and_loses_nothing() {
        for (line, count) in [("a line of a log\n", 3_000), ("你好\n", 10_000), ("\n", 40_000), ("x\r\n", 20_000)] {
            let text = "first\n".to_owned() + &line.repeat(count) + "last";
            let messages = split(&text).unwrap();
            let lines = |text: &str| text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect::<Vec<_>>();
            assert_eq!(lines(&messages.join("\n")), lines(&text));
            assert!(messages.iter().all(|message| message.len() <= TEXT_BYTES_MAX));
        }
    }

    #[test]
    fn refuses_a_line_that_is_too_long() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        for text in [long.clone(), format!("one\n{long}"), format!("{long}\none"), format!("{}{long}", "one\n".repeat(9_000))] {
            assert_eq!(split(&text), Err(ErrorCode::TextTooLong));
        }
        assert_eq!(split(&"\n".repeat(40_000)), Err(ErrorCode::TextEmpty));
        assert_eq!(split(&("x\0\n".repeat(9_000))), Err(ErrorCode::TextInvalid));
    }
}
