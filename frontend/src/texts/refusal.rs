//! The texts of the page for refused requests. The bundle does not have them.

use super::Language;
use crate::logic::room_name::NameFault;

/// The texts of the page for refused requests in one language.
#[derive(Debug)]
pub(crate) struct RefusalTexts {
    /// What is wrong with a room's name.
    pub(crate) name: fn(&str, &NameFault) -> String,
    /// Before the link to a room that may have been meant.
    pub(crate) suggestion: &'static str,
    /// The link that tries again.
    pub(crate) again: &'static str,
}

impl RefusalTexts {
    /// The texts of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::ZhCn => &ZH_CN,
        }
    }
}

static EN: RefusalTexts = RefusalTexts {
    name: |name, fault| match fault {
        NameFault::Empty => "The name of the room is missing.".to_owned(),
        NameFault::Characters(wrong) => format!("{} can't be the name of a room, because of {}.", quoted(name), listed(wrong, ", ")),
        NameFault::Long => format!("{} is too long for the name of a room.", quoted(name)),
        NameFault::Order => format!("{} can't be the name of a room.", quoted(name)),
    },
    suggestion: "Did you mean this room?",
    again: "Try again",
};

static ZH_CN: RefusalTexts = RefusalTexts {
    name: |name, fault| match fault {
        NameFault::Empty => "没有写房间名。".to_owned(),
        NameFault::Characters(wrong) => format!("{}不能作房间名：不能含有{}。", quoted(name), listed(wrong, "、")),
        NameFault::Long => format!("{}太长，不能作房间名。", quoted(name)),
        NameFault::Order => format!("{}不能作房间名。", quoted(name)),
    },
    suggestion: "您要找的是这个房间吗？",
    again: "重试",
};

/// Maximum length of a quoted name, in characters.
const QUOTED_CHARS_MAX: usize = 64;

/// A text of a stranger in quotes. It can't change the direction of the text around it.
fn quoted(text: &str) -> String {
    let mut short: String = text.trim().chars().take(QUOTED_CHARS_MAX).map(visible).collect();
    if text.trim().chars().nth(QUOTED_CHARS_MAX).is_some() {
        short.push('…');
    }
    format!("“\u{2068}{short}\u{2069}”")
}

fn listed(characters: &[char], between: &str) -> String {
    let quoted: Vec<_> = characters.iter().map(|c| quoted(&c.to_string())).collect();
    quoted.join(between)
}

/// A mark in the place of a control character.
fn visible(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_name() {
        let said = |language, name: &str| {
            let fault = NameFault::of(name).unwrap();
            (RefusalTexts::of(language).name)(name, &fault).replace(['\u{2068}', '\u{2069}'], "")
        };
        assert_eq!(said(Language::En, "Tea Time!?"), "“Tea Time!?” can't be the name of a room, because of “!”, “?”.");
        assert_eq!(said(Language::ZhCn, "a.b"), "“a.b”不能作房间名：不能含有“.”。");
        assert_eq!(said(Language::En, "a\u{0}b"), "“a\u{fffd}b” can't be the name of a room, because of “\u{fffd}”.");
        assert!(said(Language::En, &"x".repeat(80)).starts_with(&format!("“{}…” is too long", "x".repeat(64))));
    }
}
