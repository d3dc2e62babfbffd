//! What screen readers announce of the list: each message, a summary of many, or nothing.

use leptos::prelude::*;

use crate::logic::announcer::Announcer;
use crate::state::{Announcements, AppState, Older, set};

/// For how long loaded history suppresses announcements, in milliseconds. Browsers look for changes
/// to announce only after they have painted.
const QUIET_MS: u64 = 500;

/// Decides what is announced.
#[derive(Default)]
pub(super) struct ScreenReader {
    announcer: Announcer,
    quiet_until: u64,
}

impl ScreenReader {
    /// Counts new messages.
    pub(super) fn arrived(&mut self, count: usize, now: u64) {
        self.announcer.arrived(count, now);
    }

    /// Suppresses announcements for the moment in which loaded history appears.
    pub(super) fn suppress(&mut self, now: u64) {
        self.quiet_until = now + QUIET_MS;
    }

    /// Updates the announcements. Returns when they change if nothing happens before.
    pub(super) fn update(&mut self, state: AppState, now: u64) -> Option<u64> {
        let (crowded, summary, again) = self.announcer.look(now);
        let suppressed = now < self.quiet_until;
        let quiet = suppressed || state.older.get_untracked() == Older::Loading;
        let summary = summary.unwrap_or(state.announcements.get_untracked().summary);
        set(state.announcements, Announcements { crowded, quiet, summary });
        again.into_iter().chain(suppressed.then_some(self.quiet_until)).min()
    }
}
