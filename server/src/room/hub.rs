//! The hub: publish to rooms, subscribe to them, expire their messages. Pages are read in
//! [`page`](super::page).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::admin::{AuditRecord, KeyId};
use protocol::{Author, Epoch, ErrorCode, Gap, Position, PublishRequest, Published, RoomName, RoomSettings};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::bounds::Bounds;
use super::pass::Pass;
use super::presenters::Presenters;
use super::registry::Registry;
use super::state::Room;
use super::updater::RoomUpdater;
use crate::access::{Access, AccessChange, Action, Actor, Caller};
use crate::store::{
    Command, History, OpenError, Outcome, Publish, PublishRules, Refusal, RetentionPolicy, Submitted, TrustedTime, WriteError,
};

/// Default of the maximum number of rooms that have messages.
pub const ROOMS_MAX_DEFAULT: usize = 10_000;

/// Reads the system clock, in milliseconds since 1970. It may be wrong.
pub type Clock = fn() -> u64;

/// All rooms of a server. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    pub(super) registry: Arc<Registry>,
    pub(super) history: History,
    pub(super) presenters: Arc<Presenters>,
    access: Access,
    clock: Clock,
    rules: PublishRules,
}

/// The result of [`Hub::open`].
pub struct OpenedHub {
    /// The hub.
    pub hub: Hub,
    /// The trusted time that the previous server saved.
    pub saved_time: Option<TrustedTime>,
    /// Resolves when the writer has ended; see
    /// [`OpenedHistory::ended`](crate::store::OpenedHistory::ended).
    pub ended: oneshot::Receiver<Result<(), WriteError>>,
}

/// Where a subscription starts.
pub struct Start {
    /// The room to read.
    pub room: Arc<Room>,
    /// The history, for entries that the room's tail does not have.
    pub history: History,
    /// The subscriber gets every entry after this position.
    pub position: Position,
    /// The newest offset when the subscription started.
    pub latest: u64,
    /// Why the subscription does not start at the position that was asked for.
    pub gap: Option<Gap>,
}

impl Hub {
    /// Opens the history in `folder` and loads its rooms. For `epoch` and `flush_interval` see
    /// [`History::open`].
    pub fn open(
        folder: &Path,
        epoch: Epoch,
        flush_interval: Duration,
        clock: Clock,
        access: Access,
        rules: PublishRules,
    ) -> Result<OpenedHub, OpenError> {
        let (registry, presenters) = (Arc::new(Registry::new(clock())), Arc::new(Presenters::new()));
        let opened = History::open(folder, epoch, flush_interval, |rooms, forgotten_max| {
            registry.load(rooms, forgotten_max);
            presenters.load(rooms, Instant::now());
            Box::new(RoomUpdater::new(registry.clone(), presenters.clone(), access.clone()))
        })?;
        access.load(opened.access);
        let hub = Self { registry, history: opened.history, presenters, access, clock, rules };
        Ok(OpenedHub { hub, saved_time: opened.saved_time, ended: opened.ended })
    }

    /// Lets a caller into a room to do something, if access allows it.
    pub fn enter(&self, caller: &Caller, room: &RoomName, action: Action) -> Result<Pass, ErrorCode> {
        let known = self.registry.get(room);
        let exists = *room == RoomName::lobby() || known.as_ref().is_some_and(|room| room.extent().latest > 0);
        let settings = self.settings(known.as_deref());
        let actor = self.access.enter(caller, room, &settings, exists, action, (self.clock)())?;
        Ok(Pass::new(caller, room, action, actor))
    }

    /// Returns a room's own settings, or else those of the board.
    pub(super) fn settings(&self, room: Option<&Room>) -> Arc<RoomSettings> {
        room.and_then(Room::settings).unwrap_or_else(|| self.access.defaults().clone())
    }

    /// Returns for how long authors may edit a message, in milliseconds.
    pub fn edit_window(&self) -> u64 {
        self.rules.edit_window
    }

