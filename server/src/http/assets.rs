//! The bundle: in the release binary, precompressed; read from `dist/` while developing.

use axum::Router;
use memory_serve::{CacheControl, MemoryServe};

/// Where this build's bundle is. The build's fingerprint is in it, so browsers may keep the files for ever.
pub(super) const BASE: &str = concat!("/pkg/", env!("CRIER_BUILD"));

/// Serves the bundle.
#[expect(unused_qualifications, reason = "the macro writes them")]
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let bundle: MemoryServe = memory_serve::load!().index_file(None).cache_control(CacheControl::Long);
    Router::new().nest(BASE, bundle.into_router())
}
