//! What a reader sees: entries in order, each once, with the places where some are missing.
