//! The menu of a message: one for all rows. Only the server renders it. `rows.js` fills it when it
//! opens: `data-row` names what an entry copies, `data-change` what it publishes, `data-compose`
//! what the composer does, and `data-if` when the entry is there.

use leptos::prelude::*;

use crate::texts::{PanelTexts, Texts};

/// The emoji that one press chooses.
const EMOJI: [&str; 6] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/// The menu, the button that opens it, which a script moves into the row under the mouse, and the
/// question before a message is deleted.
#[component]
pub fn RowMenu(
    /// The texts.
    texts: &'static PanelTexts,
    /// The page's texts.
    page: &'static Texts,
    /// The page on which the reader may moderate the room, if they may.
    moderation: Option<String>,
    /// For how long its author may edit a message, in seconds.
    edit_seconds: u64,
) -> impl IntoView {
    let emoji = EMOJI.map(|emoji| view! { <button type="button" data-do="publish" data-change="react" data-emoji=emoji>{emoji}</button> });
    let pin =
        |kind, when, name| view! { <button type="button" role="menuitem" data-do="publish" data-change=kind data-if=when>{name}</button> };
    let moderates = moderation.is_some();
    let moderator = moderation.map(|ban| {
        view! {
            {pin("pin", "moderates text unpinned", texts.pin)}
            {pin("unpin", "moderates pinned", texts.unpin)}
            <a role="menuitem" href=ban data-if="other">{texts.ban}</a>
        }
    });
    view! {
        <button type="button" id="row_more" popovertarget="row_menu" tabindex="-1" aria-haspopup="menu" aria-label=texts.row_menu>"⋯"</button>
        <div
            id="row_menu" popover="auto" data-moderates=moderates.then_some("") data-edit-seconds=edit_seconds
            data-gone=texts.message_gone data-erased=page.erased data-nameless=page.nameless
        >
            <p id="row_who"></p>
            <form class="react" aria-label=texts.react data-if="text posts">
                {emoji}
                <input aria-label=texts.other_emoji placeholder="＋" title=texts.other_emoji maxlength="32" autocomplete="off" enterkeyhint="done"/>
                <button type="button" hidden data-do="publish"></button>
            </form>
            <div role="menu" aria-label=texts.row_menu>
                <button type="button" role="menuitem" data-compose="answers" data-if="text posts">{texts.reply}</button>
                <button type="button" role="menuitem" data-compose="edits" data-if="text own young">{texts.edit}</button>
                <button type="button" role="menuitem" data-do="copy" data-row="text" data-if="text">{texts.copy_message_text}</button>
                <button type="button" role="menuitem" data-do="copy" data-row="link">{texts.copy_message_link}</button>
                {moderator}
                <button type="button" role="menuitem" popovertarget="erase" data-if="text mine">{texts.erase}</button>
            </div>
        </div>
        <div id="erase" class="panel" popover="auto" role="alertdialog" aria-label=texts.erase aria-describedby="erase_question">
            <p id="erase_question">{texts.erase_question}</p>
            <div class="line">
                <button type="button" class="quiet" popovertarget="erase" popovertargetaction="hide" autofocus>{texts.cancel}</button>
                <button
                    type="button" class="primary" popovertarget="erase" popovertargetaction="hide" data-do="publish" data-change="erase"
                >
                    {texts.erase}
                </button>
            </div>
        </div>
    }
}
