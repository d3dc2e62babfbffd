//! What a cast may have. The protocol's own limits are in `protocol::limits`.

/// The bounds of casts that an operator sets. `MAX` is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CastBounds {
    /// Maximum number of viewers of a cast.
    pub viewers_max: usize,
    /// Maximum bytes a second from a presenter, on average over two seconds.
    pub bytes_per_second_max: u64,
    /// Maximum bytes a second to the viewers of all casts.
    pub egress_bytes_per_second_max: u64,
}

impl Default for CastBounds {
    fn default() -> Self {
        Self { viewers_max: usize::MAX, bytes_per_second_max: u64::MAX, egress_bytes_per_second_max: u64::MAX }
    }
}
