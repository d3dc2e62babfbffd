//! A power cut loses what was written but not synced. `kill -9` does not, because the kernel keeps
//! it.
//!
//! The binary runs under `strace`, which logs each write and sync of the database files. After the
//! kill the test zeroes all that was written since a file's last sync, and opens the history again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use protocol::{Epoch, MessagesPage};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::process::serve_by;
use crate::restart::{Promised, publish, spawn};
use crate::support::TestServer;

const PUBLISHERS: usize = 8;
const ACKNOWLEDGED: usize = 400;

#[tokio::test]
#[ignore = "needs strace"]
async fn a_power_cut_loses_nothing_acknowledged() {
    let (folder, traces) = (Arc::new(TempDir::new().unwrap()), TempDir::new().unwrap());
    let trace = traces.path().join("trace");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-s", "0", "-e", "trace=pwrite64,fdatasync,fsync,ftruncate", "-o"]);
    traced.arg(&trace).arg(env!("CARGO_BIN_EXE_crier"));
    let (mut strace, address) = spawn(serve_by(traced, &folder).stderr(Stdio::null())).await;
    let before = epoch(&format!("http://{address}")).await;
    let (count, mut acknowledged) = watch::channel(0);
    let mut publishers = JoinSet::new();
    for number in 0..PUBLISHERS {
        publishers.spawn(publish(format!("ws://{address}/ws/lobby"), number.to_string(), Promised::default(), count.clone()));
    }
    acknowledged.wait_for(|count| *count >= ACKNOWLEDGED).await.unwrap();
    // The server would continue without its tracer, so kill the server.
    let tracer = strace.id().unwrap().to_string();
    assert!(Command::new("pkill").args(["-KILL", "-P", &tracer]).status().await.unwrap().success());
    strace.wait().await.unwrap();
    let promised = publishers.join_all().await;

    let lost = unsynced_writes(&fs::read_to_string(&trace).unwrap());
    for (path, ranges) in lost.iter().filter(|(path, _)| path.exists()) {
        let file = File::options().write(true).open(path).unwrap();
        for (offset, length) in ranges {
            file.write_all_at(&vec![0; *length], *offset).unwrap();
        }
    }
    // Shared memory does not survive a power cut.
    let _ = fs::remove_file(folder.path().join("crier.db-shm"));

    let server = TestServer::start_in(folder, &[]);
    assert_eq!(epoch(&server.url("")).await, before, "positions must stay valid");
    let stored = server.all_entries("lobby").await;
    for (text, offset) in promised.iter().flat_map(|promised| &promised.acknowledged) {
        let entry = stored.get(*offset as usize - 1).unwrap_or_else(|| panic!("{text} was acknowledged and is gone"));
        assert_eq!(entry.text.as_str(), text);
    }
    assert_eq!(server.post_json("lobby", &json!({ "text": "the power is back" })).await.status(), 200);
}

async fn epoch(board: &str) -> Epoch {
    let response = reqwest::get(format!("{board}/api/rooms/lobby/messages")).await.unwrap();
    response.json::<MessagesPage>().await.unwrap().latest.epoch
}

type Ranges = Vec<(u64, usize)>;

/// Returns what a trace wrote to each file since its last sync, as offsets and lengths.
fn unsynced_writes(trace: &str) -> HashMap<PathBuf, Ranges> {
    let mut dirty: HashMap<PathBuf, Ranges> = HashMap::new();
    // Running syncs by thread. A successful sync saves what was written before it began.
    let mut syncing: HashMap<&str, (PathBuf, usize)> = HashMap::new();
    let mut writes = 0;
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let path = call.split_once('<').and_then(|(_, rest)| rest.split_once(">")).map(|(path, _)| PathBuf::from(path));
        if let (Some(arguments), Some(path)) = (call.strip_prefix("pwrite64("), &path) {
            let numbers: Vec<u64> = arguments.split([',', ')', ' ']).filter_map(|word| word.parse().ok()).collect();
            dirty.entry(path.clone()).or_default().push((numbers[1], numbers[0] as usize));
            writes += 1;
        } else if call.starts_with("fdatasync(") || call.starts_with("fsync(") {
            let path = path.unwrap();
            let before = dirty.get(&path).map_or(0, Vec::len);
            syncing.insert(thread, (path, before));
        }
        if (call.contains("fdatasync") || call.contains("fsync"))
            && call.ends_with("= 0")
            && let Some((path, before)) = syncing.remove(thread)
            && let Some(ranges) = dirty.get_mut(&path)
        {
            ranges.drain(..before);
        }
    }
    assert!(writes > ACKNOWLEDGED / PUBLISHERS, "the trace has too few writes");
    dirty
}
