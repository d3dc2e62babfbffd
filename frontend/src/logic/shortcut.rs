//! Keyboard shortcuts of the whole page.

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortcut {
    /// Show the shortcuts.
    Help,
    /// Write a message.
    Write,
    /// Move the focus from the field to the list.
    Leave,
    /// Mark all messages as read.
    MarkRead,
    /// Scroll to the newest message.
    End,
    /// Scroll the list up by a page, from a field.
    PageUp,
    /// The same, down.
    PageDown,
    /// Move the focus to the next region of the page; with Shift to the one before.
    Region,
}

/// The regions between which the focus moves: each with the element that gets the focus.
pub const REGIONS: [(&str, &str); 3] = [(".bar", ".room"), (".timeline", "#scroller"), (".composer", "#chat_content")];

/// The region after `current`, or before it; `current` is `None` outside of all.
pub fn next_region(current: Option<usize>, back: bool) -> usize {
    let count = REGIONS.len();
    match current {
        Some(current) => (current + if back { count - 1 } else { 1 }) % count,
        None if back => count - 1,
        None => 0,
    }
}

/// The shortcut of a key. In a field only Escape, F6 and the page keys are, and with Ctrl, Alt, ⌘
/// or an input method no key is.
pub fn of(key: &str, in_field: bool, modified: bool) -> Option<Shortcut> {
    match key {
        _ if modified => None,
        "F6" => Some(Shortcut::Region),
        "Escape" if in_field => Some(Shortcut::Leave),
        "PageUp" if in_field => Some(Shortcut::PageUp),
        "PageDown" if in_field => Some(Shortcut::PageDown),
        _ if in_field => None,
        "Escape" => Some(Shortcut::MarkRead),
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
    fn f6_moves_between_the_regions_in_both_directions() {
        assert_eq!((of("F6", false, false), of("F6", true, false)), (Some(Shortcut::Region), Some(Shortcut::Region)));
        assert_eq!([None, Some(0), Some(1), Some(2)].map(|current| next_region(current, false)), [0, 1, 2, 0]);
        assert_eq!([None, Some(0), Some(1), Some(2)].map(|current| next_region(current, true)), [2, 2, 0, 1]);
    }

    #[test]
    fn has_few_shortcuts_in_a_field() {
        assert_eq!(of("?", false, false), Some(Shortcut::Help));
        assert_eq!(of("/", false, false), Some(Shortcut::Write));
        assert_eq!(of("End", false, false), Some(Shortcut::End));
        assert_eq!(of("Escape", true, false), Some(Shortcut::Leave));
        assert_eq!((of("Escape", true, true), of("PageUp", true, true)), (None, None));
        assert_eq!((of("PageUp", true, false), of("PageUp", false, false)), (Some(Shortcut::PageUp), None));
        assert_eq!((of("PageDown", true, false), of("PageDown", false, false)), (Some(Shortcut::PageDown), None));
        for key in ["?", "/", "End"] {
            assert_eq!((of(key, true, false), of(key, false, true)), (None, None), "{key}");
        }
        assert_eq!(of("Escape", false, false), Some(Shortcut::MarkRead));
    }
}
