//! Many messages from another person.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::time::interval;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::board::Board;

/// Posts `count` messages to the lobby: `per_second` of them, or as many as the board takes.
pub async fn flood(board: &Board, count: usize, per_second: Option<usize>) {
    let address = format!("ws://{}/ws/lobby", board.host());
    let (mut sender, mut receiver) = connect_async(address).await.unwrap().0.split();
    let all = tokio::spawn(async move {
        let mut published = 0;
        while published < count {
            let frame = receiver.next().await.unwrap().unwrap();
            published += usize::from(matches!(frame, Message::Text(text) if text.contains("\"published\"")));
        }
    });
    let mut pace = per_second.map(|rate| interval(Duration::from_secs(1) / u32::try_from(rate).unwrap()));
    for number in 1..=count {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let text = format!("flood {number}. with some words, as people write them, 你好");
        let frame = json!({ "type": "publish", "ref": number, "text": text, "author": format!("person {}", number % 7) });
        sender.send(Message::text(frame.to_string())).await.unwrap();
    }
    all.await.unwrap();
}
