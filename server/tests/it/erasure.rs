//! An erased text leaves every file of the data folder, also when the server is killed meanwhile.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use protocol::Published;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::restart;
use crate::support::{TestServer, eventually};

const ROOMS: [&str; 4] = ["lobby", "大厅", "tea", "team-1"];
const MESSAGES: usize = 120;
/// A part of a text that is long enough to be in the files by no chance.
const PART_BYTES: usize = 8;

/// Returns an identity: 43 characters of base64url.
fn identity() -> String {
    "A".repeat(43)
}

async fn publish(http: &Client, address: &str, room: &str, body: &Value) -> Published {
    let url = format!("http://{address}/api/rooms/{room}/messages");
    let response = http.post(url).header("crier-identity", identity()).json(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// Counts the places in the folder's files that have a part of a text.
fn count(parts: &HashSet<&[u8]>, folder: &Path) -> usize {
    let in_file = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes[..end].windows(PART_BYTES).filter(|part| part[0] != 0 && parts.contains(part)).count()
    };
    fs::read_dir(folder).unwrap().map(|file| in_file(&file.unwrap().path())).sum()
}

#[tokio::test]
async fn a_killed_server_removes_erased_texts_after_its_restart() {
    let folder = Arc::new(TempDir::new().unwrap());
    let (mut crier, address) = restart::start(&folder).await;
    let (http, mut random) = (Client::new(), Rng::with_seed(1));
    let mut messages = Vec::new();
    for number in 0..MESSAGES {
        let (room, length) = (ROOMS[random.usize(0..ROOMS.len())], if number % 20 == 0 { 6000 } else { random.usize(20..400) });
        let text: String = (0..length).map(|_| random.alphanumeric()).collect();
        let published = publish(&http, &address, room, &json!({ "text": text, "author": "ana" })).await;
        messages.push((room, published.position.offset, text));
    }
    let (erased, kept) = messages.split_at(MESSAGES / 2);
    let parts: HashSet<&[u8]> = erased.iter().flat_map(|(_, _, text)| text.as_bytes().windows(PART_BYTES)).collect();
    assert!(count(&parts, folder.path()) > 0);
    for (room, offset, _) in erased {
        publish(&http, &address, room, &json!({ "kind": "erase", "of": offset })).await;
    }
    crier.kill().await.unwrap();

    let server = TestServer::start_in(folder, &[]);
    eventually("no part of an erased text is in a file", async || count(&parts, server.folder()) == 0).await;
    for room in ROOMS {
        for entry in server.all_entries(room).await.iter().filter(|entry| entry.kind.is_message()) {
            let is =
                |(name, offset, text): &(&str, u64, String)| (*name, *offset, text.as_str()) == (room, entry.offset, entry.text.as_str());
            assert!(kept.iter().any(is) || (entry.erased && entry.text.is_absent() && entry.author.is_nameless()));
        }
    }
    // The same text may be published again.
    let (room, _, text) = &erased[0];
    server.post(room, text).await;
    assert!(count(&parts, server.folder()) > 0, "the search finds what is there");
}
