//! Opening channels, keeping them alive, and losing them.

use protocol::{ClientFrame, Disconnect};

use super::channel::{Channel, Due};
use super::publish::to_json;
use super::{Action, Core, Idle};
use crate::Transport;
use crate::backoff::CAP_MS;

/// Time limit for an attempt while another transport can be tried, in milliseconds.
const ATTEMPT_MS: u64 = 3_000;
/// Time limit for an attempt otherwise, in milliseconds. The network may just be slow.
const LAST_ATTEMPT_MS: u64 = 10_000;

/// Why a channel is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It failed. `spread` is the time, in milliseconds, within which the server wants clients
    /// back.
    Failed { spread: Option<u64> },
    /// It says nothing about the transport.
    Neutral,
    /// Something on the way held data back.
    Buffered,
}

impl Core {
    /// Connects as soon as the spacing of attempts allows, unless there is a channel.
    pub(super) fn connect_soon(&mut self, now: u64) {
        if self.current.is_none() {
            self.attempt_at(self.backoff.earliest(), now);
        }
    }

    fn attempt_at(&mut self, until: u64, now: u64) {
        if now >= until {
            self.attempt(now);
        } else {
            self.idle = Idle::Waiting { until };
        }
    }

    fn attempt(&mut self, now: u64) {
        let transport = self.selection.pick();
        self.selection.tried(transport);
        let time_limit = if self.selection.has_alternative(transport) { ATTEMPT_MS } else { LAST_ATTEMPT_MS };
        self.current = Some(self.open(transport, time_limit, now));
    }

    /// Opens a channel that must be proven within `time_limit` milliseconds.
    pub(super) fn open(&mut self, transport: Transport, time_limit: u64, now: u64) -> Channel {
        self.backoff.attempt(now);
        self.last_channel += 1;
        let (id, after) = (self.last_channel, self.cursor);
        let channel = Channel::new(id, transport, after, time_limit, now);
        self.actions.push(if channel.is_stream() {
            Action::Open { channel: id, transport, after }
        } else {
            Action::Fetch { channel: id, after, wait_seconds: 0 }
        });
        channel
    }

    /// Handles [`crate::Event::RetryNow`].
    pub(super) fn retry_now(&mut self, now: u64) {
        self.offline = false;
        self.backoff.reset();
        self.outbox.network_recovered();
        if self.is_live() {
            self.probe_current(now);
            self.upgrade_now(now);
        } else if self.current.is_none() {
            self.selection.forgive();
            self.connect_soon(now);
        }
    }

    /// Handles [`crate::Event::Offline`]. A live channel is probed: it is dead, or the system is
    /// wrong.
    pub(super) fn lost_network(&mut self, now: u64) {
        self.offline = true;
        if self.is_live() {
            self.check_current(now);
        } else if let Some(Channel { id, .. }) = self.current {
            self.give_up(id, Loss::Neutral, now);
        } else if let Idle::Waiting { .. } = self.idle {
            self.idle = Idle::Offline { until: now + CAP_MS };
        }
    }

    /// Checks the channel in use, which is given up if nothing arrives in a few seconds.
    pub(super) fn check_current(&mut self, now: u64) {
        if self.current.as_ref().is_some_and(|channel| channel.transport == Transport::Sse) {
            self.renew_events(now);
        } else {
            self.probe_current(now);
        }
    }

    /// Checks that the server still answers on the channel in use. An event stream cannot be
    /// pinged: a new one beside it shows.
    fn probe_current(&mut self, now: u64) {
        let Some(channel) = &mut self.current else { return };
        let id = channel.id;
        match channel.transport {
            Transport::WebSocket => {
                if channel.probe_now(now) {
                    self.ping(id, now);
                }
            }
            Transport::Sse => channel.renews = channel.is_stale(now),
            Transport::LongPoll | Transport::Poll => {
                if channel.may_fetch_now() {
                    self.fetch(id, false, now);
                }
            }
        }
    }

    pub(super) fn probe_stream(&mut self, id: u32, now: u64) {
        if let Some(channel) = self.channel(id) {
            channel.probe(now);
            self.ping(id, now);
        }
    }

