//! What the server sends: hostile texts are inert, and everything a reader without script needs is
//! there.
#![cfg(feature = "ssr")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use frontend::{Language, PageData, Refusal, Scheme, ServerPart, live_gap_html, live_row_html, nearest_room, refusal, shell};
use leptos::prelude::*;
use protocol::{
    Author, CastInfo, Entry, Epoch, ErrorCode, Gap, GapReason, MessagesPage, Position, Reaction, RoomInfo, RoomName, RoomSettings, Tag,
    Text,
};

fn written(offset: u64, author: &str, text: &str) -> Entry {
    let (author, text) = (Author::parse(author).unwrap(), Text::parse(text).unwrap());
    Entry { offset, time: 1_776_157_503_250, author, text, key: None, raw: None, ..Default::default() }
}

fn data(entries: Vec<Entry>) -> PageData {
    let position = Position { epoch: Epoch(1), offset: entries.last().map_or(0, |entry| entry.offset) };
    PageData {
        room: RoomName::lobby(),
        link: "http://127.0.0.1:5000/r/lobby".to_owned(),
        page: MessagesPage { room: RoomName::lobby(), entries, position, before: None, latest: position, online: 1, you: None },
        online: 3,
        language: Language::En,
        scheme: Scheme::System,
        key: "form-key".parse().unwrap(),
        author: String::new(),
        draft: String::new(),
        refusal: None,
        zone: 0,
        version: String::new(),
        title: String::new(),
        slow: false,
        server: ServerPart::default(),
    }
}

fn html(data: PageData) -> String {
    Owner::new().with(|| shell("/pkg/0123", data, None).to_html())
}

/// What stands between two markers, of which the first must be there once.
fn between<'a>(html: &'a str, start: &str, end: &str) -> &'a str {
    assert_eq!(html.matches(start).count(), 1, "{start}");
    let (_, rest) = html.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

#[test]
fn hostile_messages_are_text() {
    let marks = format!("e{}", "\u{301}".repeat(8000));
    let texts = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</li></ol></script><!--", "\u{202e}evil\u{2066}", &marks];
    let entries = (1..).zip(texts).map(|(offset, text)| written(offset, "<b onclick='x'>\"&", text)).collect();
    let html = html(data(entries));
    let list = between(&html, "<ol id=\"messages\"", "</ol>");
    for hostile in ["<script", "<img", "<b ", "<!--"] {
        assert!(!list.contains(hostile), "{hostile}");
    }
    // And the day on which they were posted.
    assert_eq!(list.matches("<li ").count(), texts.len() + 1);
    assert!(list.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(list.contains("dir=\"auto\""));
    assert!(list.contains("<bdi"));
    assert!(list.contains(&marks));
}

#[test]
fn hostile_text_closes_no_script() {
    let html = html(data(vec![written(1, "</script>", "</script><script>alert(1)</script>")]));
    let json = between(&html, "<script type=\"application/json\" id=\"page-data\">", "</script>");
    assert!(!json.contains('<'));
    assert_eq!(serde_json::from_str::<PageData>(json).unwrap().page.entries.len(), 1);
    assert_eq!(html.matches("<script").count(), 3);
}

#[test]
fn a_refused_draft_comes_back_as_text() {
    let draft = "\n</textarea><script>alert(1)</script>&amp;";
    let data = PageData { draft: draft.to_owned(), refusal: Some(ErrorCode::RateLimited), ..data(Vec::new()) };
    let html = html(data);
    let area = between(&html, "<textarea", "</textarea>");
    let (_, inside) = area.split_once('>').unwrap();
    assert_eq!(inside, "\n\n&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;");
    assert!(html.contains(ErrorCode::RateLimited.title()));
}

#[test]
fn a_name_stays_in_its_attribute() {
    let data = PageData { author: "\"><script>alert(1)</script>".to_owned(), ..data(Vec::new()) };
    let html = html(data);
    let (_, field) = html.split_once("id=\"author\"").unwrap();
    let value = field.split_once("value=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(value.starts_with("&quot;") && value.ends_with("&gt;"), "{value}");
    assert_eq!(html.matches("<script").count(), 3);
}

#[test]
fn the_form_posts_without_script() {
    let data = PageData { room: "大厅".parse().unwrap(), language: Language::ZhCn, scheme: Scheme::Dark, ..data(Vec::new()) };
    let html = html(data);
    let form = between(&html, "<form id=\"message_form\"", "</form>");
    for part in ["method=\"post\"", "action=\"/r/大厅\"", "name=\"content\"", "name=\"author\""] {
        assert!(form.contains(part), "{part}");
    }
    assert!(between(form, "type=\"hidden\"", ">").contains("value=\"form-key\""));
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"zh-CN\" data-scheme=\"dark\">"));
    assert!(html.contains("<title>大厅 · 实时消息</title>"));
    assert!(form.contains(">发布</span></button>") && form.contains(">清空</span></button>"));
}

