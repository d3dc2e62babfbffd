//! The HTML documents that the server sends around the page.

mod cast;
mod key;
mod moderation;
mod refusal;
mod wall;

use leptos::either::Either;
use leptos::prelude::*;
use leptos::tachys::html::InertElement;
use protocol::RoomName;

use crate::app::App;
use crate::components::Panels;
use crate::texts::{PanelTexts, PlainTexts, TITLE, Texts};
use crate::{PageData, Scheme};

use cast::CastPoster;
pub use key::{claimed_page, key_page};
use moderation::ModerateButton;
pub use moderation::moderation_page;
pub use refusal::{Refusal, refusal};
use wall::Invitation;
pub use wall::{Pin, Wall};

/// The board's icon, as SVG.
pub const ICON: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>\
    <rect width='32' height='32' rx='7' fill='#b4341f'/>\
    <path fill='#fff' d='M16 4a2 2 0 0 1 2 2c4 1 6 4 6 8v6l2 3H6l2-3v-6c0-4 2-7 6-8a2 2 0 0 1 2-2zm-3 21h6a3 3 0 0 1-6 0z'/></svg>";

/// Ends the icon with a dot: the page was hidden when a message arrived.
const DOT: &str = "<circle cx='25' cy='7' r='7' fill='#1b5e8c' stroke='#fff' stroke-width='2'/></svg>";

/// The board's icon as a data URL, which saves a request.
pub fn icon_url() -> String {
    data_url(ICON)
}

fn data_url(svg: &str) -> String {
    let svg = svg.replace('<', "%3C").replace('>', "%3E").replace('#', "%23");
    "data:image/svg+xml,".to_owned() + &svg
}

/// The whole document of a room, or of its wall. `assets` is the path of the bundle's folder,
/// without a slash at its end, for example `/pkg/0123abcd`.
///
/// It has no inline script and no inline style, so the content security policy can forbid both.
/// `<noscript>` stands here and not in [`App`], because it does not survive hydration.
pub fn shell(assets: &'static str, data: PageData, wall: Option<Wall>) -> impl IntoView + use<> {
    let (texts, plain) = (Texts::of(data.language), PlainTexts::of(data.language));
    let json = data.to_script_json();
    let title = match (data.room == RoomName::lobby(), texts.subtitle) {
        _ if !data.title.is_empty() => format!("{} · {TITLE}", data.title),
        (false, _) => format!("{} · {TITLE}", data.room),
        (true, "") => TITLE.to_owned(),
        (true, subtitle) => format!("{TITLE} · {subtitle}"),
    };
    let file = |name: &str| format!("{assets}/{name}");
    let (room, link) = (data.room.clone(), data.link.clone());
    let (language, scheme, server) = (data.language, data.scheme, data.server.clone());
    let alert = data_url(&ICON.replace("</svg>", DOT));
    // A room's name needs no escaping in an address. Language and scheme are in the address for
    // readers without cookies.
    let address = format!("/r/{room}/live?after={}&lang={}&scheme={}", data.page.position, language.tag(), scheme.word());
    let live = address + "&earlier=true";
    let (view, fade) = (wall.as_ref().map(|_| "wall"), wall.as_ref().and_then(|wall| wall.fade_seconds));
    let background = wall.as_ref().and_then(|wall| wall.is_transparent.then_some("transparent"));
    // The first stop of the Tab key.
    let skip = wall.is_none().then(|| view! { <a class="skip" href="#chat_content" data-do="write">{PanelTexts::of(language).skip}</a> });
    // Outside of the page, which all readers share.
    let moderates = wall.is_none() && server.info.as_ref().is_some_and(|info| info.can_moderate);
    let moderate = moderates.then(|| view! { <ModerateButton room=&room language/> });
    let cast = server.info.as_ref().and_then(|info| info.cast.clone());
    // What only some pages have: a style sheet and a script of the same name.
    let extras = [("wall", wall.is_some()), ("moderate", moderates), ("cast", cast.is_some())].map(|(name, is_there)| {
        is_there.then(|| {
            view! {
                <link rel="stylesheet" href=file(&format!("{name}.css"))/>
                <script type="module" src=file(&format!("{name}.js")) fetchpriority="low"></script>
            }
        })
    });
    let stage = cast.map(|cast| view! { <CastPoster room=&room cast=&cast language/> });
    let around = match wall {
        None => Either::Left(view! { <Panels room link language scheme server/> }),
        Some(wall) => Either::Right(view! { <Invitation wall room language/> }),
    };
    let app = view! { <App data/> }.to_html();
    let count = elements(&app);
    view! {
        <!DOCTYPE html>
        <html lang=language.tag() data-scheme=scheme.word() data-view=view data-fade=fade data-background=background>
            <head>
                <Head assets scheme title/>
                <link rel="icon" id="icon" href=icon_url() data-alert=alert/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                // The page can be read, and can post, without them. So the style sheet goes first.
                <script type="module" src=file("start.js") fetchpriority="low"></script>
                <script nomodule src=file("plain.js") defer></script>
                <link
                    rel="preload" href=file("frontend_bg.wasm") r#as="fetch" r#type="application/wasm" crossorigin="anonymous"
                    fetchpriority="low"
                />
                {extras}
                <noscript><link rel="stylesheet" href=file("live.css")/></noscript>
            </head>
            <body>
                {skip}
                {moderate}
                <noscript>
                    <p class="no-script">{plain.no_script} " " <a href="">{plain.reload}</a></p>
                    <iframe class="live" src=live title=plain.live></iframe>
                </noscript>
                {stage}
                // `start.js` counts the elements before it hydrates them.
                <div id="app" data-elements=count>{InertElement::new(app)}</div>
                {around}
                <script type="application/json" id="page-data" inner_html=json></script>
            </body>
        </html>
    }
}

/// The number of elements in a piece of HTML. `<` in texts and attributes is escaped.
fn elements(html: &str) -> usize {
    let html = html.as_bytes();
    memchr::memchr_iter(b'<', html).filter(|at| html.get(at + 1).is_some_and(u8::is_ascii_alphabetic)).count()
}

/// The head that all documents share.
#[component]
fn Head(assets: &'static str, scheme: Scheme, title: String) -> impl IntoView {
    let color_scheme = match scheme {
        Scheme::Light => "light",
        Scheme::Dark => "dark",
        Scheme::System => "light dark",
    };
    view! {
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"/>
        <meta name="color-scheme" content=color_scheme/>
        <meta name="description" content=DESCRIPTION/>
        <title>{title}</title>
        <link rel="stylesheet" href=format!("{assets}/style.css")/>
    }
}

/// The description for search engines.
const DESCRIPTION: &str = "实时消息：打开页面即可看到每一条新消息。Live messages: everybody who has the page open sees each one at once.";
