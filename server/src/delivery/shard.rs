//! Up to 64 sockets of a broadcaster, side by side under one lock, so that a broadcast looks at
//! little memory and makes one system call for all of them.
//!
//! A reader that is caught up is in its slot, and only the shard writes to its socket. Otherwise
//! the reader is with its connection's task, as [`SendState`], and only that task writes. The task
//! takes the reader out when it has something to write, and puts it back when [`Reader::next`] has
//! nothing more to do.

use std::mem::{self, MaybeUninit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use batch_send::{BATCH_MAX, Disconnected, SendRequest, Socket, send_batch};
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use protocol::Disconnect;
use socket2::SockRef;

use super::End;
use super::reader::{NEVER, Next, Reader, Reason, Rules, Seen};
use super::send_state::{Batch, Offer, Rest, SendState};
use super::source::Source;
use crate::access::Grants;

/// How many sockets are written to at once.
pub(super) const SLOTS: usize = BATCH_MAX;

/// The sockets, each in a slot that does not change.
#[derive(Default)]
pub(super) struct Shard {
    /// Which clients were heard of since their last heartbeat: a bit for each slot.
    heard: AtomicU64,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    /// What every broadcast looks at.
    members: Vec<Option<Member>>,
    /// What is rarely needed.
    details: Vec<Details>,
}

struct Member {
    socket: Socket,
    /// Here while it is caught up.
    reader: Option<Reader>,
}

struct Details {
    /// The connection's task.
    waker: Option<Waker>,
    end: Option<End>,
    /// The client's access keys.
    grants: Option<Arc<Grants>>,
    /// A reader that fell behind, until its task fetches it.
    fallen: Option<Box<SendState>>,
    /// True if a number of sessions was told to others while this reader was not caught up.
    is_presence_due: bool,
    /// When the task wants to be woken.
    wake_at: u32,
}

impl Default for Details {
    fn default() -> Self {
        Self { waker: None, end: None, grants: None, fallen: None, is_presence_due: false, wake_at: NEVER }
    }
}

/// The time, and the rules of the shard's format.
#[derive(Clone, Copy)]
pub(super) struct Now<'a> {
    pub(super) tick: u32,
    pub(super) rules: &'a Rules,
}

impl Shard {
    /// Sends a batch to every reader that is at its start. The others catch up in their own tasks.
    pub(super) fn broadcast(&self, batch: &Batch<'_>, now: Now<'_>) {
        let slots = &mut *self.lock();
        for (_, member, details) in slots.iter_mut() {
            details.is_presence_due |= batch.has_presence() && member.reader.is_none();
            let Some(reader) = &mut member.reader else { continue };
            match batch.offer(reader) {
                Offer::CatchUp => {
                    details.is_presence_due = batch.has_presence();
                    member.reader.take().into_iter().for_each(|reader| details.fall_behind(SendState::new(reader, Rest::default())));
                }
                Offer::Skip => batch.skip(reader),
                Offer::Send(_) | Offer::Nothing => {}
            }
        }
        let bytes = |_, reader: &Reader| if let Offer::Send(bytes) = batch.offer(reader) { Some(bytes) } else { None };
        slots.send(batch.has_presence(), bytes, |reader, _, length| batch.wrote(reader, length, now.tick, now.rules));
        if batch.is_ending() {
            slots.end_overdue(now);
        }
    }

    /// Asks every caught-up reader's machine what is due, and wakes the tasks of others in time.
    /// `heartbeat` makes the heartbeat for a cursor.
    pub(super) fn keep_time(&self, seen: &Seen, rules: &Rules, heartbeat: impl Fn(u64) -> Vec<u8>) {
        let slots = &mut *self.lock();
        let mut heartbeats: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut due = 0_u64;
        for (index, member, details) in slots.iter_mut() {
            let Some(reader) = &mut member.reader else {
                if seen.tick >= details.wake_at {
                    details.wake_at = NEVER;
                    details.wake();
                }
                continue;
            };
            // What the client has said may still wait for its address's turn, or for an answer.
            let has_replied = || self.take_heard(index) || has_unread(&member.socket);
            match reader.next(seen, rules, has_replied) {
                Next::Heartbeat => {
                    due |= bit(index);
                    if !heartbeats.iter().any(|(cursor, _)| *cursor == reader.cursor()) {
                        heartbeats.push((reader.cursor(), heartbeat(reader.cursor())));
                    }
                }
                Next::End(reason) => member.end(details, reason.into()),
                // The broadcaster brings the rest.
                Next::Wait | Next::Gap | Next::Presence(_) | Next::Entries => {}
            }
        }
        let bytes = |index, reader: &Reader| {
            let heartbeat = heartbeats.iter().find(|(cursor, _)| *cursor == reader.cursor());
            heartbeat.filter(|_| due & bit(index) != 0).map(|(_, bytes)| &bytes[..])
        };
        slots.send(false, bytes, |reader, bytes, length| {
            let rest = &bytes[length..];
            if !rest.is_empty() {
                reader.blocked(true, seen.tick, rules);
            }
            (!rest.is_empty()).then(|| [Bytes::copy_from_slice(rest), Bytes::new()])
        });
    }

