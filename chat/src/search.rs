//! Words that the person looks for.

use std::ops::Range;

/// Returns where a text has the words, in bytes. Letters match in either case. `words` is in lower
/// case.
pub(crate) fn find(text: &str, words: &str) -> Vec<Range<usize>> {
    if words.is_empty() {
        return Vec::new();
    }
    if text.is_ascii() {
        let lower = text.to_ascii_lowercase();
        return lower.match_indices(words).map(|(at, found)| at..at + found.len()).collect();
    }
    // Lower case may have more or fewer bytes, so each byte of it keeps its place in the text.
    let (mut lower, mut places) = (String::new(), Vec::new());
    for (at, c) in text.char_indices() {
        lower.extend(c.to_lowercase());
        places.resize(lower.len(), at..at + c.len_utf8());
    }
    lower.match_indices(words).map(|(at, found)| places[at].start..places[at + found.len() - 1].end).collect()
}

/// Returns words as [`find`] takes them.
pub(crate) fn words(typed: &str) -> String {
    typed.trim().chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, typed: &str) -> Vec<&'a str> {
        find(text, &words(typed)).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn finds_words_in_either_case() {
        assert_eq!(found("Tea and TEA", " tea "), ["Tea", "TEA"]);
        assert_eq!(found("Été, été", "ÉTÉ"), ["Été", "été"]);
        assert_eq!(found("İstanbul istanbul", "ist"), ["ist"]);
        assert_eq!(found("今天天气", "天"), ["天", "天"]);
        assert!(found("anything", "").is_empty() && found("tea", "coffee").is_empty());
    }
}
