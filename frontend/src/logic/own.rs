//! The reader's own messages, which this browser knows by their publish keys.

use protocol::PublishKey;

/// How many keys are kept for a room.
const KEYS_MAX: usize = 200;

/// The keys of a reader's newest messages in a room.
#[derive(Clone, Debug, Default)]
pub struct OwnKeys(Vec<String>);

impl OwnKeys {
    /// Reads what [`with`] wrote.
    pub fn parse(keys: &str) -> Self {
        Self(keys.split(' ').map(str::to_owned).collect())
    }

    /// True if the reader wrote the message with this key.
    pub fn has(&self, key: Option<&PublishKey>) -> bool {
        key.is_some_and(|key| self.0.iter().any(|own| own == key.as_str()))
    }
}

/// Adds a key in front of the kept ones, which are separated by spaces. No key contains one.
pub fn with(keys: &str, key: &PublishKey) -> String {
    let others = keys.split(' ').filter(|other| !other.is_empty());
    std::iter::once(key.as_str()).chain(others).take(KEYS_MAX).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u128) -> PublishKey {
        PublishKey::from_bits(number)
    }

    #[test]
    fn keeps_the_newest_keys() {
        let all = (0..300).fold(String::new(), |keys, number| with(&keys, &key(number)));
        let own = OwnKeys::parse(&all);
        assert!((100..300).all(|number| own.has(Some(&key(number)))));
        assert!(!own.has(Some(&key(99))) && !own.has(None));
        assert!(!OwnKeys::parse("").has(Some(&key(0))) && !OwnKeys::default().has(Some(&key(0))));
    }
}
