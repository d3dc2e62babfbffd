//! What is being written, in the last rows.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::put::put;
use crate::colours::Palette;
use crate::model::{Model, PROMPT_COLUMNS};
use crate::printable::width;
use crate::texts;

/// Draws what is being written. Returns the place of the caret.
pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect) -> Position {
    if model.search.is_some() {
        return search(model, buffer, area);
    }
    let charset = model.charset;
    let room = model.room();
    let start = area.x + PROMPT_COLUMNS;
    let prompt = charset.pick("› ", "> ");
    put(buffer, (area.x, area.y), start, prompt, Palette::dim(), charset);
    if room.composer.is_empty() {
        let placeholder = match room.selected() {
            Some(_) => texts::SELECTED.to_owned(),
            None => texts::placeholder(room.name.as_str(), model.author.as_str()),
        };
        put(buffer, (start, area.y), area.right(), &placeholder, Palette::dim(), charset);
        return Position { x: start, y: area.y };
    }
    let rows = model.composer_rows();
    let (caret_row, caret_column) = rows.caret;
    let height = usize::from(area.height);
    // The caret's row is in the middle, as far as there are rows on both sides.
    let first = caret_row.saturating_sub(height / 2).min(rows.rows.len().saturating_sub(height));
    for (y, row) in (area.top()..area.bottom()).zip(rows.rows.iter().skip(first)) {
        put(buffer, (start, y), area.right(), &room.composer.text()[row.clone()], Style::new(), charset);
    }
    Position { x: start + caret_column as u16, y: area.y + (caret_row - first) as u16 }
}

/// Draws the words of a search, and what was found.
fn search(model: &Model, buffer: &mut Buffer, area: Rect) -> Position {
    let charset = model.charset;
    let Some(finder) = &model.search else { return area.as_position() };
    let after_label = put(buffer, (area.x, area.y), area.right(), texts::SEARCH, model.palette.accent(), charset);
    let left = usize::from(area.right().saturating_sub(after_label + 1)).max(1);
    // The end of long words is shown.
    let words = finder.input.text();
    let mut from = 0;
    while width(&words[from..], charset) > left {
        from += words[from..].chars().next().map_or(1, char::len_utf8);
    }
    let x = put(buffer, (after_label, area.y), area.right(), &words[from..], Style::new(), charset);
    if !finder.is_typing {
        let (number, of) = finder.found;
        let result = format!("  {}{}", texts::found(number, of), texts::SEARCH_KEYS);
        put(buffer, (x, area.y), area.right(), &result, Palette::dim(), charset);
    }
    Position { x: x.min(area.right().saturating_sub(1)), y: area.y }
}
