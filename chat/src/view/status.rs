//! The state of the connection, and what waits: the row above what is being written.

use jiff::Timestamp;
use protocol::limits::TEXT_BYTES_MAX;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::put::put;
use crate::colours::Palette;
use crate::model::Model;
use crate::printable::{cut, width};
use crate::room::Status;
use crate::texts;

/// From this share of the longest text on, its length is shown, in percent.
const LONG_PERCENT: usize = 75;
/// Below this width, transports have their short names.
const NARROW_COLUMNS: u16 = 40;
/// The space between two parts.
const SPACE: &str = "  ";

/// Draws the connection on the left, and what waits on the right.
pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect, now: Timestamp) {
    let charset = model.charset;
    let right = waiting(model);
    let right_columns: usize = right.iter().map(|(text, _)| width(text, charset) + SPACE.len()).sum();
    let left_columns = usize::from(area.width).saturating_sub(right_columns);
    let (state, style) = connection(model, area.width, now);
    let left = cut(&state, left_columns, charset);
    put(buffer, (area.x, area.y), area.right(), &left, style, charset);
    let mut x = area.right().saturating_sub(right_columns as u16) + SPACE.len() as u16;
    for (text, style) in right {
        x = put(buffer, (x.min(area.right()), area.y), area.right(), &text, style, charset) + SPACE.len() as u16;
    }
}

fn connection(model: &Model, columns: u16, now: Timestamp) -> (String, Style) {
    let room = model.room();
    let charset = model.charset;
    let online = match room.link.online {
        0 => String::new(),
        count => format!(" {} {}", charset.pick("·", "-"), texts::online(count)),
    };
    let (dot, circle) = charset.pick(("●", "○"), ("*", "o"));
    match room.link.status(now) {
        Status::Live(transport) => {
            let name = if columns < NARROW_COLUMNS { transport.as_str() } else { texts::transport(transport) };
            (format!("{dot} {name}{online}"), model.palette.good())
        }
        Status::Connecting => (format!("{circle} {}", texts::CONNECTING), Palette::dim()),
        Status::Doubtful => (format!("{circle} {}", texts::DOUBTFUL), model.palette.failure()),
        Status::Waiting(seconds) => {
            let why = room.link.last_error.as_deref().map_or_else(String::new, |why| format!(": {why}"));
            (format!("{circle} {}{why}", texts::retry_in(seconds)), model.palette.failure())
        }
        Status::Ended => (format!("{circle} {}", texts::ENDED), model.palette.failure()),
    }
}

fn waiting(model: &Model) -> Vec<(String, Style)> {
    let room = model.room();
    let charset = model.charset;
    let mut parts = Vec::new();
    let bytes = room.composer.text().len();
    if bytes * 100 >= TEXT_BYTES_MAX * LONG_PERCENT {
        let style = if bytes > TEXT_BYTES_MAX { model.palette.failure() } else { Palette::dim() };
        parts.push((texts::long(bytes, TEXT_BYTES_MAX), style));
    }
    let failed = room.outgoing.failed();
    if failed > 0 {
        parts.push((format!("{} {}", charset.pick("✗", "!"), texts::failed(failed)), model.palette.failure()));
    }
    let queued = room.outgoing.queued();
    if queued > 0 {
        parts.push((texts::queued(queued), Palette::dim()));
    }
    let unsent = room.outgoing.unsent();
    if unsent > 0 {
        let text = if room.is_waiting() { texts::unsent_waiting(unsent) } else { texts::unsent(unsent) };
        parts.push((text, Palette::dim()));
    }
    let arrow = charset.pick("↓", "v");
    match room.below() {
        0 if !room.is_at_end() && room.is_loaded() => parts.push((format!("{arrow} {}", texts::MORE_BELOW), Palette::dim())),
        0 => {}
        count => parts.push((format!("{arrow} {}", texts::below(count)), model.palette.accent())),
    }
    parts
}
