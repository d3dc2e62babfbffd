//! Who is banned, and the form for a ban.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::RoomName;
use protocol::admin::{Ban, Banned};
use protocol::limits::REASON_CHARS_MAX;

use super::Act;
use crate::logic::zone::Zone;
use crate::moderation::{BAN_HOURS, BanForm, PartName};
use crate::texts::{BanTexts, ModerationTexts};

/// The bans of the board.
#[component]
pub fn BanList(bans: Vec<Ban>, form: BanForm, room: RoomName, zone: Zone, texts: &'static ModerationTexts) -> impl IntoView {
    let texts = &texts.bans;
    let list = if bans.is_empty() {
        Either::Left(view! { <p class="nothing">{texts.empty}</p> })
    } else {
        let items = bans.into_iter().map(|ban| view! { <Item ban room=room.clone() zone texts/> });
        Either::Right(view! { <ol class="items">{items.collect_view()}</ol> })
    };
    view! {
        <p class="hint">{texts.hint}</p>
        <Form form room texts/>
        {list}
    }
}

#[component]
fn Form(form: BanForm, room: RoomName, texts: &'static BanTexts) -> impl IntoView {
    let BanForm { who, reason, hours } = form;
    let times = BAN_HOURS.into_iter().zip(texts.times).map(move |(one, name)| {
        view! { <option value=one.to_string() selected=one == hours>{name}</option> }
    });
    view! {
        <Act room part=PartName::Bans class="fields boxed">
            <h2>{texts.new}</h2>
            <div>
                <label for="who">{texts.who}</label>
                <input
                    id="who" name="who" value=who required maxlength="64" spellcheck="false" autocapitalize="none" dir="ltr"
                    aria-describedby="who_hint"
                />
                <p id="who_hint" class="hint">{texts.who_hint}</p>
            </div>
            <div>
                <label for="hours">{texts.time}</label>
                <select id="hours" name="hours">{times.collect_view()}</select>
            </div>
            <div>
                <label for="reason">{texts.reason}</label>
                <input id="reason" name="reason" value=reason maxlength=REASON_CHARS_MAX dir="auto" aria-describedby="reason_hint"/>
                <p id="reason_hint" class="hint">{texts.reason_hint}</p>
            </div>
            <p><button class="primary" name="do" value="ban">{texts.ban}</button></p>
        </Act>
    }
}

#[component]
fn Item(ban: Ban, room: RoomName, zone: Zone, texts: &'static BanTexts) -> impl IntoView {
    let Ban { id, banned, rooms, until, reason, .. } = ban;
    let [tag, key, address] = texts.kinds;
    let (kind, who) = match banned {
        Banned::Tag(who) => (tag, who.to_string()),
        Banned::Key(who) => (key, who.to_string()),
        Banned::Address(who) => (address, who.to_string()),
    };
    let rooms = if rooms.as_str() == "*" { texts.all_rooms.to_owned() } else { rooms.as_str().to_owned() };
    let until = match until {
        Some(time) => Either::Left(view! { <span title=zone.full(time)>{(texts.until)(&zone.short(time))}</span> }),
        None => Either::Right(texts.for_good),
    };
    let reason = (!reason.is_empty()).then(|| view! { <p dir="auto">{reason}</p> });
    view! {
        <li class="item">
            <p class="who">{kind} " " <code class="tag">{who}</code> " · " <bdi>{rooms}</bdi> " · " {until}</p>
            {reason}
            <Act room part=PartName::Bans class="decide">
                <input type="hidden" name="id" value=id.to_string()/>
                <button class="quiet" name="do" value="unban">{texts.unban}</button>
            </Act>
        </li>
    }
}
