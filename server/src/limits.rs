//! What one address may do: rates, connections and processor time. And what one cast may have.

mod budget;

mod account;

mod turn;

mod limiter;

mod cast;

pub use account::{Account, charge, one_at_a_time};
pub use cast::CastBounds;
pub use limiter::{Allowance, ConnectionGuard, Limiter, network};
pub use turn::{Turn, end_turn, in_turn};
