//! A text that may be too long for one message, as the messages that it becomes.

use protocol::limits::TEXT_BYTES_MAX;
use protocol::{ErrorCode, Text};

/// The texts of the messages, in order. A text is cut only where it is too long, and only at the ends of lines. A line that is too
/// long itself is refused, and everything with it.
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

/// Empty lines alone are no message.
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
    fn what_fits_is_one_message() {
        assert_eq!(split("one\ntwo"), Ok(vec!["one\ntwo".to_owned()]));
        let full = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(split(&full), Ok(vec![full]));
        // Each of its line ends is one byte on the board.
        assert_eq!(split(&"ab\r\n".repeat(5_000)).map(|messages| messages.len()), Ok(1));
    }

    #[test]
    fn what_is_longer_is_cut_between_lines_and_nothing_is_lost() {
        for (line, count) in [("a line of a log\n", 3_000), ("你好\n", 10_000), ("\n", 40_000), ("x\r\n", 20_000)] {
            let text = "first\n".to_owned() + &line.repeat(count) + "last";
            let messages = split(&text).unwrap();
            let lines = |text: &str| text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect::<Vec<_>>();
            assert_eq!(lines(&messages.join("\n")), lines(&text));
            assert!(messages.iter().all(|message| message.len() <= TEXT_BYTES_MAX));
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_refused() {
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        for text in [long.clone(), format!("one\n{long}"), format!("{long}\none"), format!("{}{long}", "one\n".repeat(9_000))] {
            assert_eq!(split(&text), Err(ErrorCode::TextTooLong));
        }
        assert_eq!(split(&"\n".repeat(40_000)), Err(ErrorCode::TextEmpty));
        assert_eq!(split(&("x\0\n".repeat(9_000))), Err(ErrorCode::TextInvalid));
    }
}