    /// Sends a ping if the channel is a WebSocket.
    pub(super) fn ping(&mut self, id: u32, now: u64) {
        if let Some(channel) = self.channel(id).filter(|channel| channel.transport == Transport::WebSocket) {
            let r#ref = channel.ping(now);
            self.actions.push(Action::Send { channel: id, text: to_json(&ClientFrame::Ping { r#ref }) });
        }
    }

    /// Requests the next page.
    fn fetch(&mut self, id: u32, may_wait: bool, now: u64) {
        let after = self.cursor;
        if let Some(channel) = self.channel(id) {
            let wait_seconds = channel.fetch(after, may_wait, now);
            self.actions.push(Action::Fetch { channel: id, after, wait_seconds });
        }
    }

    /// Handles [`crate::Event::Closed`].
    pub(super) fn closed(&mut self, id: u32, code: u16, reason: &str, now: u64) {
        let Some(channel) = self.channel(id) else { return };
        channel.hear(now);
        if self.is_current(id) && !Disconnect::should_reconnect(code) {
            self.current = None;
            self.stop(code);
        } else {
            self.lose(id, Loss::Failed { spread: Disconnect::parse_spread(reason) }, now);
        }
    }

    /// Ends every channel for good.
    pub(super) fn stop(&mut self, code: u16) {
        self.close_candidate();
        if let Some(channel) = self.current.take() {
            self.actions.push(Action::Close { channel: channel.id });
        }
        self.outbox.disconnected();
        self.idle = Idle::Stopped { code: Some(code) };
    }

    /// Handles [`crate::Event::NotLeader`]: continues with polls, which the leader triggers.
    pub(super) fn not_leader(&mut self, id: u32, now: u64) {
        if self.channel(id).is_none() {
            return;
        }
        self.selection.follower = true;
        if !self.is_live() {
            // Nothing was sent to the server.
            self.backoff.cancel_attempt(now);
            self.attempt(now);
        } else if let Some(channel) = self.current.as_mut().filter(|current| current.id == id) {
            channel.transport = Transport::Poll;
            channel.pause(0, now);
            self.tick(now);
        } else {
            self.backoff.cancel_attempt(now);
            self.candidate = None;
            self.upgrade_failed(now);
        }
    }

    /// Handles [`crate::Event::Woken`].
    pub(super) fn woken(&mut self, now: u64) {
        if let Some(channel) = self.current.as_mut().filter(|channel| channel.transport == Transport::Poll) {
            channel.fetch_soon(now);
            self.tick(now);
        }
    }

    /// Does everything that is due.
    pub(super) fn tick(&mut self, now: u64) {
        for id in [&self.candidate, &self.current].map(|channel| channel.as_ref().map(|channel| channel.id)).into_iter().flatten() {
            self.act_on(id, now);
        }
        if let Some(Channel { id, transport, .. }) = self.current {
            if self.own_entry_deadline().is_some_and(|at| now >= at) {
                self.give_up(id, Loss::Buffered, now);
            } else if self.outbox.is_overdue(now) {
                match transport {
                    Transport::WebSocket => self.give_up(id, Loss::Failed { spread: None }, now),
                    // The next request has a connection of its own.
                    _ => self.outbox.disconnected(),
                }
            }
        } else if let Idle::Waiting { until } | Idle::Offline { until } = self.idle
            && now >= until
        {
            self.attempt(now);
        }
        self.doubt(now);
        self.try_upgrade(now);
    }

    /// Does what is due on one channel.
    fn act_on(&mut self, id: u32, now: u64) {
        let Some(channel) = self.channel(id) else { return };
        match channel.due(now) {
            Due::Nothing => {}
            Due::Probe => self.probe_stream(id, now),
            Due::Fetch => self.fetch(id, true, now),
            Due::Fail => {
                let loss = if channel.may_be_buffered() { Loss::Buffered } else { Loss::Failed { spread: None } };
                self.give_up(id, loss, now);
            }
        }
    }

    pub(super) fn close_candidate(&mut self) {
        if let Some(channel) = self.candidate.take() {
            self.actions.push(Action::Close { channel: channel.id });
        }
    }

    /// Closes a channel that is still open, and goes on without it.
    pub(super) fn give_up(&mut self, id: u32, loss: Loss, now: u64) {
        self.actions.push(Action::Close { channel: id });
        self.lose(id, loss, now);
    }

    /// Removes a channel, records what that says about its transport, and decides what comes next.
    pub(super) fn lose(&mut self, id: u32, loss: Loss, now: u64) {
        let slot = if self.is_current(id) { &mut self.current } else { &mut self.candidate };
        let Some(channel) = slot.take_if(|channel| channel.id == id) else { return };
        let transport = channel.transport;
        match loss {
            Loss::Buffered => self.selection.buffered(transport),
            _ if channel.is_stable() => {
                self.selection.stable(transport);
                self.backoff.reset();
            }
            Loss::Failed { .. } => self.selection.failed(transport, channel.proven.is_some()),
            Loss::Neutral => {}
        }
        if self.current.is_some() {
            return self.upgrade_failed(now);
        }
        self.outbox.disconnected();
        if self.candidate.is_some() {
            return self.promote(now);
        }
        let spread = if let Loss::Failed { spread } = loss { spread } else { None };
        if self.offline {
            self.idle = Idle::Offline { until: now + CAP_MS };
        } else if spread.is_some() || self.selection.all_fail() || self.selection.pick() == transport {
            let until = self.backoff.failed(spread, now, &mut self.rng);
            self.attempt_at(until, now);
        } else {
            // The next transport has not failed, so it need not wait.
            self.attempt_at(self.backoff.earliest(), now);
        }
    }
}
