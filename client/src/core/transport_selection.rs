//! Which transport to use, by what experience says of each.

use crate::Transport;

/// What experience says of a transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trust {
    /// Nothing yet.
    #[default]
    Untried,
    /// It works.
    Good,
    /// It worked, and then failed once.
    Shaken,
    /// It fails.
    Bad,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    trust: Trust,
    /// A proven channel died young, and none has lived since.
    unstable: bool,
    /// One lived in this life.
    lived: bool,
}

#[derive(Clone, Debug)]
pub(super) struct TransportSelection {
    records: [Record; Transport::ALL.len()],
    only: Option<Transport>,
    /// Whether another client has the stream that is shared.
    pub(super) follows: bool,
    last: Transport,
}

impl TransportSelection {
    pub(super) fn new(only: Option<Transport>, last_proven: Option<Transport>) -> Self {
        let mut selection =
            Self { records: Default::default(), only, follows: false, last: *Transport::ALL.last().unwrap_or(&Transport::Poll) };
        // Where one is last_proven, the better ones have failed not long ago.
        for better in Transport::ALL.into_iter().filter(|transport| Some(*transport) < last_proven) {
            selection.records[better as usize].trust = Trust::Bad;
        }
        selection
    }

    /// The transport for the next attempt: the best that is not known to fail. When all are, each in turn.
    pub(super) fn pick(&self) -> Transport {
        let mut allowed = Transport::ALL.into_iter().filter(|transport| self.allows(*transport));
        let mut first = None;
        let mut next = None;
        allowed
            .find(|transport| {
                first = first.or(Some(*transport));
                next = next.or(Some(*transport).filter(|transport| *transport > self.last));
                !self.is_bad(*transport)
            })
            .or(next)
            .or(first)
            .unwrap_or(Transport::WebSocket)
    }

    /// Whether all that may be used is known to fail.
    pub(super) fn is_spent(&self) -> bool {
        self.has(|_| true).is_none()
    }

    /// Whether there is something to turn to soon if an attempt with this one should fail.
    pub(super) fn has_other(&self, than: Transport) -> bool {
        self.has(|transport| transport != than).is_some()
    }

    fn has(&self, wanted: impl Fn(Transport) -> bool) -> Option<Transport> {
        Transport::ALL.into_iter().find(|transport| wanted(*transport) && self.allows(*transport) && !self.is_bad(*transport))
    }

    /// The next better transport to put on trial beside `current`, after that which was tried last in this round.
    pub(super) fn better(&self, current: Transport, renew: bool, tried: Option<Transport>) -> Option<Transport> {
        Transport::ALL.into_iter().find(|transport| {
            let is_better = *transport < current || renew && *transport == current;
            is_better && Some(*transport) > tried && self.allows(*transport)
        })
    }

    /// Whether a better transport than this one did well in this life.
    pub(super) fn knows_better(&self, than: Transport) -> bool {
        Transport::ALL.into_iter().any(|transport| transport < than && self.allows(transport) && self.records[transport as usize].lived)
    }

    /// Whether it must do well for some time before it is relied on.
    pub(super) fn is_unstable(&self, transport: Transport) -> bool {
        self.records[transport as usize].unstable
    }

    pub(super) fn tried(&mut self, transport: Transport) {
        self.last = transport;
    }

    pub(super) fn proven(&mut self, transport: Transport) {
        let trust = &mut self.records[transport as usize].trust;
        if *trust == Trust::Untried {
            *trust = Trust::Good;
        }
    }

    /// A proven channel has done well for long enough.
    pub(super) fn lived(&mut self, transport: Transport) {
        self.records[transport as usize] = Record { trust: Trust::Good, unstable: false, lived: true };
    }

    /// An attempt failed, or a proven channel died young.
    pub(super) fn failed(&mut self, transport: Transport, was_proven: bool) {
        let record = &mut self.records[transport as usize];
        record.unstable |= was_proven;
        record.trust = if record.trust == Trust::Good { Trust::Shaken } else { Trust::Bad };
    }

    /// A channel was caught holding something back, however long it did well.
    pub(super) fn condemn(&mut self, transport: Transport) {
        self.records[transport as usize] = Record { trust: Trust::Bad, unstable: true, lived: false };
    }

    /// The network may be another one: what failed may work.
    pub(super) fn renew(&mut self) {
        for record in &mut self.records {
            if record.trust == Trust::Bad {
                record.trust = Trust::Untried;
            }
        }
    }

    fn allows(&self, transport: Transport) -> bool {
        let shared = matches!(transport, Transport::Sse | Transport::LongPoll);
        self.only.map_or(!(self.follows && shared), |only| only == transport)
    }

    fn is_bad(&self, transport: Transport) -> bool {
        self.records[transport as usize].trust == Trust::Bad
    }
}
