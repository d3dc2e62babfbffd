//! A board and its rooms.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{ErrorCode, MessagesPage, Position, Published, ReaderId, RoomInfo, RoomName, RoomSettings};
use tokio::time::timeout;

use super::address::{Address, ServerUrl};
use super::dial::Proxies;
use super::driver::Network;
use super::failure::ConnectError;
use super::history::{self, HistoryError, Page};
use super::http;
use super::identity::Identity;
use super::message::Message;
use super::publish::{PublishError, PublishingTask};
use super::subscription::{Endpoint, Subscription};
use crate::Options;

/// Default time limit for [`Room::publish`] and [`Room::history`].
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A server. Clones are cheap, and count as one reader.
#[derive(Clone)]
pub struct Board {
    server: ServerUrl,
    network: Network,
    reader: ReaderId,
    seeds: Arc<AtomicU64>,
}

impl Board {
    /// Prepares to talk to a server. Does not connect yet: [`Board::room`] and its methods do.
    ///
    /// `url` has the scheme `http`, `https`, `ws` or `wss`, a host, a port if it is not the default
    /// one, and a path if the board is below one.
    ///
    /// Reads the environment once, here:
    /// - `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or small letters,
    ///   name the proxy, as for curl. It may start with `http://`, `https://`, `socks5://` or
    ///   `socks4://`, and have a user and a password. A server on this machine needs no proxy.
    /// - `SSL_CERT_FILE` and `SSL_CERT_DIR` name certificate authorities to accept instead of the
    ///   system's.
    ///
    /// # Errors
    /// Fails if `url` is not such a URL, or if the system has no random numbers.
    pub fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_through(url, Proxies::from_environment())
    }

    pub(super) fn connect_through(url: &str, proxies: Proxies) -> Result<Self, ConnectError> {
        let server = ServerUrl::new(url)?;
        let random = || getrandom::u64().map_err(|_| ConnectError::Random);
        Ok(Self {
            network: Network::new(server.uri(), proxies),
            server,
            reader: ReaderId::from_bits(random()?),
            seeds: Arc::new(AtomicU64::new(random()?)),
        })
    }

    /// Sends an identity with every request, so that the program can change its messages later.
    #[must_use]
    pub fn with_identity(mut self, identity: &Identity) -> Self {
        Arc::make_mut(&mut self.network.client.secrets).set_identity(identity);
        self
    }

    /// Sends an access key with every request. It gives the program the key's rights. Over `http`
    /// everybody on the way can read it.
    ///
    /// # Errors
    /// Fails with [`ConnectError::AccessKey`] if it can't be an access key.
    pub fn with_access_key(mut self, key: &str) -> Result<Self, ConnectError> {
        Arc::make_mut(&mut self.network.client.secrets).set_access_key(key)?;
        Ok(self)
    }

    /// Sends one request to the board's interface for programs, such as `GET /api/admin/keys`, with
    /// JSON if it has a body. Returns the body of the answer. Does not repeat a request that fails.
    ///
    /// # Errors
    /// See [`HistoryError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn request(&self, method: &str, path: &str, json: String) -> Result<Vec<u8>, HistoryError> {
        // Whatever is not a method is refused by the server.
        let method = method.parse().unwrap_or_default();
        let answer = http::request(&self.network.client, method, &self.server.http(path), json);
        history::read(timeout(TIME_LIMIT, answer).await.map_err(|_| HistoryError::TimedOut)?)
    }

    /// Returns the room with this name, which may be typed in any way: `Tea Time` is `tea-time`. A
    /// room begins to exist with its first message.
    ///
    /// # Errors
    /// Fails with [`ErrorCode::RoomNameInvalid`] if no room can have this name.
    pub fn room(&self, name: &str) -> Result<Room, ErrorCode> {
        Ok(self.room_named(name.parse()?))
    }

    /// Returns the room with this name.
    pub fn room_named(&self, name: RoomName) -> Room {
        let address = Address::new(self.server.clone(), &name, self.reader);
        let endpoint = Endpoint { network: self.network.clone(), address, seeds: self.seeds.clone() };
        Room { shared: Arc::new(Shared { name, endpoint, publishing: Mutex::new(None) }), time_limit: TIME_LIMIT }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("url", self.server.uri()).finish_non_exhaustive()
    }
}

/// A room of a board. Clones are cheap, and share the connection on which they publish.
#[derive(Clone)]
pub struct Room {
    shared: Arc<Shared>,
    time_limit: Duration,
}

struct Shared {
    name: RoomName,
    endpoint: Endpoint,
    /// The connection on which [`Room::publish`] publishes, once it is needed.
    publishing: Mutex<Option<PublishingTask>>,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("name", self.name()).field("time_limit", &self.time_limit).finish_non_exhaustive()
    }
}

impl Room {
    /// Returns the room's name in its one spelling.
    pub fn name(&self) -> &RoomName {
        &self.shared.name
    }

