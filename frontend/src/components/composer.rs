//! Where messages are written.

use leptos::ev::{CompositionEvent, Event, KeyboardEvent, SubmitEvent};
use leptos::html::{Input, Textarea};
use leptos::prelude::*;
use protocol::ErrorCode;

use crate::logic::draft::{self, Problem};
use crate::logic::ime::{Composition, Key};
use crate::state::{AppState, Command, set};

/// What the composer starts with.
#[derive(Clone, Debug, Default)]
pub struct ComposerStart {
    /// The form's own publish key, for a browser without script.
    pub key: String,
    /// The reader's name.
    pub author: String,
    /// A text that was refused.
    pub draft: String,
    /// Why it was refused.
    pub refusal: Option<ErrorCode>,
}

/// The composer's fields and its own state. The fields keep their values themselves: hydration must
/// not overwrite what was typed before.
#[derive(Clone, Copy)]
struct Fields {
    text: NodeRef<Textarea>,
    author: NodeRef<Input>,
    /// How many lines the text has.
    lines: RwSignal<usize>,
    /// How many bytes the text may still grow, near the limit.
    bytes_left: RwSignal<Option<i64>>,
    /// Why the text was not sent.
    problem: RwSignal<Option<Problem>>,
    /// True if a text was cleared and can come back.
    undo: RwSignal<bool>,
    memory: StoredValue<Memory>,
}

#[derive(Default)]
struct Memory {
    composition: Composition,
    /// The text that was cleared and can come back; empty if there is none.
    cleared: String,
}

/// The form in which messages are written. Without script it posts by itself.
#[component]
pub fn Composer(
    /// What it starts with.
    start: ComposerStart,
) -> impl IntoView {
    let state = AppState::of_page();
    let texts = state.texts;
    let fields = Fields::new(&start);
    let keys = move || if state.settings.get().ctrl_sends { texts.keys_ctrl } else { texts.keys };
    let action = "/r/".to_owned() + state.content.read_value().room.as_str();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        fields.submit(state);
    };
    view! {
        <form id="message_form" class="composer" aria-label=texts.message method="post" action=action on:submit=submit>
            <div class="column">
                <Problem fields/>
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
                    <Counter fields/>
                    <span class="keys">{keys}</span>
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
        let with_ctrl = state.settings.get_untracked().ctrl_sends;
        if memory.with_value(|memory| memory.composition.sends(key, with_ctrl)) {
            event.prevent_default();
            fields.submit(state);
        }
    };
    let ended = move |at| memory.update_value(|memory| memory.composition.end(at));
    view! {
        <textarea
            id="chat_content" name="content" node_ref=fields.text dir="auto" placeholder=state.texts.message_hint
            autocomplete="off" enterkeyhint="send" rows=move || draft::rows(fields.lines.get())
            aria-describedby="problem" aria-invalid=move || fields.problem.get().is_some().then_some("true")
            on:keydown=keydown
            // Not from typing: the driver dispatches it after it restored a draft.
            on:change=move |_| fields.measure(&fields.text_value())
            on:input=move |_| fields.edited(state, fields.text_value())
            on:compositionstart=move |_: CompositionEvent| memory.update_value(|memory| memory.composition.start())
            on:compositionend=move |event: CompositionEvent| ended(event.time_stamp())
            // A field that loses the focus is no longer composing, even if its input method does
            // not report that.
            on:blur=move |event| {
                if memory.with_value(|memory| memory.composition.is_open()) {
                    ended(Event::from(event).time_stamp());
                }
            }
            inner_html=draft::textarea_html(&draft)
        ></textarea>
    }
}

/// Why the text was not sent.
#[component]
fn Problem(fields: Fields) -> impl IntoView {
    let texts = AppState::of_page().texts;
    let problem = fields.problem;
    let label = move || match problem.get() {
        Some(Problem::Refused(code)) => (texts.problem)(code),
        Some(Problem::OutboxFull) => texts.outbox_full,
        None => "",
    };
    view! { <p id="problem" class="problem" role="alert" hidden=move || problem.get().is_none()>{label}</p> }
}

#[component]
fn Counter(fields: Fields) -> impl IntoView {
    let texts = AppState::of_page().texts;
    let left = fields.bytes_left;
    let over = move || left.get().is_some_and(|left| left < 0).then_some("true");
    view! {
        <output id="counter" class="counter" data-over=over hidden=move || left.get().is_none()>
            {move || left.get().map_or_else(String::new, texts.bytes_left)}
        </output>
    }
}

/// Clears the text, and undoes that.
#[component]
fn ClearButton(fields: Fields) -> impl IntoView {
    let state = AppState::of_page();
    let undo = fields.undo;
    let label = move || if undo.get() { state.texts.undo } else { state.texts.clear };
    view! {
        <button
            type="button" id="clear" class="quiet" data-undo=move || undo.get().then_some("true")
            on:click=move |_| fields.clear(state)
        >
            {label}
        </button>
    }
}

impl Fields {
    fn new(start: &ComposerStart) -> Self {
        Self {
            text: NodeRef::new(),
            author: NodeRef::new(),
            lines: RwSignal::new(draft::lines(&start.draft)),
            bytes_left: RwSignal::new(draft::bytes_left(&start.draft)),
            problem: RwSignal::new(start.refusal.map(Problem::Refused)),
            undo: RwSignal::new(false),
            memory: StoredValue::new(Memory::default()),
        }
    }

    fn text_value(self) -> String {
        self.text.get_untracked().map(|field| field.value()).unwrap_or_default()
    }

    fn author_value(self) -> String {
        self.author.get_untracked().map(|field| field.value()).unwrap_or_default()
    }

    /// Gives the focus to the text field. If it can't have the focus, nothing happens.
    fn focus(self) {
        if let Some(field) = self.text.get_untracked() {
            _ = field.focus();
        }
    }

    /// Puts a text into the field, and the cursor into it.
    fn write(self, state: AppState, text: String) {
        if let Some(field) = self.text.get_untracked() {
            field.set_value(&text);
        }
        self.focus();
        self.edited(state, text);
    }

    fn edited(self, state: AppState, text: String) {
        self.memory.update_value(|memory| memory.cleared.clear());
        set(self.problem, None);
        set(self.undo, false);
        self.measure(&text);
        state.ask(Command::KeepDraft(text));
    }

    fn measure(self, text: &str) {
        set(self.lines, draft::lines(text));
        set(self.bytes_left, draft::bytes_left(text));
    }

    fn clear(self, state: AppState) {
        let cleared = self.memory.with_value(|memory| memory.cleared.clone());
        let text = self.text_value();
        let can_undo = cleared.is_empty() && draft::is_worth_keeping(&text);
        self.write(state, cleared);
        if can_undo {
            self.memory.update_value(|memory| memory.cleared = text);
            set(self.undo, true);
        }
    }

    /// Sends the text if that is allowed. Otherwise it stays in the field.
    fn submit(self, state: AppState) {
        let outbox_room = state.outbox.with_untracked(|outbox| outbox.room);
        match draft::check(&self.text_value(), &self.author_value(), outbox_room) {
            Ok((text, author)) => {
                self.write(state, String::new());
                state.ask(Command::Publish { text, author });
            }
            Err(problem) => {
                set(self.problem, Some(problem));
                self.focus();
            }
        }
    }
}
