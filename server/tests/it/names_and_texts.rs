//! Room names, author names and texts follow the same rules on every route.

use axum::http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::{ErrorCode, ServerFrame};
use reqwest::{Response, StatusCode};
use serde_json::json;

use crate::readers::{EventStream, LiveHtml};
use crate::support::{Received, Socket, TestServer, client_without_redirects, problem, texts};

fn encode(text: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Gets a path without following redirects.
async fn get(server: &TestServer, path: &str) -> (StatusCode, HeaderMap) {
    let response = client_without_redirects().get(server.url(path)).send().await.unwrap();
    (response.status(), response.headers().clone())
}

async fn send(server: &TestServer, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
    server.http.post(server.url(path)).header("content-type", content_type).body(body).send().await.unwrap()
}

const FORM: &str = "application/x-www-form-urlencoded";
const LOBBY: &str = "/api/rooms/lobby/messages";

#[tokio::test]
async fn accepts_room_names_of_any_script_on_every_route() {
    let server = TestServer::start();
    // A virama, vowel signs, tone marks, a non-joiner inside the word, digits of the script.
    for name in ["हिन्दी", "தமிழ்", "ห้องน้ำ", "می\u{200c}خواهم", "غرفة-٣"] {
        let path = encode(name);
        let case = |route: &str| format!("{name} {route}");
        assert_eq!(get(&server, &format!("/r/{path}")).await.0, 200, "{}", case("page"));
        assert_eq!(get(&server, &format!("/r/{path}/qr.svg")).await.0, 200, "{}", case("code"));
        let (status, headers) = get(&server, &format!("/open?room={path}")).await;
        assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (303, format!("/r/{path}").as_str()), "{}", case("open"));
        let mut socket = server.subscribe(&path, None).await;
        assert_eq!(socket.hello().room.as_str(), name);
        let mut events = EventStream::open(&server, &path, "").await;
        assert!(matches!(events.frame().await, ServerFrame::Hello(hello) if hello.room.as_str() == name));
        let mut live = LiveHtml::open(&server, &format!("/r/{path}/live")).await;
        server.post(&path, "hello").await;
        assert_eq!(socket.texts(1).await, ["hello"]);
        assert!(live.next().await.is_some());
        assert_eq!(server.page(&path, "").await.room.as_str(), name);
    }
}

#[tokio::test]
async fn all_spellings_of_a_name_are_one_room() {
    let server = TestServer::start();
    for (spelling, canonical) in
        [("cafe\u{301}", "café"), ("CAFE\u{301}", "café"), ("Tea Time", "tea-time"), ("  Tea\u{3000} time ", "tea-time"), ("\u{212b}", "å")]
    {
        let before = server.page(&encode(canonical), "").await.latest.offset;
        let mut socket = server.subscribe(&encode(spelling), None).await;
        server.post(&encode(spelling), spelling).await;
        server.post(&encode(canonical), "too").await;
        assert_eq!(socket.texts(2).await, [spelling, "too"]);
        let page = server.page(&encode(spelling), "").await;
        assert_eq!((page.room.as_str(), page.latest.offset), (canonical, before + 2), "{spelling}");
    }
}

/// A room has one page, so that links and browser history agree.
#[tokio::test]
async fn redirects_a_page_to_the_canonical_spelling() {
    let server = TestServer::start();
    for (path, location) in [
        ("/r/Tea%20Time", "/r/tea-time"),
        ("/r/LOBBY?lang=en&text=a%20b", "/r/lobby?lang=en&text=a%20b"),
        ("/r/cafe%CC%81", "/r/caf%C3%A9"),
        ("/open?room=Tea+Time", "/r/tea-time"),
        ("/open?room=+r_2-D2+", "/r/r_2-d2"),
    ] {
        let (status, headers) = get(&server, path).await;
        assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (303, location), "{path}");
    }
    // Other encodings of the canonical name are not redirected.
    for path in ["/r/%6Cobby", "/r/tea%2Dtime", "/r/caf%c3%a9", "/"] {
        assert_eq!(get(&server, path).await.0, 200, "{path}");
    }
}