    /// Sets the time limit for [`Room::publish`] and [`Room::history`], which is 30 seconds by
    /// default. Other clones keep theirs.
    #[must_use]
    pub fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// Publishes a message or change and waits until it is durable.
    ///
    /// While the server is away, the message is sent again with the same key until the time limit
    /// is over; it is stored once. Messages are stored in the order of the calls, also those of
    /// other clones, and up to 50 may be on their way at a time.
    ///
    /// All this happens on a connection of its own, which a room and its clones share. It opens
    /// with the first message, and closes when nothing is published for 20 seconds or when all
    /// clones are dropped. So this may be called while a subscription's updates wait to be taken.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message may be published or not.
    ///
    /// # Errors
    /// See [`PublishError`]. To repeat a message that timed out, give it a key with
    /// [`Message::key`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn publish(&self, message: impl Into<Message>) -> Result<Published, PublishError> {
        let message = message.into().try_into()?;
        let task = self.publishing_task();
        task.publish(message, self.time_limit).await
    }

    /// Gives the message at an offset another text. It must be of the same [`Identity`], and not
    /// too old, or the program must be a moderator.
    ///
    /// This and the other changes behave as [`Room::publish`] does.
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn edit(&self, offset: u64, text: impl AsRef<str>) -> Result<Published, PublishError> {
        self.publish(Message::edit(offset, text)).await
    }

    /// Takes the message at an offset back, for good. It must be of the same [`Identity`], or the
    /// program must be a moderator.
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn erase(&self, offset: u64) -> Result<Published, PublishError> {
        self.publish(Message::erase(offset)).await
    }

    /// Reacts to the message at an offset with one emoji. This needs an [`Identity`].
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn react(&self, offset: u64, emoji: impl AsRef<str>) -> Result<Published, PublishError> {
        self.publish(Message::react(offset, emoji)).await
    }

    /// Takes a reaction back.
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn unreact(&self, offset: u64, emoji: impl AsRef<str>) -> Result<Published, PublishError> {
        self.publish(Message::unreact(offset, emoji)).await
    }

    /// Pins the message at an offset. The program must be a moderator.
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn pin(&self, offset: u64) -> Result<Published, PublishError> {
        self.publish(Message::pin(offset)).await
    }

    /// Unpins the message at an offset. The program must be a moderator.
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn unpin(&self, offset: u64) -> Result<Published, PublishError> {
        self.publish(Message::unpin(offset)).await
    }

    /// Replaces the room's settings. The program must be a moderator.
    ///
    /// # Errors
    /// See [`PublishError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn set(&self, settings: RoomSettings) -> Result<Published, PublishError> {
        self.publish(Message::settings(settings)).await
    }

    /// Reads the room's settings, its pinned messages, and what the program may do in it. Sends one
    /// request, and does not repeat it if it fails.
    ///
    /// # Errors
    /// See [`HistoryError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn info(&self) -> Result<RoomInfo, HistoryError> {
        let Endpoint { network, address, .. } = &self.shared.endpoint;
        let answer = http::get(&network.client, &address.room());
        history::read(timeout(self.time_limit, answer).await.map_err(|_| HistoryError::TimedOut)?)
    }

    fn publishing_task(&self) -> PublishingTask {
        let mut publishing = self.shared.publishing.lock();
        if let Some(task) = publishing.as_ref().filter(|task| !task.has_ended()) {
            return task.clone();
        }
        publishing.insert(PublishingTask::start(self.shared.endpoint.clone())).clone()
    }

    /// Follows the room: everything after a position, or everything new without one.
    ///
    /// Returns at once. [`Subscription::next`] reports progress, and [`Subscription::last_error`]
    /// why the server cannot be reached.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub fn subscribe(&self, after: impl Into<Option<Position>>) -> Subscription {
        self.subscribe_with(Options { after: after.into(), ..Options::default() })
    }

    /// Follows the room, like [`Room::subscribe`], with all options. [`Options::seed`] is replaced
    /// by a random one.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub fn subscribe_with(&self, options: Options) -> Subscription {
        Subscription::start(&self.shared.endpoint, options)
    }

    /// Reads a page of history, with up to 50 entries. Sends one request, and does not repeat it if
    /// it fails.
    ///
    /// # Errors
    /// See [`HistoryError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn history(&self, page: Page) -> Result<MessagesPage, HistoryError> {
        self.history_with(page, PAGE_ENTRIES_DEFAULT).await
    }

    /// Reads a page of history, like [`Room::history`], with up to `limit` entries: at least 1, at
    /// most [`protocol::limits::PAGE_ENTRIES_MAX`]. A page of long entries may hold fewer.
    ///
    /// # Errors
    /// See [`HistoryError`].
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub async fn history_with(&self, page: Page, limit: usize) -> Result<MessagesPage, HistoryError> {
        let Endpoint { network, address, .. } = &self.shared.endpoint;
        let answer = http::get(&network.client, &format!("{}?{}", address.messages(), page.query(limit)));
        history::read(timeout(self.time_limit, answer).await.map_err(|_| HistoryError::TimedOut)?)
    }
}
