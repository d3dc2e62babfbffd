//! Sends to many sockets with one system call, where the system has io_uring; with one for each where it has not.
//!
//! Nearly all that fan-out costs is the system's own work, and a fifth of that is the way into the system and back. What makes it
//! sound is that no send outlives the call that asked for it.

use std::io;

use tokio::net::TcpStream;

/// How many sends are handed over at once.
pub const SENDS_MAX: usize = 64;

/// Bytes for a socket.
pub struct Send<'a> {
    /// The socket.
    pub socket: &'a TcpStream,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Sends to each socket what it takes without waiting, and tells how much that was, in the same order. A socket is not
/// asked whether it can take anything, so one that can't answers with `WouldBlock`.
pub fn send(sends: &[Send<'_>]) -> Vec<io::Result<usize>> {
    #[cfg(target_os = "linux")]
    return linux::send(sends);
    #[cfg(not(target_os = "linux"))]
    return sends.iter().map(one_by_one).collect();
}

fn one_by_one(send: &Send<'_>) -> io::Result<usize> {
    send.socket.try_write(send.bytes)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::RefCell;
    use std::io::{self, ErrorKind};
    use std::os::fd::AsRawFd;

    use io_uring::types::Fd;
    use io_uring::{IoUring, opcode};

    use super::{SENDS_MAX, Send, one_by_one};

    /// Fewer are not worth a round through the ring.
    const SENDS_MIN: usize = 3;

    thread_local! {
        // Containers often forbid io_uring, and old systems lack a part of it.
        pub(super) static RING: RefCell<Option<IoUring>> =
            RefCell::new(IoUring::builder().setup_single_issuer().setup_coop_taskrun().build(SENDS_MAX as u32).ok());
    }

    pub(super) fn send(sends: &[Send<'_>]) -> Vec<io::Result<usize>> {
        RING.with_borrow_mut(|ring| {
            let mut results = Vec::with_capacity(sends.len());
            for sends in sends.chunks(SENDS_MAX) {
                let mut round: [Option<i32>; SENDS_MAX] = [None; SENDS_MAX];
                if sends.len() >= SENDS_MIN && ring.as_mut().is_some_and(|ring| at_once(ring, sends, &mut round).is_err()) {
                    // What was not handed over is still in the ring, so that has to go.
                    *ring = None;
                }
                results.extend(sends.iter().zip(round).map(|(send, result)| match result {
                    Some(result) if result < 0 => Err(io::Error::from_raw_os_error(-result)),
                    Some(result) => Ok(result as usize),
                    None => one_by_one(send),
                }));
            }
            results
        })
    }

    /// Fills in what the system answers to each send: how many bytes it took, or an error as a negative number. After an
    /// error of the ring itself, those without an answer were not sent.
    #[allow(unsafe_code)]
    fn at_once(ring: &mut IoUring, sends: &[Send<'_>], results: &mut [Option<i32>; SENDS_MAX]) -> io::Result<()> {
        let mut queue = ring.submission();
        for (place, send) in sends.iter().enumerate() {
            // One that can't be done at once fails instead of waiting.
            let entry = opcode::Send::new(Fd(send.socket.as_raw_fd()), send.bytes.as_ptr(), send.bytes.len() as u32)
                .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
                .build()
                .user_data(place as u64);
            // SAFETY: the bytes and the socket are borrowed for longer than this function runs, and it does not return before
            // the system has answered every entry that it has taken (below). An entry that it has not taken it does not
            // take later either, since the caller drops the ring then.
            unsafe { queue.push(&entry) }.map_err(io::Error::other)?;
        }
        drop(queue);
        let mut answered = 0;
        loop {
            let entered = ring.submit_and_wait(sends.len() - answered);
            for answer in ring.completion() {
                results[answer.user_data() as usize] = Some(answer.result());
                answered += 1;
            }
            if answered == sends.len() {
                return Ok(());
            }
            if let Err(error) = entered
                && error.kind() != ErrorKind::Interrupted
                && answered + ring.submission().len() == sends.len()
            {
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
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

    async fn sends_arrive() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut pairs = Vec::new();
        for _ in 0..2 * SENDS_MAX + 3 {
            pairs.push(pair(&listener).await);
        }
        for count in [0, 1, 2, 3, SENDS_MAX, pairs.len()] {
            let texts: Vec<_> = (0..count).map(|n| format!("{n} of {count}")).collect();
            let sends: Vec<_> = pairs.iter().zip(&texts).map(|((near, _), text)| Send { socket: near, bytes: text.as_bytes() }).collect();
            let sent: Vec<_> = send(&sends).into_iter().map(|result| result.unwrap()).collect();
            assert_eq!(sent, texts.iter().map(String::len).collect::<Vec<_>>());
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
        assert!(gone.readable().await.is_ok() && gone.try_read(&mut [0; 1]).is_err());
        let (good, mut reader) = pair(&listener).await;
        let much = vec![b'x'; 16 * 1024 * 1024];
        let sends = [&full, &gone, &good].map(|socket| Send { socket, bytes: if std::ptr::eq(socket, &full) { &much } else { b"hello" } });
        let mut taken = 0;
        loop {
            let [of_full, of_gone, of_good] = send(&sends).try_into().unwrap();
            assert!(of_gone.is_err_and(|error| error.kind() != ErrorKind::WouldBlock));
            assert_eq!(of_good.unwrap(), 5);
            reader.read_exact(&mut [0; 5]).await.unwrap();
            match of_full {
                Ok(count) => taken += count,
                Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert!(taken > 0);
    }
}
