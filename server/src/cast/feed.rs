//! One cast: what its presenter sends, for all who watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use protocol::cast::{Chunk, ChunkKind, ViewerFrame};
use protocol::limits::{CAST_GROUP_BYTES_MAX, PICTURE_BYTES_MAX};
use protocol::{CastInfo, ErrorCode};
use tokio::sync::watch;

use super::group::Group;
use super::picture::Picture;
use super::rate::Rate;
use crate::codec;
use crate::limits::CastBounds;
use crate::room::{Extent, Room};

/// Bytes of a group from which on a new viewer is better off with a key frame of its own.
const LONG_GROUP_BYTES: usize = CAST_GROUP_BYTES_MAX / 4;
/// How long a group may go on whose chunks fill more than [`OLD_GROUP_BYTES`]. A viewer that is
/// behind waits for its end.
const OLD_GROUP_TIME: Duration = Duration::from_secs(3);
/// A screen that stands still has few bytes, and needs no new key frame.
const OLD_GROUP_BYTES: usize = 64 * 1024;

/// What of a cast somebody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Video and audio, as finished WebSocket frames.
    Video,
    /// Pictures, as parts of a multipart response.
    Pictures,
}

/// A cast in memory, from its presenter to all who watch.
pub struct Feed {
    info: CastInfo,
    bounds: CastBounds,
    /// What the whole server sends to viewers.
    egress: Arc<Mutex<Rate>>,
    /// Of each track.
    viewers: [AtomicUsize; 2],
    state: Mutex<State>,
    /// The newest offsets of both tracks. A wake-up carries no data.
    latest: [watch::Sender<u64>; 2],
    /// Changes when there may be something to tell the presenter.
    changed: watch::Sender<()>,
    /// Never changes: viewers are not told who comes and goes.
    quiet: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    video: Group,
    pictures: Group,
    picture: Option<Picture>,
    /// Counts the presenter's connections. Only the newest one is heard.
    connection: u64,
    /// True while the presenter has no connection, or has sent no key frame on a new one.
    is_paused: bool,
    /// True if a viewer needs a key frame that it does not have.
    wants_key_frame: bool,
    is_over: bool,
}

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Viewers get it.
    Taken,
    /// Nobody gets it: viewers wait for a key frame, or the server sends as much as it may.
    Dropped,
}

impl Feed {
    pub(super) fn new(info: CastInfo, bounds: CastBounds, egress: Arc<Mutex<Rate>>) -> Self {
        // Until its presenter has connected.
        let state = Mutex::new(State { is_paused: true, ..State::default() });
        let latest = [watch::Sender::new(0), watch::Sender::new(0)];
        let [changed, quiet] = [watch::Sender::new(()), watch::Sender::new(())];
        Self { info, bounds, egress, viewers: Default::default(), state, latest, changed, quiet }
    }

    /// Returns what the room's log says about the cast.
    pub fn info(&self) -> &CastInfo {
        &self.info
    }

    /// Returns the cast's limits.
    pub fn bounds(&self) -> CastBounds {
        self.bounds
    }

    /// Connects the presenter. An older connection is not heard any more.
    pub fn connect(self: &Arc<Self>) -> Input {
        let mut state = self.state.lock();
        state.connection += 1;
        if state.connection == 1 && self.viewers() == 0 {
            state.is_paused = false;
        }
        state.video.cut();
        Input { feed: self.clone(), connection: state.connection }
    }

    /// Returns a receiver that changes when [`Self::viewers`] or [`Self::wants_key_frame`] may have
    /// changed.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Returns the number of viewers.
    pub fn viewers(&self) -> usize {
        self.viewers.iter().map(|viewers| viewers.load(Ordering::Relaxed)).sum()
    }

    /// True if the presenter should send a key frame.
    pub fn wants_key_frame(&self, now: Duration) -> bool {
        let state = self.state.lock();
        let Some(started_at) = state.video.started_at() else { return true };
        state.wants_key_frame || now >= started_at + OLD_GROUP_TIME && state.video.bytes() > OLD_GROUP_BYTES
    }