    /// Lets a caller into a room to publish what takes the right to `action`. The pass of a reader
    /// without that right has the refusal, and then the store looks only at the publish key: the
    /// publish may be stored already, and its answer lost.
    pub fn enter_to_publish(&self, caller: &Caller, room: &RoomName, action: Action) -> Result<Pass, ErrorCode> {
        self.enter(caller, room, action).or_else(|code| {
            let pass = self.enter(caller, room, Action::Read).map_err(|_| code)?;
            let has_entries = self.registry.get(room).is_some_and(|room| room.extent().latest > 0);
            if has_entries { Ok(Pass { action, refused: Some(code), ..pass }) } else { Err(code) }
        })
    }

    /// Refuses a request under a name that only moderators of the room may use. From a caller who
    /// publishes nothing new, also a request without a publish key.
    pub fn check_request(&self, pass: &Pass, request: &PublishRequest) -> Result<(), ErrorCode> {
        if let Some(code) = pass.refused.filter(|_| request.key.is_none()) {
            return Err(code);
        }
        self.check_author(pass, &request.author)
    }

    /// Refuses a name that only moderators of the room may use.
    pub(super) fn check_author(&self, pass: &Pass, author: &Author) -> Result<(), ErrorCode> {
        self.access.check_author(author, &pass.room, pass.actor, (self.clock)())
    }

    /// Returns the keys and bans.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Queues a message or a change. Calls are ordered. The future resolves when it is durable and
    /// visible; dropping it does not cancel the publish.
    pub fn publish(
        &self,
        pass: &Pass,
        request: PublishRequest,
        raw: Option<String>,
    ) -> Result<impl Future<Output = Result<Published, Refusal>> + Send + use<>, ErrorCode> {
        self.publish_all(pass, [(Box::new(request), raw)])?.next().ok_or(ErrorCode::Unavailable)
    }

    /// Queues what is committed together. Returns a future for each, as [`Self::publish`] does.
    pub fn publish_all<M: IntoIterator<Item = (Box<PublishRequest>, Option<String>)>>(
        &self,
        pass: &Pass,
        messages: M,
    ) -> Result<impl Iterator<Item = impl Future<Output = Result<Published, Refusal>> + Send + use<M>> + use<M>, ErrorCode> {
        if pass.action == Action::Read {
            return Err(ErrorCode::AccessRefused);
        }
        let (room, actor, time, rules) = (self.room(&pass.room), pass.actor, (self.clock)(), self.rules);
        let refused = pass.refused;
        let mut names = Vec::new();
        let commands = messages.into_iter().map(|(request, raw)| {
            names.extend(self.reservation(&request.author, actor, time));
            let room = room.name().clone();
            Command::Publish(Box::new(Publish { room, request, raw, actor, refused, time, rules }))
        });
        let mut commands: Vec<_> = commands.collect();
        let count = commands.len();
        commands.extend(names);
        let submitted = self.history.submit(commands)?;
        let epoch = self.history.epoch();
        Ok(submitted.into_iter().take(count).map(move |submitted| published(submitted, epoch, room.clone())))
    }

    /// Returns where a subscription starts: after a position, or after the newest entry.
    pub fn subscribe(&self, pass: &Pass, after: Option<Position>) -> Result<Start, ErrorCode> {
        let room = self.room(&pass.room);
        let bounds = Bounds { epoch: self.history.epoch(), extent: room.extent() };
        let gap = after.and_then(|position| bounds.gap(position));
        let latest = bounds.extent.latest;
        let position = gap.as_ref().map(|gap| gap.resumes).or(after).unwrap_or(bounds.position(latest));
        Ok(Start { room, history: self.history.clone(), position, latest, gap })
    }

    /// Returns a room, and adds it if it is not in memory.
    pub fn room(&self, name: &RoomName) -> Arc<Room> {
        self.registry.get_or_add(name)
    }

    /// Returns the rooms that have messages to expire under this policy.
    pub(super) fn rooms_exceeding(&self, policy: RetentionPolicy, now: TrustedTime) -> Vec<RoomName> {
        self.registry.all().iter().filter(|room| room.exceeds(policy, now)).map(|room| room.name().clone()).collect()
    }

