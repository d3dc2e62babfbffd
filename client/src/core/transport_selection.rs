//! Which transport to use next, judged by what happened with each so far.

use crate::Transport;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Untried,
    Works,
    /// It worked, then failed once.
    FailedOnce,
    Fails,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    verdict: Verdict,
    /// A proven channel ended before it was stable, and none has become stable since.
    is_unstable: bool,
    /// A channel became stable since this client was created.
    was_stable: bool,
}

#[derive(Clone, Debug)]
pub(super) struct TransportSelection {
    records: [Record; Transport::ALL.len()],
    only: Option<Transport>,
    /// True if another client holds the shared stream, so this one must not open its own.
    pub(super) follower: bool,
    last: Transport,
}

impl TransportSelection {
    pub(super) fn new(only: Option<Transport>, last_proven: Option<Transport>) -> Self {
        let mut selection = Self { records: Default::default(), only, follower: false, last: Transport::Poll };
        // The better transports failed not long ago, or this one would not have been in use.
        for better in Transport::ALL.into_iter().filter(|transport| Some(*transport) < last_proven) {
            selection.records[better as usize].verdict = Verdict::Fails;
        }
        selection
    }

    /// Returns the transport for the next attempt: the best that is not known to fail. If all are
    /// known to fail, each in turn.
    pub(super) fn pick(&self) -> Transport {
        let next = self.allowed().find(|transport| *transport > self.last);
        self.usable().next().or(next).or_else(|| self.allowed().next()).unwrap_or(Transport::WebSocket)
    }

    /// True if every allowed transport is known to fail.
    pub(super) fn all_fail(&self) -> bool {
        self.usable().next().is_none()
    }

    /// True if another transport can be tried at once if this one fails.
    pub(super) fn has_alternative(&self, to: Transport) -> bool {
        self.usable().any(|transport| transport != to)
    }

    /// Returns the next transport to put on trial beside `current`, after `tried`, the last one in
    /// this round. With `renew` that includes a new channel of the same transport.
    pub(super) fn better(&self, current: Transport, renew: bool, tried: Option<Transport>) -> Option<Transport> {
        self.allowed().find(|transport| {
            let is_better = *transport < current || renew && *transport == current;
            is_better && Some(*transport) > tried
        })
    }

    /// True if a better transport than this one was stable before.
    pub(super) fn had_stable_better(&self, than: Transport) -> bool {
        self.allowed().any(|transport| transport < than && self.records[transport as usize].was_stable)
    }

    /// True if a channel of this transport must be stable before it is relied on.
    pub(super) fn is_unstable(&self, transport: Transport) -> bool {
        self.records[transport as usize].is_unstable
    }

    /// Records that an attempt starts.
    pub(super) fn tried(&mut self, transport: Transport) {
        self.last = transport;
    }

    /// Records that a channel was proven.
    pub(super) fn proven(&mut self, transport: Transport) {
        let verdict = &mut self.records[transport as usize].verdict;
        if *verdict == Verdict::Untried {
            *verdict = Verdict::Works;
        }
    }

    /// Records that a channel was stable.
    pub(super) fn stable(&mut self, transport: Transport) {
        self.records[transport as usize] = Record { verdict: Verdict::Works, is_unstable: false, was_stable: true };
    }

    /// Records that an attempt failed, or that a channel ended before it was stable.
    pub(super) fn failed(&mut self, transport: Transport, was_proven: bool) {
        let record = &mut self.records[transport as usize];
        record.is_unstable |= was_proven;
        record.verdict = if record.verdict == Verdict::Works { Verdict::FailedOnce } else { Verdict::Fails };
    }

    /// Records that a channel held data back. That outweighs everything before.
    pub(super) fn buffered(&mut self, transport: Transport) {
        self.records[transport as usize] = Record { verdict: Verdict::Fails, is_unstable: true, was_stable: false };
    }

    /// Gives failed transports another chance, because the network may have changed.
    pub(super) fn forgive(&mut self) {
        for record in &mut self.records {
            if record.verdict == Verdict::Fails {
                record.verdict = Verdict::Untried;
            }
        }
    }

    fn usable(&self) -> impl Iterator<Item = Transport> {
        self.allowed().filter(|transport| self.records[*transport as usize].verdict != Verdict::Fails)
    }

    fn allowed(&self) -> impl Iterator<Item = Transport> {
        Transport::ALL.into_iter().filter(|transport| {
            let is_shared = matches!(transport, Transport::Sse | Transport::LongPoll);
            self.only.map_or(!(self.follower && is_shared), |only| only == *transport)
        })
    }
}
