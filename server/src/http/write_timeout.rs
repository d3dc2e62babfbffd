//! A stream that gives up a peer which takes nothing: its writes may be slow, but not stand still.
//!
//! It wraps the accepted socket, so the bound holds for every response, however long. Whoever takes the raw socket out of
//! it after an upgrade has to bound its own writes, and gets with it what was held back: the answer to the upgrade, which is
//! better written together with the first word of the new protocol than by itself.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Once set, a stream holds back what is written to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold(Arc<AtomicBool>);

impl Hold {
    /// From now on everything is held back.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream whose writes fail when they make no progress for a while.
pub(super) struct Patient<S> {
    stream: S,
    read: Vec<u8>,
    hold: Hold,
    held: Vec<u8>,
    still_max: Duration,
    /// Made when a write has to wait for the first time; most connections never need one.
    end: Option<Pin<Box<Sleep>>>,
    still: bool,
}

impl<S> Patient<S> {
    /// `read` was read already, and is what comes first. `still_max` is how long a write may make no progress.
    pub(super) fn new(stream: S, read: Vec<u8>, still_max: Duration, hold: Hold) -> Self {
        Self { stream, read, hold, held: Vec::new(), still_max, end: None, still: false }
    }

    /// The stream itself and what was held back, for who takes it over and bounds its own writes.
    pub(super) fn into_inner(self) -> (S, Vec<u8>) {
        (self.stream, self.held)
    }

    /// Passes on how a write went, unless it has waited for too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.still = false;
            return written;
        }
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(self.still_max)));
        if !self.still {
            end.as_mut().reset(Instant::now() + self.still_max);
            self.still = true;
        }
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..length]);
        self.read.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.hold.is_set() {
            self.held.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.hold.is_set() {
            parts.iter().for_each(|part| self.held.extend_from_slice(part));
            return Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = duplex(8);
        let error = Patient::new(ours, Vec::new(), Duration::from_millis(20), Hold::default()).write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn what_is_held_back_is_handed_over() {
        let (ours, mut theirs) = duplex(64);
        let hold = Hold::default();
        let mut ours = Patient::new(ours, Vec::new(), Duration::from_secs(1), hold.clone());
        ours.write_all(b"sent").await.unwrap();
        hold.set();
        ours.write_all(b"held ").await.unwrap();
        assert_eq!(ours.write_vectored(&[IoSlice::new(b"ba"), IoSlice::new(b"ck")]).await.unwrap(), 4);
        ours.flush().await.unwrap();
        let (stream, held) = ours.into_inner();
        drop(stream);
        let mut got = String::new();
        theirs.read_to_string(&mut got).await.unwrap();
        assert_eq!((got.as_str(), held.as_slice()), ("sent", &b"held back"[..]));
    }

    #[tokio::test]
    async fn what_was_read_before_comes_first() {
        let (ours, mut theirs) = duplex(64);
        theirs.write_all(b" and last").await.unwrap();
        drop(theirs);
        let mut ours = Patient::new(ours, b"first".to_vec(), Duration::from_secs(1), Hold::default());
        let mut start = [0; 2];
        ours.read_exact(&mut start).await.unwrap();
        let mut rest = String::new();
        ours.read_to_string(&mut rest).await.unwrap();
        assert_eq!((&start, rest.as_str()), (b"fi", "rst and last"));
    }

    #[tokio::test]
    async fn a_slow_peer_is_waited_for() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Patient::new(ours, Vec::new(), Duration::from_millis(200), Hold::default());
        let start = Instant::now();
        let slow = async {
            // Ten times half of what is allowed is far more than that, but each time some is taken.
            while timeout(Duration::from_millis(100), std::future::pending::<()>()).await.is_err() {
                if theirs.read_exact(&mut [0; 8]).await.is_err() || start.elapsed() > Duration::from_secs(1) {
                    break;
                }
            }
            let mut rest = Vec::new();
            theirs.read_to_end(&mut rest).await.unwrap();
        };
        let write = async move { ours.write_all(&[0; 200]).await };
        let (written, ()) = tokio::join!(write, slow);
        written.unwrap();
        assert!(start.elapsed() > Duration::from_millis(200));
    }
}
