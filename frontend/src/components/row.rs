//! The rows of the lists. The server and the browser render the page's rows by the same components,
//! and the server the rows of the live view for readers without script.

use std::sync::Arc;

use client::Stage;
use leptos::either::{Either, EitherOf3, EitherOf4};
use leptos::html::custom;
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use protocol::Entry;
use protocol::{ErrorCode, PublishKey, PublishRequest, Reaction, Tag};

use super::DayRow;
use crate::lists::{ListRow, Message, RowContent};
use crate::logic::author::{Hue, hue_class, initials};
use crate::logic::changes::OwnChange;
use crate::logic::datetime::DateTime;
use crate::logic::format::{EMPHASIS, Kind, Piece, STRONG, pieces};
use crate::logic::rows::{Progress, RowKey, RowLook};
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
    let children = move |ListRow { key, look, content }| match (key, content) {
        (_, RowContent::Message(message)) => {
            EitherOf4::A(view! { <MessageRow message look state=Some(state) texts=state.texts zone=state.lists.zone/> })
        }
        (RowKey::Pending(key, progress), RowContent::Request(request, hue)) => {
            EitherOf4::B(view! { <PendingRow key progress request look hue state/> })
        }
        (RowKey::Day(day), _) => EitherOf4::C(view! { <DayRow day state/> }),
        (key, _) => EitherOf4::D(view! { <LineRow key=&key texts=state.texts/> }),
    };
    each(list, children)
}

/// Renders a list that changes.
#[cfg(not(feature = "ssr"))]
fn each<V: IntoView + 'static>(list: RwSignal<Vec<ListRow>>, children: impl Fn(ListRow) -> V + Clone + Send + 'static) -> impl IntoView {
    view! { <For each=move || list.get() key=|row| row.key.clone() children=children/> }
}

/// Renders the HTML of such a list. On the server it never changes, and writing row after row takes
/// half the time: `<For>` makes an owner for each row and keeps all of them until the last is made,
/// and a stream several strings for each element.
#[cfg(feature = "ssr")]
fn each<V: IntoView + 'static>(list: RwSignal<Vec<ListRow>>, children: impl Fn(ListRow) -> V + Clone + Send + 'static) -> impl IntoView {
    use leptos::tachys::html::InertElement;
    use leptos::tachys::view::Position;

    /// More than most rows have.
    const ROW_BYTES: usize = 1024;

    let html = list.with_untracked(|rows| {
        let mut html = String::with_capacity(rows.len() * ROW_BYTES);
        for row in rows {
            children(row.clone()).into_view().to_html_with_buf(&mut html, &mut Position::FirstChild, true, false, Vec::new());
        }
        html
    });
    // The mark with which `<For>` ends its rows.
    InertElement::new(html + "<!>")
}

/// A message.
#[component]
fn MessageRow(
    /// The message.
    message: Message,
    /// Whether it continues a group, and shares its author's name.
    look: ArcRwSignal<RowLook>,
    /// The page's state; `None` in the live view, where nobody changes anything.
    state: Option<AppState>,
    /// The zone in which its time is shown.
    zone: RwSignal<Zone>,
    /// The texts.
    texts: &'static Texts,
) -> impl IntoView {
    let Message { entry, own, hue, change } = message;
    let (time, iso) = (entry.time, DateTime::utc(entry.time).iso_utc());
    let when = move || {
        let zone = zone.get();
        view! { <time datetime=iso.clone() title=zone.full(time)>{zone.short(time)}</time> }
    };
    // A screen reader has read it out when it came.
    let is_known = entry.changed != 0 || change.is_some();
    let parts = if entry.erased {
        // The list shows whose it was by its place alone.
        Either::Left(view! { <p class="erased" translate="no">{texts.erased}</p> })
    } else {
        let edited = entry.edited.map(|time| zone.get_untracked().full(time));
        Either::Right(view! {
            {entry.reply.map(|of| quote(of, state, texts))}
            <Body text=entry.text.as_str() edited texts/>
            <Reactions reactions=&entry.reactions/>
        })
    };
    let byline = (!entry.erased).then(|| view! { <Byline name=entry.author.as_str() by=entry.by badge=entry.badge hue texts/> });
    let change = change.zip(state).map(|(change, state)| view! { <ChangeStage change state/> });
    let address = link(entry.offset);
    let id = address[1..].to_owned();
    view! {
        <li
            class="message" class:continued=flag(look.clone(), |look| look.continued) class:shared=flag(look, |look| look.shares_name)
            id=id data-offset=entry.offset
            data-own=own.then_some(texts.own) data-by=entry.by.map(String::from) aria-live=is_known.then_some("off")
        >
            {byline}
            <a class="when" href=address translate="no" tabindex=LINK_TABINDEX>{when}</a>
            {parts}
            {change}
        </li>
    }
}

