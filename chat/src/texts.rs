//! What the program says to people.

/// Shown alone when the terminal has too few columns or rows.
pub(crate) const TOO_SMALL: &str = "The terminal is too small";
