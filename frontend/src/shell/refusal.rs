//! The page for a request that is refused.

use leptos::either::Either;
use leptos::prelude::*;
use protocol::{ErrorCode, RoomName};

use super::{Head, icon_url};
use crate::components::OpenRoom;
use crate::logic::room_name::NameFault;
use crate::texts::{KeyPageTexts, PanelTexts, RefusalTexts, TITLE, Texts};
use crate::{Language, Scheme};

/// A request that is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub code: ErrorCode,
    /// What is special about this occurrence, in English.
    pub detail: Option<String>,
    /// The room's name as it was asked for, if that is what is wrong.
    pub name: Option<String>,
    /// A room that may have been meant.
    pub suggestion: Option<RoomName>,
    /// The form that takes an access key, if one may help.
    pub key_form: Option<String>,
}

/// The page for a request that is refused: the reason, and where to go next.
pub fn refusal(assets: &'static str, language: Language, scheme: Scheme, refusal: Refusal) -> impl IntoView + use<> {
    let Refusal { code, detail, name, suggestion, key_form } = refusal;
    let (texts, panels) = (RefusalTexts::of(language), PanelTexts::of(language));
    // The field below has the rule for names.
    let reason = match name.as_deref().and_then(NameFault::of) {
        Some(fault) => Either::Left(view! { <p role="alert">{(texts.name)(name.as_deref().unwrap_or_default(), &fault)}</p> }),
        None => Either::Right(view! {
            <p role="alert">{(Texts::of(language).problem)(code)}</p>
            {detail.map(|detail| view! { <p class="hint" lang="en">{detail}</p> })}
        }),
    };
    let suggested = suggestion.map(|room| {
        let href = format!("/r/{room}");
        view! { <p>{texts.suggestion} " " <a id="suggestion" href=href><bdi>{String::from(room)}</bdi></a></p> }
    });
    // The same address may work later.
    let again = code.is_temporary().then(|| view! { <p><a href="">{texts.again}</a></p> });
    let key_form = key_form.map(|href| view! { <p><a id="key_form" href=href>{KeyPageTexts::of(language).have}</a></p> });
    view! {
        <!DOCTYPE html>
        <html lang=language.tag() data-scheme=scheme.word()>
            <head>
                <Head assets scheme title=TITLE.to_owned()/>
                <link rel="icon" href=icon_url()/>
                // The link to a private room may have its key.
                {(code == ErrorCode::NotFound).then(|| view! { <script type="module" src=format!("{assets}/trade.js")></script> })}
            </head>
            <body>
                <main class="refusal">
                    <h1>{TITLE}</h1>
                    {reason}
                    {suggested}
                    {again}
                    {key_form}
                    <OpenRoom texts=panels/>
                    <p><a href="/">{panels.lobby}</a></p>
                </main>
            </body>
        </html>
    }
}
