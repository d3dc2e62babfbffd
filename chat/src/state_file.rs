//! The file with what the next `crier chat` continues with: drafts, unsent messages, read
//! positions, the name and the open rooms, for each board.
//!
//! Several chats may use it at the same time. Each changes what it has changed itself, and leaves
//! the rest, so none destroys another's unsent messages.

mod format;
mod merge;

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::event::Saved;
use format::Contents;
use merge::merged;

const NAME: &str = "chat.json";
/// A file that is larger is not ours.
const STATE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Maximum number of unreadable files that are set aside.
const SET_ASIDE_MAX: usize = 20;

/// The file, as one board's chat uses it.
#[derive(Debug)]
pub(crate) struct StateFile {
    folder: PathBuf,
    board: String,
    /// What this chat has read or written last.
    base: Saved,
}

impl StateFile {
    /// Reads the file. Returns what is saved for a board, and a sentence for the person if the file
    /// could not be read.
    pub(crate) fn open(folder: PathBuf, board: &str) -> (Self, Saved, Option<String>) {
        let mut file = Self { folder, board: board.trim_end_matches('/').to_owned(), base: Saved::default() };
        let notice = match file.read() {
            Ok(contents) => {
                file.base = contents.board(&file.board);
                None
            }
            Err(error) => Some(file.explain(&error)),
        };
        let saved = file.base.clone();
        (file, saved, notice)
    }

    /// Merges `saved` into the file, unless it is what this chat has written last. Returns a
    /// sentence for the person if the file could not be read and was set aside.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub(crate) fn save(&mut self, saved: &Saved, now: Timestamp) -> io::Result<Option<String>> {
        if *saved == self.base {
            return Ok(None);
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // Held for this short time only. Where a file system has no locks, there is none.
        let lock = options().open(self.folder.join("chat.lock"))?;
        let _ = lock.lock();
        let mut notice = None;
        let mut contents = self.read().or_else(|error| {
            notice = Some(self.set_aside(&error)?);
            Ok::<_, io::Error>(Contents::default())
        })?;
        let merged = merged(saved, &self.base, contents.board(&self.board));
        contents.set_board(&self.board, &merged, now);
        self.write(&contents)?;
        self.base = saved.clone();
        Ok(notice)
    }

    /// Returns the file's path.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn read(&self) -> io::Result<Contents> {
        let file = match File::open(self.path()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Contents::default()),
            file => file?,
        };
        let mut text = String::new();
        file.take(STATE_BYTES_MAX + 1).read_to_string(&mut text)?;
        if text.len() as u64 > STATE_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is too large"));
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Replaces the file in one step.
    fn write(&self, contents: &Contents) -> io::Result<()> {
        let new = self.folder.join("chat.json.new");
        let mut file = options().truncate(true).open(&new)?;
        file.write_all(&serde_json::to_vec(contents)?)?;
        fs::rename(new, self.path())
    }

    /// Renames a file that cannot be read. Returns a sentence for the person.
    fn set_aside(&self, error: &io::Error) -> io::Result<String> {
        let name = |number: usize| self.folder.join(format!("chat.json.unreadable-{number}"));
        let number = (1..SET_ASIDE_MAX).find(|number| !name(*number).exists()).unwrap_or(SET_ASIDE_MAX);
        fs::rename(self.path(), name(number))?;
        Ok(format!("{} cannot be read ({error}). It is now {}.", self.path().display(), name(number).display()))
    }

    fn explain(&self, error: &io::Error) -> String {
        format!("{} cannot be read ({error}). The chat begins without drafts and unsent messages.", self.path().display())
    }
}

/// Returns how to open a file that only this user may read.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}
