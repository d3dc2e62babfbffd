//! The pages about access keys: the form that takes one, and the first admin key.

use leptos::prelude::*;
use protocol::ErrorCode;

use super::{Head, icon_url};
use crate::texts::{KeyPageTexts, ModerationTexts, TITLE, Texts};
use crate::{Language, Scheme};

/// The form that takes an access key, or the code of a first-start link. `next` is the path to
/// return to.
pub fn key_page(
    assets: &'static str,
    language: Language,
    scheme: Scheme,
    next: String,
    refused: Option<ErrorCode>,
) -> impl IntoView + use<> {
    let texts = KeyPageTexts::of(language);
    let refused = refused.map(|code| view! { <p role="alert" class="problem">{(Texts::of(language).problem)(code)}</p> });
    let form = view! {
        <p>{texts.about}</p>
        {refused}
        <form id="key_form" action="/key" method="post" class="fields" autocomplete="off">
            <input type="hidden" name="next" value=next/>
            <div>
                <label for="key">{texts.key}</label>
                <input
                    id="key" name="key" required maxlength="64" dir="ltr" autocapitalize="none" spellcheck="false"
                    aria-describedby="key_hint" enterkeyhint="go"
                />
                <p id="key_hint" class="hint">{texts.key_hint}</p>
            </div>
            <p><button class="primary">{texts.enter}</button></p>
        </form>
    };
    document(assets, language, scheme, texts.title, form)
}

/// The first admin key, which is shown once. `next` is the path to go on to.
pub fn claimed_page(assets: &'static str, language: Language, scheme: Scheme, secret: String, next: String) -> impl IntoView + use<> {
    let (texts, keys) = (KeyPageTexts::of(language), &ModerationTexts::of(language).keys);
    let content = view! {
        <p>{texts.keep}</p>
        <div class="fields">
            <label for="secret">{keys.secret}</label>
            <div class="line">
                <input id="secret" class="secret" readonly value=secret dir="ltr" spellcheck="false"/>
                <button type="button" class="quiet" data-copy="secret" data-copied=keys.copied hidden>{keys.copy}</button>
            </div>
        </div>
        <p><a href=next>{texts.next}</a></p>
    };
    document(assets, language, scheme, texts.claimed, content)
}

fn document(assets: &'static str, language: Language, scheme: Scheme, heading: &'static str, content: impl IntoView) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang=language.tag() data-scheme=scheme.word() data-view="key">
            <head>
                <Head assets scheme title=format!("{heading} · {TITLE}")/>
                <link rel="stylesheet" href=format!("{assets}/moderate.css")/>
                <link rel="icon" href=icon_url()/>
                <script type="module" src=format!("{assets}/moderate.js")></script>
            </head>
            <body>
                <main class="refusal">
                    <p class="board"><a href="/" lang="zh-CN">{TITLE}</a></p>
                    <h1>{heading}</h1>
                    {content}
                </main>
            </body>
        </html>
    }
}
