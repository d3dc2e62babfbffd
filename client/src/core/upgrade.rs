//! Getting back to a better transport: one after the other is tried beside the channel in use, which goes only when a better
//! one has proved itself. Both feed the same cursor, so nothing is missed and nothing comes twice.

use super::channel::{Channel, HEALTHY_MS};
use super::{Action, Core, Update};
use crate::Transport;

/// How long an attempt beside a live channel may take, in milliseconds.
const CANDIDATE_MS: u64 = 6_000;
/// The longest first wait for a better transport, in milliseconds.
const WAIT_MS: u64 = 10_000;
/// The longest wait from one round to the next, in milliseconds.
const WAIT_MAX_MS: u64 = 25_000;
/// The wait where there is reason to hope, in milliseconds: a better transport did well not long ago, or another one has
/// just come back.
const SOON_MS: u64 = 1_500;
/// How long a transport whose channels died young must do well beside another one, in milliseconds.
const TRIAL_MS: u64 = HEALTHY_MS;

/// When better transports are tried.
#[derive(Clone, Debug, Default)]
pub(super) struct UpgradeSchedule {
    at: u64,
    wait: u64,
    /// What was tried last in this round.
    tried: Option<Transport>,
}

impl Core {
    /// When the next better transport is tried.
    pub(super) fn upgrade_at(&self) -> Option<u64> {
        let is_free = self.is_live() && self.candidate.is_none();
        self.better().filter(|_| is_free).map(|_| self.upgrade.at.max(self.backoff.earliest()))
    }

    fn better(&self) -> Option<Transport> {
        let current = self.current.as_ref()?;
        self.selection.better(current.transport, current.doubted, self.upgrade.tried)
    }

    /// When a proven candidate has been on trial for long enough. One that is asked whether it is still there has its
    /// answer's deadline instead.
    pub(super) fn trial_end(&self) -> Option<u64> {
        let candidate = self.candidate.as_ref().filter(|candidate| !candidate.is_asked())?;
        Some(candidate.proven? + TRIAL_MS)
    }

    /// A candidate that can be asked is relied on when it has answered after its trial.
    fn end_trial(&mut self, now: u64) {
        match &mut self.candidate {
            Some(channel) if channel.transport == Transport::WebSocket && !channel.has_lived() => {
                channel.ask_now(now);
                let id = channel.id;
                self.ping(id, now);
            }
            _ => self.promote(now),
        }
    }

    /// Something was heard of a channel, which may have ended its trial.
    pub(super) fn heard_of(&mut self, id: u32, now: u64) {
        if self.candidate.as_ref().is_some_and(|channel| channel.id == id && channel.has_lived()) {
            self.promote(now);
        }
    }

    /// Tries what is to be tried now.
    pub(super) fn probe(&mut self, now: u64) {
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

    /// A channel is proven.
    pub(super) fn proven(&mut self, id: u32, now: u64) {
        let Some(Channel { transport, .. }) = self.channel(id) else { return };
        let transport = *transport;
        self.selection.proven(transport);
        if transport == Transport::WebSocket {
            self.ask_stream(id, now);
        }
        if self.is_current(id) {
            self.live(false, now);
        } else if !self.selection.is_unstable(transport) {
            self.promote(now);
        }
    }

    /// The candidate takes over from the channel in use, if that is still there.
    pub(super) fn promote(&mut self, now: u64) {
        let Some(candidate) = self.candidate.take() else { return };
        if let Some(old) = self.current.replace(candidate) {
            self.actions.push(Action::Close { channel: old.id });
        }
        // What the old one has not answered is sent again, with the same keys.
        self.outbox.disconnected();
        if self.is_live() {
            self.live(true, now);
        }
    }

    /// The channel in use delivers.
    fn live(&mut self, hopeful: bool, now: u64) {
        let Some(Channel { transport, .. }) = self.current else { return };
        self.offline = false;
        self.outbox.hope();
        self.tell(Update::Proven(transport));
        let wait = if hopeful || self.selection.knows_better(transport) { SOON_MS } else { WAIT_MS };
        self.upgrade = UpgradeSchedule { at: now + self.draw(wait), wait: WAIT_MS, tried: None };
    }

    /// The candidate is gone: the next one has its turn, or the round is over.
    pub(super) fn probe_failed(&mut self, now: u64) {
        self.upgrade.at = now;
        if self.better().is_none() {
            self.upgrade.at = now + self.draw(self.upgrade.wait);
            self.upgrade.wait = (self.upgrade.wait * 3 / 2).min(WAIT_MAX_MS);
            self.upgrade.tried = None;
        }
    }

    /// Things may have changed: tries better transports now.
    pub(super) fn upgrade_now(&mut self, now: u64) {
        if self.candidate.is_none() {
            self.upgrade = UpgradeSchedule { at: now, wait: WAIT_MS, tried: None };
            self.probe(now);
        }
    }

    /// This client is the one that may open the stream that is shared.
    pub(super) fn leads(&mut self, now: u64) {
        self.selection.follows = false;
        if self.is_live() && self.candidate.is_none() {
            self.upgrade = UpgradeSchedule { at: now, wait: WAIT_MS, tried: Some(Transport::WebSocket) };
            self.probe(now);
        }
    }

    fn draw(&mut self, wait: u64) -> u64 {
        self.rng.u64(wait * 3 / 4..=wait)
    }
}
