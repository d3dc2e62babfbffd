//! Draws a [`Model`].

use jiff::Timestamp;
use ratatui::Frame;

use crate::model::Model;
use crate::texts;

/// Draws the screen, and sets the cursor to where the person types.
pub fn draw(model: &mut Model, frame: &mut Frame<'_>, now: Timestamp) {
    let _ = now;
    model.drawn();
    frame.render_widget(texts::TOO_SMALL, frame.area());
}
