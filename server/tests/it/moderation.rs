//! The moderators' page and the pages about access keys, as a browser without script uses them.

use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Response};
use serde_json::json;

use crate::support::{TestServer, client_without_redirects, texts};

/// A browser with an access key in a cookie.
struct Browser<'a> {
    server: &'a TestServer,
    http: Client,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn new(server: &'a TestServer, cookie: String) -> Self {
        Self { server, http: client_without_redirects(), cookie }
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.http.get(self.server.url(path)).header(COOKIE, &self.cookie);
        request.header(ACCEPT, "text/html").header("accept-language", "en").send().await.unwrap()
    }

    /// Returns a page that must be there.
    async fn page(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        response.text().await.unwrap()
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let request = self.http.post(self.server.url(path)).header(COOKIE, &self.cookie).header(ORIGIN, self.server.url(""));
        let request = request.header("content-type", "application/x-www-form-urlencoded").header(ACCEPT, "text/html");
        request.header("accept-language", "en").body(body).send().await.unwrap()
    }

    /// Posts a form that must be done. Returns the page to which it redirects.
    async fn act(&self, fields: &[(&str, &str)]) -> String {
        let response = self.post("/r/hall/moderate", fields).await;
        assert_eq!(response.status(), 303, "{fields:?}: {}", response.text().await.unwrap());
        let next = response.headers()[LOCATION].to_str().unwrap().to_owned();
        self.page(&next).await
    }
}

/// A server, the cookie of a moderator of the room `hall`, and that of an admin.
async fn hall() -> (TestServer, String, String) {
    let server = TestServer::start();
    let (moderator, id) = server.create_key("moderate", "hall", "Mo").await;
    let moderator = format!("key_{id}={moderator}");
    let (admin, id) = server.create_key("admin", "*", "Ada").await;
    (server, moderator, format!("key_{id}={admin}"))
}

/// Posts as an identity of its own. Returns the status.
async fn post_as(server: &TestServer, identity: char, text: &str) -> u16 {
    let secret: String = std::iter::repeat_n(identity, 42).chain(['A']).collect();
    let request = server.http.post(server.url("/api/rooms/hall/messages")).header("crier-identity", secret);
    request
        .json(&json!({ "text": text, "key": format!("key-{}", text.bytes().map(u64::from).sum::<u64>()), "author": "Ann" }))
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

/// Returns the value of the first hidden field of a name.
fn hidden<'a>(html: &'a str, name: &str) -> &'a str {
    let field = html.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no field {name} in {html}"));
    field.split('"').next().unwrap()
}

#[tokio::test]
async fn a_queue_is_worked_through_by_forms_alone() {
    let (server, moderator, _) = hall().await;
    let browser = Browser::new(&server, moderator);
    let html = browser.act(&[("do", "settings"), ("mode", "open"), ("queue", "true"), ("slow", "0"), ("title", "The <b>hall</b>")]).await;
    assert!(html.contains("Saved.") && html.contains("The &lt;b&gt;hall&lt;/b&gt;"), "{html}");
    assert_eq!(post_as(&server, 'b', "first question").await, 202);
    assert_eq!(post_as(&server, 'c', "<script>second</script>").await, 202);

    let html = browser.page("/r/hall/moderate").await;
    assert!(html.contains("first question") && html.contains("&lt;script&gt;second&lt;/script&gt;") && !html.contains("<script>second"));
    assert!(html.find("first question") < html.find("script&gt;second"), "the oldest is first");
    let newest_first = browser.page("/r/hall/moderate?order=newest").await;
    assert!(newest_first.find("first question") > newest_first.find("script&gt;second"));
    let others = server.get("/r/hall").await.text().await.unwrap();
    assert!(!others.contains("first question") && !others.contains("moderate"), "others see neither the queue nor its button");

    let id = hidden(&html, "id").to_owned();
    let html = browser.act(&[("do", "approve"), ("id", &id)]).await;
    assert!(html.contains("Approved.") && !html.contains("first question"), "{html}");
    // The other moderator was faster.
    browser.act(&[("do", "approve"), ("id", &id)]).await;
    let second = hidden(&html, "id").to_owned();
    let html = browser.act(&[("do", "reject"), ("id", &second), ("reason", "no markup"), ("order", "newest")]).await;
    assert!(html.contains("Rejected.") && html.contains("Nothing waits."), "{html}");
    assert_eq!(post_as(&server, 'b', "first question").await, 200);
    assert_eq!(post_as(&server, 'c', "<script>second</script>").await, 403, "its author learns that it was rejected");
    let entries = server.all_entries("hall").await;
    assert_eq!(texts(&entries).iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), [&"first question"]);
}

