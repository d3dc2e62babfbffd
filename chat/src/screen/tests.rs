//! The bytes of cells, as a terminal emulator shows them.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::*;

/// Draws one line. Returns the bytes.
fn drawn(line: Line<'_>, is_utf8: bool) -> String {
    let screen = Screen::new((20, 1), is_utf8);
    let mut terminal = Terminal::with_options(screen, TerminalOptions { viewport: Viewport::Fullscreen }).unwrap();
    let mut frame = Vec::new();
    terminal.draw(|frame| frame.render_widget(line, frame.area())).unwrap();
    terminal.backend_mut().take(&mut frame);
    String::from_utf8(frame).unwrap()
}

/// Returns the text that an emulator shows for these bytes.
fn shown(bytes: &str) -> String {
    let (rows, columns) = (1.try_into().unwrap(), 20.try_into().unwrap());
    let mut emulator = vt100::Parser::new(rows, columns, 0);
    emulator.process(bytes.as_bytes());
    emulator.screen().contents()
}

#[test]
fn draws_wide_characters_and_clusters_in_their_columns() {
    for text in ["plain", "你好,世界 ok", "e\u{301}te\u{301}", "안녕 world"] {
        assert_eq!(shown(&drawn(Line::raw(text), true)), text);
    }
    // After an emoji the column is said again, because terminals disagree about its width.
    assert!(drawn(Line::raw("👩‍💻x"), true).contains("\x1b[1;3Hx"));
}

#[test]
fn lets_no_control_character_through() {
    for text in ["a\u{1b}[2Jb", "a\u{9b}31mb", "\u{7}\u{8}\u{7f}", "\u{202e}abc\u{2066}", "x\u{1b}]0;title\u{7}"] {
        for is_utf8 in [true, false] {
            assert!(!printed(text, is_utf8).contains(is_harmful), "{text:?}");
        }
    }
}

#[test]
fn draws_ascii_only_for_a_terminal_without_utf8() {
    let bytes = drawn(Line::raw("你好 é x"), false);
    assert!(bytes.is_ascii());
    assert_eq!(shown(&bytes), "???? ? x");
}

#[test]
fn draws_no_colour_unless_a_cell_has_one() {
    let bytes = drawn(Line::from(Span::styled("bold", Style::new().bold())), true);
    assert!(bytes.contains("\x1b[0;1mbold\x1b[0m"), "{bytes:?}");
    let style = Style::new().fg(Color::LightBlue).bg(Color::Indexed(200)).add_modifier(Modifier::REVERSED);
    let bytes = drawn(Line::from(Span::styled("x", style)), true);
    assert!(bytes.contains("\x1b[0;7;94;48;5;200mx"), "{bytes:?}");
}

/// Returns the bytes of one symbol.
fn printed(symbol: &str, is_utf8: bool) -> String {
    let mut screen = Screen::new((20, 1), is_utf8);
    screen.print(symbol);
    screen.text
}

#[test]
fn lets_only_whole_links_through() {
    let link = "\u{1b}]8;id=7;https://a.b\u{1b}\\你好\u{1b}]8;;\u{1b}\\";
    assert_eq!(printed(link, true), link);
    assert_eq!(printed(link, false), link.replace("你好", "????"));
    let inside = "\u{1b}]8;id=7;https://a.b\u{1b}\\a\u{1b}[2J\u{1b}]8;;\u{1b}\\";
    assert_eq!(printed(inside, true), inside.replace("a\u{1b}[2J", "a\u{fffd}[2J"));
    for broken in
        ["\u{1b}]8;id=7;a b\u{1b}\\x\u{1b}]8;;\u{1b}\\", "\u{1b}]8;id=7;a\u{1b}\\x", "\u{1b}]8;id=7;\u{9c}\u{1b}\\x\u{1b}]8;;\u{1b}\\"]
    {
        assert!(!printed(broken, true).contains(is_harmful), "{broken:?}");
    }
}

#[test]
fn uses_a_bounded_size_and_a_usual_one_if_unknown() {
    let mut screen = Screen::new((0, 0), true);
    assert_eq!(screen.resize((0, 0)), (80, 24));
    assert_eq!(screen.resize((u16::MAX, u16::MAX)), (SIZE_MAX.width, SIZE_MAX.height));
    assert_eq!(screen.resize((20, 5)), (20, 5));
}
