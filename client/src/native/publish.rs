//! Publishing messages without following a room.

use std::time::Duration;

use protocol::{ErrorCode, PublishKey, PublishRequest, Published, RoomName};
use tokio::time::timeout;

use super::{Client, ConnectError};
use crate::{Options, Stage, Update};

/// Why a message is not known to be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No client could be created.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server refused the message: it is not published.
    #[error("{}", sentences(*code, detail))]
    Refused {
        /// Why.
        code: ErrorCode,
        /// The server's explanation, for people.
        detail: String,
    },
    /// The server told the client not to reconnect. The message may be published or not.
    #[error("{0}")]
    Ended(String),
    /// No answer came in time. The message may be published or not; with the same key it is safe to
    /// publish it again.
    #[error("no answer in time: {0}")]
    TimedOut(String),
}

/// Publishes one message and waits until it is durable, for at most `time_limit`. Reconnects if
/// necessary.
///
/// `base` is the server's URL, as in [`Client::connect`]. A message without a key gets one; to be
/// able to call this again for the same message, give it a key.
///
/// # Cancel safety
/// If the future is dropped before it is ready, the message may be published or not.
///
/// # Errors
/// See [`PublishError`].
///
/// # Panics
/// Panics outside a Tokio runtime.
pub async fn publish(base: &str, room: &RoomName, message: PublishRequest, time_limit: Duration) -> Result<Published, PublishError> {
    publish_with(&mut Client::connect(base, room, Options::default())?, message, time_limit).await
}

/// Publishes messages in order, each when the one before is durable, and calls `published` after
/// each. Stops at the first that fails. `time_limit` is for each message; for the rest see
/// [`publish`].
///
/// # Errors
/// See [`PublishError`].
///
/// # Panics
/// Panics outside a Tokio runtime.
pub async fn publish_all(
    base: &str,
    room: &RoomName,
    messages: Vec<PublishRequest>,
    time_limit: Duration,
    mut published: impl FnMut(&Published),
) -> Result<(), PublishError> {
    let mut client = Client::connect(base, room, Options::default())?;
    for message in messages {
        published(&publish_with(&mut client, message, time_limit).await?);
    }
    Ok(())
}

async fn publish_with(client: &mut Client, message: PublishRequest, time_limit: Duration) -> Result<Published, PublishError> {
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
    let answer = timeout(time_limit, answer).await;
    let reason = || client.last_error().unwrap_or("the server is there, but has not answered").to_owned();
    match answer {
        Ok(Some(answer)) => answer,
        Ok(None) => Err(PublishError::Ended(reason())),
        Err(_) => Err(PublishError::TimedOut(reason())),
    }
}

fn refusal(client: &Client, key: Option<&PublishKey>) -> Option<PublishError> {
    let pending = client.outbox().iter().find(|pending| pending.message.key.as_ref() == key)?;
    match &pending.stage {
        Stage::Failed { code, detail } => Some(PublishError::Refused { code: *code, detail: detail.clone() }),
        Stage::Sending => None,
    }
}

/// Returns the code's sentence, followed by the server's own if it is a different one.
fn sentences(code: ErrorCode, detail: &str) -> String {
    if detail == code.title() { detail.to_owned() } else { format!("{code} {detail}") }
}