#[tokio::test]
async fn a_caller_without_the_right_gets_what_the_interface_answers() {
    let (server, moderator, admin) = hall().await;
    let (nobody, moderator, admin) = (Browser::new(&server, String::new()), Browser::new(&server, moderator), Browser::new(&server, admin));
    for (browser, path, status) in [
        (&nobody, "/r/hall/moderate", 403),
        (&moderator, "/r/hall/moderate", 200),
        (&moderator, "/r/hall/moderate?show=keys", 403),
        (&moderator, "/r/hall/moderate?show=audit", 403),
        (&moderator, "/r/other/moderate", 403),
        (&admin, "/r/other/moderate?show=keys", 200),
        (&admin, "/r/other/moderate?show=audit", 200),
    ] {
        assert_eq!(browser.get(path).await.status(), status, "{path}");
    }
    let refused = nobody.get("/r/hall/moderate").await.text().await.unwrap();
    assert!(refused.contains("/key?next=%2Fr%2Fhall%2Fmoderate"), "{refused}");
    for fields in [[("do", "settings"), ("mode", "private")], [("do", "ban"), ("who", "192.0.2.7")], [("do", "no"), ("such", "form")]] {
        assert_eq!(nobody.post("/r/hall/moderate", &fields).await.status(), 403, "{fields:?}");
    }
    assert_eq!(moderator.post("/r/hall/moderate", &[("do", "create-key"), ("rights", "admin"), ("label", "me")]).await.status(), 403);
    // A page of another site can't press the buttons.
    let foreign = moderator.http.post(server.url("/r/hall/moderate")).header(COOKIE, &moderator.cookie);
    let foreign = foreign.header(ORIGIN, "https://evil.example").body("do=settings&mode=private").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    // A private room does not exist for others.
    moderator.act(&[("do", "settings"), ("mode", "private")]).await;
    let (private, unknown) = (nobody.get("/r/hall").await, nobody.get("/nothing/here").await);
    assert_eq!(
        (private.status().as_u16(), unknown.status().as_u16(), nobody.get("/r/hall/moderate").await.status().as_u16()),
        (404, 404, 404)
    );
    let (private, unknown) = (private.text().await.unwrap(), unknown.text().await.unwrap());
    assert_eq!(private.replace("%2Fr%2Fhall", "PATH"), unknown.replace("%2Fnothing%2Fhere", "PATH"));
    assert!(private.contains("I have an access key"));
    let chinese = nobody.get("/r/hall?lang=zh-CN").await.text().await.unwrap();
    assert!(chinese.contains("我有访问密钥") && chinese.contains("此地址没有内容"), "{chinese}");
}

#[tokio::test]
async fn a_ban_begins_from_a_tag_and_a_refused_form_keeps_what_was_written() {
    let (server, moderator, _) = hall().await;
    let browser = Browser::new(&server, moderator);
    assert_eq!(post_as(&server, 'b', "hello").await, 200);
    let tag = server.all_entries("hall").await[0].by.unwrap().to_string();
    let html = browser.page(&format!("/r/hall/moderate?ban={tag}")).await;
    assert!(html.contains(&format!("name=\"who\" value=\"{tag}\"")) || html.contains(&format!("value=\"{tag}\"")), "{html}");
    let refused =
        browser.post("/r/hall/moderate", &[("do", "ban"), ("who", "127.0.0.1"), ("reason", "the <i>server</i>"), ("hours", "1")]).await;
    assert_eq!(refused.status(), 422);
    let html = refused.text().await.unwrap();
    assert!(html.contains("role=\"alert\"") && html.contains("the &lt;i&gt;server&lt;/i&gt;") && html.contains("127.0.0.1"), "{html}");
    let html = browser.act(&[("do", "ban"), ("who", &tag), ("reason", "spam"), ("hours", "0")]).await;
    assert!(html.contains(&tag) && html.contains("spam") && html.contains("for good"), "{html}");
    assert_eq!(post_as(&server, 'b', "again").await, 403);
    assert_eq!(post_as(&server, 'c', "another person").await, 200);
    let html = browser.act(&[("do", "unban"), ("id", hidden(&html, "id"))]).await;
    assert!(html.contains("Nobody is banned."), "{html}");
    assert_eq!(post_as(&server, 'b', "again").await, 200);
}

