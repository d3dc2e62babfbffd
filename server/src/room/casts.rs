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
        let (room, actor, time, rules) = (pass.room.clone(), pass.actor, (self.clock())(), self.rules());
        let name = self.access().name_used(&author, actor).map(|change| Command::Access { change, by: actor.key, time });
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

    /// Returns the cast that is running in a room.
    pub fn cast(&self, room: &RoomName) -> Option<Arc<RunningCast>> {
        self.registry.get(room)?.cast()
    }

    /// Ends the cast that runs in a room, if there is one. Only its presenter and moderators may.
    pub async fn end_cast(&self, pass: &Pass) -> Result<(), ErrorCode> {
        let running = self.cast(&pass.room);
        let is_own = running.as_ref().is_some_and(|running| pass.tag() == Some(running.info.by));
        if !is_own && !pass.actor.is_moderator() {
            return Err(ErrorCode::AccessRefused);
        }
        match running {
            Some(running) => self.write_end(&pass.room, running.info.id, pass.actor).await,
            None => Ok(()),
        }
    }

    async fn write_end(&self, room: &RoomName, cast: u64, actor: Actor) -> Result<(), ErrorCode> {
        let command = Command::EndCast(EndCast { room: room.clone(), cast, actor, time: (self.clock())() });
        let submitted = self.history.submit(vec![command])?.pop().ok_or(ErrorCode::Unavailable)?;
        match submitted.await? {
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
    pub fn cast_refusal(&self, pass: &Pass) -> Option<ErrorCode> {
        match self.cast(&pass.room) {
            Some(running) => (pass.tag() != Some(running.info.by)).then_some(ErrorCode::CastBusy),
            None => (self.presenters.count() >= self.rules().casts_max).then_some(ErrorCode::CastsFull),
        }
    }

    /// True if the presenter of a room's cast is connected. Otherwise the cast pauses.
    pub fn is_presented(&self, room: &RoomName) -> bool {
        self.presenters.is_present(room)
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
