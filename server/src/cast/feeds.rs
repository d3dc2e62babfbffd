//! The casts of a server, by room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::{ErrorCode, RoomName};
use tokio::time::Instant;

use super::feed::Feed;
use super::rate::Rate;
use crate::limits::CastBounds;
use crate::room::{Hub, Room};

/// All casts of a server that have a presenter or viewers. Cheap to clone.
#[derive(Clone)]
pub struct Feeds(Arc<Shared>);

struct Shared {
    bounds: CastBounds,
    egress: Arc<Mutex<Rate>>,
    by_room: Mutex<HashMap<RoomName, Arc<Feed>>>,
    /// Times are counted from here.
    began_at: Instant,
}

impl Feeds {
    /// Returns no casts, with bounds for those that come.
    pub fn new(bounds: CastBounds) -> Self {
        Self(Arc::new(Shared { bounds, egress: Arc::default(), by_room: Mutex::default(), began_at: Instant::now() }))
    }

    /// Returns the time.
    pub fn now(&self) -> Duration {
        self.0.began_at.elapsed()
    }

    /// Returns the feed of the room's cast, and adds it if its presenter was not here yet.
    ///
    /// # Errors
    /// [`ErrorCode::NoCast`].
    pub fn of(&self, room: &Room) -> Result<Arc<Feed>, ErrorCode> {
        let wanted = room.cast().ok_or(ErrorCode::NoCast)?.info.clone();
        let mut feeds = self.0.by_room.lock();
        let known = feeds.get(room.name()).filter(|feed| feed.info().id == wanted.id).cloned();
        let feed = known.unwrap_or_else(|| {
            let feed = Arc::new(Feed::new(wanted.clone(), self.0.bounds, self.0.egress.clone()));
            feeds.insert(room.name().clone(), feed.clone()).inspect(|before| before.end());
            feed
        });
        // One that has ended meanwhile may not be looked for again.
        if room.cast().is_none_or(|running| running.info.id != wanted.id) {
            feeds.remove(room.name());
            feed.end();
            return Err(ErrorCode::NoCast);
        }
        Ok(feed)
    }

    /// Returns the feed of a room's cast, if it has a presenter or viewers.
    pub fn find(&self, room: &RoomName) -> Option<Arc<Feed>> {
        self.0.by_room.lock().get(room).cloned()
    }

    /// Ends the feeds of casts that are over. Never returns.
    pub async fn follow(self, hub: Hub) {
        let mut casts = hub.watch_casts();
        loop {
            self.end_all_but(|room| hub.cast(room).map(|running| running.info.id));
            if casts.changed().await.is_err() {
                return;
            }
        }
    }

    /// Ends all feeds but those of casts that are running.
    fn end_all_but(&self, running: impl Fn(&RoomName) -> Option<u64>) {
        self.0.by_room.lock().retain(|room, feed| {
            let is_running = running(room) == Some(feed.info().id);
            if !is_running {
                feed.end();
            }
            is_running
        });
    }
}
