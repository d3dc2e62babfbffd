//! The host names that the board answers, and the origins that count as its own.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{TIMEOUT, TestServer, crier, handshake, read_head};

/// Arguments of a board with a host name that listens on all addresses.
const NAMED: [&str; 4] = ["--listen", "0.0.0.0:0", "--allow-host", "board.example"];

/// Returns the status of the response to a request head. The server may listen on all addresses.
async fn status(server: &TestServer, head: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", server.address.port())).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    read_head(&mut stream).await.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn get(server: &TestServer, path: &str, headers: &str) -> u16 {
    status(server, &format!("GET {path} HTTP/1.1\r\n{headers}\r\n")).await
}

/// Returns the statuses of two WebSocket handshakes: by the fast upgrade, and with too many headers
/// for it.
async fn open(server: &TestServer, headers: &str) -> [u16; 2] {
    let usual = handshake(server.address);
    let usual: String = usual.lines().filter(|line| !line.starts_with("Host")).map(|line| format!("{line}\r\n")).collect();
    let many = "X: y\r\n".repeat(70);
    [get(server, "/ws/lobby", &format!("{usual}{headers}")).await, get(server, "/ws/lobby", &format!("{usual}{headers}{many}")).await]
}

async fn post(server: &TestServer, headers: &str) -> u16 {
    status(server, &format!("POST /api/rooms/lobby/messages HTTP/1.1\r\n{headers}Content-Length: 1\r\n\r\nx")).await
}

/// Load balancers probe by address, or like HAProxy without a host.
#[tokio::test]
async fn health_endpoints_answer_any_host() {
    for arguments in [&NAMED[..], &["--allow-host", "board.example"], &[]] {
        let server = TestServer::start_with(arguments);
        for path in ["/healthz", "/readyz"] {
            for host in ["203.0.113.7:5000", "[2001:db8::1]", "board.internal", "127.0.0.1", "board.example", "_", "a b"] {
                assert_eq!(get(&server, path, &format!("Host: {host}\r\n")).await, 200, "{arguments:?} {path} {host}");
            }
            assert_eq!(status(&server, &format!("GET {path} HTTP/1.0\r\n\r\n")).await, 200, "{path}");
            assert_eq!(status(&server, &format!("HEAD {path} HTTP/1.0\r\n\r\n")).await, 200, "{path}");
            // HTTP/1.1 requires one host header (RFC 9112, section 3.2).
            assert_eq!(get(&server, path, "").await, 400, "{path}");
            assert_eq!(get(&server, path, "Host: a\r\nHost: a\r\n").await, 400, "{path}");
            assert_eq!(get(&server, path, &format!("Host: a\r\nX: {}\r\n", "x".repeat(40_000))).await, 431, "{path}");
        }
    }
    let server = TestServer::start_with(&NAMED);
    for path in ["/", "/healthz/", "/healthz2", "/%68ealthz", "/api/rooms/lobby/messages"] {
        assert_eq!(get(&server, path, "Host: 203.0.113.7:5000\r\n").await, 421, "{path}");
    }
}

