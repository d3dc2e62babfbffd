//! Changing to a better transport. While the channel in use is not of the best transport, better
//! ones are tried beside it, one after the other. The old channel is closed only when a new one is
//! proven. Both feed one cursor, so nothing is lost and nothing comes twice.

use super::channel::{Channel, STABLE_MS};
use super::{Action, Core, Update};
use crate::Transport;

/// Time limit for an attempt beside a live channel, in milliseconds.
const CANDIDATE_MS: u64 = 6_000;
/// Maximum wait before the first round, in milliseconds.
const WAIT_MS: u64 = 10_000;
/// Maximum wait between two rounds, in milliseconds.
const WAIT_MAX_MS: u64 = 25_000;
/// Maximum wait if success is likely, in milliseconds: a better transport was stable before, or a
/// channel has just been upgraded.
const WAIT_SHORT_MS: u64 = 1_500;
/// Time for which an unstable transport must deliver beside another channel, in milliseconds.
const TRIAL_MS: u64 = STABLE_MS;

/// When better transports are tried. Times are in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct UpgradeSchedule {
    at: u64,
    /// The wait before the next round.
    wait: u64,
    /// The transport that was tried last in this round.
    tried: Option<Transport>,
}

impl UpgradeSchedule {
    fn new(at: u64) -> Self {
        Self { at, wait: WAIT_MS, tried: None }
    }
}

impl Core {
    /// Returns when the next better transport is tried.
    pub(super) fn upgrade_at(&self) -> Option<u64> {
        let is_free = self.is_live() && self.candidate.is_none();
        self.better().filter(|_| is_free).map(|_| self.upgrade.at.max(self.backoff.earliest()))
    }

    fn better(&self) -> Option<Transport> {
        let current = self.current.as_ref()?;
        self.selection.better(current.transport, current.renews, self.upgrade.tried)
    }

    /// Returns when the trial of a proven candidate ends. While a candidate is probed, the deadline
    /// of its answer counts instead.
    pub(super) fn trial_end(&self) -> Option<u64> {
        let candidate = self.candidate.as_ref().filter(|candidate| !candidate.is_probed())?;
        Some(candidate.proven? + TRIAL_MS)
    }

    /// Tries a better transport, or ends a trial, if that is due.
    pub(super) fn try_upgrade(&mut self, now: u64) {
        if self.trial_end().is_some_and(|at| now >= at) {
            self.end_trial(now);
        }
        if self.upgrade_at().is_some_and(|at| now >= at)
            && let Some(transport) = self.better()
        {
            self.upgrade.tried = Some(transport);
            self.candidate = Some(self.open(transport, CANDIDATE_MS, now));
        }
    }

    /// Relies on the candidate now. A WebSocket must first answer once more after its trial.
    fn end_trial(&mut self, now: u64) {
        match &mut self.candidate {
            Some(channel) if channel.transport == Transport::WebSocket && !channel.is_stable() => {
                channel.probe_now(now);
                let id = channel.id;
                self.ping(id, now);
            }
            _ => self.promote(now),
        }
    }

    /// Ends the trial of a candidate if what just arrived on it makes it stable.
    pub(super) fn heard_of(&mut self, id: u32, now: u64) {
        if self.candidate.as_ref().is_some_and(|channel| channel.id == id && channel.is_stable()) {
            self.promote(now);
        }
    }

    /// Uses a channel that has just been proven, unless its transport needs a trial first.
    pub(super) fn proven(&mut self, id: u32, now: u64) {
        let Some(Channel { transport, .. }) = self.channel(id) else { return };
        let transport = *transport;
        self.selection.proven(transport);
        if transport == Transport::WebSocket {
            self.probe_stream(id, now);
        }
        if self.is_current(id) {
            self.live(false, now);
        } else if !self.selection.is_unstable(transport) {
            self.promote(now);
        }
    }

    /// Puts the candidate in the place of the channel in use, which is closed if it is still open.
    pub(super) fn promote(&mut self, now: u64) {
        let Some(candidate) = self.candidate.take() else { return };
        if let Some(old) = self.current.replace(candidate) {
            self.actions.push(Action::Close { channel: old.id });
        }
        // What the old channel has not answered is sent again, with the same keys.
        self.outbox.disconnected();
        if self.is_live() {
            self.live(true, now);
        }
    }

    /// Records that the channel in use delivers, and plans the next upgrade.
    fn live(&mut self, is_upgrade: bool, now: u64) {
        let Some(Channel { transport, .. }) = self.current else { return };
        self.offline = false;
        self.outbox.network_recovered();
        self.report(Update::Proven(transport));
        let is_likely = is_upgrade || self.selection.had_stable_better(transport);
        let wait = self.jitter(if is_likely { WAIT_SHORT_MS } else { WAIT_MS });
        self.upgrade = UpgradeSchedule::new(now + wait);
    }

    /// Continues the round after a failed candidate, or plans the next round.
    pub(super) fn upgrade_failed(&mut self, now: u64) {
        self.upgrade.at = now;
        if self.better().is_none() {
            self.upgrade.at = now + self.jitter(self.upgrade.wait);
            self.upgrade.wait = (self.upgrade.wait * 3 / 2).min(WAIT_MAX_MS);
            self.upgrade.tried = None;
        }
    }

    /// Starts a round at once, because the network may have changed.
    pub(super) fn upgrade_now(&mut self, now: u64) {
        if self.candidate.is_none() {
            self.upgrade = UpgradeSchedule::new(now);
            self.try_upgrade(now);
        }
    }

    /// Opens a new event stream beside the one in use, before better transports are tried again.
    pub(super) fn renew_events(&mut self, now: u64) {
        if let Some(channel) = &mut self.current {
            channel.renew(now);
        }
        if self.candidate.is_none() {
            self.upgrade = UpgradeSchedule { tried: Some(Transport::WebSocket), ..UpgradeSchedule::new(now) };
            self.try_upgrade(now);
        }
    }

    /// Handles [`crate::Event::BecameLeader`]: this client may open the shared stream from now on.
    pub(super) fn became_leader(&mut self, now: u64) {
        self.selection.follower = false;
        if self.is_live() && self.candidate.is_none() {
            self.upgrade = UpgradeSchedule { tried: Some(Transport::WebSocket), ..UpgradeSchedule::new(now) };
            self.try_upgrade(now);
        }
    }

    /// Draws a wait between three quarters of a maximum and all of it, in milliseconds.
    fn jitter(&mut self, wait_max: u64) -> u64 {
        self.rng.u64(wait_max * 3 / 4..=wait_max)
    }
}
