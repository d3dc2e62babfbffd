//! Earlier texts of the composer, which the person can take up again.

/// Maximum number of texts.
const TEXTS_MAX: usize = 100;
/// Maximum bytes of all of them.
const BYTES_MAX: usize = 32 * protocol::limits::TEXT_BYTES_MAX;

/// The earlier texts, and which of them the composer shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recall {
    /// Oldest first.
    texts: Vec<String>,
    /// The text that the composer shows, and the draft that it replaced.
    shown: Option<(usize, String)>,
}

impl Recall {
    pub(crate) fn new(texts: Vec<String>) -> Self {
        let mut recall = Self::default();
        texts.into_iter().for_each(|text| recall.push(text));
        recall
    }

    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Adds a text as the newest.
    pub(crate) fn push(&mut self, text: String) {
        self.shown = None;
        if text.trim().is_empty() {
            return;
        }
        self.texts.retain(|other| *other != text);
        self.texts.push(text);
        while self.texts.len() > TEXTS_MAX || self.texts.iter().map(String::len).sum::<usize>() > BYTES_MAX {
            self.texts.remove(0);
        }
    }

    /// Returns the text before the one that is shown. Keeps `draft`, which it replaces.
    pub(crate) fn earlier(&mut self, draft: &str) -> Option<String> {
        let (before, kept) = match self.shown.take() {
            None => (self.texts.len(), draft.to_owned()),
            // A changed text is a draft of its own.
            Some((at, _)) if self.texts.get(at).is_none_or(|text| text != draft) => (self.texts.len(), draft.to_owned()),
            Some(shown) => shown,
        };
        let at = before.checked_sub(1);
        self.shown = (before < self.texts.len() || at.is_some()).then_some((at.unwrap_or(before), kept));
        at.and_then(|at| self.texts.get(at).cloned())
    }

    /// Returns the text after the one that is shown, or the draft after the newest.
    pub(crate) fn later(&mut self, current: &str) -> Option<String> {
        let (at, draft) = self.shown.take()?;
        if self.texts.get(at).is_none_or(|text| text != current) {
            return None;
        }
        match self.texts.get(at + 1) {
            Some(text) => {
                self.shown = Some((at + 1, draft));
                Some(text.clone())
            }
            None => Some(draft),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_back_and_forth_and_ends_at_the_draft() {
        let mut recall = Recall::new(vec!["one".to_owned(), "two".to_owned(), " ".to_owned()]);
        assert_eq!(recall.earlier("draft").as_deref(), Some("two"));
        assert_eq!(recall.earlier("two").as_deref(), Some("one"));
        assert_eq!(recall.earlier("one"), None);
        assert_eq!(recall.later("one").as_deref(), Some("two"));
        assert_eq!(recall.later("two").as_deref(), Some("draft"));
        assert_eq!(recall.later("draft"), None);
    }

    #[test]
    fn is_bounded_and_has_each_text_once() {
        let recall = Recall::new((0..300).map(|number| number.to_string()).chain(["250".to_owned()]).collect());
        assert_eq!((recall.texts().len(), recall.texts().last().map(String::as_str)), (TEXTS_MAX, Some("250")));
        assert_eq!(recall.texts().iter().filter(|text| *text == "250").count(), 1);
        let long = Recall::new((0..50).map(|number| number.to_string() + &"x".repeat(60_000)).collect());
        assert!(long.texts().len() < 10);
    }
}
