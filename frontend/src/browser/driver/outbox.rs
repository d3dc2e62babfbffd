//! The state of the outbox, as the page shows it.

use client::{ConnectionState, Core, Outbox};
use leptos::prelude::*;

use crate::state::{AppState, OutboxState, set};

/// Shows how many more messages the outbox takes.
pub(super) fn show_room(state: AppState, outbox: &Outbox) {
    set(state.outbox, OutboxState { room: outbox.free_slots(), ..state.outbox.get_untracked() });
}

/// Shows how many messages are being sent.
pub(super) fn show_pending(state: AppState, outbox: &Outbox) {
    set(state.outbox, OutboxState { pending: outbox.pending().len(), ..state.outbox.get_untracked() });
}

/// Shows for how long the server asks to wait. Returns when that changes.
pub(super) fn show_wait(state: AppState, core: &Core, now: u64) -> Option<u64> {
    let outbox = core.outbox();
    let until = outbox.held_until().max(outbox.slow_until());
    let is_live = matches!(core.connection(), ConnectionState::Live { .. });
    let waits = is_live && !outbox.pending().is_empty() && until > now;
    let held_seconds = if waits { (until - now).div_ceil(1000) } else { 0 };
    set(state.outbox, OutboxState { held_seconds, ..state.outbox.get_untracked() });
    waits.then(|| until.min(now + 1000))
}
