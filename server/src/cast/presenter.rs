//! A presenter's connection: which chunks are taken, and what the presenter is told. Pure: no
//! clock, task or socket.

use std::time::Duration;

use protocol::cast::{Chunk, ChunkKind, PresenterFrame};
use protocol::limits::{CHUNKS_PER_SECOND_MAX, KEY_FRAME_SECONDS_MIN};
use protocol::{Disconnect, ErrorCode};

use super::rate::Rate;

/// Minimum time between two frames of the same kind.
const PAUSE: Duration = Duration::from_secs(1);
/// How many errors in a row about the rate a presenter is told. The next one ends the connection.
const RATE_ERRORS_MAX: u32 = 10;
/// Errors with more than this between them are not in a row.
const RATE_ERRORS_PAUSE: Duration = Duration::from_secs(10);
/// How many chunks a second are a flood, which ends the connection at once.
const FLOOD_CHUNKS: u32 = 10 * CHUNKS_PER_SECOND_MAX;
/// How many heartbeats in a row may go without a reply.
const UNANSWERED_MAX: u8 = 2;

/// What a connection has sent, and was told.
#[derive(Debug)]
pub struct Presenter {
    bytes_per_second: u64,
    heartbeat: Duration,
    bytes: Rate,
    chunks: Rate,
    /// How many chunks the rate has refused since it was last told.
    refused: u32,
    errors_in_a_row: u32,
    error_told: Option<Duration>,
    viewers: usize,
    viewers_told: Duration,
    key_frame_asked: Option<Duration>,
    heartbeat_due: Duration,
    is_heard: bool,
    unanswered: u8,
}

/// What is done with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Viewers get it.
    Take(Chunk<'a>),
    /// Viewers do not get it. The presenter may have to be told why.
    LeaveOut(ChunkKind, Option<PresenterFrame>),
    /// The presenter is told why, and the connection ends.
    End(PresenterFrame, Disconnect),
}

impl Presenter {
    /// Returns a connection that was told of so many viewers.
    pub fn new(bytes_per_second: u64, heartbeat: Duration, viewers: usize, now: Duration) -> Self {
        Self {
            bytes_per_second,
            heartbeat,
            bytes: Rate::default(),
            chunks: Rate::default(),
            refused: 0,
            errors_in_a_row: 0,
            error_told: None,
            viewers,
            viewers_told: now,
            key_frame_asked: None,
            heartbeat_due: now + heartbeat,
            is_heard: true,
            unanswered: 0,
        }
    }

    /// Notes that something has come.
    pub fn set_heard(&mut self) {
        self.is_heard = true;
    }

    /// Decides about a binary message.
    pub fn take<'a>(&mut self, message: &'a [u8], now: Duration) -> Verdict<'a> {
        let chunk = match Chunk::parse(message) {
            Ok(chunk) => chunk,
            Err(code) => return refuse(code, Disconnect::ChunkRefused),
        };
        let taken = self.chunks.take(1, CHUNKS_PER_SECOND_MAX.into(), now);
        match taken.and_then(|()| self.bytes.take(message.len() as u64, self.bytes_per_second, now)) {
            Ok(()) => Verdict::Take(chunk),
            Err(wait) => self.slow_down(chunk.kind, wait, now),
        }
    }

    /// Decides about a text message: a presenter has nothing to say in words.
    pub fn take_text(&self) -> Verdict<'static> {
        refuse(ErrorCode::ChunkInvalid, Disconnect::ChunkRefused)
    }

    fn slow_down(&mut self, kind: ChunkKind, wait: Duration, now: Duration) -> Verdict<'static> {
        let code = ErrorCode::CastTooFast;
        self.refused += 1;
        if self.refused > FLOOD_CHUNKS {
            return refuse(code, Disconnect::CastTooFast);
        }
        if !has_passed(PAUSE, self.error_told, now) {
            return Verdict::LeaveOut(kind, None);
        }
        if has_passed(RATE_ERRORS_PAUSE, self.error_told, now) {
            self.errors_in_a_row = 0;
        }
        (self.refused, self.error_told) = (0, Some(now));
        self.errors_in_a_row += 1;
        if self.errors_in_a_row > RATE_ERRORS_MAX {
            return refuse(code, Disconnect::CastTooFast);
        }
        let retry_after = Some(wait.as_millis().max(1) as u64);
        Verdict::LeaveOut(kind, Some(PresenterFrame::Error { code, detail: code.to_string(), retry_after }))
    }

    /// Returns what the presenter is to be told now, which may be nothing. After a heartbeat the
    /// caller sends a ping.
    ///
    /// # Errors
    /// The end of a connection that is silent.
    pub fn due(&mut self, viewers: usize, wants_key_frame: bool, now: Duration) -> Result<Vec<PresenterFrame>, Disconnect> {
        let mut frames = Vec::new();
        if wants_key_frame && has_passed(Duration::from_secs(KEY_FRAME_SECONDS_MIN), self.key_frame_asked, now) {
            self.key_frame_asked = Some(now);
            frames.push(PresenterFrame::Keyframe);
        }
        if viewers != self.viewers && has_passed(PAUSE, Some(self.viewers_told), now) {
            (self.viewers, self.viewers_told) = (viewers, now);
            frames.push(PresenterFrame::Viewers { viewers });
        }
        if now >= self.heartbeat_due {
            self.heartbeat_due = now + self.heartbeat;
            self.unanswered = if std::mem::take(&mut self.is_heard) { 0 } else { self.unanswered + 1 };
            if self.unanswered >= UNANSWERED_MAX {
                return Err(Disconnect::HeartbeatMissed);
            }
            frames.push(PresenterFrame::Heartbeat);
        }
        Ok(frames)
    }
}

