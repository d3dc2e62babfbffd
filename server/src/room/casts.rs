//! Begins and ends casts. Their chunks are not here: they are in no log on disk.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Author, CastInfo, Disconnect, ErrorCode, PublishKey, RoomName};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::hub::Hub;
use super::pass::Pass;
use super::presenters::{Attached, Due};
use crate::access::{Action, Actor, Caller};
use crate::store::{Command, EndCast, Outcome, Refusal, RunningCast, StartCast};

/// Time between two searches for casts that must end.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// One connection of a presenter. When it is dropped, the cast waits for the presenter to come
/// back.
pub struct Presenting {
    hub: Hub,
    room: RoomName,
    cast: CastInfo,
    actor: Actor,
    attached: Attached,
}

impl Presenting {
    /// Returns the cast.
    pub fn cast(&self) -> &CastInfo {
        &self.cast
    }

    /// Resolves when the connection has to end: the cast is over, the presenter has connected
    /// anew, or may no longer show a screen.
    pub async fn ended(&self) -> Disconnect {
        let mut end = self.attached.end.clone();
        let why = end.wait_for(Option::is_some).await.ok().and_then(|why| *why);
        why.unwrap_or(Disconnect::CastOver)
    }

    /// Ends the cast, as its presenter wishes.
    ///
    /// # Errors
    /// Fails if the end can't be stored. Then the cast ends when it has waited for the presenter.
    pub async fn end(self) -> Result<(), ErrorCode> {
        self.hub.write_end(&self.room, self.cast.id, self.actor).await
    }
}

impl Drop for Presenting {
    fn drop(&mut self) {
        self.hub.presenters.detach(&self.room, self.cast.id, self.attached.connection, Instant::now());
    }
}

impl Hub {
    /// Begins a cast, or continues the one that runs with this key and this identity. The pass must
    /// be for [`Action::Cast`].
    pub async fn start_cast(&self, caller: &Caller, pass: &Pass, key: PublishKey, author: Author) -> Result<Presenting, Refusal> {
        if pass.action != Action::Cast {
            return Err(ErrorCode::AccessRefused.into());
        }
        self.check_author(pass, &author)?;
        self.check_address(caller, &pass.room)?;
        let (room, actor, time, rules) = (pass.room.clone(), pass.actor, (self.clock())(), self.rules());
        let name = self.reservation(&author, actor, time);
        let start = Command::StartCast(Box::new(StartCast { room: room.clone(), key, author, actor, time, rules }));
        let submitted = self.history.submit(std::iter::once(start).chain(name).collect())?;
        let submitted = submitted.into_iter().next().ok_or(ErrorCode::Unavailable)?;
        let cast = match submitted.await? {
            Outcome::Casting(running) => running.info,
            Outcome::Refused(refusal) => return Err(refusal),
            _ => return Err(ErrorCode::Unavailable.into()),
        };
        let attached = self.presenters.attach(&room, cast.id, caller).ok_or(ErrorCode::NoCast)?;
        Ok(Presenting { hub: self.clone(), room, cast, actor, attached })
    }

    /// Refuses a cast if half of those that the server may have are presented from the caller's
    /// address: the other half is for others.
    fn check_address(&self, caller: &Caller, room: &RoomName) -> Result<(), ErrorCode> {
        let is_full = self.presenters.count_at(caller.address, room) >= self.rules().casts_max.div_ceil(2);
        if is_full { Err(ErrorCode::CastsFull) } else { Ok(()) }
    }

    /// Returns the cast that is running in a room.
    pub fn cast(&self, room: &RoomName) -> Option<Arc<RunningCast>> {
        self.registry.get(room)?.cast()
    }

    /// Ends the cast that runs in a room, if there is one: any, or only this one. Only its
    /// presenter and moderators may.
    pub async fn end_cast(&self, pass: &Pass, only: Option<u64>) -> Result<(), ErrorCode> {
        let running = self.cast(&pass.room);
        let is_own = running.as_ref().is_some_and(|running| pass.tag() == Some(running.info.by));
        if !is_own && !pass.actor.is_moderator() {
            return Err(ErrorCode::AccessRefused);
        }
        match running {
            Some(running) if only.is_none_or(|only| only == running.info.id) => {
                self.write_end(&pass.room, running.info.id, pass.actor).await
            }
            _ => Ok(()),
        }
    }

    async fn write_end(&self, room: &RoomName, cast: u64, actor: Actor) -> Result<(), ErrorCode> {
        let command = Command::EndCast(EndCast { room: room.clone(), cast, actor, time: (self.clock())() });
        match self.run(command).await? {
            Outcome::Published { .. } => {
                // In case that the log had its end already.
                self.presenters.remove(room, cast);
                Ok(())
            }
            _ => Err(ErrorCode::Unavailable),
        }
    }

    /// Returns why a caller who may show a screen can't do it now: somebody else does, or too many
    /// do.
    pub fn cast_refusal(&self, caller: &Caller, pass: &Pass) -> Option<ErrorCode> {
        match self.cast(&pass.room) {
            Some(running) => (pass.tag() != Some(running.info.by)).then_some(ErrorCode::CastBusy),
            None if self.presenters.count() >= self.rules().casts_max => Some(ErrorCode::CastsFull),
            None => self.check_address(caller, &pass.room).err(),
        }
    }

    /// Returns a receiver that changes when a cast begins or ends, in any room, and when it loses
    /// or regains its presenter. A wake-up carries no data.
    pub fn watch_casts(&self) -> watch::Receiver<u64> {
        self.presenters.watch()
    }
}

