//! The messages that wait for a decision.

use leptos::either::EitherOf3;
use leptos::prelude::*;
use protocol::RoomName;
use protocol::admin::Waiting;
use protocol::limits::REASON_CHARS_MAX;

use super::{Act, Time, address};
use crate::Language;
use crate::logic::zone::Zone;
use crate::moderation::{PartName, Queue};
use crate::texts::{ModerationTexts, QueueTexts, Texts};

/// Bytes, and lines, above which a text may be higher than the style sheet shows of it.
const LONG_BYTES: usize = 400;
const LONG_LINES: usize = 6;

/// The queue of a room.
#[component]
pub fn QueueList<'a>(
    queue: Queue,
    room: &'a RoomName,
    waiting: usize,
    zone: Zone,
    language: Language,
    texts: &'static ModerationTexts,
) -> impl IntoView + use<> {
    let (texts, page) = (&texts.queue, Texts::of(language));
    let Queue { version, is_on, is_newest_first, messages } = queue;
    let more = waiting.saturating_sub(messages.len());
    let more = (more > 0).then(|| view! { <p class="hint">{(texts.more)(more)}</p> });
    let is_empty = messages.is_empty();
    let empty = match (is_empty, is_on) {
        (false, _) => EitherOf3::A(()),
        (true, true) => EitherOf3::B(view! { <p class="nothing">{texts.empty}</p> }),
        (true, false) => {
            let settings = address(room, PartName::Room);
            EitherOf3::C(view! { <p class="nothing">{texts.off} " " <a href=settings>{texts.turn_on}</a></p> })
        }
    };
    let orders = (!is_empty).then(|| view! { <Orders room=room.clone() is_newest_first texts/> });
    let keys = (!is_empty).then(|| {
        let keys = texts.keys.map(|(key, does)| {
            let keys = key.split(' ').map(|key| view! { <kbd>{key}</kbd> " " }).collect_view();
            view! { <span>{keys} {does}</span> }
        });
        view! { <p class="hint keys">{keys}</p> }
    });
    let items = messages.into_iter().map(|message| view! { <Item message room=room.clone() is_newest_first zone page texts/> });
    let items = items.collect_view();
    let reasons = texts.reasons.map(|reason| view! { <option value=reason></option> });
    // The script replaces the parts of this section one by one.
    view! {
        <section id="queue" data-version=version data-failed=texts.failed>
            <div class="tools">{orders} {keys}</div>
            <ol class="items" aria-label=texts.list>{items}</ol>
            <div class="rest">{empty} {more}</div>
            <datalist id="reasons">{reasons}</datalist>
        </section>
    }
}

/// The links that choose the order.
#[component]
fn Orders(room: RoomName, is_newest_first: bool, texts: &'static QueueTexts) -> impl IntoView {
    let [oldest, newest] = texts.orders;
    let path = address(&room, PartName::Queue);
    let current = |is_chosen: bool| is_chosen.then_some("true");
    view! {
        <p class="orders" role="group" aria-label=texts.order>
            <a href=path.clone() aria-current=current(!is_newest_first)>{oldest}</a>
            <a href=path + "?order=newest" aria-current=current(is_newest_first)>{newest}</a>
        </p>
    }
}

/// A message that waits. Two forms, so that Enter in the reason's field rejects.
#[component]
fn Item(
    message: Waiting,
    room: RoomName,
    is_newest_first: bool,
    zone: Zone,
    page: &'static Texts,
    texts: &'static QueueTexts,
) -> impl IntoView {
    let Waiting { id, received, author, text, by, reply, .. } = message;
    // It scrolls, so the keyboard must reach it.
    let stop = (text.len() > LONG_BYTES || text.lines().nth(LONG_LINES).is_some()).then_some("0");
    let tag = by.map(|tag| view! { <code class="tag">{tag.to_string()}</code> });
    let ban = by.map(|tag| {
        let href = format!("/r/{room}/moderate?show=bans&ban={tag}");
        view! { <a class="ban" href=href>{texts.ban}</a> }
    });
    let reply = reply.map(|offset| {
        let href = format!("/r/{room}#m-{offset}");
        view! { <p class="hint"><a href=href target="_top">{(texts.reply)(offset)}</a></p> }
    });
    let hidden = move || {
        let order = is_newest_first.then(|| view! { <input type="hidden" name="order" value="newest"/> });
        view! { <input type="hidden" name="id" value=id.to_string()/> {order} }
    };
    view! {
        <li id=format!("q-{id}") class="item" data-id=id.to_string() tabindex="-1">
            <p class="who">
                <bdi class="author">{page.shown(&author).to_owned()}</bdi> {tag} <Time time=received zone/>
            </p>
            {reply}
            <div id=format!("t-{id}") class="text" dir="auto" tabindex=stop>{text}</div>
            <div class="decide">
                <Act room=room.clone() part=PartName::Queue>
                    {hidden()}
                    <button class="primary" name="do" value="approve" aria-describedby=format!("t-{id}")>{texts.approve}</button>
                </Act>
                <Act room part=PartName::Queue class="reject">
                    {hidden()}
                    <input
                        name="reason" list="reasons" maxlength=REASON_CHARS_MAX placeholder=texts.reason aria-label=texts.reason
                        dir="auto" enterkeyhint="send"
                    />
                    <button class="quiet" name="do" value="reject" aria-describedby=format!("t-{id}")>{texts.reject}</button>
                </Act>
                {ban}
            </div>
        </li>
    }
}
