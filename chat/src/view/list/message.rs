//! A message: time, name and text.

use std::ops::Range;

use client::urls::{self, Piece};
use client::{Pending, Stage};
use jiff::tz::TimeZone;
use protocol::Entry;
use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

use crate::calendar::clock;
use crate::colours::Palette;
use crate::printable::{Charset, cut, is_right_to_left, width};
use crate::room::{GUTTER_COLUMNS, Grid, Part, Place, Room, TIME_COLUMNS, shown_text};
use crate::search;
use crate::texts;
use crate::view::links::LinkRow;
use crate::view::put::{put, put_marked};

/// Ends a name that is written from right to left, so that it does not change places with the text
/// after it. Terminals draw nothing for it.
const LEFT_TO_RIGHT_MARK: &str = " \u{200e}";
/// Shown for a message without a name.
const NAMELESS: (&str, &str) = ("·", "-");

/// Draws the rows of messages.
pub(super) struct Pen<'a> {
    pub(super) buffer: &'a mut Buffer,
    /// The column after the last one.
    pub(super) end: u16,
    pub(super) palette: &'a mut Palette,
    zone: &'a TimeZone,
    /// The words that are searched for, and the message that was found.
    words: Option<(String, Option<u64>)>,
    /// The message whose marks are known, and these.
    marked: Option<u64>,
    marks: Marks,
    links: Vec<LinkRow>,
}

/// The parts of a text that look different.
#[derive(Default)]
struct Marks {
    links: Vec<Range<usize>>,
    words: Vec<Range<usize>>,
}

/// How a message looks.
struct Look {
    gutter: (&'static str, &'static str),
    gutter_style: Style,
    text: Style,
}

impl<'a> Pen<'a> {
    pub(super) fn new(
        buffer: &'a mut Buffer,
        end: u16,
        palette: &'a mut Palette,
        zone: &'a TimeZone,
        words: Option<(String, Option<u64>)>,
    ) -> Self {
        Self { buffer, end, palette, zone, words, marked: None, marks: Marks::default(), links: Vec::new() }
    }

    /// Returns the links that were drawn.
    pub(super) fn finish(self) -> Vec<LinkRow> {
        self.links
    }

    /// Draws a row of a message.
    pub(super) fn message(&mut self, room: &mut Room, offset: u64, is_continued: bool, place: Place, y: u16) {
        let has_header = room.has_header(place.item);
        let Some(part) = room.laid(offset).map(|laid| laid.part(place.line, has_header)) else { return };
        let Some(entry) = room.entry_at(offset) else { return };
        let (is_own, is_first) = (room.is_own(entry), matches!(part, Part::Text(_, true)));
        if self.marked != Some(offset) {
            self.marked = Some(offset);
            self.marks = self.find_marks(entry);
        }
        let name = entry.author.as_str();
        let (gutter, gutter_style) = if room.selected() == Some(offset) {
            (("▶", ">"), self.palette.accent())
        } else if entry.badge && is_first {
            // No name can show this: it stands where no author writes.
            (("◆", "*"), self.palette.accent())
        } else if is_own {
            (("┃", "#"), self.palette.author(name))
        } else {
            (("│", "|"), Palette::dim())
        };
        let look = Look { gutter, gutter_style, text: if entry.erased { Palette::dim() } else { Style::new() } };
        let time = clock(entry.time, self.zone);
        let name = (!is_continued).then_some(name);
        self.row(room.grid(), &part, (name, &time), shown_text(entry), &look, y);
        if let Part::Text(row, _) = &part {
            self.note_links(room.grid(), entry, row, y);
        }
    }

    /// Draws a row of a message on its way.
    pub(super) fn pending(&mut self, room: &mut Room, index: usize, is_continued: bool, place: Place, y: u16) {
        let has_header = room.has_header(place.item);
        let Some(part) = room.laid_pending(index).map(|laid| laid.part(place.line, has_header)) else { return };
        let Some(Pending { message, stage }) = room.outgoing.pending().get(index) else { return };
        let (gutter, gutter_style) = match stage {
            Stage::Sending | Stage::Queued => (("┊", ":"), Palette::dim()),
            Stage::Failed { .. } => (("!", "!"), self.palette.failure()),
        };
        self.marked = None;
        self.marks = Marks::default();
        let look = Look { gutter, gutter_style, text: Palette::dim() };
        let name = (!is_continued).then_some(message.author.as_str());
        self.row(room.grid(), &part, (name, ""), message.text.as_str(), &look, y);
    }

