//! The page without script: the HTML from the server, and its form.

use reqwest::Response;

use crate::support::{TestServer, client_without_redirects, texts};

const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\u{202e}gnp.exe",
    "javascript:alert(1)",
    "<!--<script>",
    "]]>\u{2028}&lt;b&gt;",
];

/// Posts a form like a browser, without following the redirect.
async fn post_form(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Response {
    let client = client_without_redirects();
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let request = client.post(server.url(path)).header("content-type", "application/x-www-form-urlencoded");
    request.header("origin", server.url("")).body(body.join("&")).send().await.unwrap()
}

/// Returns the hidden publish key of the form.
fn hidden_key(html: &str) -> String {
    let input = html.split("<input").find(|input| input.contains(r#"name="key""#)).expect("the form has no key");
    input.split(r#"value=""#).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// True if a response sets a cookie of this name.
fn sets_cookie(response: &Response, name: &str) -> bool {
    let cookies = response.headers().get_all("set-cookie").iter();
    cookies.filter_map(|cookie| cookie.to_str().ok()).any(|cookie| cookie.split('=').next() == Some(name))
}

#[tokio::test]
async fn the_page_has_the_newest_messages_and_the_form_of_the_demo() {
    let server = TestServer::start();
    for n in 1..=60 {
        server.post("lobby", &format!("message number {n};")).await;
    }
    let response = server.get("/").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "private, no-cache");
    assert_eq!(response.headers()["vary"], "*");
    let html = response.text().await.unwrap();
    assert!(html.contains("message number 60;") && html.contains("message number 11;") && !html.contains("message number 10;"));
    for part in ["实时消息", r#"id="message_form""#, r#"id="chat_content""#, r#"name="content""#, "</html>"] {
        assert!(html.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_form_sent_repeatedly_posts_once() {
    let server = TestServer::start();
    let html = server.get("/r/room").await.text().await.unwrap();
    let key = hidden_key(&html);
    for _ in 0..3 {
        let response = post_form(&server, "/r/room", &[("content", "hello"), ("author", "小明"), ("key", &key)]).await;
        assert_eq!(response.status(), 303);
        assert_eq!(response.headers()["location"], "/r/room");
        assert!(response.headers()["set-cookie"].to_str().unwrap().starts_with("author=%E5%B0%8F%E6%98%8E;"));
    }
    assert_eq!(texts(&server.all_entries("room").await), ["hello"]);
    assert_ne!(hidden_key(&server.get("/r/room").await.text().await.unwrap()), key);
}

/// Returns the reader's name in the form, and the name in the cookie that the page sets.
async fn names(server: &TestServer, path: &str, headers: &[(&'static str, &str)]) -> (String, Option<String>) {
    let mut request = server.http.get(server.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let cookies = response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned());
    let cookie = cookies.filter_map(|cookie| Some(cookie.strip_prefix("author=")?.split(';').next()?.to_owned())).next();
    let html = response.text().await.unwrap();
    let field = html.split(r#"id="author""#).nth(1).unwrap().split('>').next().unwrap();
    let value = field.split(r#" value=""#).nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    (value.unwrap_or_default(), cookie)
}

#[tokio::test]
async fn a_reader_without_a_name_gets_one_and_keeps_it_or_empties_it() {
    let server = TestServer::start();
    let (name, cookie) = names(&server, "/", &[("accept-language", "en")]).await;
    assert_eq!(name.split(' ').count(), 2, "{name}");
    let cookie = cookie.unwrap();
    assert_eq!(cookie.replace("%20", " "), name);
    assert_eq!(names(&server, "/r/other", &[("cookie", &format!("author={cookie}"))]).await, (name.clone(), None));
    let (chinese, _) = names(&server, "/", &[("accept-language", "zh-CN")]).await;
    assert_eq!(chinese.chars().count(), 4, "{chinese}");
    // Of 1,920 names, three in a row are the same once in millions of runs.
    assert!(name != names(&server, "/?lang=en", &[]).await.0 || name != names(&server, "/?lang=en", &[]).await.0);
    // An empty name is a decision.
    assert_eq!(names(&server, "/", &[("cookie", "author=")]).await, (String::new(), None));
    let posted = post_form(&server, "/", &[("content", "hello"), ("author", "")]).await;
    assert!(posted.headers()["set-cookie"].to_str().unwrap().starts_with("author=;"));
    // The demo's form has no such field, and decides nothing.
    assert!(!sets_cookie(&post_form(&server, "/", &[("content", "hello")]).await, "author"));
    // Only the page draws names.
    assert!(server.all_entries("lobby").await.iter().all(|entry| entry.author.is_nameless()));
}

#[tokio::test]
async fn a_form_that_the_browser_kept_posts_another_text_once() {
    let server = TestServer::start();
    let key = hidden_key(&server.get("/r/room").await.text().await.unwrap());
    for text in ["one", "two", "two", "one"] {
        let response = post_form(&server, "/r/room", &[("content", text), ("key", &key)]).await;
        assert_eq!(response.status(), 303);
    }
    assert_eq!(texts(&server.all_entries("room").await), ["one", "two"]);
}

#[tokio::test]
async fn the_form_of_the_lobby_redirects_to_the_lobby() {
    let server = TestServer::start();
    let response = post_form(&server, "/", &[("content", "hello")]).await;
    assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (303, "/"));
    assert_eq!(texts(&server.all_entries("lobby").await), ["hello"]);
}

#[tokio::test]
async fn a_refused_form_shows_the_reason_and_keeps_the_text() {
    let server = TestServer::start();
    let long = format!("important {}", "x".repeat(16 * 1024));
    for (fields, status) in [
        (vec![("content", long.as_str())], 422),
        (vec![("content", "important "), ("author", "a\u{202e}b")], 422),
        (vec![("content", "important "), ("key", "not a key")], 422),
    ] {
        let response = post_form(&server, "/r/room", &fields).await;
        assert_eq!(response.status(), status);
        let html = response.text().await.unwrap();
        assert!(html.contains("important ") && html.contains("role=\"alert\""), "{html:.200}");
    }
    assert_eq!(post_form(&server, "/r/room", &[("content", " \r\n ")]).await.status(), 422);
    assert!(server.all_entries("room").await.is_empty());
}

#[tokio::test]
async fn hostile_text_is_escaped() {
    let server = TestServer::start();
    let marks = format!("z{}", "\u{301}".repeat(5_000));
    for text in HOSTILE.iter().copied().chain([marks.as_str()]) {
        server.post_json("lobby", &serde_json::json!({ "text": text, "author": "<b>\"'&" })).await;
    }
    let html = server.get("/").await.text().await.unwrap();
    assert_inert(&html);
    // A refused form repeats the text.
    for text in HOSTILE {
        let response = post_form(&server, "/", &[("content", text), ("author", "\"><script>x</script>\u{7}")]).await;
        assert_eq!(response.status(), 422);
        assert_inert(&response.text().await.unwrap());
    }
}

/// Checks that user text added no element to the page.
fn assert_inert(html: &str) {
    assert!(!html.contains("<script>alert"), "a script is not escaped");
    assert!(!html.contains("<img src=x"), "an image is not escaped");
    assert!(!html.contains("<b>"), "an element is not escaped");
    assert!(!html.contains("<!--<"), "a comment is not escaped");
    assert_eq!(html.matches("<textarea").count(), 1);
    assert_eq!(html.matches("</textarea>").count(), 1);
    // In the page's data, only the start of an element is escaped.
    for (at, _) in html.match_indices("img src=x") {
        let before = &html[..at];
        assert!(before.ends_with("&lt;") || before.ends_with("\\u003c"), "an element is not escaped");
    }
}

#[tokio::test]
async fn the_language_follows_the_query_then_the_cookie_then_the_browser() {
    let server = TestServer::start();
    let get = |path: &str, headers: &[(&'static str, &'static str)]| {
        let mut request = server.http.get(server.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        async { request.send().await.unwrap() }
    };
    let language = |html: String| html.split("lang=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(language(get("/", &[("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")]).await.text().await.unwrap()), "zh-CN");
    assert_eq!(language(get("/", &[("accept-language", "de,en;q=0.8")]).await.text().await.unwrap()), "en");
    assert_eq!(language(get("/", &[("accept-language", "zh-CN"), ("cookie", "lang=en")]).await.text().await.unwrap()), "en");
    let asked = get("/?lang=zh-CN", &[("cookie", "lang=en; author=x")]).await;
    assert!(!sets_cookie(&asked, "lang"), "a link holds for one view");
    assert_eq!(language(asked.text().await.unwrap()), "zh-CN");
}

#[tokio::test]
async fn the_page_for_a_refused_address_says_what_is_wrong_and_what_may_be_meant() {
    let server = TestServer::start();
    let page = async |path: &str| {
        let request = server.http.get(server.url(path)).header("accept", "text/html,*/*;q=0.8").header("accept-language", "en");
        request.send().await.unwrap().text().await.unwrap().replace(['\u{2068}', '\u{2069}'], "")
    };
    for (path, reason) in [
        ("/r/Tea%20Time!", "“Tea Time!” can't be the name of a room, because of “!”."),
        ("/open?room=Tea+Time!", "“Tea Time!” can't be the name of a room, because of “!”."),
        ("/r/Tea%20Time!/wall", "“Tea Time!” can't be the name of a room, because of “!”."),
        ("/tea-time", "There is nothing at this address."),
        ("/Tea%20Time!", "There is nothing at this address."),
    ] {
        let html = page(path).await;
        assert!(html.contains(&format!("<p role=\"alert\">{reason}</p>")), "{path}: {html}");
        assert!(html.contains("<a id=\"suggestion\" href=\"/r/tea-time\">"), "{path}: {html}");
        assert!(html.contains("action=\"/open\"") && html.matches("1 to 64 letters").count() <= 2, "the rule is in the hint of the field");
    }
    assert!(page("/open").await.contains("The name of the room is missing."));
    assert!(!page("/wp-login.php").await.contains("suggestion"));
    let hostile = page("/open?room=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!hostile.contains("<script") && hostile.contains("&lt;script&gt;"), "{hostile}");
}

#[tokio::test]
async fn the_settings_form_keeps_language_and_colours() {
    let server = TestServer::start();
    for (fields, cookie, location) in [
        (vec![("room", "lobby"), ("lang", "zh-CN")], Some("lang=zh-CN;"), "/"),
        (vec![("room", "大厅"), ("scheme", "dark")], Some("scheme=dark;"), "/r/%E5%A4%A7%E5%8E%85"),
        (vec![("room", "tea-time_2"), ("scheme", "pink"), ("lang", "")], None, "/r/tea-time_2"),
    ] {
        let response = post_form(&server, "/preferences", &fields).await;
        let headers = response.headers();
        assert_eq!((response.status().as_u16(), headers["location"].to_str().unwrap()), (303, location));
        let kept = headers.get("set-cookie").map(|kept| kept.to_str().unwrap());
        assert_eq!(kept.is_some(), cookie.is_some(), "{kept:?}");
        assert!(kept.unwrap_or_default().starts_with(cookie.unwrap_or_default()), "{kept:?}");
    }
    for (fields, status) in [(vec![("lang", "en")], 400), (vec![("room", "//evil.example"), ("lang", "en")], 400)] {
        let response = post_form(&server, "/preferences", &fields).await;
        assert_eq!((response.status().as_u16(), response.headers().contains_key("set-cookie")), (status, false), "{fields:?}");
    }
    // A page of another site can't change them, and a link neither.
    let foreign = server.http.post(server.url("/preferences")).header("origin", "https://evil.example").body("room=lobby&lang=en");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    assert_eq!(server.get("/preferences?room=lobby&lang=en").await.status(), 405);
}

/// Returns the modules of a QR code without its margin, and the width of the margin in modules.
async fn qr_code(server: &TestServer, room: &str) -> (usize, usize) {
    const MODULE_SIDE: usize = 8;
    let svg = server.get(&format!("/r/{room}/qr.svg")).await.text().await.unwrap();
    let width: usize = svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    let columns = svg.split_once("d=\"M").unwrap().1.split('M').map(|dark| dark.split(' ').next().unwrap().parse::<usize>().unwrap());
    let margin = columns.min().unwrap() / MODULE_SIDE;
    (width / MODULE_SIDE - 2 * margin, margin)
}

#[tokio::test]
async fn a_qr_code_has_few_modules_and_a_margin_of_four() {
    let server = TestServer::start();
    for (room, modules_max) in [("tea-time", 29), ("议".repeat(60).as_str(), 69)] {
        let (modules, margin) = qr_code(&server, room).await;
        assert!(modules <= modules_max, "{room} has {modules} modules");
        assert_eq!(margin, 4, "{room}");
    }
}

#[tokio::test]
async fn the_server_renders_the_colour_scheme() {
    let server = TestServer::start();
    let asked = server.http.get(server.url("/?scheme=dark")).header("cookie", "author=x").send().await.unwrap();
    assert!(!sets_cookie(&asked, "scheme"), "a link holds for one view");
    assert!(asked.text().await.unwrap().contains(r#"data-scheme="dark""#));
}
