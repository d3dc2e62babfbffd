//! Sends to many sockets with one system call, where the system has io_uring; with one for each where it has not.
//!
//! Nearly all that fan-out costs is the system's own work, and a fifth of that is the way into the system and back. What makes it
//! sound is that no send outlives the call that asked for it.

use std::io::ErrorKind;
use std::mem::MaybeUninit;
#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use socket2::SockRef;
use tokio::net::TcpStream;

/// How many sends are handed over at once.
pub const SENDS_MAX: usize = 64;

/// A stream's socket, which is sent to without a look at the stream: that lies elsewhere in memory.
pub struct Socket {
    stream: Arc<TcpStream>,
    #[cfg(target_os = "linux")]
    number: RawFd,
}

/// Bytes for a socket.
pub struct Send<'a> {
    /// The socket.
    pub socket: &'a Socket,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// How many bytes a socket took; `None` when it is broken.
pub type Sent = Option<u32>;

impl Socket {
    /// True if the peer has sent something that was not read yet.
    pub fn has_unread(&self) -> bool {
        SockRef::from(&*self.stream).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|length| length > 0)
    }

    /// The socket of a stream.
    pub fn new(stream: Arc<TcpStream>) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            number: stream.as_raw_fd(),
            stream,
        }
    }

    fn send(&self, bytes: &[u8]) -> Sent {
        match self.stream.try_write(bytes) {
            Ok(length) => Some(length as u32),
            Err(error) => is_passing(error.kind()).then_some(0),
        }
    }
}

/// Sends to each of at most [`SENDS_MAX`] sockets what it takes without waiting, and tells how much that was, in the same order.
pub fn send<'a>(sends: impl Iterator<Item = Send<'a>> + Clone) -> [Sent; SENDS_MAX] {
    #[cfg(target_os = "linux")]
    let answers = linux::answers(sends.clone());
    #[cfg(not(target_os = "linux"))]
    let answers = [None; SENDS_MAX];
    let mut sent = [None; SENDS_MAX];
    for ((sent, send), answer) in sent.iter_mut().zip(sends).zip(answers) {
        *sent = answer.unwrap_or_else(|| send.socket.send(send.bytes));
    }
    sent
}

