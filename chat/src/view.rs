//! Draws a [`Model`].

mod put;

mod links;

mod composer;
mod help;
mod list;
mod status;
mod tabs;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::model::Model;
use crate::texts;
use put::put;

pub(crate) use links::{MARK_END, split_mark};

/// Draws the screen, and sets the cursor to where the person types: there input methods show their
/// window.
pub fn draw(model: &mut Model, frame: &mut Frame<'_>, now: Timestamp) {
    let Rect { width, height, .. } = frame.area();
    model.resize(width, height);
    model.drawn();
    if model.is_too_small() {
        return too_small(model, frame);
    }
    model.refresh(now);
    let screen = model.screen();
    tabs::draw(model, frame.buffer_mut(), screen.tabs);
    list::draw(model, frame.buffer_mut(), screen.list, now);
    notice(model, frame, screen.notice);
    status::draw(model, frame.buffer_mut(), screen.status, now);
    let cursor = composer::draw(model, frame.buffer_mut(), screen.composer);
    if model.help.is_some() {
        help::draw(model, frame.buffer_mut(), screen);
    } else {
        frame.set_cursor_position(cursor);
    }
}

fn too_small(model: &Model, frame: &mut Frame<'_>) {
    let Rect { width, height, .. } = frame.area();
    let rows = crate::room::sentence(texts::TOO_SMALL, width.into(), model.charset);
    for (y, row) in (0..height).zip(rows) {
        put(frame.buffer_mut(), (0, y), width, &row, Style::new(), model.charset);
    }
}

fn notice(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    for (y, row) in (area.top()..area.bottom()).zip(model.notice_rows()) {
        put(frame.buffer_mut(), (0, y), area.right(), &row, model.palette.accent(), model.charset);
    }
}
