//! Publishing one message, and waiting until it is durable.

use std::time::Duration;

use protocol::{ErrorCode, PublishKey, PublishRequest, Published, RoomName};
use tokio::time::timeout;

use super::{Client, ConnectError};
use crate::{Options, Stage, Update};

/// Why a message is not known to be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no client to publish with.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server refused the message: it is not published.
    #[error("{}", sentences(*code, detail))]
    Refused {
        /// Why.
        code: ErrorCode,
        /// The server's sentence.
        detail: String,
    },
    /// The server said not to come back.
    #[error("{0}")]
    Ended(String),
    /// No answer came in time. The message may be published or not; with the same key it is safe to try again.
    #[error("no answer in time: {0}")]
    TimedOut(String),
}

/// Publishes one message to a room of the server at `base`, and waits until it is durable, through reconnects if need be,
/// but not longer than `wait`.
///
/// Without a key the message is given one. Whoever may call this a second time for the same message gives it a key.
pub async fn publish(base: &str, room: &RoomName, message: PublishRequest, wait: Duration) -> Result<Published, PublishError> {
    publish_by(&mut Client::connect(base, room, Options::default())?, message, wait).await
}

/// Publishes messages one after the other, each when the one before is durable, which `published` is told. The first that
/// fails ends it. `wait` is for each.
pub async fn publish_all(
    base: &str,
    room: &RoomName,
    messages: Vec<PublishRequest>,
    wait: Duration,
    mut published: impl FnMut(&Published),
) -> Result<(), PublishError> {
    let mut client = Client::connect(base, room, Options::default())?;
    for message in messages {
        published(&publish_by(&mut client, message, wait).await?);
    }
    Ok(())
}

async fn publish_by(client: &mut Client, message: PublishRequest, wait: Duration) -> Result<Published, PublishError> {
    let answer = async {
        let key = client.publish(message).await.ok();
        while let Some(update) = client.next().await {
            match update {
                Update::Published { key: published_key, published } if Some(&published_key) == key.as_ref() => return Some(Ok(published)),
                Update::Outbox => {
                    if let Some(refused) = refusal(client, key.as_ref()) {
                        return Some(Err(refused));
                    }
                }
                _ => {}
            }
        }
        None
    };
    let answer = timeout(wait, answer).await;
    let trouble = || client.last_error().unwrap_or("the server is there, but has not answered").to_owned();
    match answer {
        Ok(Some(answer)) => answer,
        Ok(None) => Err(PublishError::Ended(trouble())),
        Err(_) => Err(PublishError::TimedOut(trouble())),
    }
}

/// A code's sentence, and the server's own if that is another one.
fn sentences(code: ErrorCode, detail: &str) -> String {
    if detail == code.title() { detail.to_owned() } else { format!("{code} {detail}") }
}

fn refusal(client: &Client, key: Option<&PublishKey>) -> Option<PublishError> {
    let pending = client.outbox().iter().find(|pending| pending.message.key.as_ref() == key)?;
    match &pending.stage {
        Stage::Failed { code, detail } => Some(PublishError::Refused { code: *code, detail: detail.clone() }),
        Stage::Sending => None,
    }
}
