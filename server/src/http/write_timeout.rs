//! A stream that gives up a peer which takes nothing: a write may be slow, but must make progress.
//! The bound holds for every response, however long.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream whose writes fail when they make no progress for a while.
pub(super) struct WriteTimeout<S> {
    stream: S,
    /// What was read before, and comes first.
    read: Vec<u8>,
    time_max: Duration,
    /// Made when a write has to wait for the first time; most connections never need one.
    end: Option<Pin<Box<Sleep>>>,
    is_blocked: Arc<AtomicBool>,
}

impl<S> WriteTimeout<S> {
    /// Wraps a stream from which `read` was read already. `time_max` is how long a write may make
    /// no progress.
    pub(super) fn new(stream: S, read: Vec<u8>, time_max: Duration) -> Self {
        Self { stream, read, time_max, end: None, is_blocked: Arc::default() }
    }

    /// Returns what is true while a write waits.
    pub(super) fn blocked(&self) -> Arc<AtomicBool> {
        self.is_blocked.clone()
    }

    /// Returns the stream, and what was read before and is not taken yet.
    pub(super) fn into_inner(self) -> (S, Vec<u8>) {
        (self.stream, self.read)
    }

    /// Passes on how a write went, unless it has waited for too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_blocked.store(false, Ordering::Relaxed);
            return written;
        }
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(self.time_max)));
        if !self.is_blocked.swap(true, Ordering::Relaxed) {
            end.as_mut().reset(Instant::now() + self.time_max);
        }
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
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

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
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
        let error = WriteTimeout::new(ours, Vec::new(), Duration::from_millis(20)).write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn what_was_read_before_comes_first() {
        let (ours, mut theirs) = duplex(64);
        theirs.write_all(b" and last").await.unwrap();
        drop(theirs);
        let mut ours = WriteTimeout::new(ours, b"first".to_vec(), Duration::from_secs(1));
        let mut start = [0; 2];
        ours.read_exact(&mut start).await.unwrap();
        let mut rest = String::new();
        ours.read_to_string(&mut rest).await.unwrap();
        assert_eq!((&start, rest.as_str()), (b"fi", "rst and last"));
    }

    #[tokio::test]
    async fn a_slow_peer_is_waited_for() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = WriteTimeout::new(ours, Vec::new(), Duration::from_millis(200));
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
