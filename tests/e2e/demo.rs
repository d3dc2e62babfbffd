//! The page of the demo, unchanged, on another web server.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{Board, Browser};
use crate::{act, check, find};

/// The demo's page: the same form and the same calls. Only the used part of its library is
/// included.
const PAGE: &str = r#"<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>实时消息</title></head>
<body>
<form action="" method="post" id="message_form">
  <label for="chat_content">消息</label>
  <textarea id="chat_content" name="content"></textarea>
  <button type="submit">发布</button> <button type="reset">清空</button>
</form>
<script>
  function $(query) {
    const element = typeof query === 'string' ? document.querySelector(query) : query;
    return {
      submit(handler) { element.addEventListener('submit', event => { if (handler.call(element) === false) event.preventDefault(); }); },
      serialize() { return new URLSearchParams(new FormData(element)).toString(); },
    };
  }
  window.received = [];
  var ws = new WebSocket('ws://127.0.0.1:PORT/message/');
  ws.onopen = function () { document.title = 'open'; };
  ws.onmessage = function (event) { console.log(event.data); window.received.push(event.data); };
  $('#message_form').submit(function () {
    ws.send($(this).serialize());
    return false;
  });
</script>
</body></html>"#;

/// Serves one page at every path.
async fn serve(listener: TcpListener, page: String) {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len());
    let response = format!("{head}{page}");
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let response = response.clone();
        // In a task: browsers also open connections without a request.
        tokio::spawn(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(response.as_bytes()).await;
        });
    }
}

async fn received(browser: &Browser) -> Vec<String> {
    browser.page.execute("return window.received", vec![]).await.unwrap().convert().unwrap()
}

#[tokio::test]
#[ignore = "needs a browser"]
async fn two_demo_pages_see_each_others_messages() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let board = Board::start_with(&["--allow-origin", &origin]).await;
    let port = board.url("").rsplit(':').next().unwrap().to_owned();
    tokio::spawn(serve(listener, PAGE.replace("PORT", &port)));
    let (ana, bob, reader) = (Browser::start().await, Browser::start().await, Browser::start().await);
    act::open(&reader, &board, "/").await;
    for browser in [&ana, &bob] {
        browser.page.goto(&origin).await.unwrap();
        check::until("the socket opens", || async { browser.page.title().await.unwrap() }, |title| title == "open").await;
    }
    for (browser, text) in [(&ana, "你好 & bye"), (&bob, "hello")] {
        let field = find::one(browser, "#chat_content").await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
        act::click(browser, "button[type=submit]").await;
        check::until("the message is received", || received(&ana), |received| received.len() == if text == "hello" { 2 } else { 1 }).await;
    }
    let expected = ["content=%E4%BD%A0%E5%A5%BD+%26+bye", "content=hello"];
    check::until("the other page has received the same", || received(&bob), |received| received == &expected).await;
    assert_eq!(received(&ana).await, expected);
    check::shows(&reader, &["你好 & bye", "hello"]).await;
    for browser in [ana, bob, reader] {
        browser.quit().await;
    }
}
