//! Who presents the casts that are running. Time is an input.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::limits::CAST_RESUME_SECONDS;
use protocol::{Disconnect, Entry, RoomName};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::access::Caller;
use crate::limits::network;
use crate::store::StoredRoom;

/// How long a cast waits for a presenter that has lost its connection.
const RESUME_TIME: Duration = Duration::from_secs(CAST_RESUME_SECONDS);

/// The casts that are running, in all rooms: exactly those that the log has begun and not ended.
pub(super) struct Presenters {
    casts: Mutex<HashMap<RoomName, Cast>>,
    /// Changes with every start, end, loss and return.
    version: watch::Sender<u64>,
}

struct Cast {
    id: u64,
    /// Who presented it last. `None` after a restart, until its presenter is back.
    presenter: Option<Presenter>,
    /// Since when nobody presents it.
    absent_since: Option<Instant>,
}

struct Presenter {
    caller: Caller,
    /// Which of their connections is the newest.
    connection: u64,
    /// Tells that connection why it ends.
    end: watch::Sender<Option<Disconnect>>,
}

/// The newest connection of a presenter.
pub(super) struct Attached {
    pub(super) connection: u64,
    /// Why the connection ends. Closed when the cast is over.
    pub(super) end: watch::Receiver<Option<Disconnect>>,
}

/// A cast that must end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) room: RoomName,
    pub(super) cast: u64,
    /// True if its presenter may no longer show a screen.
    pub(super) is_refused: bool,
}

impl Presenters {
    pub(super) fn new() -> Self {
        Self { casts: Mutex::default(), version: watch::Sender::new(0) }
    }

    /// Adds the casts that ran when the server stopped. Their presenters may come back.
    pub(super) fn load(&self, rooms: &[StoredRoom], now: Instant) {
        let cast = |room: &StoredRoom| Some((room.name.clone(), Cast::absent(room.cast.as_ref()?.info.id, now)));
        self.casts.lock().extend(rooms.iter().filter_map(cast));
    }

    /// Applies a committed entry that begins or ends a cast.
    pub(super) fn apply(&self, room: &RoomName, entry: &Entry, now: Instant) {
        match entry.of {
            None => drop(self.casts.lock().insert(room.clone(), Cast::absent(entry.offset, now))),
            Some(cast) => self.remove(room, cast),
        }
        self.change();
    }

    /// Forgets a cast that is over.
    pub(super) fn remove(&self, room: &RoomName, cast: u64) {
        let mut casts = self.casts.lock();
        if casts.get(room).is_some_and(|known| known.id == cast) {
            casts.remove(room);
        }
    }

    /// Adds a connection of a cast's presenter, in place of an earlier one. `None` if the cast is
    /// over.
    pub(super) fn attach(&self, room: &RoomName, cast: u64, caller: &Caller) -> Option<Attached> {
        let mut casts = self.casts.lock();
        let known = casts.get_mut(room).filter(|known| known.id == cast)?;
        let earlier = known.presenter.take();
        let connection = earlier.as_ref().map_or(0, |earlier| earlier.connection + 1);
        if let Some(earlier) = earlier {
            earlier.end.send_replace(Some(Disconnect::CastReplaced));
        }
        let (sender, end) = watch::channel(None);
        known.presenter = Some(Presenter { caller: caller.clone(), connection, end: sender });
        known.absent_since = None;
        drop(casts);
        self.change();
        Some(Attached { connection, end })
    }

    /// Records that a presenter's connection is gone. Has no effect if it was replaced.
    pub(super) fn detach(&self, room: &RoomName, cast: u64, connection: u64, now: Instant) {
        let mut casts = self.casts.lock();
        let is_it = |known: &&mut Cast| known.id == cast && known.presenter.as_ref().is_some_and(|it| it.connection == connection);
        let Some(known) = casts.get_mut(room).filter(is_it) else { return };
        known.absent_since = Some(now);
        drop(casts);
        self.change();
    }

    /// Tells a cast's presenter why the connection ends.
    pub(super) fn end(&self, room: &RoomName, cast: u64, why: Disconnect) {
        let casts = self.casts.lock();
        let known = casts.get(room).filter(|known| known.id == cast);
        if let Some(presenter) = known.and_then(|known| known.presenter.as_ref()) {
            presenter.end.send_replace(Some(why));
        }
    }

    /// Returns the casts that must end: nobody has presented them for too long, or their presenter
    /// may no longer show a screen.
    pub(super) fn due(&self, now: Instant, may_cast: impl Fn(&RoomName, &Caller) -> bool) -> Vec<Due> {
        // Asked without the lock.
        let known = |(room, cast): (&RoomName, &Cast)| {
            (room.clone(), cast.id, cast.presenter.as_ref().map(|presenter| presenter.caller.clone()), cast.absent_since)
        };
        let casts: Vec<_> = self.casts.lock().iter().map(known).collect();
        let due = casts.into_iter().filter_map(|(room, cast, caller, absent_since)| {
            let is_refused = caller.is_some_and(|caller| !may_cast(&room, &caller));
            let is_abandoned = absent_since.is_some_and(|since| now.saturating_duration_since(since) >= RESUME_TIME);
            (is_refused || is_abandoned).then_some(Due { room, cast, is_refused })
        });
        due.collect()
    }