#[test]
fn has_no_inline_script_or_style() {
    let html = html(data(vec![written(1, "a", "b")]));
    assert!(!html.contains(" style=") && !html.contains("<style"));
    assert!(!html.contains(" onclick=") && !html.contains("javascript:"));
    for script in html.match_indices("<script").map(|(index, _)| &html[index..]) {
        let tag = script.split_once('>').unwrap().0;
        assert!(tag.contains("src=\"/pkg/0123/") || tag.contains("type=\"application/json\""), "{tag}");
    }
}

#[test]
fn shows_times_in_the_zone_of_the_reader() {
    for (zone, short, full) in [(0, "09:05", "2026-04-14 09:05:03"), (480, "17:05", "2026-04-14 17:05:03")] {
        let html = html(PageData { zone, ..data(vec![written(7, "", "b")]) });
        let row = between(&html, "id=\"m-7\"", "</li>");
        assert!(row.contains(&format!("<time datetime=\"2026-04-14T09:05:03Z\" title=\"{full}\">{short}</time>")), "{row}");
        assert!(row.contains("Anonymous"));
    }
    let early = PageData { zone: -600, ..data(vec![written(7, "", "b")]) };
    assert!(between(&html(early), "class=\"day\"", "</li>").contains("13 April 2026"));
}

#[test]
fn the_document_counts_the_elements_that_the_browser_has_to_find() {
    let html = html(data(vec![written(1, "<b>", "<i>x</i> https://example.org/<a>")]));
    let app = html.split_once("<div id=\"app\" data-elements=\"").unwrap().1;
    let (count, app) = app.split_once("\">").unwrap();
    let app = app.split_once("<div id=\"rooms\"").unwrap().0;
    // All but the end of the element around them.
    let void = app.matches("<input").count() + app.matches("<img").count();
    assert_eq!(count.parse::<usize>().unwrap(), app.matches("</").count() - 1 + void);
}

#[test]
fn panels_work_without_a_script() {
    let html = html(PageData { room: "大厅".parse().unwrap(), ..data(Vec::new()) });
    for panel in ["rooms", "share", "settings", "shortcuts"] {
        assert!(html.contains(&format!("popovertarget=\"{panel}\"")), "{panel} opens");
        assert_eq!(html.matches(&format!("<div id=\"{panel}\"")).count(), 1, "{panel}");
    }
    assert!(html.contains("action=\"/open\"") && html.contains("src=\"/r/大厅/qr.svg\""));
    let settings = between(&html, "action=\"/preferences\" method=\"post\"", "</form>");
    for part in ["name=\"room\" value=\"大厅\"", "name=\"scheme\" value=\"dark\"", "name=\"lang\" value=\"zh-CN\""] {
        assert!(settings.contains(part), "{part} is not in {settings}");
    }
}

