//! Access: who may do what in which room. Pure, except for [`Access`], which mirrors what the store
//! has committed. Not here: cookies and headers (`http`), and hosts and origins (`http::access`).

mod rights;

mod key;

mod ban;

mod change;

mod caller;

mod decide;

mod mirror;

pub use ban::{Ban, BanTarget};
pub use caller::{Caller, Grants};
pub use change::AccessChange;
pub use decide::{Action, Facts, RoomsBy, decide};
pub use key::{AccessKey, KeyId, RoomPattern};
pub use mirror::Access;
pub use rights::Rights;
