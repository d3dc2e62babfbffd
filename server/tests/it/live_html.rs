//! The live HTML of a page without script.

use protocol::{Epoch, Position};
use serde_json::json;

use crate::readers::{LiveHtml, Row};
use crate::support::{TestServer, problem};

async fn message(live: &mut LiveHtml) -> (u64, String) {
    match live.next().await {
        Some(Row::Message { offset, text }) => (offset, text),
        other => panic!("{other:?}"),
    }
}

/// Returns the first chunk of the document: all before the first row, and the rows that are ready.
async fn head(server: &TestServer, path: &str, headers: &[(&'static str, &'static str)]) -> String {
    let mut request = server.http.get(server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let chunk = request.send().await.unwrap().chunk().await.unwrap().unwrap();
    String::from_utf8(chunk.to_vec()).unwrap()
}

/// Returns the document up to this row.
async fn until_row(server: &TestServer, path: &str, offset: u64) -> String {
    let (mut response, mut html, row) = (server.get(path).await, Vec::new(), format!("<li id=\"m-{offset}\""));
    while !String::from_utf8_lossy(&html).contains(&row) {
        html.extend(response.chunk().await.unwrap().unwrap());
    }
    String::from_utf8_lossy(&html).into_owned()
}

#[tokio::test]
async fn rows_arrive_as_messages_are_posted() {
    let server = TestServer::start();
    let start = server.post("lobby", "before").await.position;
    let mut live = LiveHtml::open(&server, &format!("/r/lobby/live?after={start}")).await;
    for (n, text) in ["one", "two\nlines", "三"].into_iter().enumerate() {
        server.post("lobby", text).await;
        assert_eq!(message(&mut live).await, (n as u64 + 2, text.to_owned()));
    }
    let mut late = LiveHtml::open(&server, &format!("/r/lobby/live?after={start}")).await;
    assert_eq!(message(&mut late).await, (2, "one".to_owned()));
}

#[tokio::test]
async fn forbids_caching_transforming_and_scripts() {
    let server = TestServer::start();
    let response = server.get("/r/lobby/live").await;
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    assert_eq!(header("cache-control"), "no-store, no-transform");
    assert_eq!(header("x-accel-buffering"), "no");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'self'"), "{policy}");
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
    // Keeps proxies from compressing, which would buffer.
    assert_eq!(header("content-encoding"), "identity");
    assert!(!response.headers().contains_key("content-length"));
    let html = head(&server, "/r/lobby/live", &[]).await;
    assert!(!html.contains("<script") && !html.contains("style=") && !html.contains("</ol>"), "{html}");
}

#[tokio::test]
async fn the_page_embeds_it_in_noscript_from_its_own_position() {
    let server = TestServer::start();
    let position = server.post("大厅", "x").await.position;
    let page = server.get("/r/大厅?lang=en&scheme=dark").await.text().await.unwrap();
    let inside = page.split("<noscript>").nth(1).unwrap();
    let frames: Vec<_> = page.split("<iframe").skip(1).map(|frame| frame.split('>').next().unwrap()).collect();
    assert_eq!(frames.len(), 1);
    assert!(
        frames[0].contains(&format!("src=\"/r/大厅/live?after={position}&amp;lang=en&amp;scheme=dark&amp;earlier=true\"")),
        "{}",
        frames[0]
    );
    assert!(!inside.split("<iframe").next().unwrap().contains("<script"));
    assert!(!frames[0].contains("sandbox"), "a sandbox would also forbid the refresh");
}

#[tokio::test]
async fn follows_the_language_and_colours_of_the_page() {
    let server = TestServer::start();
    for (path, headers, language, scheme) in [
        ("/r/lobby/live", vec![], "en", "system"),
        ("/r/lobby/live?lang=zh-CN&scheme=dark", vec![], "zh-CN", "dark"),
        ("/r/lobby/live", vec![("cookie", "lang=zh-CN; scheme=light")], "zh-CN", "light"),
        ("/r/lobby/live", vec![("accept-language", "zh-CN,zh;q=0.9")], "zh-CN", "system"),
        ("/r/lobby/live?lang=%22%3E%3Cscript%3E&scheme=%22", vec![], "en", "system"),
    ] {
        let html = head(&server, path, &headers).await;
        assert!(html.contains(&format!("<html lang=\"{language}\" data-scheme=\"{scheme}\">")), "{path}: {html}");
        assert!(!html.contains("<script"));
        let refresh = format!("&amp;lang={language}&amp;scheme={scheme}\">");
        assert!(html.contains(&refresh), "{html}");
    }
}

#[tokio::test]
async fn user_text_is_escaped() {
    let server = TestServer::start();
    let mut live = LiveHtml::open(&server, "/r/lobby/live?lang=en").await;
    for (n, text) in [
        "</div><script>alert(1)</script>",
        "</li></ol></div></body><meta http-equiv=refresh content=\"0;url=//evil\">",
        ".\r\n\r\nevent: x",
        "<!--",
        "]]>&lt;b&gt;&#60;b&#62;",
        "\" onmouseover='alert(1)'",
        "\u{202e}gnp.exe",
    ]
    .into_iter()
    .enumerate()
    {
        server.post_json("lobby", &json!({ "text": text, "author": "</bdi><script>'\"&" })).await;
        // The reader of this test rejects markup in a text.
        assert_eq!(message(&mut live).await, (n as u64 + 1, text.replace("\r\n", "\n")));
    }
    let mut html = String::new();
    let mut again = server.get(&format!("/r/lobby/live?after={}", Position { offset: 0, ..server.page("lobby", "").await.latest })).await;
    while html.matches("</li>").count() < 7 {
        html += std::str::from_utf8(&again.chunk().await.unwrap().unwrap()).unwrap();
    }
    assert!(!html.contains("<script") && !html.contains("</body") && !html.contains("<!--") && html.matches("<meta http").count() == 1);
    assert_eq!(html.matches("<bdi translate=\"no\" class=\"author\">&lt;/bdi&gt;&lt;script&gt;'\"&amp;</bdi>").count(), 7);
}

#[tokio::test]
async fn names_an_anonymous_author_in_the_readers_language() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    server.post("lobby", "x").await;
    for (language, name) in [("en", "Anonymous"), ("zh-CN", "匿名"), ("en", "Anonymous")] {
        let html = head(&server, &format!("/r/lobby/live?after={start}&lang={language}"), &[]).await;
        assert!(html.contains(&format!("<bdi translate=\"no\" class=\"author nameless\">{name}</bdi>")), "{html}");
    }
}

