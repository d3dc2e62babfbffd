//! The rows of the lists. The server and the browser render the page's rows by the same components,
//! and the server the rows of the live view for readers without script.

use std::sync::Arc;

use leptos::either::{Either, EitherOf4};
use leptos::html::custom;
use leptos::prelude::*;
use protocol::{Entry, ErrorCode, PublishKey, PublishRequest};

use super::DayRow;
use crate::lists::{ListRow, RowContent};
use crate::logic::author::{Hue, hue_class, initials};
use crate::logic::datetime::DateTime;
use crate::logic::format::{EMPHASIS, Kind, Piece, STRONG, pieces};
use crate::logic::rows::{RowKey, RowLook};
use crate::logic::urls::href;
use crate::logic::zone::Zone;
use crate::state::{AppState, Command};
use crate::texts::Texts;

/// Bytes, and line breaks, above which a text is folded. Such a text is higher than the style sheet
/// shows of it, even on a wide screen.
const LONG_BYTES: usize = 2400;
const LONG_LINES: usize = 20;

/// Links in rows are no tab stops, because there may be hundreds: the arrow keys lead to a row, and
/// Tab to its links. The server leaves this out, so without script Tab leads to all of them.
const LINK_TABINDEX: Option<&str> = if cfg!(feature = "ssr") { None } else { Some("-1") };

/// The rows of a list.
#[component]
pub fn Rows(
    /// The list.
    list: RwSignal<Vec<ListRow>>,
) -> impl IntoView {
    let state = AppState::of_page();
    let (texts, zone) = (state.texts, state.lists.zone);
    let children = move |ListRow { key, look, content }| match (key, content) {
        (_, RowContent::Entry(entry, hue, own)) => EitherOf4::A(view! { <MessageRow entry=&entry look hue own zone texts/> }),
        (RowKey::Pending(key), RowContent::Request(request, hue)) => EitherOf4::B(view! { <PendingRow key request look hue state/> }),
        (RowKey::Day(day), _) => EitherOf4::C(view! { <DayRow day state/> }),
        (key, _) => EitherOf4::D(view! { <LineRow key=&key texts/> }),
    };
    each(list, children)
}

/// Renders a list that changes.
#[cfg(not(feature = "ssr"))]
fn each<V: IntoView + 'static>(list: RwSignal<Vec<ListRow>>, children: impl Fn(ListRow) -> V + Clone + Send + 'static) -> impl IntoView {
    view! { <For each=move || list.get() key=|row| row.key.clone() children=children/> }
}

/// Renders the HTML of such a list. On the server it never changes, and writing it in one piece
/// takes half the time: `<For>` makes an owner for each row, and a stream several strings for each
/// element.
#[cfg(feature = "ssr")]
fn each<V: IntoView + 'static>(list: RwSignal<Vec<ListRow>>, children: impl Fn(ListRow) -> V + Clone + Send + 'static) -> impl IntoView {
    use leptos::tachys::html::InertElement;
    use leptos::tachys::view::keyed::keyed;

    let rows = keyed(list.get_untracked(), |row| row.key.clone(), move |_, row| (drop::<usize>, children(row).into_view()));
    InertElement::new(rows.to_html())
}

/// A message.
#[component]
pub fn MessageRow<'a>(
    /// The message.
    entry: &'a Entry,
    /// Whether it continues a group.
    look: ArcRwSignal<RowLook>,
    /// Its author's colour.
    hue: Hue,
    /// True if it is the reader's own. In a page from the server, the driver marks those.
    own: bool,
    /// The zone in which its time is shown.
    zone: RwSignal<Zone>,
    /// The texts.
    texts: &'static Texts,
) -> impl IntoView + use<> {
    let (time, iso) = (entry.time, DateTime::utc(entry.time).iso_utc());
    let id = format!("m-{}", entry.offset);
    let href = format!("#{id}");
    let when = move || {
        let zone = zone.get();
        view! { <time datetime=iso.clone() title=zone.full(time)>{zone.short(time)}</time> }
    };
    view! {
        <li
            class="message" class:continued=is_continued(look) id=id data-offset=entry.offset
            data-own=own.then_some(texts.own)
        >
            <Byline name=entry.author.as_str() hue texts/>
            <a class="when" href=href translate="no" tabindex=LINK_TABINDEX>{when}</a>
            <Body text=entry.text.as_str() texts/>
        </li>
    }
}

