//! A stream that is read once a turn. tungstenite reads until it has a whole message, which a flood
//! of empty fragments never gives it.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose second read in a row has to wait for the task's next turn.
pub(super) struct OneRead<S> {
    stream: S,
    has_read: bool,
}

impl<S> OneRead<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, has_read: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for OneRead<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if mem::take(&mut self.has_read) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.has_read = read.is_ready();
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for OneRead<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_turn_has_one_read_and_nothing_is_lost() {
        let (near, mut far) = duplex(64);
        far.write_all(&[7; 10]).await.unwrap();
        let mut stream = OneRead::new(near);
        let mut read = [0; 10];
        {
            let mut reading = std::pin::pin!(stream.read_exact(&mut read[..5]));
            assert!(poll!(&mut reading).is_ready());
        }
        assert!(poll!(std::pin::pin!(stream.read(&mut [0; 1]))).is_pending());
        stream.read_exact(&mut read[5..]).await.unwrap();
        assert_eq!(read, [7; 10]);
    }
}
