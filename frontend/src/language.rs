//! The page's languages, and how one is chosen.

use serde::{Deserialize, Serialize};

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    En,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
}

impl Language {
    /// Every language, in the order in which the page offers them.
    pub const ALL: [Self; 2] = [Self::ZhCn, Self::En];

    /// The language's tag (BCP 47), as in `<html lang>`, `?lang=` and the cookie `lang`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The language's name for itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::ZhCn => "中文",
        }
    }

    /// The language for a tag. Its primary subtag decides: for a reader of `zh-TW`, Simplified
    /// Chinese is closer than English.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        if primary.eq_ignore_ascii_case("zh") {
            Some(Self::ZhCn)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// Chooses a language by `?lang=`, else by the cookie, else by `Accept-Language`, else English.
    pub fn negotiate(query: Option<&str>, cookie: Option<&str>, accept_language: Option<&str>) -> Self {
        query
            .and_then(Self::parse)
            .or_else(|| cookie.and_then(Self::parse))
            .or_else(|| accept_language.and_then(Self::preferred))
            .unwrap_or(Self::En)
    }

    /// The best of an `Accept-Language` header (RFC 9110, section 12.5.4); of equals, the first.
    fn preferred(header: &str) -> Option<Self> {
        let mut best = None;
        // Browsers send a few ranges; the rest of a long header is ignored.
        for range in header.split(',').take(32) {
            let mut parts = range.split(';');
            let Some(language) = parts.next().and_then(Self::parse) else { continue };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(1000, thousandths);
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// Reads a weight, `0` to `1` with up to three decimals, in thousandths. Floating-point parsing
/// would enlarge the bundle.
fn thousandths(weight: &str) -> u32 {
    let (whole, decimals) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let digit = |index: usize| decimals.as_bytes().get(index).map_or(0, |byte| u32::from(byte.wrapping_sub(b'0').min(9)));
    if whole == "0" { digit(0) * 100 + digit(1) * 10 + digit(2) } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_query_to_the_cookie_to_the_header() {
        assert_eq!(Language::negotiate(Some("en"), Some("zh-CN"), Some("zh-CN")), Language::En);
        assert_eq!(Language::negotiate(None, Some("zh-CN"), Some("en")), Language::ZhCn);
        assert_eq!(Language::negotiate(None, None, Some("zh")), Language::ZhCn);
        assert_eq!(Language::negotiate(None, None, None), Language::En);
    }

    #[test]
    fn skips_unknown_languages() {
        assert_eq!(Language::negotiate(Some("tlh"), Some("\u{0}"), Some("fr, zh-TW;q=0.2, de")), Language::ZhCn);
        assert_eq!(Language::negotiate(Some(""), Some(""), Some("")), Language::En);
        assert_eq!(Language::negotiate(None, None, Some(";;;q=,,=")), Language::En);
    }

    #[test]
    fn orders_by_weight_and_excludes_zero() {
        let of = |header| Language::negotiate(None, None, Some(header));
        assert_eq!(of("en;q=0.8, zh-CN;q=0.9"), Language::ZhCn);
        assert_eq!(of("zh-CN;q=0.8, en"), Language::En);
        assert_eq!(of("zh;q=0.85,en;q=0.849"), Language::ZhCn);
        assert_eq!(of("zh, en"), Language::ZhCn);
        assert_eq!(of("en;q=0, zh;q=0.001"), Language::ZhCn);
        assert_eq!(of("zh;q=0"), Language::En);
    }

    #[test]
    fn parses_its_own_tags() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.tag()), Some(language));
        }
    }
}
