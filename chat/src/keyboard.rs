//! The thread that reads the keyboard and the mouse.
//!
//! It has a thread of its own because a read may block in the middle of a key's sequence, and does
//! not end when the terminal is gone. It ends with the process.

use std::io;
use std::thread;

use crossterm::event::{self, Event, KeyEventKind, MouseEventKind};
use tokio::sync::mpsc;

use crate::event::Input;

/// Maximum number of inputs that wait for the model.
const INPUTS_MAX: usize = 64;
const STACK_BYTES: usize = 256 * 1024;

/// Starts the thread. The receiver ends if the keyboard cannot be read.
///
/// # Errors
/// Fails if the system gives no thread.
pub(crate) fn start() -> io::Result<mpsc::Receiver<Input>> {
    let (inputs, inputs_rx) = mpsc::channel(INPUTS_MAX);
    thread::Builder::new().name("keyboard".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        while let Ok(event) = event::read() {
            if let Some(input) = input(event)
                && inputs.blocking_send(input).is_err()
            {
                break;
            }
        }
    })?;
    Ok(inputs_rx)
}

/// Returns what an event means to the model. Sizes come from the signal, which arrives earlier.
fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => (key.kind != KeyEventKind::Release).then_some(Input::Key(key)),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Mouse(mouse) => (mouse.kind != MouseEventKind::Moved).then_some(Input::Mouse(mouse)),
        Event::FocusGained => Some(Input::Focus(true)),
        Event::FocusLost => Some(Input::Focus(false)),
        Event::Resize(..) => None,
    }
}