    /// Adds a viewer of a track.
    ///
    /// # Errors
    /// [`ErrorCode::ViewersFull`], or [`ErrorCode::NoCast`] if the cast is over.
    pub fn join(self: &Arc<Self>, track: Track) -> Result<Viewer, ErrorCode> {
        let mut state = self.state.lock();
        if state.is_over {
            return Err(ErrorCode::NoCast);
        }
        if self.is_full() {
            return Err(ErrorCode::ViewersFull);
        }
        self.viewers[track as usize].fetch_add(1, Ordering::Relaxed);
        let viewer = Viewer { feed: self.clone(), track };
        state.wants_key_frame |= track == Track::Video && state.video.bytes() > LONG_GROUP_BYTES;
        drop(state);
        self.changed.send_replace(());
        Ok(viewer)
    }

    /// True if it takes no more viewers.
    pub fn is_full(&self) -> bool {
        self.viewers() >= self.bounds.viewers_max
    }

    /// Takes bytes that are sent to somebody from what the server may send.
    ///
    /// # Errors
    /// [`ErrorCode::ViewersFull`].
    pub fn take_egress(&self, bytes: usize, now: Duration) -> Result<(), ErrorCode> {
        self.egress.lock().take(bytes as u64, self.bounds.egress_bytes_per_second_max, now).map_err(|_| ErrorCode::ViewersFull)
    }

    /// Returns the newest picture: a JPEG.
    pub fn picture(&self) -> Option<Bytes> {
        Some(self.state.lock().picture.as_ref()?.jpeg.clone())
    }

    /// Returns the presenter's message with the newest picture, as a WebSocket frame.
    pub fn picture_message(&self) -> Option<Bytes> {
        Some(self.state.lock().picture.as_ref()?.message.clone())
    }

    /// True while the presenter has no connection.
    pub fn is_paused(&self) -> bool {
        self.state.lock().is_paused
    }

    /// Ends the cast for everybody.
    pub fn end(&self) {
        self.state.lock().is_over = true;
        self.changed.send_replace(());
    }

    /// True if the cast is over.
    pub fn is_over(&self) -> bool {
        self.state.lock().is_over
    }

    fn push(&self, connection: u64, chunk: &Chunk<'_>, message: &[u8], now: Duration) -> Pushed {
        let track = if chunk.kind == ChunkKind::Picture { Track::Pictures } else { Track::Video };
        let bytes = message.len() * self.viewers[track as usize].load(Ordering::Relaxed);
        let mut state = self.state.lock();
        if connection != state.connection || state.is_over {
            return Pushed::Dropped;
        }
        if track == Track::Pictures {
            if self.take_egress(bytes, now).is_err() {
                return Pushed::Dropped;
            }
            state.keep_picture(Picture::new(message, chunk.payload), now);
        } else {
            let has_group = chunk.kind == ChunkKind::KeyFrame || state.video.started_at().is_some();
            if !has_group || self.take_egress(bytes, now).is_err() || !state.keep_video(chunk.kind, message, now) {
                state.video.cut();
                return Pushed::Dropped;
            }
        }
        self.publish(&state);
        Pushed::Taken
    }

    /// Shows viewers what was added.
    fn publish(&self, state: &MutexGuard<'_, State>) {
        let latest = [state.video.extent().latest, state.pictures.extent().latest];
        // With the lock held, so that these never go back.
        for (sender, latest) in self.latest.iter().zip(latest) {
            sender.send_if_modified(|known| std::mem::replace(known, latest) != latest);
        }
    }

    fn pause(&self, connection: u64) {
        let mut state = self.state.lock();
        if connection == state.connection && !state.is_paused && !state.is_over {
            state.is_paused = true;
            state.video.cut();
            state.video.note(text(&ViewerFrame::Paused));
            self.publish(&state);
        }
    }
}

impl State {
    fn group(&self, track: Track) -> &Group {
        match track {
            Track::Video => &self.video,
            Track::Pictures => &self.pictures,
        }
    }