    /// Expires some of a room's messages. True if there are more to expire.
    pub async fn expire(&self, room: &RoomName, policy: RetentionPolicy, now: TrustedTime) -> Result<bool, ErrorCode> {
        self.run(Command::Expire { room: room.clone(), policy, now, rooms_max: self.rules.rooms_max }).await?;
        Ok(self.registry.get(room).is_some_and(|room| room.exceeds(policy, now)))
    }

    /// Changes who may do what, with the access key `by`. Returns the change as it is stored.
    ///
    /// # Errors
    /// `not_found` if there is nothing to change.
    pub async fn change_access(&self, change: AccessChange, by: Option<KeyId>) -> Result<AccessChange, ErrorCode> {
        let command = Command::Access { change: Box::new(change), by, time: (self.clock)() };
        match self.run(command).await? {
            Outcome::Access(result) => *result,
            _ => Err(ErrorCode::Unavailable),
        }
    }

    /// Reads the newest records of the audit before one, or of all, newest first.
    pub async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditRecord>, ErrorCode> {
        self.history.audit(before, limit).await.map_err(|_| ErrorCode::Unavailable)
    }

    /// Saves the trusted time for the next server.
    pub(super) async fn save_time(&self, time: TrustedTime) -> Result<(), ErrorCode> {
        self.run(Command::SaveTime(time)).await.map(|_| ())
    }

    /// Commits a command, and returns its outcome.
    pub(super) async fn run(&self, command: Command) -> Result<Outcome, ErrorCode> {
        self.history.submit(vec![command])?.pop().ok_or(ErrorCode::Unavailable)?.await
    }

    /// Returns the command that reserves a name which a moderator uses. It belongs into the commit
    /// that uses it.
    pub(super) fn reservation(&self, author: &Author, actor: Actor, time: u64) -> Option<Command> {
        let change = Box::new(self.access.name_used(author, actor)?);
        Some(Command::Access { change, by: actor.key, time })
    }

    /// Frees the memory of unused rooms. Called at intervals.
    pub fn sweep(&self) {
        self.registry.sweep();
    }

    /// Returns the board's rules for publishing.
    pub(super) fn rules(&self) -> PublishRules {
        self.rules
    }

    /// Returns the system clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns why messages cannot be published or read. `None` if they can.
    pub async fn unavailable_reason(&self) -> Option<&'static str> {
        self.history.unavailable_reason().await
    }

    /// Returns the number of commands that wait for the writer.
    pub fn queued_commands(&self) -> usize {
        self.history.queued_commands()
    }

    /// Commits what is queued, and refuses later commands; see [`History::close`].
    pub fn close(&self) {
        self.history.close();
    }
}

