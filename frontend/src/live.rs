//! The parts of the page that change, each with its type erased.
//!
//! The framework makes a copy of its machinery for every closure it is handed, which is half of what a browser has to
//! download. So components hand it closures of two types only.

use std::sync::Arc;

/// A closure by whose signals a part of the page changes.
pub(crate) type Live<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// A text that changes.
pub(crate) fn text(value: impl Fn() -> String + Send + Sync + 'static) -> Live<String> {
    Arc::new(value)
}

/// An attribute that changes; `None` is its absence.
pub(crate) fn attribute(value: impl Fn() -> Option<&'static str> + Send + Sync + 'static) -> Live<Option<&'static str>> {
    Arc::new(value)
}

/// An attribute that is there or not.
pub(crate) fn flag(value: impl Fn() -> bool + Send + Sync + 'static) -> Live<Option<&'static str>> {
    attribute(move || value().then_some(""))
}

/// A state that says `true` or is absent, as ARIA and our own data attributes have it.
pub(crate) fn truth(value: impl Fn() -> bool + Send + Sync + 'static) -> Live<Option<&'static str>> {
    attribute(move || value().then_some("true"))
}