    /// Ends every session.
    pub(super) fn end_all(&self, end: End) {
        self.lock().iter_mut().for_each(|(_, _, details)| details.end(end));
    }

    /// Ends the sessions of clients that may no longer read.
    pub(super) fn end_refused(&self, may_read: impl Fn(Option<&Grants>) -> bool) {
        let slots = &mut *self.lock();
        for (_, member, details) in slots.iter_mut() {
            if !may_read(details.grants.as_deref()) {
                member.end(details, End::Disconnected(Disconnect::AccessEnded));
            }
        }
    }

    /// Puts a socket into a slot, which must be empty. Its reader is with the connection's task.
    pub(super) fn insert(&self, index: usize, socket: Socket, grants: Option<Arc<Grants>>) {
        let mut slots = self.lock();
        let length = slots.members.len().max(index + 1);
        slots.members.resize_with(length, || None);
        slots.details.resize_with(length, Details::default);
        slots.members[index] = Some(Member { socket, reader: None });
        slots.details[index] = Details { grants, ..Details::default() };
        self.set_heard(index);
    }

    /// Empties a slot.
    pub(super) fn remove(&self, index: usize) {
        let mut slots = self.lock();
        let removed = (slots.members[index].take(), mem::take(&mut slots.details[index]));
        drop(slots);
        // Perhaps the last reference to the socket, and closing one is work.
        drop(removed);
    }

    /// Notes that a client is alive.
    pub(super) fn set_heard(&self, index: usize) {
        self.heard.fetch_or(bit(index), Ordering::Relaxed);
    }

    fn take_heard(&self, index: usize) -> bool {
        self.heard.fetch_and(!bit(index), Ordering::Relaxed) & bit(index) != 0
    }

    /// Makes `waker` the one that is woken when there is something to do. Returns the end of the
    /// session, and the reader if it fell behind.
    pub(super) fn attend(&self, index: usize, waker: &Waker) -> (Option<End>, Option<Box<SendState>>) {
        let details = &mut self.lock().details[index];
        if !details.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            details.waker = Some(waker.clone());
        }
        (details.end, details.fallen.take())
    }

    /// Sets the tick at which the task is woken.
    pub(super) fn wake_at(&self, index: usize, tick: u32) {
        self.lock().details[index].wake_at = tick;
    }

    /// Ends a session, unless it has ended already.
    pub(super) fn end(&self, index: usize, end: End) {
        self.lock().details[index].end(end);
    }

    /// Takes a reader out. From now on only its connection's task writes.
    pub(super) fn take(&self, index: usize) -> Option<Box<SendState>> {
        let mut slots = self.lock();
        if let Some(fallen) = slots.details[index].fallen.take() {
            return Some(fallen);
        }
        let reader = slots.members[index].as_mut()?.reader.take()?;
        Some(Box::new(SendState::new(reader, Rest::default())))
    }

    /// Asks a reader's machine what to do next. If nothing, the reader is put back, and broadcasts
    /// go to it from now on.
    ///
    /// The lock is held from the question to the return: what is added to the log later finds the
    /// reader in its slot.
    pub(super) fn next(&self, index: usize, state: &mut Option<Box<SendState>>, source: &Source, now: Now<'_>) -> Next {
        let slots = &mut *self.lock();
        let details = &mut slots.details[index];
        let Some(ready) = state else { return Next::Wait };
        let online = mem::take(&mut details.is_presence_due).then(|| source.online() as u32);
        let seen = Seen { tick: now.tick, extent: source.extent(), online, is_caught_up: false };
        let next = ready.reader.next(&seen, now.rules, || true);
        // Presence that was not told yet stays due.
        details.is_presence_due = online.is_some() && matches!(next, Next::Gap | Next::End(_));
        if next == Next::Wait
            && details.end.is_none()
            && let (Some(member), Some(state)) = (slots.members[index].as_mut(), state.take())
        {
            details.wake_at = NEVER;
            member.reader = Some(state.reader);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock()
    }
}