#[tokio::test]
async fn an_admin_makes_a_key_sees_it_once_and_revokes_it() {
    let (server, _, admin) = hall().await;
    let browser = Browser::new(&server, admin.clone());
    let fields = [("do", "create-key"), ("label", "Bot"), ("rights", "post"), ("rooms", "hall"), ("days", "30")];
    let response = browser.post("/r/hall/moderate", &fields).await;
    assert_eq!(response.status(), 303);
    let location = response.headers()[LOCATION].to_str().unwrap().to_owned();
    assert!(!location.contains("crk_"), "a key is in no address");
    let set = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/r/hall/moderate", "Max-Age=60"] {
        assert!(set.contains(part), "{set}");
    }
    let with_key = Browser::new(&server, format!("{admin}; {}", set.split(';').next().unwrap()));
    let shown = with_key.get(&location).await;
    assert!(shown.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"), "the page forgets the key");
    let html = shown.text().await.unwrap();
    let secret = html.split("crk_").nth(1).map(|rest| format!("crk_{}", &rest[..43])).unwrap();
    assert!(html.contains(&format!("/r/hall#key={secret}")), "{html}");
    let html = browser.page("/r/hall/moderate?show=keys").await;
    assert!(!html.contains("crk_") && html.contains("Bot") && html.contains("this browser’s key"), "{html}");
    let posting = || server.http.post(server.url("/api/rooms/hall/messages")).bearer_auth(&secret).json(&json!({ "text": "beep" })).send();
    assert_eq!(posting().await.unwrap().status(), 200);
    let item = html.split("class=\"item\"").find(|item| item.contains("Bot")).unwrap();
    let html = browser.act(&[("do", "revoke-key"), ("id", hidden(item, "id"))]).await;
    assert!(!html.contains("Bot"), "{html}");
    assert_eq!(posting().await.unwrap().status(), 401);
    let log = browser.page("/r/hall/moderate?show=audit").await;
    assert!(log.matches("<tr>").count() > 3 && !log.contains(&secret), "{log}");
}

#[tokio::test]
async fn the_form_for_a_key_returns_to_where_it_was_needed() {
    let (server, moderator, _) = hall().await;
    let key = moderator.split_once('=').unwrap().1;
    let browser = Browser::new(&server, String::new());
    let html = browser.page("/key?next=%2Fr%2Fhall&refused=access_key_unknown").await;
    assert!(html.contains("name=\"next\" value=\"/r/hall\"") && html.contains("role=\"alert\""), "{html}");
    assert!(browser.page("/key?next=%2F%2Fevil.example").await.contains("name=\"next\" value=\"/\""));
    let response = browser.post("/key", &[("key", key), ("next", "/r/hall")]).await;
    assert_eq!((response.status().as_u16(), response.headers()[LOCATION].to_str().unwrap()), (303, "/r/hall"));
    assert!(response.headers()[SET_COOKIE].to_str().unwrap().starts_with("key_"));
    let response = browser.post("/key", &[("key", key), ("next", "//evil.example")]).await;
    assert_eq!(response.headers()[LOCATION], "/");
    let wrong = browser.post("/key", &[("key", &format!("crk_{}", "x".repeat(43))), ("next", "/r/hall")]).await;
    assert_eq!(wrong.status(), 401);
    let html = wrong.text().await.unwrap();
    assert!(html.contains("id=\"key_form\"") && html.contains("value=\"/r/hall\"") && !html.contains("crk_xxx"), "{html}");
}