    fn row(&mut self, grid: Grid, part: &Part, (name, time): (Option<&str>, &str), text: &str, look: &Look, y: u16) {
        let charset = grid.charset;
        let start = grid.text_start() as u16;
        let is_first = matches!(part, Part::Text(_, true));
        if let Part::Header = part {
            return self.header(name.unwrap_or_default(), time, charset, y);
        }
        if let Some(columns) = grid.name.filter(|_| is_first) {
            put(self.buffer, (0, y), self.end, time, Palette::dim(), charset);
            if let Some(name) = name {
                self.name(name, columns, charset, y);
            }
        }
        let gutter = charset.pick(look.gutter.0, look.gutter.1);
        put(self.buffer, (start - GUTTER_COLUMNS as u16, y), self.end, gutter, look.gutter_style, charset);
        match part {
            Part::Header => {}
            Part::Text(row, _) => {
                let shown = &text[row.clone()];
                if name.is_some_and(is_right_to_left) || is_right_to_left(shown) {
                    self.buffer[(start - 1, y)].set_symbol(LEFT_TO_RIGHT_MARK);
                }
                let marks = &self.marks;
                let is_found = self.words.as_ref().is_some_and(|(_, at)| at.is_some() && *at == self.marked);
                let style = |at: usize| marks.style(at + row.start, look.text, is_found);
                put_marked(self.buffer, (start, y), self.end, shown, style, charset);
            }
            Part::Quote(text) | Part::Footer(text) => {
                put(self.buffer, (start, y), self.end, text, Palette::dim(), charset);
            }
            Part::More(rows) => {
                let more = format!("{} {}", charset.pick("…", "..."), texts::folded(*rows));
                put(self.buffer, (start, y), self.end, &more, Palette::dim(), charset);
            }
            Part::Note(note) => {
                let style = self.palette.failure();
                put(self.buffer, (start, y), self.end, note, style, charset);
            }
        }
    }

    /// Draws a name and a time on a row of their own.
    fn header(&mut self, name: &str, time: &str, charset: Charset, y: u16) {
        let columns = usize::from(self.end).saturating_sub(TIME_COLUMNS + 1);
        let shown = shown_name(name, columns, charset);
        let style = self.palette.author(name);
        let x = put(self.buffer, (0, y), self.end, &shown, style, charset);
        if is_right_to_left(name) && x < self.end {
            self.buffer[(x, y)].set_symbol(LEFT_TO_RIGHT_MARK);
        }
        put(self.buffer, (x + 1, y), self.end, time, Palette::dim(), charset);
    }

    /// Draws a name at the right edge of its column.
    fn name(&mut self, name: &str, columns: usize, charset: Charset, y: u16) {
        let shown = shown_name(name, columns, charset);
        let start = TIME_COLUMNS + 1 + columns.saturating_sub(width(&shown, charset));
        let style = self.palette.author(name);
        put(self.buffer, (start as u16, y), self.end, &shown, style, charset);
    }

    fn find_marks(&self, entry: &Entry) -> Marks {
        let (mut links, mut at) = (Vec::new(), 0);
        for piece in urls::pieces(entry.text.as_str()) {
            let (Piece::Plain(part) | Piece::Link(part)) = piece;
            if let Piece::Link(_) = piece {
                links.push(at..at + part.len());
            }
            at += part.len();
        }
        let words = self.words.as_ref().map_or_else(Vec::new, |(words, _)| search::find(entry.text.as_str(), words));
        Marks { links, words }
    }

    /// Remembers where the links of a row are on the screen.
    fn note_links(&mut self, grid: Grid, entry: &Entry, row: &Range<usize>, y: u16) {
        let text = entry.text.as_str();
        for (number, link) in self.marks.links.iter().enumerate() {
            let (from, to) = (link.start.max(row.start), link.end.min(row.end));
            if from >= to {
                continue;
            }
            let start = grid.text_start() + width(&text[row.start..from], grid.charset);
            let end = start + width(&text[from..to], grid.charset);
            let column = |x: usize| (x as u16).min(self.end);
            let id = entry.offset.wrapping_mul(64).wrapping_add(number as u64);
            self.links.push(LinkRow { y, start: column(start), end: column(end), link: text[link.clone()].to_owned(), id });
        }
    }
}

impl Marks {
    /// Returns the style of the character at a place of the text.
    fn style(&self, at: usize, text: Style, is_found: bool) -> Style {
        let is_in = |ranges: &[Range<usize>]| {
            let after = ranges.partition_point(|range| range.start <= at);
            after.checked_sub(1).is_some_and(|index| ranges[index].contains(&at))
        };
        let mut style = text;
        if is_in(&self.links) {
            style = style.patch(Palette::link());
        }
        if is_in(&self.words) {
            style = style.patch(Palette::marked());
            if is_found {
                style = style.add_modifier(Modifier::BOLD);
            }
        }
        style
    }
}

fn shown_name(name: &str, columns: usize, charset: Charset) -> String {
    if name.is_empty() { charset.pick(NAMELESS.0, NAMELESS.1).to_owned() } else { cut(name, columns, charset).into_owned() }
}