/// A message that is being sent, or was refused and waits for its author's decision.
#[component]
fn PendingRow(key: PublishKey, request: Arc<PublishRequest>, look: ArcRwSignal<RowLook>, hue: Hue, state: AppState) -> impl IntoView {
    let texts = state.texts;
    let continued = is_continued(look.clone());
    let failure = move || look.get().failed;
    let stage = {
        let failure = failure.clone();
        move || match failure() {
            // The style sheet shows one of the two words, by the state of the connection.
            None => Either::Left(view! {
                <span class="stage" translate="no"><span class="now">{texts.sending}</span><span class="later">{texts.sending_later}</span></span>
            }),
            // A screen reader reads a sent message out when it arrives; a failure needs attention
            // at once.
            Some(code) => {
                Either::Right(view! { <span class="stage" role="alert" translate="no">{texts.failed} " " {(texts.problem)(code)}</span> })
            }
        }
    };
    let actions = {
        let failure = failure.clone();
        move || failure().map(|code| view! { <Actions key=key.clone() code state/> })
    };
    view! {
        <li
            class="message pending" class:continued=continued data-own=texts.own
            data-stage=move || if failure().is_some() { "failed" } else { "sending" }
        >
            <Byline name=request.author.as_str() hue texts/>
            {stage}
            <Body text=request.text.as_str() texts/>
            {actions}
        </li>
    }
}

/// A function of its own, so that both kinds of rows share the code that follows the signal.
fn is_continued(look: ArcRwSignal<RowLook>) -> impl Fn() -> bool + Send + Sync {
    move || look.get().continued
}

/// What an author can do with a refused message.
#[component]
fn Actions(key: PublishKey, code: ErrorCode, state: AppState) -> impl IntoView {
    let texts = state.texts;
    let button = |class, name, command: fn(PublishKey) -> Command| {
        let key = key.clone();
        view! { <button type="button" class=class on:click=move |_| state.ask(command(key.clone()))>{name}</button> }
    };
    // A key that belongs to another message is refused each time.
    let retry = (code != ErrorCode::KeyReused).then(|| button("retry", texts.retry, Command::Retry));
    let (copy, discard) = (button("copy", texts.copy, Command::Copy), button("discard", texts.discard, Command::Discard));
    view! { <span class="actions" translate="no">{retry}{copy}{discard}</span> }
}

/// A line across the list.
#[component]
pub fn LineRow<'a>(
    /// What it marks.
    key: &'a RowKey,
    /// The texts.
    texts: &'static Texts,
) -> impl IntoView + use<> {
    let (class, text) = match key {
        RowKey::Unread(_) => ("unread", texts.unread.to_owned()),
        RowKey::Missed { first, last } => ("missed", (texts.missed)(*first, *last)),
        RowKey::OtherLog(_) => ("missed", texts.missed_log.to_owned()),
        // These are rows of their own.
        RowKey::Day(_) | RowKey::Message { .. } | RowKey::Pending(_) => ("missed", String::new()),
    };
    view! { <li class=class id=(class == "unread").then_some(class)><span>{text}</span></li> }
}

/// Who wrote a message: a square with initials, and the name.
#[component]
fn Byline<'a>(name: &'a str, hue: Hue, texts: &'static Texts) -> impl IntoView + use<> {
    let is_nameless = name.is_empty();
    let shown = if is_nameless { texts.nameless.to_owned() } else { name.to_owned() };
    view! {
        <span class=["seal ", &hue_class(hue)].concat() aria-hidden="true">{initials(name)}</span>
        <bdi class=if is_nameless { "author nameless" } else { "author" } translate="no">{shown}</bdi>
    }
}

