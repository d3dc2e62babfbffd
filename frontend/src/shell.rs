//! The document around the page, as the server sends it.

use leptos::prelude::*;
use protocol::RoomName;

use crate::app::App;
use crate::texts::{TITLE, Texts};
use crate::{PageData, Scheme};

/// The bell, as a data URL: one request less, and nothing to cache.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%23b4341f'/%3E%3Cpath fill='%23fff' d='M16 4a2 2 0 0 1 2 2c4 1 6 4 6 8v6l2 3H6l2-3v-6c0-4 2-7 6-8a2 2 0 0 1 2-2zm-3 21h6a3 3 0 0 1-6 0z'/%3E%3C/svg%3E";

/// The whole document of a room. `assets` is the path of the bundle's folder, without a slash at its end, for example
/// `/pkg/0123abcd`.
///
/// It has neither inline script nor inline style, so a strict content security policy can forbid both. What a page
/// without script is told stands out here, not in [`App`]: `<noscript>` does not survive hydration.
pub fn shell(assets: &str, data: PageData) -> impl IntoView + use<> {
    let texts = Texts::of(data.language);
    let json = data.to_script_json();
    let title = match (data.room == RoomName::lobby(), texts.subtitle) {
        (false, _) => format!("{} · {TITLE}", data.room),
        (true, "") => TITLE.to_owned(),
        (true, subtitle) => format!("{TITLE} · {subtitle}"),
    };
    let file = |name: &str| format!("{assets}/{name}");
    // A room's name has nothing in it that an address would need to escape. Which language and colours were asked for
    // stands in the address, because a reader may keep no cookies.
    let live = format!("/r/{}/live?after={}&lang={}&scheme={}", data.room, data.page.position, data.language.tag(), data.scheme.word());
    let (language, scheme) = (data.language.tag(), data.scheme.word());
    let color_scheme = match data.scheme {
        Scheme::Light => "light",
        Scheme::Dark => "dark",
        Scheme::System => "light dark",
    };
    view! {
        <!DOCTYPE html>
        <html lang=language data-scheme=scheme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"/>
                <meta name="color-scheme" content=color_scheme/>
                <title>{title}</title>
                <link rel="icon" href=ICON/>
                <link rel="stylesheet" href=file("tokens.css")/>
                <link rel="stylesheet" href=file("base.css")/>
                <link rel="stylesheet" href=file("list.css")/>
                <link rel="stylesheet" href=file("components.css")/>
                <link rel="modulepreload" href=file("frontend.js")/>
                <link rel="preload" href=file("frontend_bg.wasm") r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
                <script type="module" src=file("start.js")></script>
                <noscript><link rel="stylesheet" href=file("live.css")/></noscript>
            </head>
            <body>
                <noscript>
                    <p class="no-script">{texts.no_script} " " <a href="">{texts.reload}</a></p>
                    <iframe class="live" src=live title=texts.live_view></iframe>
                </noscript>
                <div id="app"><App data/></div>
                <script type="application/json" id="page-data" inner_html=json></script>
            </body>
        </html>
    }
}