/// Whether it is no end: the socket has taken nothing, and may take something later.
fn is_passing(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::RefCell;
    use std::io::{self, ErrorKind};

    use io_uring::types::Fd;
    use io_uring::{IoUring, opcode};

    use super::{SENDS_MAX, Send, Sent, is_passing};

    /// Fewer are not worth a round through the ring.
    const SENDS_MIN: usize = 3;

    thread_local! {
        // Containers often forbid io_uring, and old systems lack a part of it.
        pub(super) static RING: RefCell<Option<IoUring>> =
            RefCell::new(IoUring::builder().setup_single_issuer().setup_coop_taskrun().build(SENDS_MAX as u32).ok());
    }

    /// What became of each send; `None` where it was not tried.
    pub(super) fn answers<'a>(sends: impl Iterator<Item = Send<'a>> + Clone) -> [Option<Sent>; SENDS_MAX] {
        let mut answers = [None; SENDS_MAX];
        if sends.clone().nth(SENDS_MIN - 1).is_some()
            && let Some(mut ring) = RING.take()
            && at_once(&mut ring, sends, &mut answers).is_ok()
        {
            // Otherwise, or after a panic, it may hold what was not handed over, so that it has to go.
            RING.set(Some(ring));
        }
        answers
    }

    /// Fills in what the system answers to each send. After an error of the ring itself, those without an answer were not sent.
    #[allow(unsafe_code)]
    fn at_once<'a>(ring: &mut IoUring, sends: impl Iterator<Item = Send<'a>>, answers: &mut [Option<Sent>; SENDS_MAX]) -> io::Result<()> {
        let mut queue = ring.submission();
        for (place, send) in sends.enumerate() {
            // One that can't be done at once fails instead of waiting.
            let entry = opcode::Send::new(Fd(send.socket.number), send.bytes.as_ptr(), send.bytes.len() as u32)
                .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
                .build()
                .user_data(place as u64);
            // SAFETY: the bytes and the socket, whose stream keeps its number, are borrowed for longer than this function runs,
            // and it does not return before the system has answered every entry that it has taken (below). An entry that it has
            // not taken it does not take later either, since the caller uses the ring again only after an Ok.
            unsafe { queue.push(&entry) }.map_err(io::Error::other)?;
        }
        let count = queue.len();
        drop(queue);
        let mut answered = 0;
        loop {
            let entered = ring.submit_and_wait(count - answered);
            for answer in ring.completion() {
                answers[answer.user_data() as usize] = Some(match answer.result() {
                    taken @ 0.. => Some(taken as u32),
                    error => is_passing(io::Error::from_raw_os_error(-error).kind()).then_some(0),
                });
                answered += 1;
            }
            if answered == count {
                return Ok(());
            }
            if let Err(error) = entered
                && error.kind() != ErrorKind::Interrupted
                && answered + ring.submission().len() == count
            {
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair(listener: &TcpListener) -> (Socket, TcpStream) {
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Socket::new(Arc::new(near)), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn each_socket_gets_its_own_bytes() {
        sends_arrive().await;
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn without_a_ring_each_socket_gets_its_own_bytes_all_the_same() {
        linux::RING.set(None);
        sends_arrive().await;
        assert!(linux::RING.take().is_none());
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn what_a_panic_left_in_the_ring_is_never_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (socket, mut far) = pair(&listener).await;
        let sends = |panics_at| {
            let socket = &socket;
            (0..4).map(move |n| {
                assert_ne!(n, panics_at);
                Send { socket, bytes: b"x" }
            })
        };
        // Three are in the ring when the fourth panics.
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| send(sends(3)))).is_err());
        assert_eq!(send(sends(4))[..4], [Some(1); 4]);
        drop(socket);
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"xxxx");
    }

    async fn sends_arrive() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut pairs = Vec::new();
        for _ in 0..SENDS_MAX {
            pairs.push(pair(&listener).await);
        }
        for count in [0, 1, 2, 3, SENDS_MAX] {
            let texts: Vec<_> = (0..count).map(|n| format!("{n} of {count}")).collect();
            let sent = send(pairs.iter().zip(&texts).map(|((socket, _), text)| Send { socket, bytes: text.as_bytes() }));
            assert!(sent.iter().zip(&texts).all(|(sent, text)| *sent == Some(text.len() as u32)));
            for ((_, far), text) in pairs.iter_mut().zip(&texts) {
                let mut got = vec![0; text.len()];
                far.read_exact(&mut got).await.unwrap();
                assert_eq!(got, text.as_bytes());
            }
        }
    }

    #[tokio::test]
    async fn a_full_socket_and_one_that_is_gone_do_not_hold_up_the_others() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (full, _unread) = pair(&listener).await;
        let (gone, far) = pair(&listener).await;
        far.set_zero_linger().unwrap();
        drop(far);
        // A reset has arrived when reading says so.
        assert!(gone.stream.readable().await.is_ok() && gone.stream.try_read(&mut [0; 1]).is_err());
        let (good, mut reader) = pair(&listener).await;
        let much = vec![b'x'; 16 * 1024 * 1024];
        let sends = [(&full, &much[..]), (&gone, b"hello"), (&good, b"hello")];
        let mut taken = 0;
        loop {
            let [of_full, of_gone, of_good, ..] = send(sends.iter().map(|(socket, bytes)| Send { socket, bytes }));
            assert_eq!((of_gone, of_good), (None, Some(5)));
            reader.read_exact(&mut [0; 5]).await.unwrap();
            match of_full.unwrap() {
                0 => break,
                some => taken += some,
            }
        }
        assert!(taken > 0);
    }
}
