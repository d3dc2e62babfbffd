//! Cells as bytes for a terminal.
//!
//! Whatever a cell contains, no control character and no escape sequence of others comes out.

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt::{Arguments, Write as _};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthChar as _;

use crate::printable::is_harmful;
use crate::view::{MARK_END, split_mark};

/// Maximum size of the screen: more of a larger terminal stays empty.
const SIZE_MAX: Size = Size { width: 1_000, height: 500 };
/// The size of a terminal that does not tell.
const SIZE_DEFAULT: Size = Size { width: 80, height: 24 };
/// A frame begins with this, and the terminal shows nothing until its end.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// The screen, as ratatui draws it.
#[derive(Debug)]
pub(crate) struct Screen {
    text: String,
    size: Size,
    is_utf8: bool,
    cursor: Position,
}

/// What the terminal prints the next character with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pen {
    foreground: Color,
    background: Color,
    modifier: Modifier,
}

const PEN: Pen = Pen { foreground: Color::Reset, background: Color::Reset, modifier: Modifier::empty() };

/// The attributes that are drawn, with their numbers.
const ATTRIBUTES: [(Modifier, &str); 6] = [
    (Modifier::BOLD, ";1"),
    (Modifier::DIM, ";2"),
    (Modifier::ITALIC, ";3"),
    (Modifier::UNDERLINED, ";4"),
    (Modifier::REVERSED, ";7"),
    (Modifier::CROSSED_OUT, ";9"),
];

impl Screen {
    /// Creates a screen of this many columns and rows. Without `is_utf8`, only ASCII comes out.
    pub(crate) fn new(size: (u16, u16), is_utf8: bool) -> Self {
        let mut screen = Self { text: String::new(), size: SIZE_DEFAULT, is_utf8, cursor: Position::ORIGIN };
        screen.resize(size);
        screen
    }

    /// Changes the size. Returns the size that is used.
    pub(crate) fn resize(&mut self, (columns, rows): (u16, u16)) -> (u16, u16) {
        if columns > 0 && rows > 0 {
            self.size = Size { width: columns.min(SIZE_MAX.width), height: rows.min(SIZE_MAX.height) };
        }
        (self.size.width, self.size.height)
    }

    /// Moves what was drawn since the last call to the end of `frame`.
    pub(crate) fn take(&mut self, frame: &mut Vec<u8>) {
        for part in [BEGIN, &self.text, END] {
            frame.extend_from_slice(part.as_bytes());
        }
        self.text.clear();
    }

    fn put(&mut self, text: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(text);
    }

    fn set_pen(&mut self, pen: &mut Pen, to: Pen) {
        if std::mem::replace(pen, to) == to {
            return;
        }
        self.text.push_str("\x1b[0");
        for (modifier, number) in ATTRIBUTES {
            if to.modifier.contains(modifier) {
                self.text.push_str(number);
            }
        }
        self.set_colour(to.foreground, 0);
        self.set_colour(to.background, 10);
        self.text.push('m');
    }

    /// Adds a colour to a sequence; `shift` is 0 for the foreground, 10 for the background.
    fn set_colour(&mut self, colour: Color, shift: u8) {
        match colour {
            Color::Reset => {}
            Color::Indexed(index) => self.put(format_args!(";{};5;{index}", 38 + shift)),
            Color::Rgb(red, green, blue) => self.put(format_args!(";{};2;{red};{green};{blue}", 38 + shift)),
            named => self.put(format_args!(";{}", number(named) + shift)),
        }
    }

    /// Adds a cell's symbol. Returns its width if all terminals agree about it.
    fn print(&mut self, symbol: &str) -> Option<u16> {
        let Some((mark, text)) = split_mark(symbol) else { return self.print_text(symbol) };
        self.text.push_str(mark);
        self.print_text(text);
        self.text.push_str(MARK_END);
        None
    }

    fn print_text(&mut self, text: &str) -> Option<u16> {
        if !self.is_utf8 && !text.is_ascii() {
            for c in text.chars() {
                let shown = if c.is_ascii() && !is_harmful(c) { c } else { '?' };
                self.text.extend(std::iter::repeat_n(shown, c.width().unwrap_or(0)));
            }
            return None;
        }
        for c in text.chars() {
            self.text.push(if is_harmful(c) { '\u{fffd}' } else { c });
        }
        let mut chars = text.chars();
        let first = chars.next().filter(|_| chars.next().is_none())?;
        has_certain_width(first).then(|| if first.is_ascii() { 1 } else { 2 })
    }
}

/// True for ASCII, kana, Han and Hangul. Terminals disagree about symbols and emoji.
fn has_certain_width(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// Returns the number of one of the 16 colours in the foreground.
fn number(colour: Color) -> u8 {
    match colour {
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        Color::Reset | Color::Indexed(_) | Color::Rgb(..) => 39,
    }
}

impl Backend for Screen {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut pen = PEN;
        let mut next = None;
        for (x, y, cell) in content {
            let to = Pen { foreground: cell.fg, background: cell.bg, modifier: cell.modifier };
            if next != Some((x, y)) {
                self.put(format_args!("\x1b[{};{}H", y + 1, x + 1));
            }
            self.set_pen(&mut pen, to);
            next = self.print(cell.symbol()).map(|width| (x + width, y));
        }
        self.set_pen(&mut pen, PEN);
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.text.push_str("\x1b[?25l");
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.text.push_str("\x1b[?25h");
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.cursor = position.into();
        self.put(format_args!("\x1b[{};{}H", self.cursor.y + 1, self.cursor.x + 1));
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, _: ClearType) -> Result<(), Infallible> {
        // Only a whole screen is ever cleared.
        self.text.push_str("\x1b[0m\x1b[2J");
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