#[tokio::test]
async fn refreshes_before_a_document_exceeds_one_megabyte() {
    let server = TestServer::start();
    let start = server.page("lobby", "").await.position;
    let text = "<&>".repeat(5000);
    for _ in 0..40 {
        server.post("lobby", &text).await;
    }
    let (mut position, mut documents) = (start, 0);
    while position.offset < 40 {
        let mut response = server.get(&format!("/r/lobby/live?after={position}")).await;
        let mut html = String::new();
        while !html.contains("class=\"ended\"") && html.matches("</li>").count() as u64 + position.offset < 40 {
            html += &String::from_utf8_lossy(&response.chunk().await.unwrap().unwrap());
        }
        assert!(html.len() < 1_000_000, "{}", html.len());
        position.offset += html.matches("data-offset").count() as u64;
        if html.contains("class=\"ended\"") {
            let refresh = html.rsplit("http-equiv=\"refresh\" content=\"").next().unwrap();
            assert!(refresh.starts_with(&format!("0;url=/r/lobby/live?after={position}&amp;")), "{refresh}");
            assert_eq!(response.chunk().await.unwrap(), None, "the document has not ended");
        }
        documents += 1;
    }
    assert!(documents > 2, "{documents}");
}

#[tokio::test]
async fn begins_with_the_messages_before_its_position_if_asked() {
    let server = TestServer::start();
    for n in 1..=60 {
        server.post("lobby", &n.to_string()).await;
    }
    let latest = server.page("lobby", "").await.latest;
    for (last, first) in [(60, 11), (55, 6), (3, 1), (0, 1)] {
        let after = Position { offset: last, ..latest };
        let mut live = LiveHtml::open(&server, &format!("/r/lobby/live?after={after}&earlier=true")).await;
        for offset in first..=60 {
            assert_eq!(message(&mut live).await, (offset, offset.to_string()), "after {last}");
        }
    }
    let mut live = LiveHtml::open(&server, &format!("/r/lobby/live?after={latest}&earlier=true")).await;
    server.post("lobby", "new").await;
    let mut last = message(&mut live).await;
    while last.0 < 61 {
        last = message(&mut live).await;
    }
    assert_eq!(last.1, "new");
    // Without a position, it begins with the newest. A document that follows begins likewise.
    let html = until_row(&server, "/r/lobby/live?earlier=true&lang=en", 61).await;
    assert!(html.contains("id=\"m-12\"") && !html.contains("id=\"m-11\""), "{html}");
    assert!(html.contains("&amp;scheme=system&amp;earlier=true\">"), "{html}");
    assert_eq!(problem(server.get("/r/lobby/live?earlier=1").await).await, (400, "query_invalid".to_owned()));
}

