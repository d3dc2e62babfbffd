//! One row of the list, as markup.

use std::borrow::Cow;

use client::{Pending, Stage};
use protocol::{Entry, ErrorCode, PublishKey};

use crate::logic::author::{hue_class, initial};
use crate::logic::datetime::DateTime;
use crate::logic::rows::Row;
use crate::logic::urls::{Piece, pieces};
use crate::markup::Element;
use crate::state::Content;
use crate::texts::Texts;

/// A row. `zone` says where a time is in the reader's day.
pub fn row(row: &Row, content: &Content, texts: &Texts, zone: impl Fn(u64) -> DateTime) -> Element {
    match row {
        Row::Message { offset, continued, .. } => match content.timeline.entry(*offset) {
            Some(entry) => {
                let time = zone(entry.time);
                message(entry, *continued, texts, time.short(), time.full())
            }
            // A row without its entry is never asked for; an empty one does no harm.
            None => Element::new("li"),
        },
        Row::Pending { key, .. } => {
            let found = content.pending.iter().find(|pending| pending.message.key.as_ref() == Some(key));
            found.map_or_else(|| Element::new("li"), |found| pending(found, key, texts))
        }
        Row::Day(day) => line("day", (texts.day)(*day).into()),
        Row::Unread => line("unread", texts.unread.into()).with("id", "unread".into()),
        Row::Missed { first, last } => line("missed", (texts.missed)(*first, *last).into()),
        Row::OtherLog { .. } => line("missed", texts.missed_log.into()),
    }
}

/// A message, with its time as `short` and, on a closer look, as `full`. All that people wrote is text.
pub fn message(entry: &Entry, continued: bool, texts: &Texts, short: String, full: String) -> Element {
    let offset = entry.offset.to_string();
    let id = "m-".to_owned() + &offset;
    let when = Element::new("time").with("datetime", DateTime::utc(entry.time).iso_utc().into()).with("title", full.into());
    let link = Element::new("a").class("when").with("href", ("#".to_owned() + &id).into()).child(when.text(short.into()));
    let item = Element::new("li").class(if continued { "message continued" } else { "message" });
    let item = item.with("id", id.into()).with("data-offset", offset.into());
    byline(item, entry.author.as_str(), texts).child(link).child(body(entry.text.as_str()))
}

/// A message on its way: being sent, or refused and waiting for its author's decision.
fn pending(pending: &Pending, key: &PublishKey, texts: &Texts) -> Element {
    let message = &pending.message;
    let item = Element::new("li").class("message pending").with("data-key", key.as_str().to_owned().into());
    let stage = Element::new("span").class("stage");
    let Stage::Failed { code, .. } = pending.stage else {
        let item = byline(item.with("data-stage", "sending".into()), message.author.as_str(), texts);
        // Which of the two is true the style sheet knows by the connection's state, so that no row changes with it.
        let word = |class: &'static str, text: &'static str| Element::new("span").class(class).text(text.into());
        let stage = stage.child(word("now", texts.sending)).child(word("later", texts.sending_later));
        return item.child(stage).child(body(message.text.as_str()));
    };
    let said = [texts.failed, " ", (texts.problem)(code)].concat();
    let button = |action: &'static str, name: &'static str| {
        let button = Element::new("button").with("type", "button".into()).class(action).with("data-do", action.into());
        button.with("data-of", key.as_str().to_owned().into()).text(name.into())
    };
    let mut actions = Element::new("span").class("actions");
    // A key that belongs to another message would be refused each time.
    if code != ErrorCode::KeyReused {
        actions = actions.child(button("retry", texts.retry));
    }
    let actions = actions.child(button("copy", texts.copy)).child(button("discard", texts.discard));
    // What is on its way is read out when it has come; only this needs its author.
    let stage = stage.with("role", "alert".into());
    let item = byline(item.with("data-stage", "failed".into()), message.author.as_str(), texts);
    item.child(stage.text(said.into())).child(body(message.text.as_str())).child(actions)
}

