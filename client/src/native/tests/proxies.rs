//! Connections through a proxy. The scripted server plays the proxy.

use hyper_util::client::proxy::matcher::Matcher;
use tokio::net::TcpStream;

use super::dial::Proxies;
use super::server::Session;
use super::*;

/// `ana:secret` as Basic authentication.
const AUTHORIZATION: &str = "Basic YW5hOnNlY3JldA==";

/// Returns a room of a board that is behind a proxy.
fn room_behind(proxy: &Server, scheme: &str, board: &str) -> Room {
    let proxy = proxy.base.replace("http://", &format!("{scheme}://ana:secret@"));
    let proxies = Proxies::new(Matcher::builder().all(proxy).build());
    Board::connect_through(board, proxies).unwrap().room("lobby").unwrap()
}

fn by(transport: Transport) -> Options {
    Options { only: Some(transport), ..Options::default() }
}

/// Accepts a request for a tunnel.
async fn tunnel(proxy: &Server, target: &str) -> TcpStream {
    let mut request = proxy.request().await;
    assert_eq!(request.line, format!("CONNECT {target} HTTP/1.1"));
    assert!(request.head.contains(&format!("\r\nProxy-Authorization: {AUTHORIZATION}\r\n")), "{}", request.head);
    request.write("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").await;
    request.connection
}

#[tokio::test]
async fn a_websocket_goes_through_a_tunnel() {
    let proxy = Server::start().await;
    for (board, target) in [("http://board.example", "board.example:80"), ("http://[2001:db8::1]:5000", "[2001:db8::1]:5000")] {
        let mut updates = room_behind(&proxy, "http", board).subscribe(None);
        let mut session = Session::greet(tunnel(&proxy, target).await, 7).await;
        session.send(&ServerFrame::Message(entry(8))).await;
        assert_eq!(entry_of(&mut updates).await, entry(8));
        assert_eq!(session.target, "/ws/lobby");
    }
}

#[tokio::test]
async fn tls_goes_through_a_tunnel() {
    let proxy = Server::start().await;
    for transport in Transport::ALL {
        let _updates = room_behind(&proxy, "http", "https://board.example").subscribe_with(by(transport));
        let mut tunnel = tunnel(&proxy, "board.example:443").await;
        // A TLS record that holds a handshake.
        assert_eq!(within_limit(tunnel.read_u8()).await.unwrap(), 0x16);
    }
}

#[tokio::test]
async fn a_proxy_forwards_plain_requests() {
    let proxy = Server::start().await;
    let room = room_behind(&proxy, "http", "http://board.example/below");
    let mut updates = room.subscribe_with(by(Transport::Sse));
    let mut events = proxy.request().await;
    assert_eq!(events.line, "GET http://board.example/below/api/rooms/lobby/events HTTP/1.1");
    let head = events.head.to_lowercase();
    assert!(head.contains("\r\nhost: board.example\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nproxy-authorization: {}\r\n", AUTHORIZATION.to_lowercase())), "{head}");
    events.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n").await;
    events.event(&hello(7)).await;
    events.event(&ServerFrame::Message(entry(8))).await;
    assert_eq!(entry_of(&mut updates).await, entry(8));
    let asking = tokio::spawn(async move { room.history(Page::After(at(3))).await });
    let mut request = proxy.request().await;
    let path = format!("api/rooms/lobby/messages?after={}&limit=50", at(3));
    assert_eq!(request.line, format!("GET http://board.example/below/{path} HTTP/1.1"));
    request.answer_json("200 OK", &page(vec![entry(4)], 4)).await;
    assert_eq!(within_limit(asking).await.unwrap().unwrap().entries, [entry(4)]);
}

#[tokio::test]
async fn socks_makes_tunnels() {
    let proxy = Server::start().await;
    let mut updates = room_behind(&proxy, "socks5", "http://board.example").subscribe(None);
    let mut connection = proxy.connection().await;
    let target = b"\x05\x01\x00\x03\x0dboard.example\x00\x50";
    for (asked, answer) in [
        (&b"\x05\x01\x02"[..], &b"\x05\x02"[..]),
        (b"\x01\x03ana\x06secret", b"\x01\x00"),
        (target, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
    ] {
        let mut received = vec![0; asked.len()];
        within_limit(connection.read_exact(&mut received)).await.unwrap();
        assert_eq!(received, asked);
        connection.write_all(answer).await.unwrap();
    }
    let mut session = Session::greet(connection, 7).await;
    session.send(&ServerFrame::Message(entry(8))).await;
    assert_eq!(entry_of(&mut updates).await, entry(8));
}

#[tokio::test]
async fn names_a_proxy_that_refuses_without_its_password() {
    let proxy = Server::start().await;
    for (status, kind) in [
        ("403 Forbidden", FailureKind::ProxyRefused { status: Some(403) }),
        ("407 Proxy Authentication Required", FailureKind::ProxyPassword),
    ] {
        // The first board needs a tunnel; requests to the second are forwarded.
        for board in ["https://board.example", "http://board.example"] {
            let mut updates = room_behind(&proxy, "http", board).subscribe_with(by(Transport::Sse));
            proxy.request().await.answer(status, "text/html", "<h1>No</h1>").await;
            while within_limit(updates.next()).await.is_some() {}
            let failure = updates.ended().unwrap();
            assert_eq!(failure.kind(), kind, "{board}");
            assert!(!failure.is_temporary());
            let text = failure.to_string();
            assert!(text.contains(&proxy.base) && !text.contains("secret"), "{text}");
        }
    }
}

#[tokio::test]
async fn retries_a_proxy_that_is_down_or_has_no_connection() {
    let proxy = Server::start().await;
    for board in ["https://board.example", "http://board.example"] {
        let mut updates = room_behind(&proxy, "http", board).subscribe_with(by(Transport::Sse));
        proxy.request().await.answer("502 Bad Gateway", "text/html", "<h1>Sorry</h1>").await;
        wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
        let failure = updates.last_error().unwrap();
        assert_eq!(failure.kind(), FailureKind::ProxyRefused { status: Some(502) });
        assert!(failure.is_temporary());
    }
    let room = room_behind(&proxy, "http", "http://board.example");
    let base = proxy.base.clone();
    drop(proxy);
    let mut updates = room.subscribe_with(by(Transport::WebSocket));
    wait_for(&mut updates, |connection| matches!(connection, ConnectionState::Waiting { .. })).await;
    let failure = updates.last_error().unwrap();
    assert_eq!(failure.kind(), FailureKind::NoProxy);
    assert!(failure.to_string().contains(&base) && !failure.to_string().contains("secret"), "{failure}");
}