#[test]
fn the_page_for_a_refused_request_explains_the_rule() {
    for (language, said) in [(Language::En, "can't be the name of a room"), (Language::ZhCn, "不能作房间名")] {
        let refused = Refusal {
            code: ErrorCode::RoomNameInvalid,
            detail: None,
            name: Some("a.b".to_owned()),
            suggestion: nearest_room("a.b"),
            key_form: None,
        };
        let html = Owner::new().with(|| refusal("/pkg/0123", language, Scheme::Dark, refused).to_html());
        assert!(html.contains(said) && html.contains("href=\"/r/a-b\"") && html.contains("action=\"/open\""), "{html}");
        assert!(html.contains("data-scheme=\"dark\"") && !html.contains("<script"));
    }
}

#[test]
fn a_row_of_the_live_view_has_only_its_own_elements() {
    let hostile = "</div></li><script>alert(1)</script><img src=x onerror='alert(1)'>\"&amp;";
    for language in Language::ALL {
        let row = live_row_html(&written(5, "</bdi><b>\"'&", hostile), language, 0);
        let tags: Vec<_> = row.split('<').skip(1).map(|tag| tag.split([' ', '>']).next().unwrap()).collect();
        let tags: Vec<_> = tags.into_iter().filter(|tag| *tag != "!").collect();
        assert_eq!(tags, ["li", "span", "/span", "bdi", "/bdi", "a", "time", "/time", "/a", "div", "/div", "/li"]);
        assert!(row.contains("&lt;script&gt;alert(1)") && row.contains("&amp;amp;"), "{row}");
        assert!(row.contains("title=\"2026-04-14 09:05:03\">04-14 09:05</time>"), "{row}");
        assert!(!row.contains('\n'), "{row}");
    }
}

#[test]
fn texts_are_formatted_without_script() {
    let row = live_row_html(&written(7, "a", "中文**粗体**中文 `<b>` www.example.org"), Language::En, 0);
    for part in [
        "<span>**</span>",
        "<strong>粗体</strong>",
        "<code>&lt;b&gt;</code>",
        "<a target=\"_blank\" rel=\"noopener noreferrer nofollow ugc\" href=\"https://www.example.org\">www.example.org</a>",
    ] {
        assert!(row.contains(part), "{part}: {row}");
    }
    assert!(!row.contains("<details"));
    let long = live_row_html(&written(7, "a", &"line\n".repeat(50)), Language::En, 0);
    assert!(long.contains("<details class=\"fold\"><summary><span>Show all</span><span>Show less</span></summary></details>"), "{long}");
}

#[test]
fn authors_of_a_page_have_different_colours() {
    let entries: Vec<_> = (1..=24).map(|offset| written(offset, &format!("guest {offset}"), "x")).collect();
    let html = html(data(entries));
    let list = between(&html, "<ol id=\"messages\"", "</ol>");
    let colours: std::collections::HashSet<_> = list.split("seal hue-").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(colours.len(), 24, "{colours:?}");
}

#[test]
fn only_addresses_are_links() {
    let row = live_row_html(&written(7, "a", "<b>javascript:alert(1)</b> https://example.org/?a=\"b&c"), Language::En, 0);
    let link = "<a target=\"_blank\" rel=\"noopener noreferrer nofollow ugc\" href=\"https://example.org/?a=\">https://example.org/?a=</a>";
    assert!(row.contains(link), "{row}");
    assert_eq!(row.matches("<a ").count(), 2, "{row}");
    let hostile = live_row_html(&written(7, "a", "https://a.b/'onclick='alert(1)&x=1"), Language::En, 0);
    assert!(hostile.contains("href=\"https://a.b/'onclick='alert(1)&amp;x=1\""), "{hostile}");
}

