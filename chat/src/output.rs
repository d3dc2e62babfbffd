//! The thread that writes to the terminal. A terminal that takes nothing blocks it, and nothing
//! else: meanwhile the chat draws nothing, and takes keys, messages and signals.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::sync::mpsc;

use crate::terminal;

/// The thread writes one frame at a time.
const STACK_BYTES: usize = 128 * 1024;

/// Hands frames to the thread, one at a time.
#[derive(Debug)]
pub(crate) struct Output {
    frames: SyncSender<Vec<u8>>,
    written: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// The buffer of the last frame. `None` while a frame is being written.
    buffer: Option<Vec<u8>>,
}

impl Output {
    /// Starts the thread.
    ///
    /// # Errors
    /// Fails if the system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (frames, frames_rx) = sync_channel::<Vec<u8>>(1);
        let (written_tx, written) = mpsc::channel(1);
        thread::Builder::new().name("output".to_owned()).stack_size(STACK_BYTES).spawn(move || {
            while let Ok(frame) = frames_rx.recv() {
                if written_tx.blocking_send(terminal::write(&frame).map(|()| frame)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { frames, written, buffer: Some(Vec::new()) })
    }

    /// True if the last frame was written.
    pub(crate) fn is_idle(&self) -> bool {
        self.buffer.is_some()
    }

    /// Writes a frame. Has no effect unless the output is idle.
    pub(crate) fn write(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        let Some(mut frame) = self.buffer.take() else { return };
        frame.clear();
        fill(&mut frame);
        // If the thread has ended, `idle` tells.
        let _ = self.frames.try_send(frame);
    }

    /// Waits until the last frame was written.
    ///
    /// # Errors
    /// Fails if the terminal is gone.
    pub(crate) async fn idle(&mut self) -> io::Result<()> {
        if self.buffer.is_none() {
            let frame = self.written.recv().await.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))?;
            self.buffer = Some(frame);
        }
        Ok(())
    }
}
