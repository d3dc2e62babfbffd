//! The bundle inside the release binary.

use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH};

use crate::world::Board;

#[tokio::test]
#[ignore = "needs the release binary"]
async fn the_bundle_is_compressed_and_cacheable() {
    let board = Board::start().await;
    let html = board.get("/", &[]).await.text().await.unwrap();
    let files: Vec<&str> = html.split('"').filter(|value| value.starts_with("/pkg/")).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        let response = board.get(file, &[(ACCEPT_ENCODING, "gzip, br")]).await;
        assert_eq!(response.status(), 200, "{file}");
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        assert!(header(CACHE_CONTROL).contains("immutable"), "{file}");
        let etag = header(ETAG);
        if file.ends_with(".wasm") || file.ends_with("start.js") {
            assert_eq!(header(CONTENT_ENCODING), "br", "{file}");
        }
        let again = board.get(file, &[(ACCEPT_ENCODING, "gzip, br"), (IF_NONE_MATCH, &etag)]).await;
        assert_eq!(again.status(), 304, "{file}");
    }
}