    /// False if the group has become too long.
    fn keep_video(&mut self, kind: ChunkKind, message: &[u8], now: Duration) -> bool {
        let frame = codec::binary_frame(message);
        if kind != ChunkKind::KeyFrame {
            return self.video.push(frame, CAST_GROUP_BYTES_MAX, now);
        }
        let notice = std::mem::take(&mut self.is_paused).then(|| text(&ViewerFrame::Resumed));
        self.video.begin(notice, frame, CAST_GROUP_BYTES_MAX, now);
        self.wants_key_frame = false;
        true
    }

    /// Each picture needs no other: a reader that is behind goes on at the newest one.
    fn keep_picture(&mut self, picture: Picture, now: Duration) {
        self.pictures.begin(None, picture.part.clone(), 2 * PICTURE_BYTES_MAX, now);
        self.picture = Some(picture);
    }
}

fn text(frame: &ViewerFrame) -> Bytes {
    codec::text_frame(frame.to_json().as_bytes())
}

/// The presenter's connection, until it is dropped: then the cast is paused.
pub struct Input {
    feed: Arc<Feed>,
    connection: u64,
}

impl Input {
    /// Passes a chunk on, whose whole message is `message`.
    pub fn push(&self, chunk: &Chunk<'_>, message: &[u8], now: Duration) -> Pushed {
        self.feed.push(self.connection, chunk, message, now)
    }

    /// Leaves a chunk out. Viewers wait for a key frame.
    pub fn leave_out(&self, kind: ChunkKind) {
        let mut state = self.feed.state.lock();
        if kind != ChunkKind::Picture && state.connection == self.connection {
            state.video.cut();
        }
    }

    /// Leaves without a pause: viewers leave as well.
    pub fn leave(mut self) {
        // No connection has this number.
        self.connection = 0;
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.feed.pause(self.connection);
    }
}

/// Counts a viewer until it is dropped.
pub struct Viewer {
    feed: Arc<Feed>,
    track: Track,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.feed.viewers[self.track as usize].fetch_sub(1, Ordering::Relaxed);
        self.feed.changed.send_replace(());
    }
}

/// One track of a cast as a log. Cheap to clone.
#[derive(Clone)]
pub struct CastLog {
    room: Arc<Room>,
    feed: Arc<Feed>,
    track: Track,
}

impl CastLog {
    /// Returns the log of a track of the room's cast.
    pub fn new(room: Arc<Room>, feed: Arc<Feed>, track: Track) -> Self {
        Self { room, feed, track }
    }

    /// Returns the room.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Returns the cast.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Returns the offsets of the entries.
    pub fn extent(&self) -> Extent {
        self.feed.state.lock().group(self.track).extent()
    }

    /// Returns the cursor of a new viewer.
    pub fn start(&self) -> u64 {
        self.feed.state.lock().group(self.track).start()
    }

    /// Returns some of the entries after an offset, with their offsets. `None` if they have
    /// expired.
    pub fn read(&self, cursor: u64) -> Option<Vec<(u64, Bytes)>> {
        self.feed.state.lock().group(self.track).read(cursor)
    }

    /// Returns a receiver of the newest offset. A wake-up carries no data: the receiver reads the
    /// log.
    pub fn watch_latest(&self) -> watch::Receiver<u64> {
        self.feed.latest[self.track as usize].subscribe()
    }

