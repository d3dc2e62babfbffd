//! The moderators' page. Every action is a form that posts to the page's own address, so it works
//! without script. `moderate.js` keeps the queue up to date and acts without a reload.

#![allow(unreachable_pub, reason = "`#[component]` makes a second function that is as public and not exported")]

mod bans;
mod keys;
mod queue;
mod room;

use leptos::either::{Either, EitherOf6};
use leptos::prelude::*;
use protocol::RoomName;

use super::{Head, icon_url};

use crate::Language;
use crate::logic::zone::Zone;
use crate::moderation::{Moderation, Part, PartName};
use crate::texts::{ModerationTexts, TITLE, Texts};

use bans::BanList;
use keys::{AuditList, KeyList};
use queue::QueueList;
use room::{CastForm, PinList, RoomForm};

/// The whole document. `assets` is the path of the bundle's folder.
pub fn moderation_page(assets: &'static str, page: Moderation) -> impl IntoView + use<> {
    let Moderation { room, language, scheme, zone, is_admin, waiting, done, refused, part } = page;
    let (texts, zone, name) = (ModerationTexts::of(language), Zone::Dated(zone), part.name());
    let title = format!("{} · {room} · {TITLE}", texts.title);
    let notice = match refused {
        Some((code, detail)) => Some(Either::Left(view! {
            <div class="told refused" role="alert">
                <p>{texts.refused} " " {(Texts::of(language).problem)(code)}</p>
                {detail.map(|detail| view! { <p class="hint" lang="en">{detail}</p> })}
            </div>
        })),
        None => done.map(|done| Either::Right(view! { <p class="told" role="status">{(texts.done)(done)}</p> })),
    };
    let content = match part {
        Part::Queue(queue) => EitherOf6::A(view! { <QueueList queue room=&room waiting zone language texts/> }),
        Part::Room(settings, cast) => EitherOf6::B(view! {
            {cast.map(|cast| view! { <CastForm cast room=room.clone() zone texts language/> })}
            <RoomForm settings room=room.clone() texts/>
        }),
        Part::Pins(pins) => EitherOf6::C(view! { <PinList pins room=&room zone texts language/> }),
        Part::Bans(bans, form) => EitherOf6::D(view! { <BanList bans form room=room.clone() zone texts/> }),
        Part::Keys(keys) => EitherOf6::E(view! { <KeyList keys room=room.clone() zone texts/> }),
        Part::Audit(records) => EitherOf6::F(view! { <AuditList records zone texts/> }),
    };
    view! {
        <!DOCTYPE html>
        <html lang=language.tag() data-scheme=scheme.word() data-view="moderate">
            <head>
                <Head assets scheme title/>
                <link rel="stylesheet" href=format!("{assets}/moderate.css")/>
                <link rel="icon" href=icon_url()/>
                <script type="module" src=format!("{assets}/moderate.js")></script>
            </head>
            <body>
                <header class="top">
                    <a class="back" href=format!("/r/{room}") target="_top" aria-label=texts.back title=texts.back>
                        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M15 5l-7 7 7 7"></path></svg>
                    </a>
                    <h1>{texts.title}</h1>
                    <bdi class="current">{String::from(room.clone())}</bdi>
                </header>
                <Navigation room chosen=name is_admin waiting texts/>
                <main>
                    <div id="told" aria-live="polite">{notice}</div>
                    {content}
                </main>
            </body>
        </html>
    }
}

/// The links to the parts.
#[component]
fn Navigation(room: RoomName, chosen: PartName, is_admin: bool, waiting: usize, texts: &'static ModerationTexts) -> impl IntoView {
    let parts = PartName::ALL.into_iter().zip(texts.parts).filter(|(part, _)| is_admin || !part.is_for_admins());
    let links = parts.map(|(part, name)| {
        let href = address(&room, part);
        let count = (part == PartName::Queue).then(|| view! { <span id="waiting" data-count=waiting>{waiting}</span> });
        view! { <li><a href=href aria-current=(part == chosen).then_some("page")>{name} {count}</a></li> }
    });
    view! { <nav class="parts" aria-label=texts.navigation><ul>{links.collect_view()}</ul></nav> }
}

