//! Sends to many Tokio TCP sockets with one system call.
//!
//! Most of the cost of a fan-out is in the kernel, and a fifth of that is entering and leaving it.
//! On Linux, [`send_batch`] passes up to [`BATCH_MAX`] sends to the kernel through io_uring. Where
//! io_uring is missing or forbidden, as in many containers, and on other systems, it makes one
//! system call per socket. The results are the same.
//!
//! No send waits: a socket takes what fits into its send buffer at once. No send outlives the call,
//! so callers keep plain borrows of their bytes and sockets, and this crate's interface is safe.
//!
//! ```
//! # use std::sync::Arc;
//! # use tokio::net::{TcpListener, TcpStream};
//! use batch_send::{SendRequest, Socket, send_batch};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let listener = TcpListener::bind("127.0.0.1:0").await?;
//! # let address = listener.local_addr()?;
//! let streams = [TcpStream::connect(address).await?, TcpStream::connect(address).await?];
//! let sockets = streams.map(|stream| Socket::new(Arc::new(stream)));
//! let results = send_batch(sockets.iter().map(|socket| SendRequest { socket, bytes: b"hello" }));
//! assert_eq!(results[..2], [Ok(5), Ok(5)]);
//! # Ok(())
//! # }
//! ```

#[cfg(target_os = "linux")]
mod ring;

use std::io::ErrorKind;
#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use tokio::net::TcpStream;

/// Maximum requests per [`send_batch`].
pub const BATCH_MAX: usize = 64;

/// A stream that batches send to. It keeps the stream open.
///
/// It also keeps the descriptor, so that a batch does not have to load each stream from memory.
#[derive(Debug)]
pub struct Socket {
    stream: Arc<TcpStream>,
    #[cfg(target_os = "linux")]
    descriptor: RawFd,
}

/// Bytes to send to one socket.
#[derive(Clone, Copy, Debug)]
pub struct SendRequest<'a> {
    /// The receiver.
    pub socket: &'a Socket,
    /// The bytes. At most 4 GiB are sent at once.
    pub bytes: &'a [u8],
}

/// The number of bytes that a socket took: 0 if its send buffer was full.
pub type SendResult = Result<usize, Disconnected>;

/// The connection is closed or broken. Later sends to it fail too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Disconnected;

impl Socket {
    /// Wraps a stream. The stream may be used elsewhere at the same time; bytes of concurrent
    /// writes may mix.
    pub fn new(stream: Arc<TcpStream>) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            descriptor: stream.as_raw_fd(),
            stream,
        }
    }

    /// Returns the stream.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends with a system call of its own.
    fn send(&self, bytes: &[u8]) -> SendResult {
        self.stream.try_write(bytes).or_else(|error| result_of_error(error.kind()))
    }
}

/// Sends each request's bytes and returns the results in the order of the requests. The rest of the
/// array is `Ok(0)`.
///
/// Handles the first [`BATCH_MAX`] requests and ignores any others. Iterates more than once; each
/// iteration must yield the same requests.
pub fn send_batch<'a>(requests: impl Iterator<Item = SendRequest<'a>> + Clone) -> [SendResult; BATCH_MAX] {
    let requests = requests.take(BATCH_MAX);
    #[cfg(target_os = "linux")]
    let tried = ring::send(requests.clone());
    #[cfg(not(target_os = "linux"))]
    let tried = [None; BATCH_MAX];
    let mut results = [Ok(0); BATCH_MAX];
    for ((result, request), tried) in results.iter_mut().zip(requests).zip(tried) {
        *result = tried.unwrap_or_else(|| request.socket.send(request.bytes));
    }
    results
}

/// An error that only says that nothing was taken now is no failure.
fn result_of_error(error: ErrorKind) -> SendResult {
    if matches!(error, ErrorKind::WouldBlock | ErrorKind::Interrupted) { Ok(0) } else { Err(Disconnected) }
}

#[cfg(test)]
mod tests;
