//! What a room's wall has besides the messages: the way in, and a pinned message.

#![allow(unreachable_pub, reason = "`#[component]` makes a second function that is as public and not exported")]

use leptos::either::Either;
use leptos::prelude::*;
use protocol::{Entry, RoomName};

use crate::Language;
use crate::components::PinnedMessage;
use crate::texts::{PanelTexts, Texts};

/// A room's wall: its page in large type and without a composer, for a screen that many see.
#[derive(Clone, Debug)]
pub struct Wall {
    /// The link to the room's page, as people type it.
    pub link: String,
    /// The message that stays on the wall.
    pub pin: Option<Pin>,
    /// After how many seconds messages fade; `None` if they stay.
    pub fade_seconds: Option<u32>,
    /// True if what is behind the wall shows through.
    pub is_transparent: bool,
}

/// A message that stays on a wall.
#[derive(Clone, Debug)]
pub enum Pin {
    /// The message.
    Message(Box<Entry>),
    /// It is not kept.
    Gone,
}

/// How to join the room, and the pinned message.
#[component]
pub fn Invitation(
    /// The wall.
    wall: Wall,
    /// The room.
    room: RoomName,
    /// The language.
    language: Language,
) -> impl IntoView {
    let (texts, panels) = (Texts::of(language), PanelTexts::of(language));
    let (page, code) = (format!("/r/{room}"), format!("/r/{room}/qr.svg"));
    // A line breaks between the host and the path.
    let (host, path) = wall.link.split_at(wall.link.find('/').unwrap_or(wall.link.len()));
    let (host, path) = (host.to_owned(), path.to_owned());
    let pin = wall.pin.map(|pin| match pin {
        Pin::Message(entry) => Either::Left(view! { <PinnedMessage entry=&entry texts/> }),
        Pin::Gone => Either::Right(view! { <p class="pin">{texts.link_gone}</p> }),
    });
    view! {
        <aside class="invitation" aria-label=panels.share>
            <img class="qr" src=code alt=panels.qr width="200" height="200"/>
            <h2><bdi>{String::from(room)}</bdi></h2>
            <a href=page><bdi dir="ltr">{host}<wbr/>{path}</bdi></a>
        </aside>
        {pin}
    }
}
