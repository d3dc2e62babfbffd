//! The page of a room, rendered on the server. It reads and posts without script.

mod preferences;

mod render;

mod companions;
mod error_page;
mod post;
mod view;
mod wall;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::RoomName;

pub(super) use companions::{icon, manifest, open, qr};
pub(super) use error_page::{error_pages, respond_with_error, without_slash};
pub(super) use post::{post_lobby, post_room};
pub(super) use preferences::{PageQuery, known_zone};
pub(super) use view::{lobby, room};
pub(super) use wall::wall;

/// The path of a room's page.
fn room_path(room: &RoomName) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    format!("/r/{}", utf8_percent_encode(room.as_str(), ESCAPED))
}
