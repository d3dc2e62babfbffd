//! Streams through a real nginx with Debian's configuration: buffering and compression are on, and
//! nothing is adapted to this board.

use std::process::Stdio;

use protocol::ServerFrame;
use protocol::cast::ChunkKind;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use crate::casting::{Got, Presenter, Viewer, key_frame, picture};
use crate::reverse_proxy::{Arrived, PASSING_TIME_MAX, ReverseProxy, program};
use crate::support::{Socket, TIMEOUT, TestServer, crier, eventually, identity};

/// Starts nginx in front of a server. `directives` are added to its `location`.
async fn start(server: &TestServer, directives: &str) -> ReverseProxy {
    ReverseProxy::start("nginx", |folder, port| {
        let path = folder.display();
        // Directives for requests are those of Debian's nginx.conf. Those for processes and files
        // suit a test.
        let configuration = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;
             events {{ worker_connections 768; }}
             http {{
                 client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;
                 uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;
                 sendfile on;
                 tcp_nopush on;
                 types_hash_max_size 2048;
                 default_type application/octet-stream;
                 access_log {path}/access.log;
                 gzip on;
                 server {{
                     listen 127.0.0.1:{port};
                     location / {{ proxy_pass http://{}; {directives} }}
                 }}
             }}",
            server.address
        );
        std::fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let mut nginx = Command::new(program("nginx"));
        nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        nginx
    })
    .await
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_message_passes_nginx_within_a_second() {
    let server = TestServer::start();
    for directives in ["proxy_http_version 1.1;", ""] {
        let nginx = start(&server, directives).await;
        for (path, hello) in [("/r/lobby/live", "<ol id=\"messages\""), ("/api/rooms/lobby/events", "event: hello")] {
            let mut arrived = Arrived::of(nginx.get(path).await);
            arrived.wait_for(hello).await;
            for n in 0..5 {
                let text = format!("number {n} through {path} {directives}");
                let posted = Instant::now();
                server.post("lobby", &text).await;
                arrived.wait_for(&text.replace('"', "&quot;")).await;
                assert!(posted.elapsed() < PASSING_TIME_MAX, "{path} {directives}: {:?}", posted.elapsed());
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn the_nginx_configuration_of_the_readme_works_and_prevents_spoofed_addresses() {
    let readme = include_str!("../../../README.md");
    let directives: String = readme.lines().filter(|line| line.starts_with("        proxy_") && !line.contains("proxy_pass")).collect();
    let server = TestServer::start_with(&["--trust-proxy", "127.0.0.1", "--publishes-burst", "3", "--publishes-per-second", "1"]);
    let nginx = start(&server, &directives).await;
    let own = nginx.url("");
    let mut socket = Socket::try_open(&format!("ws://{}/ws/lobby", nginx.host()), &[("origin", &own)]).await.unwrap();
    assert!(matches!(socket.frame().await, ServerFrame::Hello(_)));
    let client = reqwest::Client::new();
    let mut statuses = Vec::new();
    for n in 0..20 {
        let request = client.post(format!("{own}/api/rooms/lobby/messages")).header("origin", &own);
        let request = request.header("x-forwarded-for", format!("203.0.113.{n}")).body("hello");
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert!(statuses.starts_with(&[200, 200, 200]) && statuses.contains(&429), "{statuses:?}");
    while !matches!(socket.frame().await, ServerFrame::Message(_)) {}
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_cast_passes_nginx_with_the_configuration_of_the_readme() {
    let readme = include_str!("../../../README.md");
    let directives: String = readme.lines().filter(|line| line.starts_with("        proxy_") && !line.contains("proxy_pass")).collect();
    let server = TestServer::start_with(&["--trust-proxy", "127.0.0.1", "--cast-rate", "0"]);
    let nginx = start(&server, &directives).await;
    let url = |path: &str| format!("ws://{}/ws/lobby/{path}", nginx.host());
    let presenting = Socket::try_open(&url("present?key=k"), &[("crier-identity", &identity('a'))]).await.unwrap();
    let mut presenter = Presenter::read_first(presenting).await;
    let mut viewer = Viewer::read_first(Socket::open(&url("view")).await).await;
    for number in 1..20 {
        let sent = Instant::now();
        // As long as a key frame of a large screen.
        presenter.send(key_frame(number, 200_000)).await;
        viewer.expect(&[Got::Chunk(ChunkKind::KeyFrame, number)]).await;
        assert!(sent.elapsed() < PASSING_TIME_MAX, "{:?}", sent.elapsed());
    }
    let mut pictures = Arrived::of(nginx.get("/r/lobby/cast.mjpeg").await);
    pictures.wait_for("--picture").await;
    for bytes in [1000, 2000, 1000] {
        presenter.send(picture(1, bytes)).await;
        let sent = Instant::now();
        pictures.wait_for(&format!("Content-Length: {bytes}\r\n")).await;
        assert!(sent.elapsed() < PASSING_TIME_MAX, "{:?}", sent.elapsed());
    }
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_reader_that_disconnects_from_nginx_is_no_longer_online() {
    let server = TestServer::start();
    let nginx = start(&server, "proxy_http_version 1.1;").await;
    let online = async || server.page("lobby", "").await.online;
    for path in ["/r/lobby/live", "/api/rooms/lobby/events"] {
        let response = nginx.get(path).await;
        eventually("the reader is online", async || online().await == 1).await;
        drop(response);
        eventually("the reader is gone", async || online().await == 0).await;
    }
}

/// By default nginx does not forward `Upgrade`, so there is no WebSocket.
#[tokio::test]
#[ignore = "needs nginx"]
async fn the_command_line_works_through_a_default_nginx() {
    let server = TestServer::start();
    for directives in ["proxy_http_version 1.1;", ""] {
        let nginx = start(&server, directives).await;
        let start = server.page("lobby", "").await.latest.to_string();
        let mut tail = crier(&nginx.url(""), &["tail", "lobby", "--json", "--after", &start]).stdout(Stdio::piped()).spawn().unwrap();
        let posted = timeout(TIMEOUT, crier(&nginx.url(""), &["post", "lobby", "through nginx"]).output()).await.unwrap().unwrap();
        assert!(posted.status.success(), "{posted:?}");
        let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
        let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap().expect("the program has ended");
        assert!(line.contains("through nginx"), "{line}");
    }
}
