//! Every command gets its answer, in every WebSocket format, however many arrive at once and
//! however slow commits are.

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
async fn answers_every_command_of_a_burst() {
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

/// The demo's socket sends no acknowledgements, but they must keep the server reading.
#[tokio::test]
async fn a_burst_on_the_demo_socket_reaches_all_observers() {
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

/// A full queue refuses commands while they are read. Nothing else would wake the connection then.
#[tokio::test]
async fn answers_every_command_of_a_burst_into_a_full_queue() {
    for (path, command) in [("/ws/lobby", publish as fn(usize) -> String), ("/message/", |number| format!("n{number}"))] {
        // The writer pauses after each commit, while other clients fill its queue.
        let server = TestServer::start_with_commit_pause(Duration::from_millis(1500));
        server.post("lobby", "first").await;
        let mut fillers = Vec::new();
        for _ in 0..=QUEUE_COMMANDS_MAX / PUBLISHES_IN_FLIGHT_MAX {
            let mut filler = server.socket("/ws/other").await;
            filler.send_texts((0..PUBLISHES_IN_FLIGHT_MAX).map(publish)).await;
            fillers.push(filler);
        }
        let mut client = server.socket(path).await;
        client.send_texts((0..200).map(command)).await;
        let (mut answered, mut refused) = (0, 0);
        while answered < 200 {
            let Received::Text(text) = client.receive().await else { panic!("the connection was closed") };
            let is_refusal = text.contains("overloaded");
            refused += usize::from(is_refusal);
            let is_echo = path == "/message/" && text.starts_with('n');
            answered += usize::from(is_refusal || is_echo || text.contains("\"published\""));
        }
        assert!(refused > 0, "the queue was never full");
        while !fillers[0].frame().await.to_json().contains("\"published\"") {}
        client.send_text(command(200)).await;
        loop {
            let Received::Text(text) = client.receive().await else { panic!("the connection was closed") };
            if text.contains("n200") {
                break;
            }
        }
    }
}
