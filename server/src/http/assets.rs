//! The browser's bundle: precompressed in the release binary, read from `dist/` during development.

use axum::Router;
use memory_serve::{CacheControl, MemoryServe};

/// The path of this build's bundle. It has the build's fingerprint, so browsers may cache the files
/// for ever.
pub(super) const BASE: &str = concat!("/pkg/", env!("CRIER_BUILD"));

/// Serves the bundle.
#[expect(unused_qualifications, reason = "the macro writes them")]
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let bundle: MemoryServe = memory_serve::load!().index_file(None).cache_control(CacheControl::Long);
    Router::new().nest(BASE, bundle.into_router())
}