fn refuse(code: ErrorCode, disconnect: Disconnect) -> Verdict<'static> {
    Verdict::End(PresenterFrame::Error { code, detail: code.to_string(), retry_after: None }, disconnect)
}

/// True if something was so long ago, or never.
fn has_passed(time: Duration, at: Option<Duration>, now: Duration) -> bool {
    at.is_none_or(|at| now >= at + time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: Duration = Duration::from_secs(5);

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn presenter(bytes_per_second: u64) -> Presenter {
        Presenter::new(bytes_per_second, HEARTBEAT, 0, at(0))
    }

    fn delta(bytes: usize) -> Vec<u8> {
        Chunk { kind: ChunkKind::DeltaFrame, time: 0, payload: &vec![0; bytes - protocol::cast::CHUNK_HEAD_BYTES] }.to_bytes()
    }

    /// Sends deltas at an interval, and returns how many were taken, the errors, and when the
    /// connection ended.
    fn send(presenter: &mut Presenter, bytes: usize, microseconds: usize, until: u64) -> (usize, usize, Option<u64>) {
        let (message, mut taken, mut errors) = (delta(bytes), 0, 0);
        for now in (0..until * 1000).step_by(microseconds) {
            match presenter.take(&message, Duration::from_micros(now)) {
                Verdict::Take(_) => taken += 1,
                Verdict::LeaveOut(_, error) => errors += usize::from(error.is_some()),
                Verdict::End(PresenterFrame::Error { code, .. }, disconnect) => {
                    assert_eq!((code, disconnect), (ErrorCode::CastTooFast, Disconnect::CastTooFast));
                    return (taken, errors, Some(now / 1000));
                }
                Verdict::End(..) => panic!("an error says why"),
            }
        }
        (taken, errors, None)
    }

    #[test]
    fn takes_what_is_within_the_rates() {
        let (taken, errors, ended) = send(&mut presenter(500_000), 5000, 10_000, 60_000);
        assert_eq!((taken, errors, ended), (6000, 0, None));
    }

    #[test]
    fn too_many_bytes_are_left_out_and_soon_end_the_connection() {
        let (taken, errors, ended) = send(&mut presenter(500_000), 10_000, 10_000, 60_000);
        assert!((650..=750).contains(&taken), "{taken}");
        // The first error comes when two seconds of the rate are used up.
        assert_eq!((errors, ended.map(|ended| ended / 1000)), (10, Some(12)));
    }

    #[test]
    fn too_many_chunks_are_left_out_and_a_flood_ends_the_connection_at_once() {
        let (taken, errors, ended) = send(&mut presenter(u64::MAX), 10, 5000, 8000);
        assert!((240 + 8 * 120..=241 + 8 * 120).contains(&taken), "{taken}");
        assert_eq!((errors, ended), (5, None));
        let (taken, _, ended) = send(&mut presenter(u64::MAX), 10, 100, 8000);
        assert!(taken < 300 && ended.is_some_and(|ended| ended < 300), "{taken} {ended:?}");
    }

    #[test]
    fn errors_that_are_far_apart_do_not_end_the_connection() {
        let mut presenter = presenter(1000);
        let message = delta(1000);
        for burst in 0..30 {
            let now = at(burst * 11_000);
            assert!(matches!((0..3).map(|_| presenter.take(&message, now)).last(), Some(Verdict::Take(_))));
            assert!(matches!(presenter.take(&message, now), Verdict::LeaveOut(ChunkKind::DeltaFrame, Some(_))));
        }
    }

    #[test]
    fn what_is_no_chunk_ends_the_connection() {
        for bad in [&b"garbage"[..], b"", &[1; 20][..8], &[9; 20]] {
            let Verdict::End(PresenterFrame::Error { code, .. }, disconnect) = presenter(1).take(bad, at(0)) else { panic!("{bad:?}") };
            assert_eq!((code, disconnect), (ErrorCode::ChunkInvalid, Disconnect::ChunkRefused));
        }
        assert!(matches!(presenter(1).take_text(), Verdict::End(_, Disconnect::ChunkRefused)));
    }

    #[test]
    fn asks_for_key_frames_and_tells_viewers_at_most_once_a_second() {
        let (mut presenter, mut frames) = (presenter(1), Vec::new());
        for now in (0..4000).step_by(50) {
            frames.extend(presenter.due(now as usize, true, at(now)).unwrap());
        }
        let asked = frames.iter().filter(|frame| **frame == PresenterFrame::Keyframe).count();
        let told = frames.iter().filter(|frame| matches!(frame, PresenterFrame::Viewers { .. })).count();
        assert_eq!((asked, told), (4, 3));
        assert_eq!(presenter.due(3000, false, at(4000)), Ok(Vec::new()));
    }

    #[test]
    fn a_silent_connection_ends_and_one_that_answers_does_not() {
        let mut silent = presenter(1);
        assert_eq!(silent.due(0, false, at(5000)), Ok(vec![PresenterFrame::Heartbeat]));
        assert_eq!(silent.due(0, false, at(10_000)), Ok(vec![PresenterFrame::Heartbeat]));
        assert_eq!(silent.due(0, false, at(15_000)), Err(Disconnect::HeartbeatMissed));
        let mut alive = presenter(1);
        for beat in 1..100 {
            assert_eq!(alive.due(0, false, at(5000 * beat)), Ok(vec![PresenterFrame::Heartbeat]));
            alive.set_heard();
        }
    }
}
