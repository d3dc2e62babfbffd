//! Secrets that a program sends with its requests: its identity, and an access key.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::failure::ConnectError;

/// The header with the identity's secret.
const IDENTITY: HeaderName = HeaderName::from_static("crier-identity");
/// The secret's random bytes.
const SECRET_BYTES: usize = 32;
/// The secret's characters: base64url (RFC 4648, section 5) without padding.
const SECRET_CHARS: usize = (SECRET_BYTES * 8).div_ceil(6);
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Who a program is to a board: 256 random bits. With the same identity it can change its messages
/// later. Others see only a tag of it, which nobody can forge.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    secret: String,
}

impl Identity {
    /// Draws an identity that lasts as long as this value.
    ///
    /// # Errors
    /// [`IdentityError::Random`] if the system has no random numbers.
    pub fn random() -> Result<Self, IdentityError> {
        let mut bits = [0; SECRET_BYTES];
        getrandom::fill(&mut bits).map_err(|_| IdentityError::Random)?;
        Ok(Self { secret: base64url(&bits) })
    }

    /// Reads an identity from a file. If there is no file, makes one that only this user may read.
    ///
    /// # Errors
    /// [`IdentityError::File`] if the file can't be read or made, and [`IdentityError::Contents`]
    /// if it holds something else.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, IdentityError> {
        let path = path.as_ref();
        match read(path) {
            Err(IdentityError::File { error: ErrorKind::NotFound, .. }) => {
                let identity = Self::random()?;
                identity.create(path).map_err(|error| IdentityError::file(path, &error))?;
                // Another process may have been faster.
                read(path)
            }
            identity => identity,
        }
    }

    /// Writes a new file in one step, unless there is one.
    fn create(&self, path: &Path) -> io::Result<()> {
        let new = path.with_added_extension(format!("new-{}", &self.secret[..8]));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        let written = file.write_all(format!("{}\n", self.secret).as_bytes()).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| fs::hard_link(&new, path));
        fs::remove_file(&new)?;
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Identity, IdentityError> {
    let text = fs::read_to_string(path).map_err(|error| IdentityError::file(path, &error))?;
    let secret = text.trim_end();
    let is_secret = secret.len() == SECRET_CHARS && secret.bytes().all(|byte| BASE64URL.contains(&byte));
    if is_secret { Ok(Identity { secret: secret.to_owned() }) } else { Err(IdentityError::Contents(path.to_owned())) }
}

fn base64url(bytes: &[u8]) -> String {
    let six_bits = |place: usize| {
        let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
        (0..6).fold(0, |bits, offset| bits << 1 | usize::from(bit(place * 6 + offset)))
    };
    (0..(bytes.len() * 8).div_ceil(6)).map(|place| char::from(BASE64URL[six_bits(place)])).collect()
}

/// Why there is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The file can't be read or made.
    #[error("can't use the identity in {}: {message}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The kind of error.
        error: ErrorKind,
        /// The system's words.
        message: String,
    },
    /// The file holds something else.
    #[error("{} holds no identity. Name another file; it is made if there is none.", .0.display())]
    Contents(PathBuf),
}

impl IdentityError {
    fn file(path: &Path, error: &io::Error) -> Self {
        Self::File { path: path.to_owned(), error: error.kind(), message: error.to_string() }
    }
}

/// The headers of every request to a board. Debug output does not show them.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets(HeaderMap);

impl Secrets {
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.0
    }

    pub(super) fn set_identity(&mut self, identity: &Identity) {
        self.set(IDENTITY, &identity.secret).expect("base64url is valid in a header");
    }

    pub(super) fn set_access_key(&mut self, key: &str) -> Result<(), ConnectError> {
        if !key.starts_with("crk_") {
            return Err(ConnectError::AccessKey);
        }
        self.set(AUTHORIZATION, &format!("Bearer {key}"))
    }

    fn set(&mut self, name: HeaderName, value: &str) -> Result<(), ConnectError> {
        let mut value = HeaderValue::from_str(value).map_err(|_| ConnectError::AccessKey)?;
        value.set_sensitive(true);
        self.0.insert(name, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_made_once_and_only_its_user_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bot.identity");
        let identity = Identity::from_file(&path).unwrap();
        assert_eq!(Identity::from_file(&path).unwrap(), identity);
        assert_ne!(Identity::random().unwrap(), identity);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // A faster process keeps its own.
        Identity::random().unwrap().create(&path).unwrap();
        assert_eq!(Identity::from_file(&path).unwrap(), identity);
    }

    #[test]
    fn a_file_with_something_else_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "milk, bread").unwrap();
        assert_eq!(Identity::from_file(&path), Err(IdentityError::Contents(path.clone())));
        assert_eq!(fs::read_to_string(&path).unwrap(), "milk, bread");
        assert!(matches!(Identity::from_file(folder.path().join("none/x")), Err(IdentityError::File { .. })));
    }

    #[test]
    fn a_secret_is_base64url_of_its_bits() {
        assert_eq!(base64url(&[0; SECRET_BYTES]), "A".repeat(SECRET_CHARS));
        assert_eq!(base64url(b"Man"), "TWFu");
        assert_eq!(base64url(b"Ma"), "TWE");
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let identity = Identity::random().unwrap();
        let mut secrets = Secrets::default();
        secrets.set_identity(&identity);
        secrets.set_access_key("crk_hidden").unwrap();
        let shown = format!("{identity:?} {secrets:?}");
        assert!(!shown.contains(&identity.secret) && !shown.contains("hidden"), "{shown}");
        for bad in ["", "secret", "crk_a\nb", "crk_é\u{7f}"] {
            assert_eq!(secrets.set_access_key(bad), Err(ConnectError::AccessKey), "{bad:?}");
        }
    }
}
