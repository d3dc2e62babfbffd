//! Colours, and the other ways in which parts of the screen differ.

use client::hues::{HUES, Hues};
use ratatui::style::{Color, Modifier, Style};

use crate::event::Colours;

/// The hues, from the 256 colours: of medium brightness, so they can be read on light
/// and on dark.
const MANY: [u8; HUES] = [160, 166, 130, 136, 100, 64, 70, 34, 35, 36, 37, 31, 32, 33, 69, 63, 99, 98, 134, 133, 170, 168, 161, 167];

/// The same from the 16 colours, without those that are used for text and background.
const SIXTEEN: [Color; 12] = [
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
];

/// The styles of the screen.
#[derive(Clone, Debug)]
pub(crate) struct Palette {
    colours: Colours,
    hues: Hues,
}

impl Palette {
    pub(crate) fn new(colours: Colours) -> Self {
        Self { colours, hues: Hues::default() }
    }

    /// Returns the style of an author's name. An author keeps a colour, and while some are free, no
    /// other author gets it.
    pub(crate) fn author(&mut self, name: &str) -> Style {
        let Some(hue) = self.hues.of(name).map(usize::from) else { return Self::dim() };
        let colour = match self.colours {
            Colours::None => return Style::new().add_modifier(Modifier::BOLD),
            Colours::Sixteen => SIXTEEN[hue % SIXTEEN.len()],
            Colours::Many => Color::Indexed(MANY[hue]),
        };
        Style::new().fg(colour).add_modifier(Modifier::BOLD)
    }

    /// Less important text.
    pub(crate) fn dim() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What the person should notice: unread messages.
    pub(crate) fn accent(&self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// What went wrong.
    pub(crate) fn failure(&self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What works as it should.
    pub(crate) fn good(&self) -> Style {
        self.coloured(Color::Green)
    }

    /// A link.
    pub(crate) fn link() -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED)
    }

    /// Words that were searched for, or the tab that is shown.
    pub(crate) fn marked() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn coloured(&self, colour: Color) -> Style {
        if self.colours == Colours::None { Style::new() } else { Style::new().fg(colour) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_author_keeps_a_colour_and_no_other_gets_it_while_some_are_free() {
        let mut palette = Palette::new(Colours::Many);
        let first = palette.author("小明");
        let others: HashSet<_> = (1..HUES).filter_map(|number| palette.author(&format!("user{number}")).fg).collect();
        assert_eq!((others.len(), others.contains(&first.fg.unwrap())), (HUES - 1, false));
        assert_eq!(palette.author("小明"), first);
    }

    #[test]
    fn uses_only_the_colours_that_there_are() {
        let mut none = Palette::new(Colours::None);
        assert!([none.author("Ana"), none.accent(), none.failure(), none.good()].iter().all(|style| style.fg.is_none()));
        let mut sixteen = Palette::new(Colours::Sixteen);
        assert!((0..100).all(|number| SIXTEEN.contains(&sixteen.author(&format!("user{number}")).fg.unwrap())));
    }
}
