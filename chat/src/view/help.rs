//! The list of keys and commands.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Clear, Widget as _};

use super::put::put;
use crate::colours::Palette;
use crate::model::{Model, Screen};
use crate::room::sentence;
use crate::texts;

/// From this width on, a key and what it does share a row.
const WIDE_COLUMNS: u16 = 64;
/// The width of the keys' column.
const KEY_COLUMNS: u16 = 26;

/// Draws the help over the messages.
pub(super) fn draw(model: &mut Model, buffer: &mut Buffer, screen: Screen) {
    let area = Rect { height: screen.list.height + screen.notice.height, ..screen.list };
    let rows = rows(model, area.width);
    let last = rows.len().saturating_sub(area.height.into());
    let first = model.help.unwrap_or(0).min(last);
    model.help = Some(first);
    Clear.render(area, buffer);
    for (y, (key, text, style)) in (area.top()..area.bottom()).zip(rows.into_iter().skip(first)) {
        let x = put(buffer, (area.x, y), area.right(), &key, style, model.charset);
        let x = if key.is_empty() || text.is_empty() { x } else { area.x + KEY_COLUMNS };
        put(buffer, (x, y), area.right(), &text, Style::new(), model.charset);
    }
    let hint = if last > first { texts::HELP_MORE } else { texts::HELP_END };
    Clear.render(screen.status, buffer);
    put(buffer, (area.x, screen.status.y), area.right(), hint, Palette::dim(), model.charset);
}

/// Returns keys, what they do, and the style of the keys, row by row.
fn rows(model: &Model, columns: u16) -> Vec<(String, String, Style)> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut rows = Vec::new();
    for (key, text) in texts::HELP {
        if key.is_empty() {
            if !rows.is_empty() {
                rows.push((String::new(), String::new(), bold));
            }
            rows.push(((*text).to_owned(), String::new(), model.palette.accent()));
        } else if columns >= WIDE_COLUMNS {
            let mut parts = sentence(text, (columns - KEY_COLUMNS).into(), model.charset).into_iter();
            rows.push(((*key).to_owned(), parts.next().unwrap_or_default(), bold));
            rows.extend(parts.map(|part| (" ".repeat(KEY_COLUMNS.into()), part, bold)));
        } else {
            rows.extend(sentence(key, columns.into(), model.charset).into_iter().map(|row| (row, String::new(), bold)));
            let text = sentence(text, usize::from(columns) - 2, model.charset);
            rows.extend(text.into_iter().map(|row| (String::new(), format!("  {row}"), bold)));
        }
    }
    rows
}
