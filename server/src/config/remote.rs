//! The board that a subcommand talks to, and the access key for it.

use std::env::var_os;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;

/// Every access key begins with this.
const PREFIX: &str = "crk_";
/// Maximum bytes that are read of a file with a key.
const FILE_BYTES_MAX: u64 = 1024;

/// The server of a client subcommand.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// URL of the board.
    #[arg(long, env = "CRIER_SERVER", default_value = "http://127.0.0.1:5000", value_name = "URL")]
    pub server: String,
    /// File with an access key for the board. Without it, the key in the variable
    /// `CRIER_ACCESS_KEY` is used, if there is one.
    #[arg(long = "access-key", value_name = "FILE")]
    pub access_key_file: Option<PathBuf>,
}

impl Remote {
    /// Returns the access key.
    ///
    /// # Errors
    /// A sentence for people, which does not contain the key.
    pub fn access_key(&self) -> Result<Option<String>, String> {
        match &self.access_key_file {
            Some(path) => {
                let mut text = String::new();
                let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
                read.map_err(|error| format!("can't read the access key in {}: {error}", path.display()))?;
                checked(&text).map(Some).ok_or_else(|| format!("{} holds no access key: it begins with {PREFIX}.", path.display()))
            }
            None => match var_os("CRIER_ACCESS_KEY").map(|key| key.to_string_lossy().trim().to_owned()) {
                Some(key) if !key.is_empty() => {
                    let key = checked(&key).ok_or("CRIER_ACCESS_KEY holds no access key: it begins with crk_.")?;
                    Ok(Some(key))
                }
                _ => Ok(None),
            },
        }
    }
}

fn checked(text: &str) -> Option<String> {
    let key = text.trim();
    let is_key = key.starts_with(PREFIX) && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_key.then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn reads_a_key_from_a_file_and_never_tells_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let remote = Remote { server: String::new(), access_key_file: Some(path.clone()) };
        assert!(remote.access_key().unwrap_err().starts_with("can't read the access key in "));
        fs::write(&path, "crk_abc\n").unwrap();
        assert_eq!(remote.access_key(), Ok(Some("crk_abc".to_owned())));
        for text in ["", "hunter2", "crk_a b", "crk_é", &"x".repeat(5000)] {
            fs::write(&path, text).unwrap();
            let error = remote.access_key().unwrap_err();
            assert!(error.ends_with("holds no access key: it begins with crk_.") && !error.contains("hunter2"), "{error}");
        }
    }
}
