//! Who may do what: identities, access keys, bans and reserved names.
//!
//! Everything is decided here, in memory. The store keeps it, and every commit updates it. Not
//! here: cookies and headers (see `http/caller.rs`), and which message is whose (see
//! `store::apply`).

mod names;
mod secret;

mod caller;

mod decide;

mod change;

mod claim;
mod keys;

mod bans;

mod mirror;

pub use caller::{Action, Actor, Caller, Grants};
pub use change::{AccessChange, StoredAccess, StoredKey};
pub use decide::{CastsBy, Facts, RoomsBy, decide};
pub use mirror::{Access, BANS_MAX, KEYS_MAX};
pub use protocol::admin::Rights;
pub use secret::{BoardSecret, Identity, KeyHash, KeySecret};
