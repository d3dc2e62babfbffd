//! The client library against a real server.

use client::{Board, Options, Page, Transport, Update};
use futures_util::StreamExt;

use crate::support::{TIMEOUT, TestServer, texts};

#[tokio::test]
async fn a_bot_publishes_in_its_loop_under_a_flood_and_counts_as_one_reader() {
    const FLOOD: u64 = 3_000;
    let server = TestServer::start();
    let room = Board::connect(&server.url("")).unwrap().room("lobby").unwrap();
    let start = room.history(Page::Latest).await.unwrap().position;
    let mut updates = room.subscribe(start);
    let mut flooding = server.subscribe("lobby", None).await;
    let flood = async {
        for n in 1..=FLOOD {
            flooding.publish(n, &n.to_string(), None).await;
        }
        flooding.read_until(|seen| seen.published.len() as u64 == FLOOD).await;
    };
    let bot = async {
        let (mut flooded, mut hints, mut last) = (0, 0, start.offset);
        while flooded < FLOOD || hints < 5 {
            let Some(Update::Entry(entry)) = updates.next().await else { continue };
            assert_eq!(entry.offset, last + 1);
            last = entry.offset;
            if entry.text.as_str() == "hint" {
                hints += 1;
                continue;
            }
            flooded += 1;
            if flooded % 600 == 0 {
                room.publish("hint").await.unwrap();
                // The bot with its two connections, and the one that floods.
                assert_eq!(server.page("lobby", "").await.online, 2);
            }
        }
    };
    tokio::time::timeout(TIMEOUT, async { tokio::join!(flood, bot) }).await.unwrap();
}

#[tokio::test]
async fn a_subscription_is_a_stream_over_every_transport() {
    for transport in Transport::ALL {
        let server = TestServer::start();
        let room = Board::connect(&server.url("")).unwrap().room("Tea Time").unwrap();
        assert_eq!(room.name().as_str(), "tea-time");
        let after = Some(room.publish("one").await.unwrap().position);
        let updates = room.subscribe_with(Options { after, only: Some(transport), ..Options::default() });
        for text in ["two", "three"] {
            room.publish(text).await.unwrap();
        }
        let entries = updates.filter_map(async |update| if let Update::Entry(entry) = update { Some(entry) } else { None });
        let entries: Vec<_> = tokio::time::timeout(TIMEOUT, entries.take(2).collect()).await.unwrap();
        assert_eq!(texts(&entries), ["two", "three"], "{transport:?}");
    }
}
