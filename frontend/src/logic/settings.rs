//! What a reader has set for this browser.

/// The settings, each off at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether Enter breaks the line, and sends only with Ctrl or ⌘.
    pub ctrl_sends: bool,
    /// Whether the desktop is told of messages that come while the page is hidden.
    pub notify: bool,
    /// Whether they are heard.
    pub sound: bool,
}

impl Settings {
    /// The words of the settings, in the order of [`Settings::values`].
    pub const WORDS: [&str; 3] = ["ctrl-sends", "notify", "sound"];

    /// Each setting.
    pub fn values(self) -> [bool; 3] {
        [self.ctrl_sends, self.notify, self.sound]
    }

    /// The same with one of them changed, by its word. An unknown word changes nothing.
    #[must_use]
    pub fn with(mut self, word: &str, on: bool) -> Self {
        match word {
            "ctrl-sends" => self.ctrl_sends = on,
            "notify" => self.notify = on,
            "sound" => self.sound = on,
            _ => {}
        }
        self
    }

    /// Reads what [`Settings::to_words`] wrote.
    pub fn parse(words: &str) -> Self {
        words.split(' ').fold(Self::default(), |settings, word| settings.with(word, true))
    }

    /// The words of what is on.
    pub fn to_words(self) -> String {
        let on = Self::WORDS.into_iter().zip(self.values()).filter(|(_, on)| *on);
        on.map(|(word, _)| word).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_read_back() {
        for word in Settings::WORDS {
            let one = Settings::default().with(word, true);
            assert_ne!(one, Settings::default());
            assert_eq!(Settings::parse(&one.to_words()), one);
            assert_eq!(one.with(word, false), Settings::default());
        }
        let all = Settings { ctrl_sends: true, notify: true, sound: true };
        assert_eq!(Settings::parse(&all.to_words()), all);
        assert_eq!(Settings::parse("nonsense  ctrl-sends"), Settings { ctrl_sends: true, ..Settings::default() });
    }
}
