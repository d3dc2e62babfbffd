//! Rights: what an access key allows.

use std::fmt;
use std::str::FromStr;

/// What an access key allows. Each right includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rights {
    /// Nothing that needs a key.
    #[default]
    None,
    /// To read private rooms.
    Read,
    /// To post in rooms where not everybody may.
    Post,
    /// To change and approve what others posted, and to set up rooms.
    Moderate,
    /// To do everything in every room, and to make keys.
    Admin,
}

impl Rights {
    /// The rights that a key may have.
    pub const ALL: [Self; 4] = [Self::Read, Self::Post, Self::Moderate, Self::Admin];

    /// Returns the word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Post => "post",
            Self::Moderate => "moderate",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Rights {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|rights| rights.as_str() == word).ok_or("the right must be read, post, moderate or admin")
    }
}
