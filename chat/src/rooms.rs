//! The subscriptions, and the requests for history.

use std::collections::HashMap;

use client::{Board, Ended, Options, Page, Publisher, Subscription, Transport, Update};
use protocol::{Position, PublishKey, PublishRequest, RoomName};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::event::{Connection, Input};

/// Maximum number of inputs that wait for the model. Then the subscriptions wait, and are slow
/// readers to the server.
const INPUTS_MAX: usize = 256;
/// Maximum number of commands that wait for a subscription. The model publishes fewer at once.
const COMMANDS_MAX: usize = 2 * client::OUTBOX_MESSAGES_MAX;

/// What a subscription is told.
#[derive(Debug)]
pub(crate) enum Command {
    Publish(PublishRequest),
    Retry(PublishKey),
    Discard(PublishKey),
    RetryNow,
}

/// All open rooms of a board.
#[derive(Debug)]
pub(crate) struct Rooms {
    board: Board,
    only: Option<Transport>,
    inputs: mpsc::Sender<Input>,
    open: HashMap<RoomName, OpenRoom>,
}

#[derive(Debug, Default)]
struct OpenRoom {
    commands: Option<mpsc::Sender<Command>>,
    /// The tasks of the subscription. They end when this is dropped.
    subscription: JoinSet<()>,
    /// The unanswered request for history.
    request: JoinSet<()>,
}

impl Rooms {
    /// Returns the rooms, and what arrives from them.
    pub(crate) fn new(board: Board, only: Option<Transport>) -> (Self, mpsc::Receiver<Input>) {
        let (inputs, inputs_rx) = mpsc::channel(INPUTS_MAX);
        (Self { board, only, inputs, open: HashMap::new() }, inputs_rx)
    }

    /// Subscribes to a room. Replaces its subscription.
    pub(crate) fn open(&mut self, room: RoomName, after: Option<Position>, outbox: Vec<PublishRequest>) {
        let options = Options { after, outbox, only: self.only, ..Options::default() };
        let updates = self.board.room_named(room.clone()).subscribe_with(options);
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let mut subscription = JoinSet::new();
        subscription.spawn(pass_commands(updates.publisher(), commands_rx));
        subscription.spawn(pass_updates(room.clone(), updates, self.inputs.clone()));
        let open = self.open.entry(room).or_default();
        (open.commands, open.subscription) = (Some(commands), subscription);
    }

    /// Ends the subscription of a room.
    pub(crate) fn close(&mut self, room: &RoomName) {
        self.open.remove(room);
    }

    /// Requests a page of a room's history. Replaces an unanswered request.
    pub(crate) fn fetch(&mut self, room: RoomName, page: Page) {
        let (inputs, history) = (self.inputs.clone(), self.board.room_named(room.clone()));
        let mut request = JoinSet::new();
        request.spawn({
            let room = room.clone();
            async move {
                let result = history.history(page).await.map_err(|error| error.to_string());
                let _ = inputs.send(Input::Page { room, asked: page, result }).await;
            }
        });
        self.open.entry(room).or_default().request = request;
    }

    /// Tells something to a room's subscription, if it is open.
    pub(crate) fn tell(&self, room: &RoomName, command: Command) {
        if let Some(commands) = self.open.get(room).and_then(|open| open.commands.as_ref()) {
            // What does not fit is in the state file, and is sent by the next subscription.
            let _ = commands.try_send(command);
        }
    }
}

/// In a task of its own, because publishing waits while an outbox is full, which only taking
/// updates changes.
async fn pass_commands(publisher: Publisher, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.recv().await {
        let told: Result<(), Ended> = match command {
            Command::Publish(message) => publisher.publish(message).await.map(drop),
            Command::Retry(key) => publisher.retry(key).await,
            Command::Discard(key) => publisher.discard(key).await,
            Command::RetryNow => publisher.retry_now().await,
        };
        if told.is_err() {
            break;
        }
    }
}

async fn pass_updates(room: RoomName, mut updates: Subscription, inputs: mpsc::Sender<Input>) {
    while let Some(update) = updates.next().await {
        let connection = Connection {
            state: updates.connection(),
            online: updates.online(),
            last_error: updates.last_error().map(ToString::to_string),
            retry_in: updates.retry_in(),
            slow_for: updates.slow_for(),
            outbox: (update == Update::Outbox).then(|| updates.outbox().to_vec()),
        };
        if inputs.send(Input::Update { room: room.clone(), update, connection }).await.is_err() {
            return;
        }
    }
    let why = updates.ended().map_or_else(|| "the connection has ended".to_owned(), ToString::to_string);
    let _ = inputs.send(Input::Ended { room, why }).await;
}
