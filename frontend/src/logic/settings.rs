//! The reader's settings for this browser.

/// The settings, all off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// True if Enter sends only with Ctrl or ⌘, and else breaks the line.
    pub ctrl_sends: bool,
    /// True if messages that arrive while the page is hidden cause a desktop notification.
    pub notify: bool,
    /// True if they cause a sound.
    pub sound: bool,
    /// True if messages are shown as they were written.
    pub plain: bool,
}

impl Settings {
    /// The words of the settings.
    pub const WORDS: [&str; 4] = ["ctrl-sends", "notify", "sound", "plain"];

    /// The settings, in the order of [`Settings::WORDS`].
    pub fn values(self) -> [bool; 4] {
        [self.ctrl_sends, self.notify, self.sound, self.plain]
    }

    /// Returns the settings with one changed, by its word. An unknown word changes nothing.
    #[must_use]
    pub fn with(mut self, word: &str, on: bool) -> Self {
        match word {
            "ctrl-sends" => self.ctrl_sends = on,
            "notify" => self.notify = on,
            "sound" => self.sound = on,
            "plain" => self.plain = on,
            _ => {}
        }
        self
    }

    /// Reads what [`Settings::to_words`] wrote.
    pub fn parse(words: &str) -> Self {
        words.split(' ').fold(Self::default(), |settings, word| settings.with(word, true))
    }

    /// The words of the settings that are on.
    pub fn to_words(self) -> String {
        let on = Self::WORDS.into_iter().zip(self.values()).filter(|(_, on)| *on);
        on.map(|(word, _)| word).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_back_from_their_words() {
        for word in Settings::WORDS {
            let one = Settings::default().with(word, true);
            assert_ne!(one, Settings::default());
            assert_eq!(Settings::parse(&one.to_words()), one);
            assert_eq!(one.with(word, false), Settings::default());
        }
        let all = Settings { ctrl_sends: true, notify: true, sound: true, plain: true };
        assert_eq!(Settings::parse(&all.to_words()), all);
        assert_eq!(Settings::parse("nonsense  ctrl-sends"), Settings { ctrl_sends: true, ..Settings::default() });
    }
}
