//! The link of the first start, which makes the admin key. It is in memory only.

use parking_lot::Mutex;

use super::secret::{KeyHash, random_text};

/// What a claim begins with.
const PREFIX: &str = "crc_";
/// How long a claim may be used, in milliseconds.
const CLAIM_TIME: u64 = 15 * 60 * 1000;

/// The claim that is offered, if any.
#[derive(Default)]
pub(super) struct Claim(Mutex<Option<Offer>>);

#[derive(Clone, Copy)]
struct Offer {
    hash: KeyHash,
    until: u64,
}

impl Claim {
    /// Draws a claim and offers it instead of an earlier one. Returns its text.
    pub(super) fn offer(&self, now: u64) -> Result<String, getrandom::Error> {
        let text = PREFIX.to_owned() + &random_text()?;
        *self.0.lock() = Some(Offer { hash: KeyHash::of(&text), until: now.saturating_add(CLAIM_TIME) });
        Ok(text)
    }

    /// True if this is the claim that is offered. It is used up then.
    pub(super) fn take(&self, text: &str, now: u64) -> bool {
        let hash = KeyHash::of(text);
        self.0.lock().take_if(|offer| offer.hash.matches(&hash)).is_some_and(|offer| now < offer.until)
    }

    /// True for a text that can only be a claim.
    pub(super) fn is_form(text: &str) -> bool {
        text.starts_with(PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_used_once_and_in_time() {
        let claim = Claim::default();
        let text = claim.offer(1000).unwrap();
        assert!(Claim::is_form(&text));
        assert!(!claim.take("crc_", 1000) && !claim.take("", 1000));
        assert!(claim.take(&text, 1000 + CLAIM_TIME - 1));
        assert!(!claim.take(&text, 1000), "used twice");
        let late = claim.offer(1000).unwrap();
        assert!(!claim.take(&late, 1000 + CLAIM_TIME));
        let (old, new) = (claim.offer(0).unwrap(), claim.offer(0).unwrap());
        assert!(!claim.take(&old, 0) && claim.take(&new, 0));
    }
}