#[test]
fn a_gap_of_the_live_view_says_what_is_missing() {
    let at = |epoch, offset| Position { epoch: Epoch(epoch), offset };
    let gap = Gap { reason: GapReason::Expired, first: at(1, 9), resumes: at(1, 8) };
    let html = live_gap_html(&gap, 3, Language::En);
    assert_eq!(html, "<li class=\"missed\"><span>You missed messages 4–8; they are no longer kept.</span></li>");
    let other = Gap { reason: GapReason::OtherEpoch, ..gap };
    assert!(live_gap_html(&other, 3, Language::En).starts_with("<li class=\"missed\"><span>"));
}

/// A page whose room has this topic and these pins.
fn with_info(entries: Vec<Entry>, pins: Vec<Entry>, settings: RoomSettings, closed: Option<ErrorCode>) -> PageData {
    let data = data(entries);
    let (room, latest) = (data.room.clone(), data.page.latest);
    let info = RoomInfo {
        room,
        settings,
        pins,
        you: None,
        can_post: closed.is_none(),
        can_moderate: true,
        cast: None,
        can_cast: false,
        latest,
        online: 1,
    };
    PageData { server: ServerPart { info: Some(info), closed, ..ServerPart::default() }, ..data }
}

#[test]
fn a_message_shows_what_has_happened_to_it() {
    let (by, you) = (Some(Tag::from_bits(1)), Some(Tag::from_bits(1)));
    let reactions = vec![Reaction { emoji: "👍".to_owned(), count: 2, mine: true }];
    let changed = Entry { by, badge: true, edited: Some(1_776_157_503_250), reactions, ..written(1, "a", "new") };
    let erased = Entry { offset: 2, by, erased: true, changed: 9, ..Entry::default() };
    let reply = Entry { reply: Some(1), ..written(3, "b", "yes") };
    let lost = Entry { reply: Some(2), ..written(4, "b", "no") };
    let mut data = data(vec![changed, erased, reply, lost]);
    data.page.you = you;
    let html = html(data).replace("<!>", "");
    let row = |id: &str| between(&html, &format!("id=\"{id}\""), "</li>").to_owned();
    let first = row("m-1");
    for part in [
        "data-own=\"You\"",
        "data-by=\"aaaaaaaaaaab\"",
        "title=\"ID aaaaaaaaaaab\" data-badge=\"Moderator\"",
        "data-edited=\"edited\" title=\"2026-04-14 09:05:03\" class=\"text\">new<",
        "aria-pressed=\"true\">👍 2</button>",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let erased = row("m-2");
    assert!(erased.contains("This message was deleted.") && !erased.contains("seal") && !erased.contains("class=\"text\""), "{erased}");
    assert!(row("m-3").contains("href=\"#m-1\" class=\"quote\"><b>a</b> new"), "{}", row("m-3"));
    assert!(row("m-4").contains("href=\"#m-2\" class=\"quote\">This message was deleted."), "{}", row("m-4"));
    // The live view shows the same, without what is only one reader's.
    let live = live_row_html(&lost_in_live(), Language::ZhCn, 0);
    assert!(live.contains("↩ 2") && live.contains("data-edited=\"已编辑\""), "{live}");
}

fn lost_in_live() -> Entry {
    Entry { reply: Some(2), edited: Some(0), ..written(4, "b", "no") }
}

#[test]
fn names_that_two_identities_use_are_marked() {
    let by = |offset, name, by: Option<u64>| Entry { by: by.map(Tag::from_bits), ..written(offset, name, "x") };
    let entries = vec![by(1, "a", Some(1)), by(2, "b", Some(1)), by(3, "a", Some(2)), by(4, "a", None), by(5, "c", None), by(6, "c", None)];
    let html = html(data(entries));
    let is_shared = |offset: u64| {
        let (_, tag) = html.split_once(&format!("<li id=\"m-{offset}\"")).unwrap();
        tag.split('>').next().unwrap().contains("shared")
    };
    assert_eq!([1, 2, 3, 4, 5, 6].map(is_shared), [true, false, true, false, false, false]);
}

#[test]
fn the_rooms_title_topic_and_pins_are_text_above_the_list() {
    let settings = RoomSettings { title: "<i>Tea".to_owned(), topic: "</p><script>".to_owned(), ..RoomSettings::default() };
    let pin = written(1, "<b>x", "first line\nsecond line");
    let html = html(PageData { title: settings.title.clone(), ..with_info(Vec::new(), vec![pin], settings, None) }).replace("<!>", "");
    let about = between(&html, "<div id=\"about\">", "</div>");
    assert!(about.contains("&lt;/p&gt;&lt;script&gt;</p>") && !about.contains("<script"), "{about}");
    assert!(about.contains("<a href=\"#m-1\" dir=\"auto\"><b>&lt;b&gt;x</b> first line</a>"), "{about}");
    assert!(html.contains("<bdi>&lt;i&gt;Tea</bdi>") && html.contains("<title>&lt;i&gt;Tea · 实时消息</title>"));
    let menu = between(&html, "<div id=\"row_menu\"", "<div id=\"erase\"");
    assert!(menu.contains("data-moderates") && menu.contains("href=\"/r/lobby/moderate\""), "{menu}");
}

#[test]
fn a_reader_who_may_not_post_is_told_why() {
    for (closed, said) in [
        (ErrorCode::PostRefused, "Only people with an access key can post in this room."),
        (ErrorCode::RoomClosed, "The room is closed. Only moderators can post."),
        (ErrorCode::Banned, "You are banned from posting."),
    ] {
        let html = html(with_info(Vec::new(), Vec::new(), RoomSettings::default(), Some(closed)));
        let form = between(&html, "<form id=\"message_form\"", "</form>");
        assert!(form.split_once('>').unwrap().0.contains("data-closed"), "{form}");
        let shown: Vec<_> = form.split("<p data-why=").skip(1).filter(|part| !part.split('>').next().unwrap().contains("hidden")).collect();
        assert!(shown.len() == 1 && shown[0].contains(said), "{shown:?}");
    }
    let open = html(with_info(Vec::new(), Vec::new(), RoomSettings::default(), None));
    assert!(!between(&open, "<form id=\"message_form\"", ">").contains("data-closed"));
}

#[test]
fn a_cast_is_a_picture_above_the_page_with_the_presenters_name_as_text() {
    let running = |author: &str| {
        let mut data = with_info(Vec::new(), Vec::new(), RoomSettings::default(), None);
        let cast = CastInfo { id: 1, author: Author::parse(author).unwrap(), by: Tag::from_bits(1), since: 0 };
        data.server.info.as_mut().unwrap().cast = Some(cast);
        html(data)
    };
    let page = running("\"><script>x");
    let stage = between(&page, "<section id=\"cast\"", "</section>");
    assert!(!stage.contains("<script") && stage.contains("&lt;script&gt;x’s screen</bdi>"), "{stage}");
    assert!(stage.contains("src=\"/r/lobby/cast.jpg\""), "{stage}");
    assert!(between(stage, "<noscript>", "</noscript>").contains("src=\"/r/lobby/cast.mjpeg\""), "{stage}");
    assert!(page.contains("/pkg/0123/cast.js\"") && page.contains("/pkg/0123/cast.css\""));
    assert!(running("").contains("aria-label=\"A screen\""));
    let idle = html(with_info(Vec::new(), Vec::new(), RoomSettings::default(), None));
    assert!(!idle.contains("cast.js") && !idle.contains("cast.css") && !idle.contains("id=\"cast\""));
}

#[test]
fn only_who_may_show_a_screen_gets_the_button() {
    for can_cast in [true, false] {
        let mut data = with_info(Vec::new(), Vec::new(), RoomSettings::default(), None);
        data.server.info.as_mut().unwrap().can_cast = can_cast;
        assert_eq!(html(data).contains("id=\"present\""), can_cast);
    }
}
