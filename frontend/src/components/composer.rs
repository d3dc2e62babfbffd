//! Where messages are written.

use leptos::ev::{CompositionEvent, Event, KeyboardEvent, SubmitEvent};
use leptos::html::{Input, Textarea};
use leptos::prelude::*;

use crate::live::{attribute, flag, text, truth};
use crate::logic::draft::{self, Problem};
use crate::logic::ime::{Composition, Key};
use crate::state::{AppState, Command, ViewState};

/// What the composer starts with.
#[derive(Clone, Debug, Default)]
pub struct ComposerStart {
    /// The form's own publish key, for a browser without script.
    pub key: String,
    /// The reader's name.
    pub author: String,
    /// A text that was refused.
    pub draft: String,
}

/// The composer's fields and what it knows of them. The fields keep their own values: what was typed before the page
/// came alive must not be overwritten.
#[derive(Clone, Copy)]
struct Fields {
    text: NodeRef<Textarea>,
    author: NodeRef<Input>,
    memory: StoredValue<Memory>,
}

#[derive(Default)]
struct Memory {
    composition: Composition,
    /// The text that was cleared and may come back; empty if there is none.
    cleared: String,
}

/// The form in which messages are written. It posts by itself where there is no script.
#[component]
pub fn Composer(
    /// What it starts with.
    start: ComposerStart,
) -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let fields = Fields { text: NodeRef::new(), author: NodeRef::new(), memory: StoredValue::new(Memory::default()) };
    let keys = move || if state.look.get().settings.ctrl_sends { texts.keys_ctrl } else { texts.keys };
    let action = "/r/".to_owned() + state.content.read_value().room.as_str();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        fields.submit(state);
    };
    view! {
        <form id="message_form" class="composer" aria-label=texts.message method="post" action=action on:submit=submit>
            <div class="column">
                <Problem/>
                <label class="visually-hidden" for="chat_content">{texts.message}</label>
                <TextField fields draft=start.draft/>
                <div class="row">
                    <label class="visually-hidden" for="author">{texts.author}</label>
                    <input
                        id="author" name="author" node_ref=fields.author value=start.author placeholder=texts.author_hint
                        maxlength="128" autocomplete="nickname" enterkeyhint="done"
                        on:change=move |_| state.ask(Command::KeepAuthor(fields.author_value()))
                    />
                    <input type="hidden" name="key" value=start.key/>
                    <Counter/>
                    <span class="keys">{text(move || keys().to_owned())}</span>
                    <ClearButton fields/>
                    <button type="submit" class="primary">{texts.post}</button>
                </div>
            </div>
        </form>
    }
}

#[component]
fn TextField(fields: Fields, draft: String) -> impl IntoView {
    let state = AppState::of_page();
    let memory = fields.memory;
    let keydown = move |event: KeyboardEvent| {
        let key = Key {
            enter: event.key() == "Enter",
            shift: event.shift_key(),
            ctrl: event.ctrl_key() || event.meta_key(),
            is_composing: event.is_composing(),
            code: event.key_code(),
            at: event.time_stamp(),
        };
        let with_ctrl = state.looked().settings.ctrl_sends;
        if memory.with_value(|memory| memory.composition.sends(key, with_ctrl)) {
            event.prevent_default();
            fields.submit(state);
        }
    };
    let ended = move |at| memory.update_value(|memory| memory.composition.end(at));
    view! {
        <textarea
            id="chat_content" name="content" node_ref=fields.text dir="auto" placeholder=state.texts.message_hint
            autocomplete="off" enterkeyhint="send" rows=attribute(move || Some(draft::rows(state.look.get().lines)))
            aria-describedby="problem" aria-invalid=truth(move || state.look.get().problem.is_some())
            on:keydown=keydown
            // What did not come from typing: the driver tells of a draft that it put back.
            on:change=move |_| fields.measure(state, &fields.text_value())
            on:input=move |_| fields.noted(state, fields.text_value())
            on:compositionstart=move |_: CompositionEvent| memory.update_value(|memory| memory.composition.start())
            on:compositionend=move |event: CompositionEvent| ended(event.time_stamp())
            // A field that loses the focus composes no longer, whether or not its input method says so.
            on:blur=move |event| {
                if memory.with_value(|memory| memory.composition.is_open()) {
                    ended(Event::from(event).time_stamp());
                }
            }
            inner_html=draft::textarea_html(&draft)
        ></textarea>
    }
}

/// Why the text was refused.
#[component]
fn Problem() -> impl IntoView {
    let state = AppState::of_page();
    let problem = move || state.look.get().problem;
    let words = move || match problem() {
        Some(Problem::Refused(code)) => (state.texts.problem)(code),
        Some(Problem::OutboxFull) => state.texts.outbox_full,
        None => "",
    };
    let hidden = flag(move || problem().is_none());
    view! { <p id="problem" class="problem" role="alert" hidden=hidden>{text(move || words().to_owned())}</p> }
}

#[component]
fn Counter() -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let left = move || state.look.get().left;
    let over = truth(move || left().is_some_and(|left| left < 0));
    view! {
        <output id="counter" class="counter" data-over=over hidden=flag(move || left().is_none())>
            {text(move || left().map_or_else(String::new, texts.bytes_left))}
        </output>
    }
}

/// Clears the text, and brings it back.
#[component]
fn ClearButton(fields: Fields) -> impl IntoView {
    let state = AppState::of_page();
    let undoable = move || state.look.get().undo;
    let words = move || if undoable() { state.texts.undo } else { state.texts.clear };
    view! {
        <button type="button" id="clear" class="quiet" data-undo=truth(undoable) on:click=move |_| fields.clear(state)>
            {text(move || words().to_owned())}
        </button>
    }
}

impl Fields {
    fn text_value(self) -> String {
        self.text.get_untracked().map(|field| field.value()).unwrap_or_default()
    }

    fn author_value(self) -> String {
        self.author.get_untracked().map(|field| field.value()).unwrap_or_default()
    }

    /// Puts a text into the field and the cursor into it.
    fn write(self, state: AppState, text: &str) {
        if let Some(field) = self.text.get_untracked() {
            field.set_value(text);
            // Where the focus can't be had, the text is in its place nevertheless.
            _ = field.focus();
        }
        self.noted(state, text.to_owned());
    }

    fn noted(self, state: AppState, text: String) {
        self.memory.update_value(|memory| memory.cleared.clear());
        state.show(ViewState { problem: None, undo: false, ..state.looked() });
        self.measure(state, &text);
        state.ask(Command::KeepDraft(text));
    }

    fn measure(self, state: AppState, text: &str) {
        state.show(ViewState { lines: draft::lines(text), left: draft::bytes_left(text), ..state.looked() });
    }

    fn clear(self, state: AppState) {
        let cleared = self.memory.with_value(|memory| memory.cleared.clone());
        let text = self.text_value();
        self.write(state, &cleared);
        if cleared.is_empty() && draft::is_worth_keeping(&text) {
            self.memory.update_value(|memory| memory.cleared = text);
            state.show(ViewState { undo: true, ..state.looked() });
        }
    }

    /// Sends the text, if it may be sent. A refused one stays where it is.
    fn submit(self, state: AppState) {
        let author = self.author_value();
        match draft::check(&self.text_value(), &author, state.looked().outbox_room) {
            Ok((text, author)) => {
                self.write(state, "");
                state.ask(Command::Publish { text, author });
            }
            Err(problem) => {
                state.show(ViewState { problem: Some(problem), ..state.looked() });
                if let Some(field) = self.text.get_untracked() {
                    _ = field.focus();
                }
            }
        }
    }
}
