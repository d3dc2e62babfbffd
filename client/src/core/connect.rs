//! Opening channels and losing them.

use protocol::{ClientFrame, Disconnect};

use super::channel::{Channel, Due};
use super::publish::write;
use super::{Action, Core, Rest};
use crate::Transport;
use crate::backoff::CAP_MS;

/// How long an attempt may take while there is something else to turn to, in milliseconds.
const ATTEMPT_MS: u64 = 3_000;
/// How long one may take otherwise. The network may just be slow.
const PATIENT_MS: u64 = 10_000;

/// How a channel was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It failed; with the spread that the server asked for.
    Failed { spread: Option<u64> },
    /// It is nobody's fault.
    Innocent,
    /// It was caught holding something back.
    Late,
}

impl Core {
    fn attempt(&mut self, now: u64) {
        let transport = self.selection.pick();
        self.selection.tried(transport);
        let patience = if self.selection.has_other(transport) { ATTEMPT_MS } else { PATIENT_MS };
        self.current = Some(self.open(transport, patience, now));
    }

    pub(super) fn open(&mut self, transport: Transport, patience: u64, now: u64) -> Channel {
        self.backoff.attempt(now);
        self.channels += 1;
        let (id, after) = (self.channels, self.cursor);
        let channel = Channel::new(id, transport, after, patience, now);
        self.actions.push(match channel.is_stream() {
            true => Action::Open { channel: id, transport, after },
            false => Action::Fetch { channel: id, after, wait_seconds: 0 },
        });
        channel
    }

    /// Connects as soon as it is decent, unless there is a channel.
    pub(super) fn connect_soon(&mut self, now: u64) {
        if self.current.is_none() {
            self.attempt_at(self.backoff.earliest(), now);
        }
    }

    fn attempt_at(&mut self, until: u64, now: u64) {
        if now >= until {
            self.attempt(now);
        } else {
            self.rest = Rest::Waiting { until };
        }
    }

    pub(super) fn retry_now(&mut self, now: u64) {
        self.offline = false;
        self.backoff.forget();
        self.outbox.hope();
        if self.is_live() {
            self.ask(now);
            self.upgrade_now(now);
        } else if self.current.is_none() {
            self.selection.renew();
            self.connect_soon(now);
        }
    }

    /// A live channel proves the system wrong, or is dead; asking it tells.
    pub(super) fn lost_network(&mut self, now: u64) {
        self.offline = true;
        if self.is_live() {
            self.ask(now);
        } else if let Some(Channel { id, .. }) = self.current {
            self.give_up(id, Loss::Innocent, now);
        } else if let Rest::Waiting { .. } = self.rest {
            self.rest = Rest::Offline { until: now + CAP_MS };
        }
    }

    /// Asks the channel in use whether it is there. An event stream can't be asked: a new one beside it tells.
    fn ask(&mut self, now: u64) {
        let Some(channel) = &mut self.current else { return };
        let id = channel.id;
        match channel.transport {
            Transport::WebSocket => {
                if channel.ask_now(now) {
                    self.ping(id, now);
                }
            }
            Transport::Sse => channel.doubted = channel.is_stale(now),
            Transport::LongPoll | Transport::Poll => {
                if channel.waits() {
                    self.fetch(id, false, now);
                }
            }
        }
    }

