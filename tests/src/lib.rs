//! Nothing lives here: this package holds test binaries.
