//! Keys that do something wherever the focus is.

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// Show the shortcuts.
    Help,
    /// Write a message.
    Write,
    /// Leave the message field for the list.
    Leave,
    /// Go to the newest message.
    End,
}

/// What a key asks for, by its name. In a field keys are text, but for the one that leaves it; with Ctrl, Alt or ⌘ they
/// are the browser's.
pub fn of(key: &str, in_field: bool, modified: bool) -> Option<Shortcut> {
    match key {
        _ if modified => None,
        "Escape" if in_field => Some(Shortcut::Leave),
        _ if in_field => None,
        "?" => Some(Shortcut::Help),
        "/" => Some(Shortcut::Write),
        "End" => Some(Shortcut::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_field_keys_are_text() {
        assert_eq!(of("?", false, false), Some(Shortcut::Help));
        assert_eq!(of("/", false, false), Some(Shortcut::Write));
        assert_eq!(of("End", false, false), Some(Shortcut::End));
        assert_eq!(of("Escape", true, false), Some(Shortcut::Leave));
        for key in ["?", "/", "End"] {
            assert_eq!((of(key, true, false), of(key, false, true)), (None, None), "{key}");
        }
        assert_eq!(of("Escape", false, false), None);
    }
}
