//! What one address may do: its rates, its connections, and its share of the server's time.

pub mod turns;

mod limiter;

pub use limiter::{Allowance, Connected, Limiter};
