//! The binary, killed with `-9` while it works, and started again.

use std::process::Stdio;
use std::sync::Arc;

use protocol::{Position, Published};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::process::{FILE_BYTES_MAX, address, assert_told_to_reconnect, send_signal, serve, serve_on_a_full_disk};
use crate::support::{Received, Socket, TestServer};

const KILLS: usize = 4;
const PUBLISHERS: usize = 8;
/// The number of acknowledgements before each kill.
const ACKNOWLEDGED_BEFORE_A_KILL: usize = 300;

/// What a publisher knows: acknowledged messages, and the ones that may or may not be stored.
#[derive(Clone, Default)]
pub struct Promised {
    pub acknowledged: Vec<(String, u64)>,
    unanswered: Vec<String>,
}

#[tokio::test]
async fn kill_9_loses_nothing_acknowledged() {
    let folder = Arc::new(TempDir::new().unwrap());
    let mut promised = vec![Promised::default(); PUBLISHERS];
    let mut resume: Option<Position> = None;
    for round in 0..KILLS {
        let (mut crier, address) = start(&folder).await;
        // A reader that reconnects before any new message gets all of them.
        let stored = read_from(&address, resume, &promised).await;
        resume = Some(stored);
        let (count, mut acknowledged) = watch::channel(0);
        let mut publishers = JoinSet::new();
        for (number, promised) in promised.iter().cloned().enumerate() {
            publishers.spawn(publish(format!("ws://{address}/ws/lobby"), format!("{number}-{round}"), promised, count.clone()));
        }
        acknowledged.wait_for(|count| *count >= ACKNOWLEDGED_BEFORE_A_KILL).await.unwrap();
        crier.kill().await.unwrap();
        let mut after = Vec::new();
        while let Some(publisher) = publishers.join_next().await {
            after.push(publisher.unwrap());
        }
        promised = after;
    }
    let server = TestServer::start_in(folder, &[]);
    let stored = server.all_entries("lobby").await;
    assert!(stored.iter().enumerate().all(|(n, entry)| entry.offset == n as u64 + 1), "offsets are not consecutive");
    for promised in &promised {
        for (text, offset) in &promised.acknowledged {
            assert_eq!(stored[*offset as usize - 1].text.as_str(), text, "an acknowledged message is missing");
        }
        for text in &promised.unanswered {
            assert!(stored.iter().filter(|entry| entry.text.as_str() == text).count() <= 1);
        }
    }
    let acknowledged: usize = promised.iter().map(|promised| promised.acknowledged.len()).sum();
    let unanswered: usize = promised.iter().map(|promised| promised.unanswered.len()).sum();
    assert!(acknowledged >= KILLS * ACKNOWLEDGED_BEFORE_A_KILL);
    assert!((acknowledged..=acknowledged + unanswered).contains(&stored.len()), "a message is stored twice");
}

/// Starts the binary on a free port, and returns its address.
pub async fn start(folder: &TempDir) -> (Child, String) {
    spawn(serve(folder).stderr(Stdio::null())).await
}

/// Spawns a command of [`serve`], and returns the address of the server.
pub async fn spawn(command: &mut Command) -> (Child, String) {
    let mut child = command.spawn().unwrap();
    let address = address(&mut child).await;
    (child, address)
}

/// Publishes one message after another until the server disappears.
pub async fn publish(url: String, name: String, mut promised: Promised, count: watch::Sender<usize>) -> Promised {
    let Ok(mut socket) = Socket::try_open(&url, &[]).await else { return promised };
    for n in 0.. {
        let text = format!("{name}-{n}");
        promised.unanswered.push(text.clone());
        socket.try_send_text(json!({ "type": "publish", "ref": n, "text": text, "key": text }).to_string()).await;
        let published = loop {
            match socket.receive().await {
                Received::Text(json) if json.contains(r#""type":"published""#) => break serde_json::from_str::<Published>(&json).unwrap(),
                Received::Text(_) => {}
                Received::Closed { .. } | Received::Disconnected => return promised,
            }
        };
        promised.unanswered.pop();
        promised.acknowledged.push((text, published.position.offset));
        count.send_modify(|count| *count += 1);
    }
    promised
}

/// Reads from the last known position, checks that all acknowledged messages since are there, and
/// returns the end.
async fn read_from(address: &str, resume: Option<Position>, promised: &[Promised]) -> Position {
    let query = resume.map(|position| format!("?after={position}")).unwrap_or_default();
    let mut socket = Socket::open(&format!("ws://{address}/ws/lobby{query}")).await;
    let protocol::ServerFrame::Hello(hello) = socket.frame().await else { panic!("the first frame is not a hello") };
    assert!(hello.recovered);
    let mut seen = std::collections::HashMap::new();
    let mut cursor = hello.position.offset;
    while cursor < hello.latest {
        if let protocol::ServerFrame::Message(entry) = socket.data_frame().await {
            assert_eq!(entry.offset, cursor + 1);
            cursor = entry.offset;
            seen.insert(entry.offset, String::from(entry.text));
        }
    }
    for (text, offset) in promised.iter().flat_map(|promised| &promised.acknowledged) {
        if *offset > hello.position.offset {
            assert_eq!(seen.get(offset), Some(text));
        }
    }
    Position { epoch: hello.position.epoch, offset: cursor }
}

#[tokio::test]
async fn a_signal_stops_the_server_in_order() {
    let folder = TempDir::new().unwrap();
    let (mut crier, address) = start(&folder).await;
    let mut socket = Socket::open(&format!("ws://{address}/ws/lobby")).await;
    send_signal("-TERM", &crier).await;
    assert_told_to_reconnect(&mut socket).await;
    drop(socket);
    assert!(crier.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_full_disk_refuses_new_messages_and_keeps_the_old() {
    let folder = Arc::new(TempDir::new().unwrap());
    let (mut crier, address) = spawn(serve_on_a_full_disk(&folder, FILE_BYTES_MAX).stderr(Stdio::null())).await;
    let http = reqwest::Client::new();
    let url = format!("http://{address}/api/rooms/lobby/messages");
    let mut kept = 0;
    let refused = loop {
        let response = http.post(&url).json(&json!({ "text": format!("{kept} {}", "x".repeat(10_000)) })).send().await.unwrap();
        if response.status() != 200 {
            break response;
        }
        kept += 1;
    };
    assert!(kept > 10);
    assert_eq!(crate::support::problem(refused).await, (503, "unavailable".to_owned()));
    // Reading continues, and refused messages are not visible.
    let page: protocol::MessagesPage = http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(page.latest.offset, kept);
    crier.kill().await.unwrap();
    let server = TestServer::start_in(folder, &[]);
    let stored = server.all_entries("lobby").await;
    assert!(stored.iter().enumerate().all(|(n, entry)| entry.text.as_str().starts_with(&format!("{n} "))));
    assert_eq!(stored.len() as u64, kept);
    server.post("lobby", "there is space again").await;
}
