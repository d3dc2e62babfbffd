//! Secrets: access keys, identities, and the secret of the board that makes tags of identities.
//! None of them can be printed by accident.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use protocol::Tag;
use protocol::admin::KeyId;
use ring::digest::{SHA256, digest};
use ring::hmac;
use subtle::ConstantTimeEq as _;

/// Random bytes of each secret.
pub(super) const SECRET_BYTES: usize = 32;
/// What every access key begins with, so that tools find keys that leaked.
const KEY_PREFIX: &str = "crk_";

/// The secret of an access key: `crk_` and 256 random bits in base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(String);

impl KeySecret {
    /// Draws a secret.
    ///
    /// # Errors
    /// Fails if the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        Ok(Self(KEY_PREFIX.to_owned() + &random_text()?))
    }

    /// Reads a secret. None if no key can have it.
    pub fn parse(text: &str) -> Option<Self> {
        decode(text.strip_prefix(KEY_PREFIX)?)?;
        Some(Self(text.to_owned()))
    }

    /// Returns what is stored of the key.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// Returns the secret, for its owner only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret")
    }
}

/// The SHA-256 of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    pub(super) fn of(text: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(hash)
    }

    /// Returns the hash with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns what names the key in public.
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, ..] = self.0;
        KeyId(u32::from_be_bytes([a, b, c, d]))
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({})", self.id())
    }
}

/// The secret of a person or program: 256 bits, in base64url. Who knows it is that author.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity([u8; SECRET_BYTES]);

impl Identity {
    /// Draws a secret.
    ///
    /// # Errors
    /// Fails if the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads a secret: 43 characters of base64url.
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }

    /// Returns the secret as text, for its owner only.
    pub fn reveal(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// The secret by which this board makes tags. Another board makes others of the same identity.
#[derive(Clone)]
pub struct BoardSecret(hmac::Key);

impl BoardSecret {
    /// Returns the secret with these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Returns the tag of an identity: the first 60 bits of its HMAC.
    pub fn tag(&self, identity: &Identity) -> Tag {
        let mac = hmac::sign(&self.0, &identity.0);
        let mut first = [0; 8];
        first.copy_from_slice(&mac.as_ref()[..8]);
        Tag::from_bits(u64::from_be_bytes(first) >> 4)
    }
}

impl fmt::Debug for BoardSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoardSecret")
    }
}

/// Draws 256 random bits, in base64url.
pub(super) fn random_text() -> Result<String, getrandom::Error> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

fn decode(text: &str) -> Option<[u8; SECRET_BYTES]> {
    // Checked first, so that a long text is not decoded.
    const CHARS: usize = SECRET_BYTES.div_ceil(3) * 4 - 1;
    let bytes = (text.len() == CHARS).then(|| BASE64URL_NOPAD.decode(text.as_bytes()).ok())??;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_form() {
        let secret = KeySecret::random().unwrap();
        assert_eq!(secret.reveal().len(), "crk_".len() + 43);
        assert_eq!(KeySecret::parse(secret.reveal()), Some(secret.clone()));
        let text = secret.reveal();
        for bad in
            ["", "crk_", &text[4..], &text[..46], &format!("{text}A"), &text.replace("crk_", "crc_"), &format!("crk_{}+", &text[5..])]
        {
            assert_eq!(KeySecret::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_are_never_printed() {
        let (secret, identity) = (KeySecret::random().unwrap(), Identity::random().unwrap());
        let printed = format!("{secret:?} {identity:?} {:?} {:?}", secret.hash(), BoardSecret::new(b"x"));
        assert!(!printed.contains(&secret.reveal()[4..]) && !printed.contains(&identity.reveal()));
    }

    #[test]
    fn another_board_gives_another_tag() {
        let identity = Identity::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        assert_eq!(Identity::parse(&identity.reveal()), Some(identity.clone()));
        let tag = BoardSecret::new(&[7; 32]).tag(&identity);
        assert_eq!(tag, BoardSecret::new(&[7; 32]).tag(&identity));
        assert_ne!(tag, BoardSecret::new(&[8; 32]).tag(&identity));
        // The first 60 bits of HMAC-SHA256, by another implementation.
        assert_eq!(tag.to_string(), "ktjt7ddevebg");
    }
}