/// `see http://x.example/?a=1&text=hidden` was once stored as `hidden`.
#[tokio::test]
async fn a_body_is_a_form_only_if_all_its_fields_are_form_fields() {
    let server = TestServer::start();
    let bare_texts = [
        "see http://x.example/?a=1&text=hidden",
        "content=a&lang=en",
        "text=a&text=b",
        "text=a&content=b",
        "a=%ff&text=b",
        "author=a&key=k",
        "100%",
        "a & b",
    ];
    let mut demo = Socket::open(&server.socket_url("/message/")).await;
    for text in bare_texts {
        assert_eq!(send(&server, LOBBY, FORM, text).await.status(), 200, "{text}");
        demo.receive().await;
        demo.send_text(text).await;
        assert_eq!(demo.receive().await, Received::Text(text.to_owned()));
    }
    let both: Vec<_> = bare_texts.iter().flat_map(|text| [*text, *text]).collect();
    assert_eq!(texts(&server.all_entries("lobby").await), both);
    assert_eq!(send(&server, "/api/rooms/f/messages", FORM, "author=ana&text=a+b&key=k").await.status(), 200);
    let entry = server.all_entries("f").await.remove(0);
    assert_eq!((entry.text.as_str(), entry.author.as_str(), entry.key.unwrap().as_str()), ("a b", "ana", "k"));
    assert_eq!(problem(send(&server, LOBBY, FORM, "text=%ff").await).await, (400, "not_utf8".to_owned()));
}

#[tokio::test]
async fn a_null_author_counts_as_none() {
    let server = TestServer::start();
    let mut reader = server.subscribe("lobby", None).await;
    let response = server.post_json("lobby", &json!({ "text": "one", "author": null, "key": null })).await;
    assert_eq!(response.status(), 200);
    reader.socket.send_text(json!({ "type": "publish", "ref": 1, "text": "two", "author": null, "key": null }).to_string()).await;
    assert_eq!(reader.texts(2).await, ["one", "two"]);
    assert!(reader.seen.entries.iter().all(|entry| entry.author.is_nameless()));
    assert_eq!(problem(server.post_json("lobby", &json!({ "text": null })).await).await, (422, "shape_invalid".to_owned()));
}