impl Slots {
    fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Member, &mut Details)> {
        let slots = self.members.iter_mut().zip(&mut self.details).enumerate();
        slots.filter_map(|(index, (member, details))| Some((index, member.as_mut()?, details)))
    }

    /// Ends the sessions of caught-up readers whose time is used up.
    fn end_overdue(&mut self, now: Now<'_>) {
        for (_, member, details) in self.iter_mut() {
            if let Some(reason) = member.reader.as_ref().and_then(|reader| reader.overdue(now.tick, now.rules)) {
                member.end(details, reason.into());
            }
        }
    }

    /// Sends to each caught-up reader the bytes that `bytes` has for it, and tells `wrote` how many
    /// of them the socket took, which returns what is still pending if that was not all. A broken
    /// socket ends its session.
    fn send<'a>(
        &mut self,
        is_presence_due: bool,
        bytes: impl Fn(usize, &Reader) -> Option<&'a [u8]>,
        wrote: impl Fn(&mut Reader, &'a [u8], usize) -> Option<Rest>,
    ) {
        let members = self.members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?)));
        let sends = members
            .filter_map(|(index, member)| Some(SendRequest { socket: &member.socket, bytes: bytes(index, member.reader.as_ref()?)? }));
        let answers = send_batch(sends);
        let sent = self.iter_mut().filter_map(|(index, member, details)| {
            let bytes = bytes(index, member.reader.as_ref()?)?;
            Some((bytes, &mut member.reader, details))
        });
        for ((bytes, slot, details), answer) in sent.zip(answers) {
            let Some(reader) = slot else { continue };
            let length = match answer {
                Ok(length) => length,
                Err(Disconnected) => {
                    *slot = None;
                    details.end(End::Gone);
                    continue;
                }
            };
            if let Some(rest) = wrote(reader, bytes, length)
                && let Some(reader) = slot.take()
            {
                details.is_presence_due = is_presence_due;
                details.fall_behind(SendState::new(reader, rest));
            }
        }
    }
}

impl Member {
    /// Ends the session. A reader that is caught up is left to its connection's task, so nothing
    /// more is sent to it.
    fn end(&mut self, details: &mut Details, end: End) {
        if let Some(reader) = self.reader.take() {
            details.fallen = Some(Box::new(SendState::new(reader, Rest::default())));
        }
        details.end(end);
    }
}

impl Details {
    /// Leaves a reader to its connection's task.
    fn fall_behind(&mut self, state: SendState) {
        self.fallen = Some(Box::new(state));
        self.wake();
    }

    fn end(&mut self, end: End) {
        if self.end.is_none() {
            self.end = Some(end);
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::TooSlow => Self::Disconnected(Disconnect::SlowConsumer),
            Reason::Silent => Self::Disconnected(Disconnect::HeartbeatMissed),
            Reason::Recycled => Self::Recycled,
        }
    }
}

/// True if the client has sent something that was not read yet.
fn has_unread(socket: &Socket) -> bool {
    SockRef::from(socket.stream()).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|length| length > 0)
}

fn bit(index: usize) -> u64 {
    1 << index
}

#[cfg(test)]
mod tests {
    use super::super::reader::Stale;
    use super::super::send_state::Frame;
    use super::super::testing::{self, Board};
    use super::*;

    const RULES: Rules = Rules { heartbeat: 1, expects_replies: true, write_time_max: 100, ..Rules::NONE };

    /// Puts a socket into the first slot, with a caught-up reader.
    fn caught_up(shard: &Shard, socket: tokio::net::TcpStream, source: &Source) {
        shard.insert(0, Socket::new(Arc::new(socket)), None);
        let mut state = Some(Box::new(SendState::new(Reader::new(0, 0, 0, &RULES), Rest::default())));
        assert_eq!(shard.next(0, &mut state, source, Now { tick: 0, rules: &RULES }), Next::Wait);
        assert!(state.is_none());
    }

    /// There may be 50,000 of them. A broadcast looks at 64 members, a cache line each.
    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Option<Member>>() <= 64, "{}", size_of::<Option<Member>>());
        assert!(size_of::<Details>() <= 64, "{}", size_of::<Details>());
    }

    #[tokio::test]
    async fn a_client_whose_words_wait_to_be_read_misses_no_heartbeat() {
        let (board, shard) = (Board::open(), Shard::default());
        let (near, far) = testing::pair().await;
        caught_up(&shard, near, &board.source());
        far.writable().await.unwrap();
        assert_eq!(far.try_write(b"x").unwrap(), 1);
        for tick in 1..9 {
            let seen = Seen { tick, extent: board.room().extent(), online: None, is_caught_up: true };
            shard.keep_time(&seen, &RULES, |_| b"h".to_vec());
        }
        assert!(shard.attend(0, Waker::noop()).0.is_none());
    }

    #[tokio::test]
    async fn presence_is_told_to_a_reader_that_fell_behind_before_it() {
        let (board, shard) = (Board::open(), Shard::default());
        let (near, _far) = testing::pair().await;
        caught_up(&shard, near, &board.source());
        let _presence = board.room().join(None);
        // More than a socket takes, so that the second entry, and the presence after it, are not
        // begun.
        let frames = [vec![b'x'; 16 * 1024 * 1024], vec![b'x']].map(Bytes::from).into_iter().zip(1..);
        let frames: Vec<_> = frames.map(|(bytes, offset)| Frame { offset, bytes, stale: Stale::Nothing }).collect();
        shard.broadcast(&Batch::new(0, &frames, Some((1, b"p"))), Now { tick: 0, rules: &RULES });
        let (_, mut state) = shard.attend(0, Waker::noop());
        assert_eq!(state.as_ref().unwrap().reader.cursor(), 1);
        assert_eq!(shard.next(0, &mut state, &board.source(), Now { tick: 0, rules: &RULES }), Next::Presence(1));
    }
}
