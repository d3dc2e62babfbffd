//! Casts in memory: what a presenter sends, and what viewers may still need of it. No socket, no
//! SQL, and nothing of a cast is kept after its end.
//!
//! A cast is a log whose past is short. Its entries are finished bytes with offsets 1, 2, 3…, and
//! those before the newest key frame expire. So delivery treats a viewer like any other reader: one
//! that is behind is told a gap, and goes on at the key frame.

mod rate;

mod group;

mod picture;

mod feed;

mod feeds;

mod presenter;

pub use feed::{CastLog, Feed, Input, Pushed, Track, Viewer};
pub use feeds::Feeds;
pub use picture::{PARTS_START, PARTS_TYPE};
pub use presenter::{Presenter, Verdict};