    /// True if somebody presents the cast of a room now.
    #[cfg(test)]
    pub(super) fn is_present(&self, room: &RoomName) -> bool {
        self.casts.lock().get(room).is_some_and(|cast| cast.absent_since.is_none())
    }

    /// Returns how many casts of other rooms are presented from an address.
    pub(super) fn count_at(&self, address: IpAddr, room: &RoomName) -> usize {
        let is_there = |cast: &Cast| cast.presenter.as_ref().is_some_and(|presenter| network(presenter.caller.address) == network(address));
        self.casts.lock().iter().filter(|(other, cast)| *other != room && is_there(cast)).count()
    }

    /// Returns the number of casts.
    pub(super) fn count(&self) -> usize {
        self.casts.lock().len()
    }

    /// Returns a receiver that changes with the casts and their presenters. A wake-up carries no
    /// data.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Waits while there is no cast.
    pub(super) async fn wait_for_some(&self) {
        // Fails only when this value is dropped.
        let _ = self.watch().wait_for(|_| self.count() > 0).await;
    }

    fn change(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

impl Cast {
    fn absent(id: u64, now: Instant) -> Self {
        Self { id, presenter: None, absent_since: Some(now) }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Kind, RoomName};

    use super::*;

    fn caller() -> Caller {
        Caller::anonymous([127, 0, 0, 1].into())
    }

    fn lobby() -> RoomName {
        RoomName::lobby()
    }

    fn begun(now: Instant) -> Presenters {
        let presenters = Presenters::new();
        presenters.apply(&lobby(), &Entry { offset: 7, kind: Kind::Cast, ..Entry::default() }, now);
        presenters
    }

    fn end(attached: &Attached) -> Option<Disconnect> {
        *attached.end.borrow()
    }

    #[test]
    fn a_presenter_that_is_away_for_too_long_ends_the_cast() {
        let start = Instant::now();
        let presenters = begun(start);
        let due = |after: Duration| presenters.due(start + after, |_, _| true).len();
        let second = Duration::from_secs(1);
        assert_eq!((due(RESUME_TIME - second), due(RESUME_TIME)), (0, 1), "nobody came");
        let first = presenters.attach(&lobby(), 7, &caller()).unwrap();
        assert_eq!(due(100 * RESUME_TIME), 0);
        presenters.detach(&lobby(), 7, first.connection, start + RESUME_TIME);
        assert!(!presenters.is_present(&lobby()));
        assert_eq!(due(2 * RESUME_TIME - second), 0);
        assert_eq!(presenters.due(start + 2 * RESUME_TIME, |_, _| true), [Due { room: lobby(), cast: 7, is_refused: false }]);
        assert!(presenters.attach(&lobby(), 7, &caller()).is_some() && due(2 * RESUME_TIME) == 0, "the presenter is back");
    }

    #[test]
    fn a_newer_connection_replaces_an_older_one_whose_end_has_no_effect() {
        let now = Instant::now();
        let presenters = begun(now);
        let first = presenters.attach(&lobby(), 7, &caller()).unwrap();
        let second = presenters.attach(&lobby(), 7, &caller()).unwrap();
        assert_eq!((end(&first), end(&second)), (Some(Disconnect::CastReplaced), None));
        presenters.detach(&lobby(), 7, first.connection, now);
        assert!(presenters.is_present(&lobby()));
        assert!(presenters.attach(&lobby(), 6, &caller()).is_none(), "another cast");
    }

    #[test]
    fn the_casts_of_other_rooms_count_for_their_address() {
        let now = Instant::now();
        let presenters = begun(now);
        let at = |address: &str| Caller::anonymous(address.parse().unwrap());
        let count = |address: &str, room: &str| presenters.count_at(address.parse().unwrap(), &room.parse().unwrap());
        assert_eq!(count("2001:db8::2", "tea"), 0, "nobody is known yet");
        presenters.attach(&lobby(), 7, &at("2001:db8::1")).unwrap();
        assert_eq!((count("2001:db8::2", "tea"), count("2001:db8::2", "lobby"), count("192.0.2.1", "tea")), (1, 0, 0));
    }

    #[test]
    fn a_presenter_who_has_lost_the_right_is_told_also_while_away() {
        let now = Instant::now();
        let presenters = begun(now);
        assert_eq!(presenters.due(now, |_, _| false), [], "nobody is known yet");
        let attached = presenters.attach(&lobby(), 7, &caller()).unwrap();
        presenters.detach(&lobby(), 7, attached.connection, now);
        assert_eq!(presenters.due(now, |_, _| false), [Due { room: lobby(), cast: 7, is_refused: true }]);
        presenters.end(&lobby(), 7, Disconnect::AccessEnded);
        assert_eq!(end(&attached), Some(Disconnect::AccessEnded));
    }

    #[test]
    fn the_end_of_an_earlier_cast_does_not_end_the_next_one() {
        let now = Instant::now();
        let presenters = begun(now);
        let attached = presenters.attach(&lobby(), 7, &caller()).unwrap();
        let over = |of: u64| Entry { offset: 9, kind: Kind::Cast, of: Some(of), off: true, ..Entry::default() };
        presenters.apply(&lobby(), &over(6), now);
        assert_eq!(presenters.count(), 1);
        presenters.apply(&lobby(), &over(7), now);
        assert_eq!(presenters.count(), 0);
        assert!(attached.end.has_changed().is_err(), "the connection finds out");
    }
}