/// The address of a part of the page.
fn address(room: &RoomName, part: PartName) -> String {
    match part {
        PartName::Queue => format!("/r/{room}/moderate"),
        _ => format!("/r/{room}/moderate?show={}", part.word()),
    }
}

/// A form that posts to the page.
#[component]
fn Act(
    /// The room.
    room: RoomName,
    /// The part of the page that the form belongs to.
    part: PartName,
    /// The class of the form.
    #[prop(optional)]
    class: &'static str,
    /// What the form does.
    children: Children,
) -> impl IntoView {
    view! { <form method="post" action=address(&room, part) class=class autocomplete="off">{children()}</form> }
}

/// A point in time, in the reader's zone.
#[component]
fn Time(time: u64, zone: Zone) -> impl IntoView {
    let iso = crate::logic::datetime::DateTime::utc(time).iso_utc();
    view! { <time datetime=iso title=zone.full(time)>{zone.short(time)}</time> }
}

/// The button on a room's page that opens this page. Only moderators get it.
#[component]
pub fn ModerateButton<'a>(
    /// The room.
    room: &'a RoomName,
    /// The language of the page.
    language: Language,
) -> impl IntoView + use<> {
    let texts = ModerationTexts::of(language);
    view! {
        <nav class="moderators" aria-label=texts.title><a id="moderate" class="icon" href=format!("/r/{room}/moderate") title=texts.title>
            <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4"></path></svg>
            <span class="visually-hidden">{texts.title} " "</span>
            <span id="waiting" hidden></span>
        </a></nav>
    }
}

#[cfg(test)]
mod tests {
    use protocol::admin::Waiting;

    use super::*;
    use crate::Scheme;
    use crate::moderation::Queue;

    fn page(part: Part, is_admin: bool) -> String {
        let page = Moderation {
            room: RoomName::lobby(),
            language: Language::En,
            scheme: Scheme::Dark,
            zone: 0,
            is_admin,
            waiting: 1,
            done: None,
            refused: None,
            part,
        };
        Owner::new().with(|| moderation_page("/pkg/0123", page).to_html())
    }

    #[test]
    fn what_waits_is_text() {
        let hostile = "</div></li><script>alert(1)</script><img src=x onerror=alert(1)>";
        let (author, text) = (format!("\"{hostile}"), hostile.to_owned());
        let message = Waiting { id: 1, received: 0, author, text, by: None, key: None, reply: None };
        let html = page(Part::Queue(Queue { messages: vec![message], ..Queue::default() }), false);
        // The page's own script.
        assert_eq!(html.matches("<script").count(), 1);
        assert_eq!((html.matches("<img").count(), html.matches("&lt;script&gt;").count()), (0, 2));
    }

    #[test]
    fn only_admins_are_offered_the_keys() {
        let offers = |is_admin| page(Part::Pins(Vec::new()), is_admin).contains("?show=keys");
        assert!(offers(true) && !offers(false));
    }

    /// Each act of the page is a form that posts to the page itself.
    #[test]
    fn forms_post_to_the_page() {
        let html = page(Part::Room(protocol::RoomSettings::default(), None), true);
        assert!(html.contains("<form method=\"post\" action=\"/r/lobby/moderate?show=room\""), "{html}");
        assert_eq!(html.matches("<form").count(), 1);
    }
    #[test]
    fn a_screen_that_is_shown_can_be_ended() {
        let author = protocol::Author::from_stored("<b>".to_owned());
        let cast = protocol::CastInfo { id: 50, author, by: protocol::Tag::from_bits(1), since: 0 };
        let html = page(Part::Room(protocol::RoomSettings::default(), Some(cast)), false);
        assert!(html.contains("name=\"id\" value=\"50\"") && html.contains("value=\"end-cast\""), "{html}");
        assert!(html.contains("&lt;b&gt;") && !html.contains("<b>"));
    }
}
