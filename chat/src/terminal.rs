//! The terminal's modes: what the chat switches on, and how all of it is switched off again,
//! whatever ends the process.

#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group};
use tokio::sync::oneshot;

/// Switches to the alternate screen and empties it; switches on bracketed paste, focus events, the
/// buttons and the wheel of the mouse (not its motion), and keys that can be told apart, such as
/// Shift-Enter. A terminal ignores what it does not have.
pub(crate) const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?1000h\x1b[?1006h\x1b[>1u\x1b[0m\x1b[2J\x1b[H";
/// Undoes [`ENTER`] and the drawing, also in the middle of a sequence that was not written whole.
const LEAVE: &[u8] = b"\x1b\\\x1b[?2026l\x1b]8;;\x1b\\\x1b[0m\x1b[<u\x1b[?1006l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// A terminal that takes nothing must not hold up the end of the program.
const LEAVE_TIME_MAX: Duration = Duration::from_millis(300);
/// The pause between two tries to write to a terminal that is set to non-blocking.
const WRITE_PAUSE: Duration = Duration::from_millis(5);

const STACK_BYTES: usize = 64 * 1024;

/// True while the terminal has the chat's modes.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);
/// True once any thread has panicked.
static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
static PANIC_HOOK: Once = Once::new();

/// Restores the terminal when dropped. A panic in any thread restores it as well.
#[derive(Debug)]
pub(crate) struct Terminal(());

impl Terminal {
    /// Switches the terminal to raw mode. The caller writes [`ENTER`] before it draws.
    ///
    /// # Errors
    /// Fails if the terminal does not take the mode.
    pub(crate) fn enter() -> io::Result<Self> {
        PANIC_HOOK.call_once(|| {
            let print = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                HAS_PANICKED.store(true, Ordering::SeqCst);
                restore();
                print(panic);
            }));
        });
        let terminal = Self(());
        terminal.reenter()?;
        Ok(terminal)
    }

    /// Switches to raw mode again, after another program may have changed the mode.
    ///
    /// # Errors
    /// Fails if the terminal does not take the mode.
    pub(crate) fn reenter(&self) -> io::Result<()> {
        // crossterm does nothing if it believes that raw mode is on.
        disable_raw_mode()?;
        enable_raw_mode()?;
        IS_ENTERED.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Restores the terminal.
    pub(crate) fn leave(&self) {
        restore();
    }

    /// Restores the terminal, and stops the process group as Ctrl-Z does in other programs. The
    /// system ignores that if no shell could continue it.
    pub(crate) fn suspend(&self) {
        restore();
        let _ = kill_current_process_group(Signal::TSTP);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// True once any thread has panicked. The terminal is restored by then, and the program must end.
pub(crate) fn has_panicked() -> bool {
    HAS_PANICKED.load(Ordering::SeqCst)
}

/// Writes to the terminal, unless it has been restored. Waits while it takes nothing.
///
/// # Errors
/// Fails if the terminal is gone.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    // The lock keeps `LEAVE` out of the middle of a frame.
    let mut output = io::stdout().lock();
    if !IS_ENTERED.load(Ordering::SeqCst) {
        return Ok(());
    }
    write_all(&mut output, bytes)
}

/// Starts a thread that answers once the terminal is gone. SIGHUP tells that as well, but not to a
/// program that was started with `nohup`.
///
/// # Errors
/// Fails if the system gives no thread.
pub(crate) fn hangup() -> io::Result<oneshot::Receiver<()>> {
    let (gone_tx, gone) = oneshot::channel();
    thread::Builder::new().name("hangup".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        let input = io::stdin();
        // No event is asked for, so only the end of the terminal is one.
        while let Err(Errno::INTR) = poll(&mut [PollFd::new(&input, PollFlags::empty())], None) {}
        let _ = gone_tx.send(());
    })?;
    Ok(gone)
}

fn restore() {
    if !IS_ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let (done_tx, done) = sync_channel(1);
    let writer = thread::Builder::new().spawn(move || {
        let _ = write_all(&mut io::stdout().lock(), LEAVE);
        let _ = done_tx.send(());
    });
    if writer.is_ok() {
        let _ = done.recv_timeout(LEAVE_TIME_MAX);
    }
    let _ = disable_raw_mode();
}

fn write_all(output: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another program on the same terminal may have set it to non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::park_timeout(WRITE_PAUSE),
            Err(error) => return Err(error),
        }
    }
    loop {
        match output.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::park_timeout(WRITE_PAUSE),
            result => return result,
        }
    }
}
