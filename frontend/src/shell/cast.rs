//! A room's cast in the document: its newest picture, until `cast.js` shows the video. Without
//! script, the pictures follow each other in one response that never ends.

#![allow(unreachable_pub, reason = "`#[component]` makes a second function that is as public and not exported")]

use leptos::prelude::*;
use protocol::{CastInfo, RoomName};

use crate::Language;
use crate::texts::PanelTexts;

/// The stage as the server knows it.
#[component]
pub fn CastPoster<'a>(
    /// The room.
    room: &'a RoomName,
    /// Its cast.
    cast: &'a CastInfo,
    /// The language.
    language: Language,
) -> impl IntoView + use<> {
    let name = (PanelTexts::of(language).screen)(cast.author.as_str());
    let (label, alternative, moving) = (name.clone(), name.clone(), name.clone());
    view! {
        <section id="cast" aria-label=label>
            <div class="screen">
                <img class="poster" src=format!("/r/{room}/cast.jpg") alt=alternative/>
                <noscript><img src=format!("/r/{room}/cast.mjpeg") alt=moving/></noscript>
            </div>
            <div class="cast-bar"><p class="cast-who"><bdi>{name}</bdi></p></div>
        </section>
    }
}
