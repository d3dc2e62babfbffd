//! A session over an HTTP response that keeps arriving: what server-sent events and the live HTML share.
//!
//! The response asks the session for more only when what it has given before was taken, so a slow reader's cursor waits
//! in the log. A write that makes no progress is ended below, in `patience`.

pub(super) mod events;

pub(super) mod live;

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderName};
use futures_util::{FutureExt, stream};
use protocol::{Disconnect, ServerFrame};
use tokio::time::{Instant, sleep_until};

use super::permit::{ConnectionPermit, StreamingPermit};
use super::socket::Reader;
use crate::encoded::Encoded;
use crate::room::READ_BYTES_MAX;
use crate::session::{Outgoing, Session};

/// How long a response lasts at the most. Proxies and browsers keep state for each; a fresh one costs little.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// How soon after something was written a heartbeat follows, however much is written meanwhile. To the reader it shows that nothing
/// on the way holds the stream back, and what holds back each thing until the next lets go of it then.
const SIGN: Duration = Duration::from_secs(1);

/// What tells proxies to pass on what arrives as it arrives, and to keep none of it. Caddy before 2.7 does not know `no-transform`, and
/// its compression holds a stream back for ever; like the others it leaves alone what has an encoding already, even this one.
pub(super) const PASS_ON: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    (CONTENT_ENCODING, HeaderValue::from_static("identity")),
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
];

/// What is written on a stream.
pub(super) trait Script: Send + 'static {
    /// How many bytes a response has at the most.
    const BYTES_MAX: usize;
    /// Whether a heartbeat comes soon after whatever was written, and not only once at the start.
    const SIGNS: bool;
    /// An entry.
    fn entry(&self, entry: &Encoded) -> Bytes;
    /// What else the session says to a reader that has everything up to the offset `after`; empty for what this stream
    /// does not carry.
    fn frame(&self, frame: &ServerFrame, after: u64) -> Bytes;
    /// What is written to such a reader when nothing happens.
    fn heartbeat(&self, after: u64) -> Bytes;
    /// The last words to a reader that has everything up to the offset `after` and is to go on there.
    fn end(&self, end: End, after: u64) -> Bytes;
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It has become long or old enough.
    Recycled,
    /// The server ends the session.
    Closed(Disconnect),
}

/// A body that carries a session, which starts after the offset `after`, until one side ends it. `first` is written before
/// anything else.
pub(super) fn body(session: Session, script: impl Script, after: u64, first: Bytes, (reader, place): (Reader, ConnectionPermit)) -> Body {
    let (now, left) = (Instant::now(), Box::pin(reader.has_ended()));
    let (sign, until) = (Some(now + SIGN), now + AGE_MAX);
    let flow = Flow { session, script, after, sign, bytes: 0, until, left, ended: false, _streaming: StreamingPermit::new(place) };
    Body::from_stream(stream::unfold((flow, Some(first)), |(mut flow, first)| async move {
        let bytes = flow.next(first).await?;
        Some((Ok::<_, Infallible>(bytes), (flow, None)))
    }))
}

struct Flow<S> {
    session: Session,
    script: S,
    /// The last offset that was written, or told to be missing.
    after: u64,
    sign: Option<Instant>,
    bytes: usize,
    until: Instant,
    /// Ready when the reader has left.
    left: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
    _streaming: StreamingPermit,
}

impl<S: Script> Flow<S> {
    /// Waits for what is to be written next, and gathers all that is ready: one write, however much it is.
    async fn next(&mut self, first: Option<Bytes>) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        // Being asked for more means that what was given before has been taken.
        self.session.heard();
        let mut parts: Vec<_> = first.into_iter().collect();
        while parts.is_empty() && !self.ended {
            let outgoing = self.wait().await;
            self.put(outgoing, &mut parts);
        }
        while !self.ended && length(&parts) < READ_BYTES_MAX {
            let Some(outgoing) = self.session.next().now_or_never() else { break };
            self.put(Some(outgoing), &mut parts);
        }
        self.bytes += length(&parts);
        (!parts.is_empty()).then(|| join(parts))
    }

    /// What the session says next, or nothing when this response has become old or its reader has left. One that only has closed its
    /// own half looks the same, and can come back with its position.
    async fn wait(&mut self) -> Option<Outgoing> {
        let sign = self.sign.unwrap_or(self.until);
        tokio::select! {
            // In a busy room there is always something else to write.
            biased;
            () = sleep_until(sign.min(self.until)) => self.sign.take().map(|_| Outgoing::Heartbeat),
            () = &mut self.left => None,
            outgoing = self.session.next() => Some(outgoing),
        }
    }

    fn put(&mut self, outgoing: Option<Outgoing>, parts: &mut Vec<Bytes>) {
        let end = match outgoing {
            Some(Outgoing::Entries(entries)) => {
                self.sign_soon();
                return self.put_entries(&entries, parts);
            }
            Some(Outgoing::Frame(frame)) => {
                self.sign_soon();
                say(self.script.frame(&frame, self.after), parts);
                if let ServerFrame::Gap(gap) = frame {
                    self.after = gap.resumes.offset;
                }
                return;
            }
            Some(Outgoing::Heartbeat) => return say(self.script.heartbeat(self.after), parts),
            Some(Outgoing::Close(disconnect)) => End::Closed(disconnect),
            None => End::Recycled,
        };
        self.finish(end, parts);
    }

    fn sign_soon(&mut self) {
        if S::SIGNS {
            self.sign.get_or_insert_with(|| Instant::now() + SIGN);
        }
    }

    fn put_entries(&mut self, entries: &[Encoded], parts: &mut Vec<Bytes>) {
        let mut bytes = self.bytes + length(parts);
        for entry in entries {
            let part = self.script.entry(entry);
            bytes += part.len();
            // What is not written any more is the next response's, for which the reader asks with its position.
            if bytes > S::BYTES_MAX {
                return self.finish(End::Recycled, parts);
            }
            say(part, parts);
            self.after = entry.offset();
        }
    }

    fn finish(&mut self, end: End, parts: &mut Vec<Bytes>) {
        // A reader that has not heard it by the end could not tell this stream from one that is held back.
        if S::SIGNS && self.sign.take().is_some() {
            say(self.script.heartbeat(self.after), parts);
        }
        say(self.script.end(end, self.after), parts);
        self.ended = true;
    }
}

fn say(part: Bytes, parts: &mut Vec<Bytes>) {
    if !part.is_empty() {
        parts.push(part);
    }
}

fn length(parts: &[Bytes]) -> usize {
    parts.iter().map(Bytes::len).sum()
}

/// One entry alone, which is the usual case, is not even copied.
fn join(mut parts: Vec<Bytes>) -> Bytes {
    if parts.len() == 1 { parts.remove(0) } else { parts.concat().into() }
}