/// Ends the casts whose presenter stays away, or may no longer show a screen. Never returns.
pub async fn end_casts(hub: Hub) {
    let mut interval = interval(CHECK_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hub.presenters.wait_for_some().await;
        interval.tick().await;
        let may_cast = |room: &RoomName, caller: &Caller| hub.enter(caller, room, Action::Cast).is_ok();
        for Due { room, cast, is_refused } in hub.presenters.due(Instant::now(), may_cast) {
            if is_refused {
                hub.presenters.end(&room, cast, Disconnect::AccessEnded);
            }
            // The writer logs a failed commit. The next check finds the cast again.
            let _ = hub.write_end(&room, cast, Actor::default()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Tag;
    use protocol::admin::{Ban, Banned, RoomPattern};
    use protocol::limits::CAST_RESUME_SECONDS;
    use tempfile::TempDir;
    use tokio::sync::oneshot;

    use super::super::hub::OpenedHub;
    use super::*;
    use crate::access::{Access, AccessChange};
    use crate::store::{PublishRules, WriteError};

    struct Board {
        hub: Hub,
        ended: oneshot::Receiver<Result<(), WriteError>>,
        folder: TempDir,
    }

    impl Board {
        fn open(folder: TempDir) -> Self {
            let opened =
                Hub::open(folder.path(), protocol::Epoch(1), Duration::ZERO, || 0, Access::default(), PublishRules::default()).unwrap();
            let OpenedHub { hub, ended, .. } = opened;
            Self { hub, ended, folder }
        }

        /// A server that is killed writes no end of its casts; neither does one that stops.
        async fn restart(self) -> Self {
            drop(self.hub);
            self.ended.await.unwrap().unwrap();
            Self::open(self.folder)
        }

        async fn start(&self, tag: u64, key: &str) -> Result<Presenting, ErrorCode> {
            let caller = Caller { tag: Some(Tag::from_bits(tag)), ..Caller::anonymous([127, 0, 0, 1].into()) };
            let pass = self.hub.enter(&caller, &RoomName::lobby(), Action::Cast)?;
            let started = self.hub.start_cast(&caller, &pass, key.parse().unwrap(), Author::default()).await;
            started.map_err(|refusal| refusal.code)
        }

        fn running(&self) -> Option<u64> {
            self.hub.cast(&RoomName::lobby()).map(|running| running.info.id)
        }

        /// Ends abandoned casts until none runs. Returns how many seconds that took. Between other
        /// steps nothing ends them: while the writer works, the paused clock runs ahead.
        async fn end(&self) -> u64 {
            let (now, mut casts) = (Instant::now(), self.hub.watch_casts());
            tokio::select! {
                over = casts.wait_for(|_| self.running().is_none()) => drop(over.unwrap()),
                () = end_casts(self.hub.clone()) => {}
            }
            now.elapsed().as_secs()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_presenter_that_loses_the_connection_has_half_a_minute_also_after_a_restart() {
        let board = Board::open(TempDir::new().unwrap());
        let first = board.start(1, "k").await.unwrap();
        assert_eq!(board.start(2, "k").await.err(), Some(ErrorCode::CastBusy));
        drop(first);
        assert!(!board.hub.presenters.is_present(&RoomName::lobby()));
        let again = board.start(1, "k").await.unwrap();
        assert_eq!((again.cast().id, board.running()), (1, Some(1)));
        drop(again);
        assert_eq!(board.end().await, CAST_RESUME_SECONDS);

        drop(board.start(1, "k2").await.unwrap());
        let board = board.restart().await;
        assert_eq!(board.running(), Some(3));
        let again = board.start(1, "k2").await.unwrap();
        assert_eq!(again.cast().id, 3);
        drop(again);
        let board = board.restart().await;
        assert_eq!(board.end().await, CAST_RESUME_SECONDS);
        assert_eq!(board.restart().await.running(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cast_ends_at_once_when_its_presenter_wishes_or_is_banned() {
        let board = Board::open(TempDir::new().unwrap());
        board.start(1, "a").await.unwrap().end().await.unwrap();
        assert_eq!(board.running(), None);

        let presenting = board.start(1, "b").await.unwrap();
        let rooms = RoomPattern::try_from("*".to_owned()).unwrap();
        let banned = Banned::Tag(Tag::from_bits(1));
        let ban = Ban { id: 0, banned, rooms, until: None, reason: String::new(), created: 0, by: None };
        board.hub.change_access(AccessChange::Banned(ban), None).await.unwrap();
        assert_eq!(tokio::join!(presenting.ended(), board.end()), (Disconnect::AccessEnded, 0));
        assert_eq!(board.start(1, "c").await.err(), Some(ErrorCode::Banned));
    }

    #[tokio::test(start_paused = true)]
    async fn only_its_presenter_and_moderators_end_a_cast() {
        let board = Board::open(TempDir::new().unwrap());
        let presenting = board.start(1, "a").await.unwrap();
        let end = async |tag: u64| {
            let caller = Caller { tag: Some(Tag::from_bits(tag)), ..Caller::anonymous([127, 0, 0, 1].into()) };
            board.hub.end_cast(&board.hub.enter(&caller, &RoomName::lobby(), Action::Read).unwrap(), None).await
        };
        assert_eq!(end(2).await, Err(ErrorCode::AccessRefused));
        assert_eq!(board.running(), Some(1));
        assert_eq!(end(1).await, Ok(()));
        assert_eq!(presenting.ended().await, Disconnect::CastOver);
        assert_eq!(board.running(), None);
    }
}