    /// Returns a receiver that never changes: viewers are not told who comes and goes.
    pub fn watch_online(&self) -> watch::Receiver<()> {
        self.feed.quiet.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(viewers_max: usize, egress_bytes_per_second_max: u64) -> Arc<Feed> {
        let info = CastInfo { id: 1, author: Default::default(), by: protocol::Tag::from_bits(1), since: 0 };
        let bounds = CastBounds { viewers_max, egress_bytes_per_second_max, ..CastBounds::default() };
        Arc::new(Feed::new(info, bounds, Arc::default()))
    }

    fn push(input: &Input, kind: ChunkKind, now: u64) -> Pushed {
        let chunk = Chunk { kind, time: 0, payload: &[0; 91] };
        input.push(&chunk, &chunk.to_bytes(), Duration::from_millis(now))
    }

    /// Returns the first bytes of all entries that are kept: frames are binary, notices are text.
    fn opcodes(feed: &Feed) -> Vec<u8> {
        let state = feed.state.lock();
        let extent = state.video.extent();
        state.video.read(extent.expired).unwrap().iter().map(|(_, entry)| entry[0] & 15).collect()
    }

    use ChunkKind::{DeltaFrame, KeyFrame, Picture};
    use Pushed::{Dropped, Taken};

    #[test]
    fn a_delta_without_a_key_frame_is_dropped_and_a_key_frame_is_wanted() {
        let feed = feed(9, u64::MAX);
        let input = feed.connect();
        assert_eq!((push(&input, DeltaFrame, 0), push(&input, KeyFrame, 1), push(&input, DeltaFrame, 2)), (Dropped, Taken, Taken));
        assert!(!feed.wants_key_frame(Duration::from_secs(1)));
        input.leave_out(DeltaFrame);
        assert_eq!((push(&input, DeltaFrame, 3), push(&input, Picture, 3)), (Dropped, Taken));
        assert!(feed.wants_key_frame(Duration::from_secs(1)));
    }

    #[test]
    fn a_long_or_an_old_group_wants_a_key_frame() {
        let feed = feed(9, u64::MAX);
        let input = feed.connect();
        push(&input, KeyFrame, 0);
        let long = Duration::from_secs(100);
        assert!(!feed.wants_key_frame(long), "a screen that stands still needs none");
        for now in 0..700 {
            push(&input, DeltaFrame, now);
        }
        assert!(!feed.wants_key_frame(Duration::from_secs(2)) && feed.wants_key_frame(Duration::from_secs(3)));
        while feed.state.lock().video.bytes() <= LONG_GROUP_BYTES {
            push(&input, DeltaFrame, 800);
        }
        assert!(!feed.wants_key_frame(Duration::from_secs(2)));
        let _viewer = feed.join(Track::Video).unwrap();
        assert!(feed.wants_key_frame(Duration::from_secs(2)), "a viewer came late");
    }

    #[test]
    fn only_the_newest_connection_is_heard_and_only_its_end_pauses() {
        let feed = feed(9, u64::MAX);
        let older = feed.connect();
        push(&older, KeyFrame, 0);
        let newer = feed.connect();
        assert_eq!((push(&older, KeyFrame, 1), push(&newer, KeyFrame, 2)), (Dropped, Taken));
        drop(older);
        assert!(!feed.is_paused());
        drop(newer);
        assert!(feed.is_paused());
        let again = feed.connect();
        assert!(feed.is_paused(), "until the first key frame");
        push(&again, KeyFrame, 500);
        assert!(!feed.is_paused());
        push(&again, DeltaFrame, 700);
        // Who was behind is told that it goes on as well.
        assert_eq!(opcodes(&feed), [1, 2, 2]);
    }

    #[test]
    fn viewers_are_counted_and_bounded() {
        let feed = feed(2, u64::MAX);
        let viewers = [feed.join(Track::Video), feed.join(Track::Pictures)];
        assert_eq!((feed.join(Track::Video).err(), feed.viewers()), (Some(ErrorCode::ViewersFull), 2));
        drop(viewers);
        assert_eq!(feed.viewers(), 0);
        assert!(feed.join(Track::Video).is_ok());
        feed.end();
        assert_eq!(feed.join(Track::Video).err(), Some(ErrorCode::NoCast));
    }

    #[test]
    fn what_the_server_may_not_send_is_left_out_to_the_next_key_frame() {
        let feed = feed(9, 500);
        let input = feed.connect();
        let _viewers = [feed.join(Track::Video), feed.join(Track::Video)];
        push(&input, KeyFrame, 0);
        // 200 bytes each, of 500 a second.
        let taken = (0..20).take_while(|_| push(&input, DeltaFrame, 0) == Taken).count();
        assert_eq!(taken, 5);
        assert_eq!((push(&input, DeltaFrame, 1000), push(&input, KeyFrame, 1000)), (Dropped, Taken));
    }
}