/// Who wrote a message: a square with an initial, and the name.
fn byline(item: Element, name: &str, texts: &Texts) -> Element {
    let seal = ["seal ", hue_class(name)].concat();
    let seal = Element::new("span").with("class", seal.into()).with("aria-hidden", "true".into()).text(initial(name).into());
    let (class, shown): (_, Cow<'static, str>) =
        if name.is_empty() { ("author nameless", texts.nameless.into()) } else { ("author", name.to_owned().into()) };
    item.child(seal).child(Element::new("bdi").class(class).text(shown))
}

/// Bytes, and line breaks, of a text whose row is not made higher for it.
const LONG_BYTES: usize = 4000;
const LONG_LINES: usize = 40;

/// What a message says, with its links. They tell other sites nothing, and get nothing from us.
fn body(said: &str) -> Element {
    let is_long = said.len() > LONG_BYTES || said.bytes().filter(|byte| *byte == b'\n').count() > LONG_LINES;
    let text = Element::new("div").class(if is_long { "text long" } else { "text" }).with("dir", "auto".into());
    // It scrolls, so the keyboard must reach it.
    let text = if is_long { text.with("tabindex", "0".into()) } else { text };
    pieces(said).into_iter().fold(text, |text, piece| match piece {
        Piece::Plain(part) => text.text(part.to_owned().into()),
        Piece::Link(address) => {
            let link = Element::new("a").with("href", address.to_owned().into()).with("target", "_blank".into());
            text.child(link.with("rel", "noopener noreferrer nofollow ugc".into()).text(address.to_owned().into()))
        }
    })
}

/// A line across the list.
fn line(class: &'static str, said: Cow<'static, str>) -> Element {
    Element::new("li").class(class).child(Element::new("span").text(said))
}

#[cfg(test)]
mod tests {
    use client::Timeline;
    use protocol::{Author, Epoch, MessagesPage, Position, PublishRequest, RoomName, Text};

    use super::*;
    use crate::Language;

    fn html(text: &str, made: impl Fn(Content) -> Element) -> String {
        let text = Text::parse(text).unwrap();
        let entry = Entry { offset: 7, time: 1_776_157_503_250, author: Author::default(), text: text.clone(), key: None, raw: None };
        let position = Position { epoch: Epoch(1), offset: 7 };
        let page = MessagesPage { room: RoomName::lobby(), entries: vec![entry], position, before: None, latest: position, online: 0 };
        let message = PublishRequest { text, author: Author::default(), key: Some("k".parse().unwrap()) };
        let stage = Stage::Failed { code: ErrorCode::TextTooLong, detail: String::new() };
        let pending = vec![Pending { message, stage }];
        let room = RoomName::lobby();
        let mut html = String::new();
        made(Content { room, timeline: Timeline::new(page), pending, zone: 0, version: String::new() }).write(&mut html);
        html
    }

    fn shown(text: &str) -> String {
        let it = Row::Message { epoch: Epoch(1), offset: 7, continued: false };
        html(text, |content| row(&it, &content, Texts::of(Language::En), |time| DateTime::ahead(time, 60)))
    }

    #[test]
    fn addresses_are_links_and_nothing_else_is() {
        let html = shown("<b>javascript:alert(1)</b> https://example.org/?a=\"b&c");
        assert!(html.contains(
            "<a href=\"https://example.org/?a=\" target=\"_blank\" rel=\"noopener noreferrer nofollow ugc\">https://example.org/?a=</a>"
        ));
        assert_eq!(html.matches("<a ").count(), 2, "{html}");
        assert!(html.contains("&lt;b&gt;javascript:alert(1)&lt;/b&gt;"));
    }

    #[test]
    fn a_message_says_when_in_the_readers_zone_and_links_to_itself() {
        let html = shown("x");
        assert!(html.starts_with("<li class=\"message\" id=\"m-7\" data-offset=\"7\">"), "{html}");
        let time = "<time datetime=\"2026-04-14T09:05:03Z\" title=\"2026-04-14 10:05:03\">10:05</time>";
        assert!(html.contains(&["<a class=\"when\" href=\"#m-7\">", time, "</a>"].concat()));
        assert!(html.contains("<bdi class=\"author nameless\">Anonymous</bdi>"));
    }

    #[test]
    fn a_refused_message_says_why_and_what_can_be_done() {
        let key: PublishKey = "k".parse().unwrap();
        let it = Row::Pending { key, failure: Some(ErrorCode::TextTooLong) };
        let html = html("x", |content| row(&it, &content, Texts::of(Language::En), DateTime::utc));
        assert!(html.contains("<span class=\"stage\" role=\"alert\">Not sent. The text is longer than 16 KiB.</span>"), "{html}");
        for action in ["retry", "copy", "discard"] {
            assert!(html.contains(&format!("data-do=\"{action}\" data-of=\"k\"")), "{html}");
        }
    }
}
