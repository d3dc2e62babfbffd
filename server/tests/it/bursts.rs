//! Every command gets its answer, however many come at once and however slow the answers are, in every WebSocket format.

use std::time::Duration;

use protocol::ServerFrame;
use protocol::limits::PUBLISHES_IN_FLIGHT_MAX;
use serde_json::json;
use server::store::QUEUE_COMMANDS_MAX;

use crate::support::{Received, TestServer};

const BURSTS: [usize; 7] = [1, 63, 64, 65, 100, 129, 1000];

fn publish(number: usize) -> String {
    json!({ "type": "publish", "ref": number, "text": format!("n{number}") }).to_string()
}

#[tokio::test]
async fn a_burst_is_answered_to_its_last_command() {
    for flush_interval in ["0", "20"] {
        let server = TestServer::start_with(&["--flush-interval", flush_interval]);
        for burst in BURSTS {
            let mut client = server.socket(&format!("/ws/burst-{burst}")).await;
            client.send_texts((0..burst).map(publish)).await;
            let (mut answered, mut shown) = (0, 0);
            while (answered, shown) != (burst, burst) {
                match client.data_frame().await {
                    ServerFrame::Published { r#ref, .. } => {
                        assert_eq!(r#ref, answered as u64);
                        answered += 1;
                    }
                    ServerFrame::Message(entry) => {
                        assert_eq!(entry.text.as_str(), format!("n{shown}"));
                        shown += 1;
                    }
                    ServerFrame::Hello(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

/// The demo's socket says nothing for an answer, so that answers alone must keep it reading.
#[tokio::test]
async fn a_burst_on_the_demos_socket_reaches_all_observers() {
    for flush_interval in ["0", "20"] {
        let server = TestServer::start_with(&["--flush-interval", flush_interval]);
        for burst in BURSTS {
            let (mut sender, mut observer) = (server.socket("/message/").await, server.socket("/message/").await);
            sender.send_texts((0..burst).map(|number| format!("n{number}"))).await;
            for number in 0..burst {
                assert_eq!(observer.receive().await, Received::Text(format!("n{number}")));
                assert_eq!(sender.receive().await, Received::Text(format!("n{number}")));
            }
        }
    }
}

/// With a full queue commands are refused while they are read; nothing else would wake the connection then.
#[tokio::test]
async fn a_burst_into_a_full_queue_is_answered_to_its_last_command() {
    for (path, command) in [("/ws/lobby", publish as fn(usize) -> String), ("/message/", |number| format!("n{number}"))] {
        // The writer rests that long after each commit, while others fill its queue.
        let server = TestServer::start_with_commit_pause(Duration::from_millis(1500));
        server.post("lobby", "first").await;
        let mut others = Vec::new();
        for _ in 0..=QUEUE_COMMANDS_MAX / PUBLISHES_IN_FLIGHT_MAX {
            let mut other = server.socket("/ws/other").await;
            other.send_texts((0..PUBLISHES_IN_FLIGHT_MAX).map(publish)).await;
            others.push(other);
        }
        let mut client = server.socket(path).await;
        client.send_texts((0..200).map(command)).await;
        let (mut answered, mut refused) = (0, 0);
        while answered < 200 {
            let Received::Text(said) = client.receive().await else { panic!("it was closed") };
            let is_refusal = said.contains("overloaded");
            refused += usize::from(is_refusal);
            let is_echo = path == "/message/" && said.starts_with('n');
            answered += usize::from(is_refusal || is_echo || said.contains("\"published\""));
        }
        assert!(refused > 0, "the queue was never full");
        while !others[0].frame().await.to_json().contains("\"published\"") {}
        client.send_text(command(200)).await;
        loop {
            let Received::Text(said) = client.receive().await else { panic!("it was closed") };
            if said.contains("n200") {
                break;
            }
        }
    }
}
