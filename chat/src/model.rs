//! The state of the program.

use jiff::Timestamp;

use crate::event::{Action, Input, Saved, Settings};

/// The state of the program: rooms, what is typed, what is shown.
#[derive(Debug)]
pub struct Model {
    saved: Saved,
    dirty: bool,
}

impl Model {
    /// Creates the state, and returns what to do first.
    pub fn new(settings: Settings, now: Timestamp) -> (Self, Vec<Action>) {
        let _ = now;
        let saved = settings.saved;
        (Self { saved, dirty: true }, Vec::new())
    }

    /// Handles an input at the time `now`. Returns what to do, in order.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Vec<Action> {
        let _ = now;
        self.dirty = true;
        match input {
            Input::Stop => vec![Action::Save, Action::Quit],
            Input::Paste(text) => {
                self.saved.history.push(text);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Returns when [`Input::Tick`] is due. An earlier tick has no effect.
    pub fn deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Returns what the next run continues with.
    pub fn saved(&self) -> Saved {
        self.saved.clone()
    }

    /// True if the screen is older than the state.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub(crate) fn drawn(&mut self) {
        self.dirty = false;
    }
}