async fn published(submitted: Submitted, epoch: Epoch, room: Arc<Room>) -> Result<Published, Refusal> {
    let (offset, duplicate) = match submitted.await? {
        Outcome::Published { offset, duplicate } => (offset, duplicate),
        Outcome::Refused(refusal) => return Err(refusal),
        // A publish has no other outcome.
        _ => return Err(ErrorCode::Unavailable.into()),
    };
    Ok(Published { position: Position { epoch, offset }, duplicate, reached: room.connected() })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::num::NonZeroUsize;

    use protocol::{GapReason, Text};
    use tempfile::TempDir;

    use super::*;

    const EVERYTHING: RetentionPolicy = RetentionPolicy { messages: u64::MAX, bytes: u64::MAX, age: u64::MAX };
    const NOTHING: RetentionPolicy = RetentionPolicy { messages: 0, ..EVERYTHING };

    struct Board {
        hub: Hub,
        ended: oneshot::Receiver<Result<(), WriteError>>,
        folder: TempDir,
    }

    impl Board {
        fn open(folder: TempDir, rooms_max: usize) -> Self {
            let rules = PublishRules { rooms_max, ..PublishRules::default() };
            let opened = Hub::open(folder.path(), Epoch(1), Duration::ZERO, || 0, Access::default(), rules);
            let OpenedHub { hub, ended, .. } = opened.unwrap();
            Self { hub, ended, folder }
        }

        async fn reopen(self, rooms_max: NonZeroUsize) -> Self {
            drop(self.hub);
            self.ended.await.unwrap().unwrap();
            Self::open(self.folder, rooms_max.get())
        }

        fn pass(&self, room: &str) -> Pass {
            let caller = Caller::anonymous(IpAddr::V4(Ipv4Addr::LOCALHOST));
            self.hub.enter(&caller, &room.parse().unwrap(), Action::Publish).unwrap()
        }

        async fn publish(&self, room: &str) -> Result<u64, ErrorCode> {
            let message = PublishRequest { text: Text::parse("x").unwrap(), author: Default::default(), key: None, ..Default::default() };
            let published = self.hub.publish(&self.pass(room), message, None)?.await;
            published.map(|published| published.position.offset).map_err(|refusal| refusal.code)
        }

        async fn empty(&self, room: &str) {
            while self.hub.expire(&room.parse().unwrap(), NOTHING, TrustedTime { time: 0, since: 0 }).await.unwrap() {}
        }

        fn gap(&self, room: &str, offset: u64) -> Option<GapReason> {
            let start = self.hub.subscribe(&self.pass(room), Some(Position { epoch: Epoch(1), offset })).unwrap();
            start.gap.map(|gap| gap.reason)
        }
    }

    #[tokio::test]
    async fn does_not_count_rooms_whose_messages_have_expired() {
        let two = NonZeroUsize::new(2).unwrap();
        let mut board = Board::open(TempDir::new().unwrap(), two.get());
        for room in ["a", "b"] {
            board.publish(room).await.unwrap();
        }
        for _ in 0..2 {
            assert_eq!(board.publish("c").await, Err(ErrorCode::RoomsFull));
            board.publish("lobby").await.unwrap();
            board.empty("lobby").await;
            board = board.reopen(two).await;
        }
        board.publish("a").await.unwrap();
        board.empty("a").await;
        board = board.reopen(two).await;
        assert_eq!(board.publish("c").await, Ok(1));
        assert_eq!(board.publish("a").await, Err(ErrorCode::RoomsFull));
        board.empty("c").await;
        assert_eq!(board.publish("a").await, Ok(3), "offsets continue");
    }

    #[tokio::test]
    async fn forgets_rooms_and_gives_no_offset_twice() {
        let mut board = Board::open(TempDir::new().unwrap(), 2);
        for (number, room) in ["a", "b", "c", "d", "e", "f", "g"].into_iter().enumerate() {
            for _ in 0..=number {
                board.publish(room).await.unwrap();
            }
            board.empty(room).await;
        }
        let forgotten_max = board.hub.registry.unknown_extent().latest;
        assert!(forgotten_max > 0, "more than two rooms were emptied");
        let before = board.hub.registry.all().len();
        board.hub.sweep();
        assert!(board.hub.registry.all().len() < before);
        for _ in 0..2 {
            // What a reader at this position of a forgotten room has missed is unknown.
            assert_eq!(board.gap("a", 0), Some(GapReason::Expired));
            assert_eq!(board.gap("a", forgotten_max), None);
            board = board.reopen(NonZeroUsize::MIN).await;
        }
        assert!(board.publish("a").await.is_ok_and(|offset| offset > forgotten_max));
        assert_eq!(board.gap("a", 0), Some(GapReason::Expired));
    }

    #[tokio::test]
    async fn subscribes_to_empty_rooms_when_no_more_rooms_may_have_messages() {
        let board = Board::open(TempDir::new().unwrap(), 1);
        board.publish("full").await.unwrap();
        assert!(board.hub.subscribe(&board.pass("watched"), None).is_ok());
        assert_eq!(board.publish("watched").await, Err(ErrorCode::RoomsFull));
        assert_eq!(board.publish("full").await, Ok(2));
    }
}
