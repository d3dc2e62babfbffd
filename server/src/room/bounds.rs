//! From which positions a reader can continue in a room. Pure.

use protocol::limits::PAGE_ENTRIES_DEFAULT;
use protocol::{Epoch, Gap, GapReason, Position};

use super::state::Extent;

/// A room's extent, as positions.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) epoch: Epoch,
    pub(super) extent: Extent,
}

impl Bounds {
    pub(super) fn position(self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }

    /// Returns the gap of a reader that cannot continue at `position`. If its entries have expired,
    /// it resumes at the oldest entry. If its position belongs to another log, it resumes with the
    /// newest page, like a new reader.
    pub(super) fn gap(self, position: Position) -> Option<Gap> {
        let Extent { expired, latest } = self.extent;
        let reason = GapReason::find(position, self.epoch, expired, latest)?;
        let resumes = match reason {
            GapReason::Expired => expired,
            GapReason::OtherEpoch | GapReason::BeyondEnd => expired.max(latest.saturating_sub(PAGE_ENTRIES_DEFAULT as u64)),
        };
        Some(Gap { reason, first: self.position(expired), resumes: self.position(resumes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(1);
    const OTHER: Epoch = Epoch(2);

    fn resumes(expired: u64, latest: u64, epoch: Epoch, offset: u64) -> Option<(GapReason, u64)> {
        let bounds = Bounds { epoch: EPOCH, extent: Extent { expired, latest } };
        bounds.gap(Position { epoch, offset }).map(|gap| (gap.reason, gap.resumes.offset))
    }

    #[test]
    fn has_no_gap_within_the_extent() {
        for offset in 5..=9 {
            assert_eq!(resumes(5, 9, EPOCH, offset), None);
        }
    }

    #[test]
    fn resumes_at_the_oldest_entry_after_an_expiry() {
        assert_eq!(resumes(5, 9, EPOCH, 4), Some((GapReason::Expired, 5)));
    }

    #[test]
    fn resumes_with_the_newest_page_in_another_log() {
        let page = PAGE_ENTRIES_DEFAULT as u64;
        assert_eq!(resumes(5, 6 + page, OTHER, 7), Some((GapReason::OtherEpoch, 6)));
        assert_eq!(resumes(5, 9, EPOCH, 10), Some((GapReason::BeyondEnd, 5)));
    }
}
