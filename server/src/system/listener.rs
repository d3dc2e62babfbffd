//! Settings of a socket that listens.

use std::io;

use tokio::net::TcpListener;

/// Has a connection accepted together with the first of what it says: there is then one wake-up where there were two, and nobody to
/// wait for. One that says nothing is accepted a second later. Does nothing on systems that can't.
pub fn defer_accept(listener: &TcpListener) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return linux::defer_accept(listener);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = listener;
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::AsRawFd;

    use libc::{IPPROTO_TCP, TCP_DEFER_ACCEPT, c_int, setsockopt, socklen_t};
    use tokio::net::TcpListener;

    const SECONDS: c_int = 1;

    #[allow(unsafe_code)]
    pub(super) fn defer_accept(listener: &TcpListener) -> io::Result<()> {
        let (seconds, length) = (SECONDS, size_of::<c_int>() as socklen_t);
        // SAFETY: the value lives for the call, which copies it, and the length is its own.
        let done = unsafe { setsockopt(listener.as_raw_fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT, (&raw const seconds).cast(), length) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn who_says_something_is_accepted_before_who_is_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        defer_accept(&listener).unwrap();
        let address = listener.local_addr().unwrap();
        let silent = TcpStream::connect(address).await.unwrap();
        let mut speaker = TcpStream::connect(address).await.unwrap();
        speaker.write_all(b"x").await.unwrap();
        let (mut first, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, speaker.local_addr().unwrap());
        assert_eq!(first.read_u8().await.unwrap(), b'x');
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, silent.local_addr().unwrap());
    }
}
