//! For admins: the access keys, and what moderators did.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::RoomName;
use protocol::admin::{AuditRecord, KeyInfo, Rights};
use protocol::limits::LABEL_CHARS_MAX;

use super::{Act, Time};
use crate::logic::zone::Zone;
use crate::moderation::{KEY_DAYS, KeyForm, Keys, MadeKey, PartName};
use crate::texts::{KeyTexts, ModerationTexts};

/// The access keys of the board.
#[component]
pub fn KeyList(keys: Keys, room: RoomName, zone: Zone, texts: &'static ModerationTexts) -> impl IntoView {
    let texts = &texts.keys;
    let Keys { all, own, form, made } = keys;
    let made = made.map(|made| view! { <Made made texts/> });
    let list = if all.is_empty() {
        Either::Left(view! { <p class="nothing">{texts.empty}</p> })
    } else {
        let items = all.into_iter().map(|key| {
            let is_own = own.contains(&key.id);
            view! { <Item key is_own room=room.clone() zone texts/> }
        });
        Either::Right(view! { <ol class="items">{items.collect_view()}</ol> })
    };
    view! {
        {made}
        <p class="hint">{texts.hint}</p>
        <Form form room texts/>
        {list}
    }
}

/// The secret of a new key, once.
#[component]
fn Made(made: MadeKey, texts: &'static KeyTexts) -> impl IntoView {
    let field = |id: &'static str, label: &'static str, value: String| {
        view! {
            <div>
                <label for=id>{label}</label>
                <div class="line">
                    <input id=id class="secret" readonly value=value dir="ltr" spellcheck="false"/>
                    // The script shows it.
                    <button type="button" class="quiet" data-copy=id data-copied=texts.copied hidden>{texts.copy}</button>
                </div>
            </div>
        }
    };
    let (secret, link) = (field("secret", texts.secret, made.secret), field("secret_link", texts.link, made.link));
    view! {
        <section class="fields boxed made" aria-label=texts.created>
            <h2>{texts.created}</h2>
            <p>{texts.once}</p>
            {secret}
            {link}
        </section>
    }
}

#[component]
fn Form(form: KeyForm, room: RoomName, texts: &'static KeyTexts) -> impl IntoView {
    let KeyForm { label, rights, rooms, days } = form;
    let rights = Rights::OF_KEYS.into_iter().zip(texts.all_rights).map(move |(one, (name, about))| {
        view! {
            <label class="option">
                <input type="radio" name="rights" value=one.as_str() checked=one == rights/>
                <span>{name} <small>{about}</small></span>
            </label>
        }
    });
    let times = KEY_DAYS.into_iter().zip(texts.times).map(move |(one, name)| {
        view! { <option value=one.to_string() selected=one == days>{name}</option> }
    });
    view! {
        <Act room part=PartName::Keys class="fields boxed">
            <h2>{texts.new}</h2>
            <div>
                <label for="label">{texts.label}</label>
                <input id="label" name="label" value=label required maxlength=LABEL_CHARS_MAX dir="auto" aria-describedby="label_hint"/>
                <p id="label_hint" class="hint">{texts.label_hint}</p>
            </div>
            <fieldset><legend>{texts.rights}</legend>{rights.collect_view()}</fieldset>
            <div>
                <label for="rooms">{texts.rooms}</label>
                <input
                    id="rooms" name="rooms" value=rooms required maxlength="65" spellcheck="false" autocapitalize="none" dir="auto"
                    aria-describedby="rooms_hint"
                />
                <p id="rooms_hint" class="hint">{texts.rooms_hint}</p>
            </div>
            <div>
                <label for="days">{texts.time}</label>
                <select id="days" name="days">{times.collect_view()}</select>
            </div>
            <p><button class="primary" name="do" value="create-key">{texts.create}</button></p>
        </Act>
    }
}

#[component]
fn Item(key: KeyInfo, is_own: bool, room: RoomName, zone: Zone, texts: &'static KeyTexts) -> impl IntoView {
    let KeyInfo { id, rights, rooms, label, created, expires, .. } = key;
    let (id, rooms) = (id.to_string(), rooms.as_str().to_owned());
    let rights = Rights::OF_KEYS.iter().position(|one| *one == rights).map(|index| texts.all_rights[index].0);
    let rooms = if rooms == "*" { texts.all_rooms.to_owned() } else { rooms };
    let expires = expires.map_or_else(|| texts.never.to_owned(), |time| (texts.expires)(&zone.short(time)));
    let own = is_own.then(|| view! { <span class="mark">{texts.own}</span> });
    view! {
        <li class="item">
            <p class="who"><bdi class="author">{label}</bdi> <code class="tag">{id.clone()}</code> {own}</p>
            <p>{rights} " · " <bdi>{rooms}</bdi> " · " <Time time=created zone/> " · " {expires}</p>
            // Two steps, also without script.
            <details class="decide">
                <summary>{texts.revoke}</summary>
                <Act room part=PartName::Keys>
                    <p class="hint">{texts.revoke_hint}</p>
                    <input type="hidden" name="id" value=id/>
                    <button class="quiet danger" name="do" value="revoke-key">{texts.revoke_now}</button>
                </Act>
            </details>
        </li>
    }
}

/// What moderators did.
#[component]
pub fn AuditList(records: Vec<AuditRecord>, zone: Zone, texts: &'static ModerationTexts) -> impl IntoView {
    let texts = &texts.audit;
    if records.is_empty() {
        return Either::Left(view! { <p class="nothing">{texts.empty}</p> });
    }
    let columns = texts.columns.map(|name| view! { <th scope="col">{name}</th> });
    let rows = records.into_iter().map(|record| {
        let AuditRecord { time, key, action, detail, .. } = record;
        let key = key.map(|key| key.to_string());
        view! { <tr><td><Time time zone/></td><td><code class="tag">{key}</code></td><td>{action}</td><td><bdi>{detail}</bdi></td></tr> }
    });
    Either::Right(view! {
        <p class="hint">{texts.hint}</p>
        <table>
            <thead><tr>{columns}</tr></thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    })
}