/// The address of a message in its page.
pub(super) fn link(offset: u64) -> String {
    ["#m-", &offset.to_string()].concat()
}

/// The quote above a reply, which leads to the message. `references.js` fills it.
#[cfg(not(feature = "ssr"))]
fn quote(of: u64, _state: Option<AppState>, _texts: &'static Texts) -> impl IntoView + use<> {
    view! { <a class="quote" dir="auto" href=link(of) tabindex=LINK_TABINDEX></a> }
}

/// The quote above a reply, which leads to the message. It is empty if the server does not have the
/// message at hand.
#[cfg(feature = "ssr")]
fn quote(of: u64, state: Option<AppState>, texts: &'static Texts) -> impl IntoView + use<> {
    let content = match state {
        Some(state) => Either::Left(state.content.with_value(|content| content.quoted(of).map(|entry| first_line(entry, texts)))),
        // The same bytes go to every reader of the live view, whatever else it shows.
        None => Either::Right(format!("↩ {of}")),
    };
    view! { <a class="quote" dir="auto" href=link(of)>{content}</a> }
}

/// What a quote or a pin shows of a message.
#[cfg(feature = "ssr")]
pub(super) fn first_line(entry: &Entry, texts: &'static Texts) -> impl IntoView + use<> {
    if entry.erased {
        return Either::Left(texts.erased);
    }
    let name = texts.shown(entry.author.as_str()).to_owned();
    let line = entry.text.as_str().trim().lines().next().unwrap_or_default().to_owned();
    Either::Right(view! { <b>{name}</b> " " {line} })
}

/// The reactions to a message, as buttons. A script tells the program which one was pressed.
#[component]
fn Reactions<'a>(reactions: &'a [Reaction]) -> impl IntoView + use<> {
    let button = |Reaction { emoji, count, mine }: &Reaction| {
        view! {
            <button
                type="button" data-do="publish" data-emoji=emoji.clone() tabindex=LINK_TABINDEX
                aria-pressed=if *mine { "true" } else { "false" }
            >
                {[emoji, " ", &count.to_string()].concat()}
            </button>
        }
    };
    // A screen reader reads new messages out, not how often they are liked.
    (!reactions.is_empty())
        .then(|| view! { <div class="reactions" aria-live="off" translate="no">{reactions.iter().map(button).collect::<Vec<_>>()}</div> })
}

/// How far a change of a message is.
#[component]
fn ChangeStage(change: OwnChange, state: AppState) -> impl IntoView {
    let texts = state.texts;
    let OwnChange { key, refused, has_text } = change;
    match refused {
        None => Either::Left(view! { <span class="changing" translate="no"><span class="visually-hidden">{texts.sending}</span></span> }),
        Some(code) => Either::Right(view! {
            <span class="stage refused" role="alert" translate="no">{[texts.not_changed, " ", (texts.problem)(code)].concat()}</span>
            <Actions key code has_text state/>
        }),
    }
}

/// A message that is being sent, waits for a moderator, or was refused and waits for its author's
/// decision. Also a refused change of a message that the list does not have.
#[component]
fn PendingRow(
    key: PublishKey,
    progress: Progress,
    request: Arc<PublishRequest>,
    look: ArcRwSignal<RowLook>,
    hue: Hue,
    state: AppState,
) -> impl IntoView {
    let texts = state.texts;
    let emoji = request.emoji.as_ref().map(|emoji| emoji.as_str().to_owned());
    let text = emoji.as_deref().unwrap_or(request.text.as_str());
    let (word, stage, actions) = match progress {
        // The style sheet shows one of the two words, by the state of the connection.
        Progress::Sending => (
            "sending",
            EitherOf3::A(view! {
                <span class="stage" translate="no"><span class="now">{texts.sending}</span><span class="later">{texts.sending_later}</span></span>
            }),
            None,
        ),
        Progress::Queued => {
            ("queued", EitherOf3::B(view! { <span class="stage" role="status" translate="no">{texts.queued}</span> }), None)
        }
        // A screen reader reads a sent message out when it arrives; a failure needs attention at
        // once.
        Progress::Failed(code) => {
            let reason = state.reason(&key, code);
            let has_text = emoji.is_none();
            (
                "failed",
                EitherOf3::C(view! {
                    <span class="stage" role="alert" translate="no">{[texts.failed, " ", (texts.problem)(code), &reason].concat()}</span>
                }),
                Some(view! { <Actions key code has_text state/> }),
            )
        }
    };
    view! {
        <li class="message pending" class:continued=flag(look, |look| look.continued) data-own=texts.own data-stage=word>
            <Byline name=request.author.as_str() by=None badge=false hue texts/>
            {stage}
            {request.reply.map(|of| quote(of, Some(state), texts))}
            <Body text edited=None texts/>
            {actions}
        </li>
    }
}

