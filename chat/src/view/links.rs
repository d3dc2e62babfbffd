//! Marks the links on the screen for the terminal (OSC 8), so that people can open them.
//!
//! A row of a link becomes one cell, whose symbol is the mark, the text and the end of the mark.
//! Its width is forced, because Ratatui measures the mark as well. The cells that it covers have an
//! option that others have not, so they are drawn again when the link is gone.

use std::num::NonZeroU16;

use client::urls;
use ratatui::buffer::{Buffer, CellDiffOption, CellWidth as _};

/// Begins a mark: its id, its address and [`MARK_TEXT`] follow.
const MARK: &str = "\u{1b}]8;id=";
/// Ends the head of a mark. The text follows.
const MARK_TEXT: &str = "\u{1b}\\";
/// Ends a mark.
pub(crate) const MARK_END: &str = "\u{1b}]8;;\u{1b}\\";
/// Maximum bytes of an address; terminals ignore longer ones.
const ADDRESS_BYTES_MAX: usize = 2_000;

/// A row of a link on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkRow {
    /// The row of the screen.
    pub(super) y: u16,
    /// The first column.
    pub(super) start: u16,
    /// The column after the last.
    pub(super) end: u16,
    /// The link, as it is in the text.
    pub(super) link: String,
    /// What the rows of one link have in common.
    pub(super) id: u64,
}

/// Marks links. They are on the screen already.
pub(super) fn mark(buffer: &mut Buffer, rows: &[LinkRow]) {
    for LinkRow { y, start, end, link, id } in rows {
        let Some(address) = address(link) else { continue };
        let mut x = *start;
        while x < *end {
            x = mark_run(buffer, (x, *y), *end, &address, *id);
        }
    }
}

/// Marks the cells from a place on that have one style. Returns the column after them.
fn mark_run(buffer: &mut Buffer, (start, y): (u16, u16), end: u16, address: &str, id: u64) -> u16 {
    let style = buffer[(start, y)].style();
    let mut symbol = format!("{MARK}{id};{address}{MARK_TEXT}");
    let mut x = start;
    while x < end && buffer[(x, y)].style() == style {
        let cell = &mut buffer[(x, y)];
        symbol.push_str(cell.symbol());
        x += cell.cell_width().max(1);
        cell.set_diff_option(CellDiffOption::ForcedWidth(NonZeroU16::MIN));
    }
    symbol.push_str(MARK_END);
    if let Some(width) = NonZeroU16::new(x - start) {
        buffer[(start, y)].set_symbol(&symbol).set_diff_option(CellDiffOption::ForcedWidth(width));
    }
    x
}

/// Splits the symbol of a marked cell into the head of the mark, and the text without its end.
/// `None` if the symbol is not what [`mark`] writes.
pub(crate) fn split_mark(symbol: &str) -> Option<(&str, &str)> {
    let rest = symbol.strip_prefix(MARK)?.strip_suffix(MARK_END)?;
    let (address, text) = rest.split_once(MARK_TEXT)?;
    let is_address = address.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    is_address.then(|| (&symbol[..symbol.len() - text.len() - MARK_END.len()], text))
}

/// Returns the address of a link in printable ASCII. `None` if it is too long.
fn address(link: &str) -> Option<String> {
    let mut address = String::new();
    for byte in urls::href(link).bytes() {
        match byte {
            b'!'..=b'~' => address.push(byte.into()),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    (address.len() <= ADDRESS_BYTES_MAX).then_some(address)
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Modifier, Style};

    use super::*;

    fn row(end: u16, link: &str) -> LinkRow {
        LinkRow { y: 0, start: 0, end, link: link.to_owned(), id: 7 }
    }

    #[test]
    fn a_link_is_marked_around_its_text_and_drawn_again_when_it_is_gone() {
        let mut plain = Buffer::empty(Rect::new(0, 0, 12, 1));
        plain.set_string(0, 0, "https://a.b!", Style::new());
        let mut marked = plain.clone();
        mark(&mut marked, &[row(11, "https://a.b")]);
        let drawn: Vec<_> = plain.diff_iter(&marked).map(|(x, _, cell)| (x, cell.symbol().to_owned())).collect();
        assert_eq!(drawn, [(0, "\u{1b}]8;id=7;https://a.b\u{1b}\\https://a.b\u{1b}]8;;\u{1b}\\".to_owned())]);
        assert_eq!(marked.diff_iter(&plain).count(), 11);
    }

    #[test]
    fn each_style_of_a_link_is_marked_and_wide_characters_stay_whole() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_string(0, 0, "http://a/中文", Style::new());
        buffer.set_style(Rect::new(0, 0, 5, 1), Style::new().add_modifier(Modifier::REVERSED));
        mark(&mut buffer, &[row(13, "http://a/中文")]);
        assert_eq!(buffer[(0, 0)].symbol(), "\u{1b}]8;id=7;http://a/%E4%B8%AD%E6%96%87\u{1b}\\http:\u{1b}]8;;\u{1b}\\");
        assert_eq!(buffer[(5, 0)].symbol(), "\u{1b}]8;id=7;http://a/%E4%B8%AD%E6%96%87\u{1b}\\//a/中文\u{1b}]8;;\u{1b}\\");
    }

    #[test]
    fn an_address_has_no_command_and_a_limit() {
        assert_eq!(address("https://a/\u{1b}\u{9c}\u{7}x").unwrap(), "https://a/%1B%C2%9C%07x");
        assert_eq!(address("www.a.b").as_deref(), Some("https://www.a.b"));
        assert_eq!(address(&("https://a/".to_owned() + &"x".repeat(ADDRESS_BYTES_MAX))), None);
    }
}