/// Windows programs begin files with one.
#[tokio::test]
async fn removes_a_byte_order_mark() {
    let server = TestServer::start();
    let mut reader = server.subscribe("lobby", None).await;
    let mut demo = Socket::open(&server.socket_url("/message/")).await;
    for (content_type, body) in [
        ("application/json", "\u{feff}{\"text\":\"sent\"}"),
        ("application/json", r#"{"text":"\ufeffsent"}"#),
        (FORM, "\u{feff}text=sent"),
        (FORM, "\u{feff}sent"),
        ("text/plain", "\u{feff}sent"),
    ] {
        assert_eq!(send(&server, LOBBY, content_type, body).await.status(), 200, "{body:?}");
        demo.receive().await;
    }
    reader.socket.send_text("\u{feff}{\"type\":\"publish\",\"ref\":1,\"text\":\"sent\"}").await;
    demo.receive().await;
    for raw in ["\u{feff}sent", "\u{feff}content=sent"] {
        demo.send_text(raw).await;
        assert_eq!(demo.receive().await, Received::Text(raw.to_owned()), "the demo's pages get what was sent");
    }
    assert_eq!(reader.texts(8).await, ["sent"; 8]);
    assert_eq!(problem(send(&server, LOBBY, "application/json", "{\u{feff}}").await).await, (400, "not_json".to_owned()));
}

/// Sends a text to the lobby by every route, and returns the result of each.
async fn send_by_every_route(server: &TestServer, text: &str) -> Vec<(&'static str, Result<(), String>)> {
    let before = server.page("lobby", "").await.latest.offset;
    let json = json!({ "text": text }).to_string();
    let mut sent = Vec::new();
    for (route, path, content_type, body) in [
        ("JSON", LOBBY, "application/json", json),
        ("form", LOBBY, FORM, format!("text={}", encode(text))),
        ("bare", LOBBY, "text/plain", text.to_owned()),
    ] {
        let response = send(server, path, content_type, body).await;
        let result = if response.status() == 200 { Ok(()) } else { Err(problem(response).await.1) };
        sent.push((route, result));
    }
    let page = send(server, "/", FORM, format!("content={}", encode(text))).await;
    sent.push(("page", if page.status() == 200 { Ok(()) } else { sent[0].1.clone() }));
    let mut socket = server.subscribe("lobby", None).await;
    socket.socket.send_text(json!({ "type": "publish", "ref": 1, "text": text }).to_string()).await;
    let result = loop {
        match socket.socket.data_frame().await {
            ServerFrame::Published { .. } => break Ok(()),
            ServerFrame::Error { code, .. } => break Err(code.as_str().to_owned()),
            _ => {}
        }
    };
    sent.push(("socket", result));
    let mut demo = Socket::open(&server.socket_url("/message/")).await;
    demo.send_text(text).await;
    let Received::Text(heard) = demo.receive().await else { panic!("the demo's socket closed") };
    let refusal = heard.strip_prefix("error ").and_then(|line| line.split(':').next());
    sent.push(("demo", refusal.map_or(Ok(()), |code| Err(code.to_owned()))));
    let accepted = sent.iter().filter(|(_, result)| result.is_ok()).count() as u64;
    assert_eq!(server.page("lobby", "").await.latest.offset, before + accepted);
    sent
}

#[tokio::test]
async fn every_route_normalises_texts_alike() {
    let server = TestServer::start();
    for (text, stored) in [
        ("\n\n \t\r\n\u{200b}\n  two\n\nparts \n \r\n\n", "  two\n\nparts "),
        ("\u{2028}\u{85}x\u{b}\u{c}", "x"),
        ("❤\u{fe0f}\n\u{fe0f}\n", "❤\u{fe0f}"),
        ("\u{1}a\u{1}", "\u{1}a\u{1}"),
        ("؀١٢", "؀١٢"),
    ] {
        let before = server.all_entries("lobby").await.len();
        let sent = send_by_every_route(&server, text).await;
        assert!(sent.iter().all(|(_, result)| result.is_ok()), "{text:?}: {sent:?}");
        assert_eq!(texts(&server.all_entries("lobby").await)[before..], [stored; 6], "{text:?}");
    }
    let before = server.all_entries("lobby").await.len();
    for blank in
        ["\u{3164}", "\u{1}", "\u{1b}\u{7f}", "\u{34f}\u{115f}\u{ffa0}", "\u{2800}\n\u{2800}", "\u{e0041}", "\u{fff9}", "\u{feff}\n"]
    {
        for (route, result) in send_by_every_route(&server, blank).await {
            assert_eq!(result, Err("text_empty".to_owned()), "{blank:?} by {route}");
        }
    }
    assert_eq!(server.all_entries("lobby").await.len(), before);
}

#[tokio::test]
async fn refuses_invisible_author_names() {
    let server = TestServer::start();
    let mut socket = Socket::open(&server.socket_url("/ws/lobby")).await;
    for name in ["\u{3164}", "ad\u{34f}min", "ad\u{200d}min", "\u{2800}", "a\u{2028}b", "🏴\u{e0061} Tom"] {
        let refused = server.post_json("lobby", &json!({ "text": "x", "author": name })).await;
        assert_eq!(problem(refused).await, (422, "author_invalid".to_owned()), "{name:?}");
        let refused = send(&server, LOBBY, FORM, format!("text=x&author={}", encode(name))).await;
        assert_eq!(problem(refused).await, (422, "author_invalid".to_owned()), "{name:?}");
        socket.send_text(json!({ "type": "publish", "ref": 1, "text": "x", "author": name }).to_string()).await;
        assert_eq!(socket.next_error().await, (Some(1), ErrorCode::AuthorInvalid), "{name:?}");
    }
    let england = "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} Tom";
    for name in [england, "👩🏽\u{200d}🚀", "मीरा", "علی\u{200c}رضا"] {
        assert_eq!(server.post_json("names", &json!({ "text": "x", "author": name })).await.status(), 200, "{name:?}");
        assert_eq!(server.all_entries("names").await.last().unwrap().author.as_str(), name);
    }
}
