//! What one address may do: rates, connections and processor time.

mod budget;

mod account;

mod turn;

mod limiter;

pub use account::{Account, charge, one_at_a_time};
pub use limiter::{Allowance, ConnectionGuard, Limiter};
pub use turn::{Turn, end_turn, in_turn};