/// `crier post` once got 421 from the board on its own machine.
#[tokio::test]
async fn a_board_with_a_host_name_answers_loopback_names_locally() {
    let server = TestServer::start_with(&NAMED);
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "LOCALHOST.", "[::1]", "[::ffff:127.0.0.1]", "board.example"] {
        let host = format!("Host: {host}:{port}\r\n");
        assert_eq!(get(&server, "/", &host).await, 200, "{host}");
        assert_eq!(open(&server, &host).await, [101, 101], "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "203.0.113.7", "board.example.evil.example", "[2001:db8::1]"] {
        let host = format!("Host: {host}:{port}\r\n");
        assert_eq!(get(&server, "/", &host).await, 421, "{host}");
        assert_eq!(open(&server, &host).await, [421, 421], "{host}");
    }
    // A page on another port of this machine is still foreign.
    assert_eq!(post(&server, &format!("Host: localhost:{port}\r\nOrigin: http://localhost:1\r\n")).await, 403);
    let board = format!("http://127.0.0.1:{port}");
    let output = timeout(TIMEOUT, crier(&board, &["post", "lobby", "hello"]).output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut tail = crier(&board, &["tail", "lobby", "--json", "--after", "0000000000000001:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    while !timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the program has ended").contains("hello") {}
}

/// A request through a local proxy comes from elsewhere, although its host is a loopback name.
#[tokio::test]
async fn a_proxied_request_does_not_count_as_local() {
    let host_header = |server: &TestServer| format!("Host: 127.0.0.1:{}\r\n", server.address.port());
    let server = TestServer::start_with(&[&NAMED[..], &["--trust-proxy", "127.0.0.1"]].concat());
    let host = host_header(&server);
    assert_eq!(get(&server, "/", &host).await, 200);
    for forwarded in ["X-Forwarded-For: 203.0.113.3", "X-Forwarded-For: 203.0.113.3:4711", "Forwarded: for=203.0.113.3"] {
        assert_eq!(get(&server, "/", &format!("{host}{forwarded}\r\n")).await, 421, "{forwarded}");
        assert_eq!(open(&server, &format!("{host}{forwarded}\r\n")).await, [421, 421], "{forwarded}");
    }
    let server = TestServer::start_with(&NAMED);
    let host = host_header(&server);
    for forwarded in ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: unknown", "Forwarded: for=127.0.0.1"] {
        assert_eq!(get(&server, "/", &format!("{host}{forwarded}\r\n")).await, 421, "{forwarded}");
        assert_eq!(open(&server, &format!("{host}{forwarded}\r\n")).await, [421, 421], "{forwarded}");
    }
}

/// nginx's `$host:$server_port` includes the default port. A browser's origin never does (RFC 6454,
/// section 6.2).
#[tokio::test]
async fn a_default_port_equals_no_port() {
    let server = TestServer::start_with(&["--listen", "0.0.0.0:0"]);
    for (host, origin, is_own) in [
        ("b", "http://b", true),
        ("b", "https://b", true),
        ("b:443", "https://b", true),
        ("b:80", "http://b", true),
        ("b", "https://b:443", true),
        ("b", "http://b:80", true),
        ("b:", "https://b", true),
        ("b:5000", "http://b:5000", true),
        ("B.Example:443", "https://b.example", true),
        ("b.example", "https://B.EXAMPLE", true),
        ("b.example.", "https://b.example", true),
        ("b.example:443", "https://b.example.", true),
        ("[2001:db8::1]:443", "https://[2001:db8::1]", true),
        ("[2001:DB8:0::1]:80", "http://[2001:db8::1]", true),
        ("[::ffff:192.0.2.1]:5000", "http://192.0.2.1:5000", true),
        ("xn--bcher-kva.example:443", "https://xn--bcher-kva.example", true),
        ("b:443", "http://b", false),
        ("b:80", "https://b", false),
        ("b", "http://b:443", false),
        ("b", "https://b:80", false),
        ("b:5000", "http://b", false),
        ("b:5000", "https://b:5001", false),
        ("b", "https://c", false),
        ("b:443", "https://b:443.evil.example", false),
        ("b:443", "https://b@evil.example", false),
        ("b", "ws://b", false),
        ("b", "b", false),
        ("b", "null", false),
        ("b", "", false),
        ("[2001:db8::1]", "https://[2001:db8::2]", false),
    ] {
        let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        assert_eq!(post(&server, &headers).await, if is_own { 200 } else { 403 }, "{host} {origin}");
        assert_eq!(open(&server, &headers).await, if is_own { [101; 2] } else { [403; 2] }, "{host} {origin}");
    }
}

#[tokio::test]
async fn refuses_a_malformed_host() {
    let server = TestServer::start_with(&["--listen", "0.0.0.0:0"]);
    for host in ["", "b:x", "b:70000", "b:1:2", "b@c", "b/c", "[::1", "::1", "[::1]x", "a..b", ".b", "*.b", "b c", "1.2.3.4.5", "b:-1"] {
        let host = format!("Host: {host}\r\n");
        assert_eq!(get(&server, "/", &host).await, 400, "{host}");
        assert_eq!(open(&server, &host).await, [400, 400], "{host}");
    }
    for host in ["my_service:5000", "web-1", "localhost", "192.0.2.1", "[fe80::1]:80"] {
        assert_eq!(get(&server, "/", &format!("Host: {host}\r\n")).await, 200, "{host}");
    }
}

/// RFC 9112, section 3.2.2.
#[tokio::test]
async fn an_absolute_request_target_overrides_the_host_header() {
    let server = TestServer::start();
    assert_eq!(get(&server, "http://evil.example/", "Host: localhost\r\n").await, 421);
    assert_eq!(get(&server, "http://localhost/", "Host: evil.example\r\n").await, 200);
    let post = async |origin| {
        let line = "POST http://localhost:80/api/rooms/lobby/messages HTTP/1.1";
        status(&server, &format!("{line}\r\nHost: evil.example\r\nOrigin: {origin}\r\nContent-Length: 1\r\n\r\nx")).await
    };
    assert_eq!((post("http://localhost").await, post("http://evil.example").await), (200, 403));
}

#[tokio::test]
async fn allow_host_accepts_any_spelling() {
    let spellings = "Board.Example , bücher.example, 192.0.2.1,::1,[2001:DB8::1] ,my_board,last.example.";
    let server = TestServer::start_with(&["--listen", "0.0.0.0:0", "--allow-host", spellings]);
    for host in [
        "board.example:5000",
        "BOARD.example.",
        "xn--bcher-kva.example",
        "192.0.2.1",
        "[::1]",
        "[2001:db8::1]:1",
        "my_board",
        "last.example",
    ] {
        assert_eq!(get(&server, "/", &format!("Host: {host}\r\n")).await, 200, "{host}");
    }
    assert_eq!(get(&server, "/", "Host: example\r\n").await, 421);
}

#[tokio::test]
async fn allow_origin_accepts_any_spelling() {
    let spellings = "HTTPS://Friend.Example:443/ , http://bücher.example,http://[2001:DB8::1]:8000,chrome-extension://abcdef";
    let server = TestServer::start_with(&["--allow-origin", spellings]);
    let host = format!("Host: {}\r\n", server.address);
    for origin in ["https://friend.example", "http://xn--bcher-kva.example", "http://[2001:db8::1]:8000", "chrome-extension://abcdef"] {
        assert_eq!(post(&server, &format!("{host}Origin: {origin}\r\n")).await, 200, "{origin}");
        let answer = server.http.get(server.url("/api/rooms/lobby/messages")).header("origin", origin).send().await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    }
    for origin in ["http://friend.example", "https://friend.example:444", "http://[2001:db8::1]", "chrome-extension://other"] {
        assert_eq!(post(&server, &format!("{host}Origin: {origin}\r\n")).await, 403, "{origin}");
    }
}

/// A board on `[::ffff:127.0.0.1]` once answered foreign host names.
#[tokio::test]
async fn a_mapped_loopback_address_is_a_loopback_address() {
    for listen in ["[::ffff:127.0.0.1]:0", "[::ffff:7f00:1]:0", "[::1]:0", "127.0.0.2:0", "localhost:0"] {
        let server = TestServer::start_with(&["--listen", listen]);
        let status = async |host: &str| {
            let request = server.http.get(server.url("/")).header("host", host);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(
            (status("evil.example").await, status("localhost").await, status("[::ffff:127.0.0.1]:1").await),
            (421, 200, 200),
            "{listen}"
        );
    }
}

/// A dual-stack socket shows an IPv4 peer as a mapped address.
#[tokio::test]
async fn listening_without_a_host_binds_every_address_and_unmaps_peers() {
    let server = TestServer::start_with(&["--listen", ":0", "--allow-host", "board.example", "--trust-proxy", "127.0.0.0/8"]);
    let host = format!("Host: localhost:{}\r\n", server.address.port());
    assert_eq!(get(&server, "/", &host).await, 200);
    assert_eq!(get(&server, "/", &format!("{host}X-Forwarded-For: 203.0.113.3\r\n")).await, 421);
    assert_eq!(get(&server, "/", "Host: evil.example\r\n").await, 421);
    if server.address.is_ipv6() {
        TcpStream::connect(("::1", server.address.port())).await.unwrap();
    }
}
