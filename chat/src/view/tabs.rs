//! The rooms, in the first row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put::put;
use crate::colours::Palette;
use crate::model::Model;
use crate::printable::{cut, width};

/// Maximum width of a room's name.
const NAME_COLUMNS_MAX: usize = 24;

/// Draws the rooms with their unread messages. If they do not fit, the one that is shown is there.
pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let charset = model.charset;
    let labels: Vec<String> = (0..model.rooms.len()).map(|index| label(model, index, area)).collect();
    let columns = |labels: &[String]| labels.iter().map(|label| width(label, charset) + 1).sum::<usize>();
    let mut first = 0;
    while first < model.active && columns(&labels[first..=model.active]) + 2 > area.width.into() {
        first += 1;
    }
    let mut x = area.x;
    if first > 0 {
        x = put(buffer, (x, area.y), area.right(), charset.pick("‹", "<"), Palette::dim(), charset);
    }
    for (index, label) in labels.iter().enumerate().skip(first) {
        let style = match model.rooms[index].unread() {
            _ if index == model.active => Palette::marked(),
            0 => Palette::dim(),
            _ => model.palette.accent(),
        };
        if x + width(label, charset) as u16 > area.right() {
            put(buffer, (area.right() - 1, area.y), area.right(), charset.pick("›", ">"), Palette::dim(), charset);
            break;
        }
        x = put(buffer, (x, area.y), area.right(), label, style, charset) + 1;
    }
}

fn label(model: &Model, index: usize, area: Rect) -> String {
    let room = &model.rooms[index];
    let count = match room.unread() {
        0 => String::new(),
        count if count > 999 => " 999+".to_owned(),
        count => format!(" {count}"),
    };
    let columns = NAME_COLUMNS_MAX.min(usize::from(area.width).saturating_sub(count.len() + 4));
    format!(" {}{count} ", cut(room.name.as_str(), columns, model.charset))
}