/// The text of a message, with its links, emphasis and code. Following a link tells the other site
/// nothing about ours.
///
/// Its text content is the text as it was written: the style sheet hides marks such as `**`.
#[component]
fn Body<'a>(text: &'a str, texts: &'static Texts) -> impl IntoView + use<> {
    let is_long = text.len() > LONG_BYTES || text.bytes().filter(|byte| *byte == b'\n').count() > LONG_LINES;
    let parts: Vec<_> = pieces(text).into_iter().map(part).collect();
    let body = view! { <div class="text" dir="auto">{parts}</div> };
    if !is_long {
        return Either::Left(body);
    }
    // The fold is before the text, so that the style sheet can tell a folded text.
    Either::Right(view! {
        <details class="fold">
            <summary tabindex=LINK_TABINDEX><span>{texts.show_all}</span><span>{texts.show_less}</span></summary>
        </details>
        {body}
    })
}

/// A part of a text: a text node, or an element with one.
fn part(piece: Piece<'_>) -> impl IntoView + use<> {
    let text = piece.text.to_owned();
    let (tag, class) = match (piece.kind, piece.stress) {
        (Kind::Text, 0) => return Either::Left(text),
        (Kind::Text, EMPHASIS) => ("em", None),
        (Kind::Text, STRONG) => ("strong", None),
        (Kind::Text, _) => ("strong", Some("em")),
        (Kind::Link, stress) => ("a", [None, Some("em"), Some("strong"), Some("strong em")][stress]),
        (Kind::Mark, _) => ("span", None),
        (Kind::Code, _) => ("code", None),
        (Kind::Block, _) => ("code", Some("block")),
    };
    let link = (piece.kind == Kind::Link).then(|| href(&text));
    let element = custom(tag)
        .attr("tabindex", link.as_ref().and(LINK_TABINDEX))
        .attr("target", link.as_ref().map(|_| "_blank"))
        .attr("rel", link.as_ref().map(|_| "noopener noreferrer nofollow ugc"))
        .attr("href", link)
        .attr("class", class);
    Either::Right(element.child(text))
}

/// A message that stays on a wall.
#[cfg(feature = "ssr")]
#[component]
pub fn PinnedMessage<'a>(
    /// The message.
    entry: &'a Entry,
    /// The texts.
    texts: &'static Texts,
) -> impl IntoView + use<> {
    let hue = crate::logic::author::Hues::default().of(entry.author.as_str());
    view! { <div class="message pin"><Byline name=entry.author.as_str() hue texts/><Body text=entry.text.as_str() texts/></div> }
}

/// Returns a message as a row of the live view, with its date and time in a zone this many minutes
/// ahead of UTC.
#[cfg(feature = "ssr")]
pub fn live_row_html(entry: &Entry, language: crate::Language, zone: i32) -> String {
    Owner::new().with(|| {
        let (look, zone) = (ArcRwSignal::default(), RwSignal::new(Zone::Dated(zone)));
        // It is of no room, so others may have its colour.
        let hue = crate::logic::author::Hues::default().of(entry.author.as_str());
        view! { <MessageRow entry look hue own=false zone texts=Texts::of(language)/> }.to_html()
    })
}

/// Returns the row of the live view that marks a gap. The reader had come to the offset `after`.
#[cfg(feature = "ssr")]
pub fn live_gap_html(gap: &protocol::Gap, after: u64, language: crate::Language) -> String {
    let missed = client::Missed { after, resumes: gap.resumes.offset, reason: gap.reason };
    let key = crate::logic::rows::gap_key(&missed, gap.resumes.epoch);
    view! { <LineRow key=&key texts=Texts::of(language)/> }.to_html()
}
