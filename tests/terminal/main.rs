//! The release binary in a pseudo-terminal: what a person at a terminal sees.