/// Follows a part of a row's look. A function of its own, so that all of them share its code.
fn flag(look: ArcRwSignal<RowLook>, part: fn(RowLook) -> bool) -> impl Fn() -> bool + Send + Sync {
    move || part(look.get())
}

/// What an author can do with what was refused.
#[component]
fn Actions(key: PublishKey, code: ErrorCode, has_text: bool, state: AppState) -> impl IntoView {
    let texts = state.texts;
    let button = |class, name, command: fn(PublishKey) -> Command| {
        let key = key.clone();
        view! { <button type="button" class=class on:click=move |_| state.ask(command(key.clone()))>{name}</button> }
    };
    let retry = Stage::may_succeed_after(code).then(|| button("retry", texts.retry, Command::Retry));
    let copy = has_text.then(|| button("copy", texts.copy, Command::Copy));
    let discard = button("discard", texts.discard, Command::Discard);
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
        RowKey::Day(_) | RowKey::Message { .. } | RowKey::Pending(..) => ("missed", String::new()),
    };
    view! { <li class=class id=(class == "unread").then_some(class)><span>{text}</span></li> }
}

/// Who wrote a message: a square with initials, and the name. The style sheet shows the identity
/// beside names that several identities use.
#[component]
fn Byline<'a>(name: &'a str, by: Option<Tag>, badge: bool, hue: Hue, texts: &'static Texts) -> impl IntoView + use<> {
    let is_nameless = name.is_empty();
    let shown = texts.shown(name).to_owned();
    view! {
        <span class=["seal ", &hue_class(hue)].concat() aria-hidden="true">{initials(name)}</span>
        <bdi
            class=if is_nameless { "author nameless" } else { "author" } translate="no"
            title=by.map(|by| ["ID ", &String::from(by)].concat()) data-badge=badge.then_some(texts.badge)
        >
            {shown}
        </bdi>
    }
}

/// The text of a message, with its links, emphasis and code. Following a link tells the other site
/// nothing about ours. `edited` is when it was edited last.
///
/// Its text content is the text as it was written: the style sheet hides marks such as `**`, and
/// adds the word for an edited text.
#[component]
fn Body<'a>(text: &'a str, edited: Option<String>, texts: &'static Texts) -> impl IntoView + use<> {
    let is_long = text.len() > LONG_BYTES || text.bytes().filter(|byte| *byte == b'\n').count() > LONG_LINES;
    let parts: Vec<_> = pieces(text).into_iter().map(part).collect();
    let body = view! { <div class="text" dir="auto" data-edited=edited.is_some().then_some(texts.edited) title=edited>{parts}</div> };
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
    view! {
        <div class="message pin">
            <Byline name=entry.author.as_str() by=None badge=entry.badge hue texts/>
            <Body text=entry.text.as_str() edited=None texts/>
        </div>
    }
}

/// Returns a message as a row of the live view, with its date and time in a zone this many minutes
/// ahead of UTC.
#[cfg(feature = "ssr")]
pub fn live_row_html(entry: &Entry, language: crate::Language, zone: i32) -> String {
    Owner::new().with(|| {
        let (look, zone) = (ArcRwSignal::default(), RwSignal::new(Zone::Dated(zone)));
        // It is of no room, so others may have its colour.
        let hue = crate::logic::author::Hues::default().of(entry.author.as_str());
        let message = Message { entry: Arc::new(entry.clone()), hue, own: false, change: None };
        view! { <MessageRow message look state=None zone texts=Texts::of(language)/> }.to_html()
    })
}

/// Returns the row of the live view that marks a gap. The reader had come to the offset `after`.
#[cfg(feature = "ssr")]
pub fn live_gap_html(gap: &protocol::Gap, after: u64, language: crate::Language) -> String {
    let missed = client::Missed { after, resumes: gap.resumes.offset, reason: gap.reason };
    let key = crate::logic::rows::gap_key(&missed, gap.resumes.epoch);
    view! { <LineRow key=&key texts=Texts::of(language)/> }.to_html()
}
