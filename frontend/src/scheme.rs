//! The colour scheme: light, dark or the system's.

use serde::{Deserialize, Serialize};

/// The colour scheme that the reader chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Light.
    Light,
    /// Dark.
    Dark,
    /// The scheme of the system.
    #[default]
    System,
}

impl Scheme {
    /// Every scheme, in the order in which the page offers them.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    /// The scheme's word in `?scheme=`, in the cookie `scheme` and in `<html data-scheme>`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::System => "system",
        }
    }

    /// Reads a scheme's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.word() == word)
    }

    /// Chooses a scheme by `?scheme=`, else by the cookie, else the system's.
    pub fn negotiate(query: Option<&str>, cookie: Option<&str>) -> Self {
        query.and_then(Self::parse).or_else(|| cookie.and_then(Self::parse)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_its_own_words() {
        for scheme in Scheme::ALL {
            assert_eq!(Scheme::parse(scheme.word()), Some(scheme));
        }
    }

    #[test]
    fn prefers_the_query_to_the_cookie() {
        assert_eq!(Scheme::negotiate(Some("light"), Some("dark")), Scheme::Light);
        assert_eq!(Scheme::negotiate(Some("pink"), Some("dark")), Scheme::Dark);
        assert_eq!(Scheme::negotiate(None, Some("")), Scheme::System);
        assert_eq!(Scheme::negotiate(None, None), Scheme::System);
    }
}