    pub(super) fn ping(&mut self, id: u32, now: u64) {
        if let Some(channel) = self.channel(id).filter(|channel| channel.transport == Transport::WebSocket) {
            let r#ref = channel.ping(now);
            self.actions.push(Action::Send { channel: id, text: write(&ClientFrame::Ping { r#ref }) });
        }
    }

    /// Asks for the next page.
    fn fetch(&mut self, id: u32, may_wait: bool, now: u64) {
        let after = self.cursor;
        if let Some(channel) = self.channel(id) {
            let wait_seconds = channel.fetch(after, may_wait, now);
            self.actions.push(Action::Fetch { channel: id, after, wait_seconds });
        }
    }

    pub(super) fn closed(&mut self, id: u32, code: u16, reason: &str, now: u64) {
        let Some(channel) = self.channel(id) else { return };
        // A goodbye is a sign of life too.
        channel.hear(now);
        if self.is_current(id) && !Disconnect::should_reconnect(code) {
            self.close_candidate();
            self.current = None;
            self.outbox.disconnected();
            self.rest = Rest::Stopped { code: Some(code) };
        } else {
            self.lose(id, Loss::Failed { spread: Disconnect::parse_spread(reason) }, now);
        }
    }

    /// Another client has the stream that is shared: this one asks for pages when that one says so.
    pub(super) fn taken(&mut self, id: u32, now: u64) {
        if self.channel(id).is_none() {
            return;
        }
        self.selection.follows = true;
        if !self.is_live() {
            // Nothing went out to the server.
            self.backoff.no_attempt(now);
            self.attempt(now);
        } else if let Some(channel) = self.current.as_mut().filter(|current| current.id == id) {
            channel.transport = Transport::Poll;
            channel.pause(0, now);
            self.tick(now);
        } else {
            self.backoff.no_attempt(now);
            self.candidate = None;
            self.probe_failed(now);
        }
    }

    pub(super) fn woken(&mut self, now: u64) {
        if let Some(channel) = self.current.as_mut().filter(|channel| channel.transport == Transport::Poll) {
            channel.fetch_soon(now);
            self.tick(now);
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        for channel in [self.candidate.clone(), self.current.clone()].into_iter().flatten() {
            self.mind(&channel, now);
        }
        if let Some(Channel { id, transport, .. }) = self.current {
            if self.late_at().is_some_and(|at| now >= at) {
                self.give_up(id, Loss::Late, now);
            } else if self.outbox.is_overdue(now) {
                match transport {
                    Transport::WebSocket => self.give_up(id, Loss::Failed { spread: None }, now),
                    // The next post has its own connection.
                    _ => self.outbox.disconnected(),
                }
            }
        } else if let Rest::Waiting { until } | Rest::Offline { until } = self.rest
            && now >= until
        {
            self.attempt(now);
        }
        self.probe(now);
    }

    fn mind(&mut self, channel: &Channel, now: u64) {
        match channel.due(now) {
            Due::Nothing => {}
            Due::Fail if channel.is_in_doubt() => self.give_up(channel.id, Loss::Late, now),
            Due::Fail => self.give_up(channel.id, Loss::Failed { spread: None }, now),
            Due::Fetch => self.fetch(channel.id, true, now),
            Due::Ask => self.ask_stream(channel.id, now),
        }
    }

    pub(super) fn ask_stream(&mut self, id: u32, now: u64) {
        if let Some(channel) = self.channel(id) {
            channel.ask(now);
            self.ping(id, now);
        }
    }

    pub(super) fn give_up(&mut self, id: u32, loss: Loss, now: u64) {
        self.actions.push(Action::Close { channel: id });
        self.lose(id, loss, now);
    }

    pub(super) fn close_candidate(&mut self) {
        if let Some(channel) = self.candidate.take() {
            self.actions.push(Action::Close { channel: channel.id });
        }
    }

    /// A channel is gone: what that says of its transport, and what comes next.
    pub(super) fn lose(&mut self, id: u32, loss: Loss, now: u64) {
        let slot = if self.is_current(id) { &mut self.current } else { &mut self.candidate };
        let Some(channel) = slot.take_if(|channel| channel.id == id) else { return };
        let transport = channel.transport;
        match loss {
            Loss::Late => self.selection.condemn(transport),
            _ if channel.has_lived() => {
                self.selection.lived(transport);
                self.backoff.forget();
            }
            Loss::Failed { .. } => self.selection.failed(transport, channel.proven.is_some()),
            Loss::Innocent => {}
        }
        if self.current.is_some() {
            return self.probe_failed(now);
        }
        self.outbox.disconnected();
        if self.candidate.is_some() {
            return self.promote(now);
        }
        let spread = if let Loss::Failed { spread } = loss { spread } else { None };
        if self.offline {
            self.rest = Rest::Offline { until: now + CAP_MS };
        } else if spread.is_some() || self.selection.is_spent() || self.selection.pick() == transport {
            let until = self.backoff.failed(spread, now, &mut self.rng);
            self.attempt_at(until, now);
        } else {
            // What is next has not failed, so there is no reason to wait.
            self.attempt_at(self.backoff.earliest(), now);
        }
    }
}