#[tokio::test]
async fn leaves_room_for_new_messages_after_long_ones() {
    let server = TestServer::start();
    let text = "<&>".repeat(5000);
    for _ in 0..40 {
        server.post("lobby", &text).await;
    }
    let html = until_row(&server, "/r/lobby/live?earlier=true", 40).await;
    let rows = html.matches("data-offset").count();
    assert!((1..40).contains(&rows) && html.len() < 250_000, "{rows} rows, {} bytes", html.len());
}

#[tokio::test]
async fn shows_times_in_the_readers_zone_or_says_once_that_they_are_in_utc() {
    let server = TestServer::start();
    server.post("tea-time", "x").await;
    let time = async |zone: &'static str| {
        let html = head(&server, "/r/tea-time/live?earlier=true&lang=en", &[("cookie", zone)]).await;
        let time = html.split("title=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(html.contains("<title>tea-time · 实时消息</title>") && html.contains("<p># <bdi>tea-time</bdi>"), "{html}");
        (time, html.matches("UTC").count())
    };
    let (unknown, here, nepal) = (time("x=1").await, time("zone=0").await, time("zone=345").await);
    assert_eq!((unknown.1, here.1, nepal.1), (1, 0, 0));
    assert_eq!(unknown.0, here.0);
    assert_ne!(here.0, nepal.0);
    // No clock is seven minutes ahead.
    assert_eq!(time("zone=7").await.1, 1);
}

#[tokio::test]
async fn reports_a_gap_in_the_readers_language() {
    let server = TestServer::start();
    for n in 0..60 {
        server.post("lobby", &n.to_string()).await;
    }
    let latest = server.page("lobby", "").await.latest;
    for position in [Position { epoch: Epoch(1), offset: 3 }, Position { offset: 61, ..latest }] {
        for (language, phrase) in [("en", "The board was reset"), ("zh-CN", "留言板已重新开始")] {
            let html = head(&server, &format!("/r/lobby/live?after={position}&lang={language}"), &[]).await;
            assert!(html.contains(&format!("<li class=\"missed\"><span>{phrase}")), "{html}");
            assert!(html.contains("id=\"m-11\"") && !html.contains("id=\"m-10\""), "the newest 50 messages must follow: {html}");
        }
    }
}

#[tokio::test]
async fn a_stopping_server_ends_the_document_with_a_refresh() {
    let server = TestServer::start();
    let position = server.post("lobby", "x").await.position;
    let mut live = LiveHtml::open(&server, &format!("/r/lobby/live?after={position}")).await;
    server.stop().await;
    let Some(Row::Ended { pause, after }) = live.next().await else { panic!() };
    assert!(pause > 0 && after == position, "the refresh must wait for the server to return");
    assert_eq!((live.next().await, live.broken), (None, false));
}

#[tokio::test]
async fn sends_heartbeat_rows() {
    let server = TestServer::start_with(&["--heartbeat", "1"]);
    let mut response = server.get("/r/lobby/live").await;
    for _ in 0..4 {
        let row = response.chunk().await.unwrap().unwrap();
        assert!(row.starts_with(b"<!DOCTYPE") || row.starts_with(b"<li class=\"beat\"><a href=\"/r/lobby/live?after="));
    }
}

#[tokio::test]
async fn refuses_an_invalid_position_or_room_and_a_foreign_page() {
    let server = TestServer::start();
    for query in ["?after=", "?after=-1", "?after=0000000000000001:18446744073709551616", "?after=%22%3E"] {
        assert_eq!(problem(server.get(&format!("/r/lobby/live{query}")).await).await, (400, "position_invalid".to_owned()), "{query}");
    }
    assert_eq!(problem(server.get("/r/a.b/live").await).await, (400, "room_name_invalid".to_owned()));
    let foreign = server.http.get(server.url("/r/lobby/live")).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(problem(foreign).await, (403, "origin_refused".to_owned()));
}
