//! Casts over the wire: a presenter's chunks to all viewers, and what goes wrong on the way.

use std::time::Duration;

use protocol::ErrorCode;
use protocol::cast::{Chunk, ChunkKind, PresenterFrame, ViewerFrame};
use protocol::limits::{CAST_GROUP_BYTES_MAX, CHUNK_BYTES_MAX, PICTURE_BYTES_MAX};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::casting::{Got, Presenter, Viewer, delta, jpeg, key_frame, on_air, picture, refusal, status};
use crate::support::{Received, Socket, TIMEOUT, TestServer, eventually, identity, problem, read_head};

use ChunkKind::{Audio, DeltaFrame, KeyFrame, Picture};
use Got::{Closed, Word};
use ViewerFrame::{Paused, Resumed};

#[tokio::test(flavor = "multi_thread")]
async fn a_late_viewer_gets_the_newest_picture_then_the_group_then_what_follows() {
    let server = TestServer::start();
    let mut presenter = Presenter::open(&server).await;
    let audio = Chunk::with_config(Audio, 5, r#"{"codec":"opus"}"#, b"sound").unwrap();
    for chunk in [picture(1, 100), key_frame(2, 5000), delta(3, 50), key_frame(4, 5000), audio, delta(6, 50), picture(7, 70_000)] {
        presenter.send(chunk).await;
    }
    let live = Viewer::open(&server).await;
    assert_eq!(live.cast, presenter.cast);
    eventually("the newest picture is there", async || server.get("/r/lobby/cast.jpg").await.content_length() == Some(70_000)).await;
    let mut late = Viewer::open(&server).await;
    let group = [Got::Chunk(Picture, 7), Got::Chunk(KeyFrame, 4), Got::Chunk(Audio, 5), Got::Chunk(DeltaFrame, 6)];
    late.expect(&group).await;
    presenter.send(delta(8, 50)).await;
    late.expect(&[Got::Chunk(DeltaFrame, 8)]).await;
    presenter.until(|frame| *frame == PresenterFrame::Viewers { viewers: 2 }).await;
    assert_eq!(status(&server).await.viewers, 2);
    drop((live, late));
    presenter.until(|frame| *frame == PresenterFrame::Viewers { viewers: 0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presenter_that_loses_the_network_continues_the_same_cast() {
    let server = TestServer::start();
    let (presenter, mut viewer) = on_air(&server).await;
    let cast = presenter.cast.clone();
    drop(presenter);
    viewer.expect(&[Word(Paused)]).await;
    let mut again = Presenter::open(&server).await;
    assert_eq!((&again.cast, again.viewers), (&cast, 1));
    // What needs a key frame from before is of no use.
    again.send(delta(2, 100)).await;
    again.send(key_frame(3, 100)).await;
    viewer.expect(&[Word(Resumed), Got::Chunk(KeyFrame, 3)]).await;
    // A client that closes to connect anew says so by its code.
    again.close(4000).await;
    viewer.expect(&[Word(Paused)]).await;
    assert_eq!(status(&server).await.cast, Some(cast));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_of_the_presenter_replaces_the_older_one() {
    let server = TestServer::start();
    let (mut older, mut viewer) = on_air(&server).await;
    let mut newer = Presenter::open(&server).await;
    newer.send(key_frame(2, 100)).await;
    assert_eq!(older.end().await, (None, 4503));
    viewer.expect(&[Got::Chunk(KeyFrame, 2)]).await;
    newer.send(delta(3, 100)).await;
    viewer.expect(&[Got::Chunk(DeltaFrame, 3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_has_one_presenter_at_a_time() {
    let server = TestServer::start();
    let mut presenter = Presenter::open(&server).await;
    for (who, key) in [('b', "other"), ('b', "first"), ('a', "second")] {
        let refused = Presenter::try_open(&server, "lobby", who, key).await.err();
        assert_eq!(refused, Some((409, "cast_busy".to_owned())), "{who} {key}");
    }
    presenter.close(1000).await;
    eventually("another presenter may begin", async || Presenter::try_open(&server, "lobby", 'b', "other").await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presenter_that_stops_ends_the_cast_for_all() {
    let server = TestServer::start();
    for code in [1000, 1001] {
        let mut presenter = Presenter::try_open(&server, "lobby", 'a', &format!("key{code}")).await.unwrap();
        let mut viewer = Viewer::open(&server).await;
        presenter.send(picture(1, 100)).await;
        presenter.send(key_frame(2, 100)).await;
        viewer.expect(&[Got::Chunk(KeyFrame, 2)]).await;
        presenter.close(code).await;
        viewer.expect(&[Closed(4502)]).await;
        assert_eq!(problem(server.get("/r/lobby/cast.jpg").await).await, (404, "no_cast".to_owned()));
        assert_eq!(Viewer::try_open(&server, "lobby").await.err(), Some((404, "no_cast".to_owned())));
        assert_eq!(status(&server).await.cast, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_chunk_ends_the_cast_and_the_presenter_is_told_why() {
    let server = TestServer::start();
    let not_a_picture = Chunk { kind: Picture, time: 1, payload: b"GIF89a" }.to_bytes();
    let cases = [
        (Message::text(r#"{"type":"publish","text":"x"}"#), ErrorCode::ChunkInvalid, 4504),
        (Message::binary(&b"garbage"[..]), ErrorCode::ChunkInvalid, 4504),
        (Message::binary(vec![0; 100]), ErrorCode::ChunkInvalid, 4504),
        (Message::binary(not_a_picture), ErrorCode::ChunkInvalid, 4504),
        (Message::binary(picture(1, PICTURE_BYTES_MAX + 1)), ErrorCode::ChunkTooLong, 4504),
        (Message::binary(delta(1, CHUNK_BYTES_MAX)), ErrorCode::ChunkTooLong, 1009),
    ];
    for (number, (message, code, close)) in cases.into_iter().enumerate() {
        let mut presenter = Presenter::try_open(&server, "lobby", 'a', &format!("key{number}")).await.unwrap();
        let mut viewer = Viewer::open(&server).await;
        presenter.socket.send(message).await;
        assert_eq!(presenter.end().await, (Some(code), close), "{number}");
        viewer.expect(&[Closed(4502)]).await;
    }
    assert!(server.all_entries("lobby").await.iter().all(|entry| entry.text.as_str().is_empty()), "nothing was published");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presenter_over_its_rate_is_told_and_viewers_wait_for_a_key_frame() {
    let server = TestServer::start_with(&["--cast-rate", "50000"]);
    let mut presenter = Presenter::open(&server).await;
    let mut viewer = Viewer::open(&server).await;
    // Three seconds of the rate.
    presenter.send(key_frame(0, 150_000)).await;
    viewer.expect(&[Got::Chunk(KeyFrame, 0)]).await;
    presenter.send(delta(1, 10)).await;
    let error = presenter.until(|frame| matches!(frame, PresenterFrame::Error { .. })).await;
    let PresenterFrame::Error { code: ErrorCode::CastTooFast, retry_after: Some(wait), .. } = error else { panic!("{error:?}") };
    assert!((1..=1000).contains(&wait), "{wait}");
    tokio::select! {
        () = presenter.answer(2) => {}
        got = viewer.next() => assert!(matches!(got, Got::Chunk(KeyFrame, _)), "{got:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_tiny_chunks_ends_the_cast() {
    let server = TestServer::start();
    let mut presenter = Presenter::open(&server).await;
    let mut viewer = Viewer::open(&server).await;
    presenter.send(key_frame(0, 10)).await;
    for number in 1..3000 {
        if presenter.socket.try_send(Message::binary(delta(number, 1))).await.is_err() {
            break;
        }
    }
    assert_eq!(presenter.end().await, (Some(ErrorCode::CastTooFast), 4505));
    let mut chunks = 0;
    while viewer.next().await != Closed(4502) {
        chunks += 1;
    }
    // Two seconds' worth, and what was paid back meanwhile.
    assert!((240..1000).contains(&chunks), "{chunks}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cast_without_key_frames_keeps_a_bounded_group_and_is_asked_for_one() {
    let server = TestServer::start_with(&["--cast-rate", "0"]);
    let mut presenter = Presenter::open(&server).await;
    let mut viewer = Viewer::open(&server).await;
    presenter.send(key_frame(0, 100)).await;
    viewer.expect(&[Got::Chunk(KeyFrame, 0)]).await;
    let (bytes, mut number) = (400_000, 0);
    while (number as usize + 1) * bytes < CAST_GROUP_BYTES_MAX {
        number += 1;
        presenter.send(delta(number, bytes)).await;
        viewer.expect(&[Got::Chunk(DeltaFrame, number)]).await;
    }
    // This one is too much. The next needs it, so nobody gets either.
    presenter.send(delta(number + 1, bytes)).await;
    presenter.send(delta(number + 2, 10)).await;
    presenter.until(|frame| *frame == PresenterFrame::Keyframe).await;
    let mut late = Viewer::open(&server).await;
    presenter.send(key_frame(100, 100)).await;
    for viewer in [&mut viewer, &mut late] {
        viewer.expect(&[Got::Chunk(KeyFrame, 100)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_stops_reading_skips_to_a_key_frame_and_others_do_not_wait() {
    let server = TestServer::start_with(&["--cast-rate", "0"]);
    let mut presenter = Presenter::open(&server).await;
    let mut slow = Viewer::read_first(server.slow_socket("/ws/lobby/view").await).await;
    let mut fast = Viewer::open(&server).await;
    let mut number = 0;
    // Far more than buffers hold, and more than a group may have.
    for _ in 0..8 {
        presenter.send(key_frame(number, 100_000)).await;
        fast.expect(&[Got::Chunk(KeyFrame, number)]).await;
        for _ in 0..9 {
            number += 1;
            presenter.send(delta(number, 100_000)).await;
            fast.expect(&[Got::Chunk(DeltaFrame, number)]).await;
        }
        number += 1;
    }
    let (mut due, mut skipped, mut chunks) = (0, 0, 0);
    while due < number {
        match slow.next().await {
            Got::Chunk(kind, time) if time == due || kind == KeyFrame => {
                (due, chunks) = (time + 1, chunks + 1);
            }
            Word(ViewerFrame::Skipped { chunks }) => {
                skipped += chunks;
                let Got::Chunk(KeyFrame, time) = slow.next().await else { panic!("no key frame follows what was skipped") };
                assert_eq!(time, due + chunks);
                due = time + 1;
            }
            other => panic!("{other:?} came when {due} was due"),
        }
    }
    assert!(skipped > 30 && chunks < 50, "{skipped} were skipped, {chunks} came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_is_continued_by_presenter_and_viewers() {
    let server = TestServer::start();
    let (mut presenter, mut viewer) = on_air(&server).await;
    let cast = presenter.cast.clone();
    let ends = async { tokio::join!(presenter.end(), viewer.next()) };
    let (server, (end, closed)) = tokio::join!(server.restart_in_place(), ends);
    assert_eq!((end, closed), ((None, 1012), Closed(1012)));
    let mut viewer = Viewer::open(&server).await;
    assert_eq!(viewer.cast, cast);
    viewer.expect(&[Word(Paused)]).await;
    let mut presenter = Presenter::open(&server).await;
    assert_eq!(presenter.cast, cast);
    presenter.send(key_frame(2, 100)).await;
    viewer.expect(&[Word(Resumed), Got::Chunk(KeyFrame, 2)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_ends_what_it_allowed() {
    let server = TestServer::start();
    let (key, id) = server.create_key("post", "lobby", "").await;
    let (reading, reading_id) = server.create_key("read", "lobby", "").await;
    let admin_key = server.admin_key().await;
    let set = server.http.put(server.url("/api/admin/rooms/lobby")).bearer_auth(&admin_key).json(&json!({ "mode": "private" }));
    assert!(set.send().await.unwrap().status().is_success());
    let revoke = async |id: &str| {
        let request = server.http.delete(server.url(&format!("/api/admin/keys/{id}"))).bearer_auth(&admin_key);
        assert!(request.send().await.unwrap().status().is_success());
    };
    let url = server.socket_url("/ws/lobby/present?key=k");
    let (identity, bearer) = (identity('a'), format!("Bearer {key}"));
    let socket = Socket::try_open(&url, &[("crier-identity", &identity), ("authorization", &bearer)]).await.unwrap();
    let mut presenter = socket;
    let view = server.socket_url("/ws/lobby/view");
    let refused = Socket::try_open(&view, &[]).await.err().map(|error| refusal(*error));
    assert!(refused.is_some(), "a stranger may not watch");
    let bearer = format!("Bearer {reading}");
    let mut viewer = Viewer::read_first(Socket::try_open(&view, &[("authorization", &bearer)]).await.unwrap()).await;
    revoke(&reading_id).await;
    viewer.expect(&[Closed(4501)]).await;
    revoke(&id).await;
    loop {
        match presenter.receive().await {
            Received::Text(_) => {}
            Received::Closed { code, .. } => break assert_eq!(code, 4501),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_becomes_private_is_not_watched_by_strangers() {
    let server = TestServer::start();
    let (mut presenter, mut viewer) = on_air(&server).await;
    let request = server.http.put(server.url("/api/admin/rooms/lobby")).bearer_auth(server.admin_key().await);
    assert!(request.json(&json!({ "mode": "private" })).send().await.unwrap().status().is_success());
    viewer.expect(&[Closed(4501)]).await;
    assert_eq!(presenter.end().await, (None, 4501));
    assert_eq!(Viewer::try_open(&server, "lobby").await.err(), Some((404, "not_found".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_empty_fragments_delays_nobody() {
    let server = TestServer::start();
    let (presenter, mut viewer) = on_air(&server).await;
    // A message that never ends: its first frame, then frames without anything.
    let mut stream = presenter.socket.into_stream();
    stream.write_all(&[0x02, 0x80, 0, 0, 0, 0]).await.unwrap();
    let flood = tokio::spawn(async move { while stream.write_all(&[0, 0x80, 0, 0, 0, 0].repeat(10_000)).await.is_ok() {} });
    for number in 0..20 {
        timeout(Duration::from_secs(2), server.post("lobby", &number.to_string())).await.expect("a message is stored");
    }
    viewer.socket.send_text(json!({ "type": "ping", "ref": 1 }).to_string()).await;
    assert_eq!(viewer.socket.receive().await, Received::Text(r#"{"type":"pong","ref":1}"#.to_owned()));
    flood.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cast_has_a_number_of_viewers_and_the_server_a_number_of_bytes() {
    let full = Some((503, "viewers_full".to_owned()));
    let server = TestServer::start_with(&["--cast-viewers", "1"]);
    let mut presenter = Presenter::open(&server).await;
    let viewer = Viewer::open(&server).await;
    assert_eq!(Viewer::try_open(&server, "lobby").await.err(), full);
    assert_eq!(problem(server.get("/r/lobby/cast.mjpeg").await).await, full.clone().unwrap());
    assert!(status(&server).await.is_full);
    // They see still pictures.
    presenter.send(picture(1, 100)).await;
    eventually("there is a picture", async || server.get("/r/lobby/cast.jpg").await.status() == 200).await;
    drop(viewer);
    eventually("there is room again", async || Viewer::try_open(&server, "lobby").await.is_ok()).await;

    let server = TestServer::start_with(&["--cast-egress", "10000"]);
    let mut presenter = Presenter::open(&server).await;
    let mut viewer = Viewer::open(&server).await;
    presenter.send(key_frame(1, 30_000)).await;
    presenter.send(delta(2, 100)).await;
    viewer.expect(&[Got::Chunk(KeyFrame, 1)]).await;
    assert_eq!(Viewer::try_open(&server, "lobby").await.err(), full);
    // After two seconds' worth is paid back, a key frame passes.
    tokio::select! {
        () = presenter.answer(3) => {}
        got = viewer.next() => assert!(matches!(got, Got::Chunk(KeyFrame, 3..)), "{got:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_shown_without_script() {
    let server = TestServer::start();
    let mut presenter = Presenter::open(&server).await;
    presenter.send(picture(1, 1000)).await;
    eventually("there is a picture", async || server.get("/r/lobby/cast.jpg").await.status() == 200).await;
    let response = server.get("/r/lobby/cast.jpg").await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type").as_str(), header("cache-control").as_str()), ("image/jpeg", "no-store"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(response.bytes().await.unwrap(), jpeg(1000));

    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("GET /r/lobby/cast.mjpeg HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes()).await.unwrap();
    let head = read_head(&mut stream).await.to_ascii_lowercase();
    assert!(head.contains("\r\ncontent-type: multipart/x-mixed-replace; boundary=picture\r\n"), "{head}");
    let part = |bytes| {
        let head = format!("Content-Type: image/jpeg\r\nContent-Length: {bytes}\r\n\r\n");
        [head.as_bytes(), &jpeg(bytes), b"\r\n--picture\r\n"].concat()
    };
    let mut expect = async |bytes: Vec<u8>| {
        let mut read = vec![0; bytes.len()];
        timeout(TIMEOUT, stream.read_exact(&mut read)).await.expect("no picture").unwrap();
        assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(&bytes));
    };
    expect(b"--picture\r\n".to_vec()).await;
    expect(part(1000)).await;
    for bytes in [2000, 100_000] {
        presenter.send(picture(2, bytes)).await;
        expect(part(bytes)).await;
    }
    assert_eq!(status(&server).await.viewers, 1);
    presenter.close(1000).await;
    assert_eq!(timeout(TIMEOUT, stream.read(&mut [0; 1])).await.unwrap().unwrap(), 0, "it ends with the cast");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_can_ask_whether_it_is_connected_and_publish_nothing() {
    let server = TestServer::start();
    let _presenter = Presenter::open(&server).await;
    let mut viewer = Viewer::open(&server).await;
    viewer.socket.send_text(json!({ "type": "ping", "ref": 7 }).to_string()).await;
    assert_eq!(viewer.socket.receive().await, Received::Text(r#"{"type":"pong","ref":7}"#.to_owned()));
    viewer.socket.send_text(json!({ "type": "publish", "ref": 8, "text": "x" }).to_string()).await;
    let Received::Text(json) = viewer.socket.receive().await else { panic!() };
    assert!(json.contains("shape_invalid"), "{json}");
    assert!(server.all_entries("lobby").await.iter().all(|entry| entry.text.as_str().is_empty()));
    viewer.socket.send(Message::binary(&b"x"[..])).await;
    viewer.expect(&[Closed(1003)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presenter_needs_an_identity_and_casts_may_be_off() {
    let server = TestServer::start();
    let url = server.socket_url("/ws/lobby/present?key=k");
    let refused = |error: Box<Error>| refusal(*error).1;
    assert_eq!(Socket::try_open(&url, &[]).await.err().map(refused).as_deref(), Some("identity_required"));
    let server = TestServer::start_with(&["--cast", "off"]);
    assert_eq!(Presenter::try_open(&server, "lobby", 'a', "k").await.err(), Some((403, "cast_off".to_owned())));
    assert_eq!(Viewer::try_open(&server, "lobby").await.err(), Some((404, "no_cast".to_owned())));
    let server = TestServer::start_with(&["--casts", "1"]);
    let _presenter = Presenter::open(&server).await;
    assert_eq!(Presenter::try_open(&server, "other", 'b', "k").await.err(), Some((503, "casts_full".to_owned())));
}
