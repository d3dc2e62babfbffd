//! The one way in which text gets onto the screen.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption, CellWidth as _};
use ratatui::style::Style;

use crate::printable::{Charset, glyphs};

/// Draws a text from a place on, up to the column `end`. Returns the column after it.
///
/// Whatever the text is, nothing of it reaches the terminal as a command.
pub(super) fn put(buffer: &mut Buffer, (x, y): (u16, u16), end: u16, text: &str, style: Style, charset: Charset) -> u16 {
    put_marked(buffer, (x, y), end, text, |_| style, charset)
}

/// Draws a text as [`put`] does, each character in the style for its place in the text.
pub(super) fn put_marked(
    buffer: &mut Buffer,
    (mut x, y): (u16, u16),
    end: u16,
    text: &str,
    style: impl Fn(usize) -> Style,
    charset: Charset,
) -> u16 {
    let end = if y < buffer.area.bottom() { end.min(buffer.area.right()) } else { 0 };
    for glyph in glyphs(text, charset) {
        let width = glyph.width as u16;
        if width == 0 {
            continue;
        }
        if x + width > end {
            break;
        }
        // What replaces a character, such as a tab, is a row of narrow ones.
        let style = style(glyph.at);
        if glyph.source.starts_with(&*glyph.shown) {
            let cell = buffer[(x, y)].set_symbol(&glyph.shown).set_style(style);
            // Ratatui measures a few characters wider than terminals draw them.
            if let Some(width) = NonZeroU16::new(width).filter(|width| width.get() != cell.cell_width()) {
                cell.set_diff_option(CellDiffOption::ForcedWidth(width));
            }
            for covered in x + 1..x + width {
                buffer[(covered, y)].reset();
                buffer[(covered, y)].set_style(style);
            }
            x += width;
        } else {
            for c in glyph.shown.chars().take(width.into()) {
                buffer[(x, y)].set_char(c).set_style(style);
                x += 1;
            }
        }
    }
    x
}
