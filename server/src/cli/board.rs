//! The board that a subcommand talks to, with the secrets that it sends.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use client::{Board, Identity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::RoomName;

use super::exit_code::Failure;
use crate::config::Remote;

/// Maximum length of a file's name, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Returns the board, for the identity in a file and with the access key.
pub(super) fn connect(remote: &Remote, identity: Option<&Path>) -> Result<Board, Failure> {
    let mut board = Board::connect(&remote.server).map_err(|error| Failure::from_connect(&error))?;
    if let Some(path) = identity {
        let identity = Identity::from_file(path).map_err(|error| Failure::usage(error.to_string()))?;
        board = board.with_identity(&identity);
    }
    match remote.access_key().map_err(Failure::usage)? {
        Some(key) => board.with_access_key(&key).map_err(|error| Failure::from_connect(&error)),
        None => Ok(board),
    }
}

/// Returns a room's name as a part of an address.
pub(super) fn escaped(room: &RoomName) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(room.as_str(), ESCAPED).to_string()
}

/// Returns the address of a room's page.
pub(super) fn page(server: &str, room: &RoomName) -> String {
    format!("{}/r/{}", server.trim_end_matches('/'), escaped(room))
}

/// Returns the file with a person's identity for a board, below the folder for state. Each board
/// has one, so that none can pass for the person elsewhere. `None` if there is no place for it.
pub(super) fn default_identity(folder: &Path, server: &str) -> Option<PathBuf> {
    let mut name = String::new();
    for byte in server.trim_end_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => name.push(byte.into()),
            byte => name += &format!("_{byte:02x}"),
        }
    }
    let folder = folder.join("identities");
    let is_there = DirBuilder::new().recursive(true).mode(0o700).create(&folder).is_ok();
    (is_there && name.len() <= NAME_BYTES_MAX).then(|| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rooms_page_has_an_address() {
        assert_eq!(page("https://h/", &"大 厅".parse().unwrap()), "https://h/r/%E5%A4%A7-%E5%8E%85");
    }

    #[test]
    fn each_board_has_an_identity_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = |server: &str| default_identity(folder.path(), server);
        assert_eq!(file("http://h:5000/"), Some(folder.path().join("identities/http_3a_2f_2fh_3a5000")));
        assert_ne!(file("http://h/a_b"), file("http://h/a.b"));
        assert_eq!(file(&format!("http://{}", "x".repeat(1000))), None);
        assert_eq!(default_identity(Path::new("/proc/none"), "http://h"), None);
    }
}
