//! The input of `crier post`: an argument, or standard input.

use std::io::{self, ErrorKind, IsTerminal as _, Read as _};

use tokio::sync::mpsc;

/// Maximum size of a piece, in bytes.
const PIECE_BYTES_MAX: usize = 32 * 1024;

/// An input in pieces.
pub(super) enum Input {
    Argument(Option<String>),
    /// A thread reads: a read that nothing answers would keep the program from ending.
    Stdin {
        pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
        is_terminal: bool,
    },
}

impl Input {
    /// Starts to read standard input, one piece ahead.
    pub(super) fn stdin() -> Self {
        let (pieces_tx, pieces) = mpsc::channel(1);
        std::thread::spawn(move || {
            // Not after the end: a terminal would ask for a second end.
            while let Some(piece) = read() {
                let is_error = piece.is_err();
                if pieces_tx.blocking_send(piece).is_err() || is_error {
                    break;
                }
            }
        });
        Self::Stdin { pieces, is_terminal: io::stdin().is_terminal() }
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdin { is_terminal: true, .. })
    }

    /// Returns the next piece; `None` at the end.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, nothing is lost.
    pub(super) async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        match self {
            Self::Argument(text) => text.take().map(|text| Ok(text.into_bytes())),
            Self::Stdin { pieces, .. } => pieces.recv().await,
        }
    }

    /// Reads what is left to its end, so that the program which writes it is not killed by a broken
    /// pipe.
    pub(super) async fn drain(mut self) {
        if !self.is_terminal() {
            while let Some(Ok(_)) = self.next().await {}
        }
    }
}

/// Reads a piece of standard input. `None` at its end.
fn read() -> Option<io::Result<Vec<u8>>> {
    let mut piece = vec![0; PIECE_BYTES_MAX];
    loop {
        match io::stdin().lock().read(&mut piece) {
            Ok(0) => return None,
            Ok(length) => {
                piece.truncate(length);
                return Some(Ok(piece));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Some(Err(error)),
        }
    }
}
