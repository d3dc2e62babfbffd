//! What one address may do: rates, connections and processor time.

pub mod turns;

mod limiter;

pub use limiter::{Allowance, Connected, Limiter};
