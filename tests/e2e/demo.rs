//! The demo's own page, unchanged, served by a small web server of its own on the same host name.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{Board, Browser};
use crate::{act, check, find};

/// What the demo's page does, with the same form and the same calls, but for the library it loads from elsewhere, of
/// which only what it calls is here.
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
  window.heard = [];
  var ws = new WebSocket('ws://127.0.0.1:PORT/message/');
  ws.onopen = function () { document.title = 'open'; };
  ws.onmessage = function (event) { console.log(event.data); window.heard.push(event.data); };
  $('#message_form').submit(function () {
    ws.send($(this).serialize());
    return false;
  });
</script>
</body></html>"#;

/// Serves one page, whatever is asked for.
async fn serve(listener: TcpListener, page: String) {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len());
    let answer = format!("{head}{page}");
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = answer.clone();
        // In a task of its own: a browser also opens connections on which it asks for nothing.
        tokio::spawn(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

async fn heard(browser: &Browser) -> Vec<String> {
    browser.page.execute("return window.heard", vec![]).await.unwrap().convert().unwrap()
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
        check::until("both hear it", || heard(&ana), |heard| heard.len() == if text == "hello" { 2 } else { 1 }).await;
    }
    let expected = ["content=%E4%BD%A0%E5%A5%BD+%26+bye", "content=hello"];
    check::until("the other hears the same", || heard(&bob), |heard| heard == &expected).await;
    assert_eq!(heard(&ana).await, expected);
    check::shows(&reader, &["你好 & bye", "hello"]).await;
    for browser in [ana, bob, reader] {
        browser.quit().await;
    }
}
