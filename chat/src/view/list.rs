//! The messages.

mod message;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::links;
use super::put::put;
use crate::calendar::day_name;
use crate::colours::Palette;
use crate::model::Model;
use crate::printable::{Charset, cut, width};
use crate::room::{Item, Place, Room};
use crate::texts;
use message::Pen;

/// Draws the messages.
pub(super) fn draw(model: &mut Model, buffer: &mut Buffer, area: Rect, now: Timestamp) {
    let is_slow = model.is_sending_slowly(now);
    let words = model.search.as_ref().map(|finder| (finder.words(), finder.at)).filter(|(words, _)| !words.is_empty());
    let Model { rooms, active, palette, zone, charset, links, .. } = model;
    let room = &mut rooms[*active];
    let places = room.visible(area.height.into());
    let first_row = area.bottom() - places.len() as u16;
    if !room.is_loaded() && places.is_empty() {
        let text = if room.link.last_error.is_some() { "" } else { texts::LOADING };
        put(buffer, (area.x, area.y), area.right(), text, Palette::dim(), *charset);
        return;
    }
    let mut pen = Pen::new(buffer, area.right(), palette, zone, words);
    for (y, place) in (first_row..area.bottom()).zip(places) {
        match room.item(place) {
            Item::Message { offset, is_continued } => pen.message(room, offset, is_continued, place, y),
            Item::Pending { index, is_continued } => pen.pending(room, index, is_continued, place, y),
            item => line(&mut pen, room, item, place, y, is_slow),
        }
    }
    let link_rows = pen.finish();
    if *links {
        links::mark(buffer, &link_rows);
    }
}

/// Draws a line between messages.
fn line(pen: &mut Pen<'_>, room: &Room, item: Item, place: Place, y: u16, is_slow: bool) {
    let charset = room.charset();
    let dash = charset.pick("—", "-");
    match item {
        Item::Start => {
            let rows = room.start_rows();
            let row = rows.get(place.line).map_or("", String::as_str);
            centre(pen, row, y, Palette::dim(), charset);
        }
        Item::Day(day) => centre(pen, &format!("{dash} {} {dash}", day_name(day)), y, Palette::dim(), charset),
        Item::Gap(gap) => {
            let text = texts::gap(gap.reason, gap.resumes.saturating_sub(gap.after));
            let style = pen.palette.failure();
            centre(pen, &format!("{dash} {text} {dash}"), y, style, charset);
        }
        Item::Cast => {
            let text = room.cast().map(texts::cast).unwrap_or_default();
            let style = pen.palette.accent();
            centre(pen, &format!("{dash} {text} {dash}"), y, style, charset);
        }
        Item::Unread => {
            let style = pen.palette.accent();
            let rule = charset.pick("─", "-").repeat(pen.end.into());
            put(pen.buffer, (0, y), pen.end, &rule, style, charset);
            centre(pen, &format!(" {} ", texts::UNREAD), y, style, charset);
        }
        Item::Waiting if room.is_waiting() => {
            after_gutter(pen, room, &texts::waiting(room.outgoing.unsent()), y);
        }
        Item::Waiting if is_slow => after_gutter(pen, room, texts::SENDING, y),
        Item::Waiting | Item::Message { .. } | Item::Pending { .. } => {}
    }
}

fn after_gutter(pen: &mut Pen<'_>, room: &Room, text: &str, y: u16) {
    let x = room.grid().text_start() as u16;
    let shown = cut(text, usize::from(pen.end - x), room.charset());
    put(pen.buffer, (x, y), pen.end, &shown, Palette::dim(), room.charset());
}

fn centre(pen: &mut Pen<'_>, text: &str, y: u16, style: Style, charset: Charset) {
    let text = cut(text, pen.end.into(), charset);
    let x = usize::from(pen.end).saturating_sub(width(&text, charset)) / 2;
    put(pen.buffer, (x as u16, y), pen.end, &text, style, charset);
}
