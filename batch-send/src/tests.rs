//! Sends over real sockets.

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;

async fn pair(listener: &TcpListener) -> (Socket, TcpStream) {
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (Socket::new(Arc::new(near)), listener.accept().await.unwrap().0)
}

#[tokio::test]
async fn sends_each_socket_its_own_bytes() {
    sends_arrive().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn sends_without_a_ring() {
    ring::RING.set(None);
    sends_arrive().await;
    assert!(ring::RING.take().is_none());
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn never_sends_what_a_panic_left_in_the_ring() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (socket, mut far) = pair(&listener).await;
    let sends = |panics_at| {
        let socket = &socket;
        (0..4).map(move |n| {
            assert_ne!(n, panics_at);
            SendRequest { socket, bytes: b"x" }
        })
    };
    // Three requests are in the ring when the fourth panics.
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| send_batch(sends(3)))).is_err());
    assert_eq!(send_batch(sends(4))[..4], [Ok(1); 4]);
    drop(socket);
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"xxxx");
}

async fn sends_arrive() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut pairs = Vec::new();
    for _ in 0..BATCH_MAX {
        pairs.push(pair(&listener).await);
    }
    for count in [0, 1, 2, 3, BATCH_MAX] {
        let texts: Vec<_> = (0..count).map(|n| format!("{n} of {count}")).collect();
        let sent = send_batch(pairs.iter().zip(&texts).map(|((socket, _), text)| SendRequest { socket, bytes: text.as_bytes() }));
        assert!(sent.iter().zip(&texts).all(|(sent, text)| *sent == Ok(text.len())));
        for ((_, far), text) in pairs.iter_mut().zip(&texts) {
            let mut got = vec![0; text.len()];
            far.read_exact(&mut got).await.unwrap();
            assert_eq!(got, text.as_bytes());
        }
    }
}

#[tokio::test]
async fn full_and_closed_sockets_do_not_hold_up_the_others() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (full, _unread) = pair(&listener).await;
    let (gone, far) = pair(&listener).await;
    far.set_zero_linger().unwrap();
    drop(far);
    // Wait for the reset.
    assert!(gone.stream.readable().await.is_ok() && gone.stream.try_read(&mut [0; 1]).is_err());
    let (good, mut reader) = pair(&listener).await;
    let much = vec![b'x'; 16 * 1024 * 1024];
    let sends = [(&full, &much[..]), (&gone, b"hello"), (&good, b"hello")];
    let mut taken = 0;
    loop {
        let [of_full, of_gone, of_good, ..] = send_batch(sends.iter().map(|(socket, bytes)| SendRequest { socket, bytes }));
        assert_eq!((of_gone, of_good), (Err(Disconnected), Ok(5)));
        reader.read_exact(&mut [0; 5]).await.unwrap();
        match of_full.unwrap() {
            0 => break,
            some => taken += some,
        }
    }
    assert!(taken > 0);
}
