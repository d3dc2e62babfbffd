//! The room's settings, the screen that is shown in it, and its pinned messages.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::limits::{SLOW_SECONDS_MAX, TITLE_CHARS_MAX, TOPIC_CHARS_MAX};
use protocol::{CastInfo, Entry, Mode, RoomName, RoomSettings};

use super::{Act, Time};
use crate::Language;
use crate::logic::zone::Zone;
use crate::moderation::PartName;
use crate::texts::{ModerationTexts, Texts};

/// The form for the room's settings.
#[component]
pub fn RoomForm(settings: RoomSettings, room: RoomName, texts: &'static ModerationTexts) -> impl IntoView {
    let texts = &texts.room;
    let RoomSettings { title, topic, mode, queue, slow, closed } = settings;
    let modes = [Mode::Open, Mode::Announce, Mode::Private].into_iter().zip(texts.modes).map(move |(one, (name, about))| {
        view! {
            <label class="option">
                <input type="radio" name="mode" value=one.as_str() checked=one == mode/>
                <span>{name} <small>{about}</small></span>
            </label>
        }
    });
    let switch = |name: &'static str, is_on: bool, (label, about): (&'static str, &'static str)| {
        view! {
            <label class="option">
                <input type="checkbox" name=name value="true" checked=is_on/>
                <span>{label} <small>{about}</small></span>
            </label>
        }
    };
    let (queue, closed) = (switch("queue", queue, texts.queue), switch("closed", closed, texts.closed));
    view! {
        <Act room part=PartName::Room class="fields">
            <div>
                <label for="title">{texts.title}</label>
                <input id="title" name="title" value=title maxlength=TITLE_CHARS_MAX dir="auto" aria-describedby="title_hint"/>
                <p id="title_hint" class="hint">{texts.title_hint}</p>
            </div>
            <div>
                <label for="topic">{texts.topic}</label>
                <input id="topic" name="topic" value=topic maxlength=TOPIC_CHARS_MAX dir="auto"/>
            </div>
            <fieldset><legend>{texts.mode}</legend>{modes.collect_view()}</fieldset>
            <fieldset>
                <legend>{texts.switches}</legend>
                {queue}
                {closed}
            </fieldset>
            <div>
                <label for="slow">{texts.slow}</label>
                <input
                    id="slow" name="slow" type="number" inputmode="numeric" min="0" max=SLOW_SECONDS_MAX value=slow.to_string()
                    aria-describedby="slow_hint"
                />
                <p id="slow_hint" class="hint">{texts.slow_hint}</p>
            </div>
            <p><button class="primary" name="do" value="settings">{texts.save}</button></p>
        </Act>
    }
}

/// The screen that is shown, and the button that ends it.
#[component]
pub fn CastForm(cast: CastInfo, room: RoomName, zone: Zone, texts: &'static ModerationTexts, language: Language) -> impl IntoView {
    let texts = &texts.room;
    let CastInfo { id, author, since, .. } = cast;
    view! {
        <ol class="items">
            <li class="item">
                <p class="who"><bdi class="author">{Texts::of(language).shown(author.as_str()).to_owned()}</bdi> <Time time=since zone/></p>
                <div class="text">{texts.casting}</div>
                <Act room part=PartName::Room class="decide">
                    <input type="hidden" name="id" value=id.to_string()/>
                    <button class="quiet" name="do" value="end-cast">{texts.end_cast}</button>
                </Act>
            </li>
        </ol>
    }
}

/// The pinned messages.
#[component]
pub fn PinList<'a>(
    pins: Vec<Entry>,
    room: &'a RoomName,
    zone: Zone,
    texts: &'static ModerationTexts,
    language: Language,
) -> impl IntoView + use<> {
    let texts = &texts.pins;
    if pins.is_empty() {
        return Either::Left(view! { <p class="nothing">{texts.empty}</p> });
    }
    let items = pins.into_iter().map(|pin| {
        let (room, offset) = (room.clone(), pin.offset);
        let author = Texts::of(language).shown(pin.author.as_str()).to_owned();
        view! {
            <li class="item">
                <p class="who">
                    <bdi class="author">{author}</bdi>
                    <a href=format!("/r/{room}#m-{offset}") target="_top"><Time time=pin.time zone/></a>
                </p>
                <div class="text" dir="auto">{pin.text.as_str().to_owned()}</div>
                <Act room part=PartName::Pins class="decide">
                    <input type="hidden" name="of" value=offset.to_string()/>
                    <button class="quiet" name="do" value="unpin">{texts.unpin}</button>
                </Act>
            </li>
        }
    });
    Either::Right(view! { <ol class="items">{items.collect_view()}</ol> })
}
