//! Where messages are written.

use leptos::ev::{CompositionEvent, Event, KeyboardEvent, MouseEvent, SubmitEvent};
use leptos::html::{Input, Textarea};
use leptos::prelude::*;
use leptos::tachys::html::InertElement;
use protocol::{Author, ErrorCode};

use crate::logic::author::{hue_class, initials};
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
    /// About how many more characters fit, near the limit.
    characters_left: RwSignal<Option<i64>>,
    /// The reader's name, as it is in its field.
    name: RwSignal<String>,
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
        <form id="message_form" class="composer" aria-label=texts.message method="post" action=action data-closed=closed(state) on:submit=submit>
            <div class="column">
                {InertElement::new(about_composing(state))}
                <Problem fields/>
                <Counter fields/>
                <div class="row">
                    <input type="hidden" name="key" value=start.key/>
                    <NameField fields name=start.author/>
                    <div class="field">
                        <label class="visually-hidden" for="chat_content">{texts.message}</label>
                        <TextField fields draft=start.draft/>
                        <ClearButton fields/>
                    </div>
                    <button type="submit" class="primary post" title=keys>
                        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V5M6 11l6-6 6 6"></path></svg>
                        <span class="visually-hidden">{texts.post}</span>
                    </button>
                </div>
            </div>
        </form>
    }
}

/// The HTML of what the server alone renders in the composer. Scripts use it.
#[cfg(feature = "ssr")]
fn about_composing(state: AppState) -> String {
    view! { <super::about::AboutComposing state/> }.to_html()
}

/// Marks a form that the reader may not use.
#[cfg(any(feature = "ssr", debug_assertions))]
fn closed(state: AppState) -> Option<&'static str> {
    state.content.with_value(|content| content.server.closed.map(|_| ""))
}

/// Stands for that HTML, and leaves it as it is.
#[cfg(not(feature = "ssr"))]
fn about_composing(_: AppState) -> &'static str {
    ""
}

/// Leaves the mark as it is.
#[cfg(not(any(feature = "ssr", debug_assertions)))]
fn closed(_: AppState) -> Option<&'static str> {
    None
}

/// The name, as a chip. The style sheet lets it grow while it has the focus, so it needs no script.
#[component]
fn NameField(fields: Fields, name: String) -> impl IntoView {
    let state = AppState::of_page();
    let keydown = move |event: KeyboardEvent| {
        if Composition::default().sends(key_of(&event), false) {
            event.prevent_default();
            fields.leave_name();
        }
    };
    let edited = move || {
        set(fields.name, fields.author_value());
        set(fields.problem, None);
    };
    // The colour that the room's list gives this name next.
    let hue = move || state.content.with_value(|content| content.authors.hues.clone().of(&fields.name.read()));
    view! {
        <label class="name" title=state.texts.author>
            <span class=move || ["seal ", &hue_class(hue())].concat() aria-hidden="true">{move || initials(&fields.name.read())}</span>
            <span class="visually-hidden">{state.texts.author}</span>
            <input
                id="author" name="author" node_ref=fields.author value=name placeholder=state.texts.author_hint
                maxlength="128" autocomplete="nickname" enterkeyhint="done"
                aria-describedby=move || fields.problem_of(true) aria-invalid=move || fields.problem_of(true).map(|_| "true")
                on:keydown=keydown on:input=move |_| edited()
                on:change=move |_| {
                    edited();
                    state.ask(Command::KeepAuthor(fields.author_value()));
                }
            />
        </label>
    }
}

fn key_of(event: &KeyboardEvent) -> Key {
    Key {
        enter: event.key() == "Enter",
        shift: event.shift_key(),
        ctrl: event.ctrl_key() || event.meta_key(),
        is_composing: event.is_composing(),
        code: event.key_code(),
        at: event.time_stamp(),
    }
}

#[component]
fn TextField(fields: Fields, draft: String) -> impl IntoView {
    let state = AppState::of_page();
    let memory = fields.memory;
    let keydown = move |event: KeyboardEvent| {
        let with_ctrl = state.settings.get_untracked().ctrl_sends;
        if memory.with_value(|memory| memory.composition.sends(key_of(&event), with_ctrl)) {
            event.prevent_default();
            fields.submit(state);
        }
    };
    let ended = move |at| memory.update_value(|memory| memory.composition.end(at));
    view! {
        <textarea
            id="chat_content" name="content" node_ref=fields.text dir="auto" placeholder=state.texts.message_hint
            autocomplete="off" enterkeyhint="send" rows=move || draft::rows(fields.lines.get())
            aria-describedby=move || fields.problem_of(false) aria-invalid=move || fields.problem_of(false).map(|_| "true")
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
    view! { <p id="problem" class="problem" role="alert" translate="no" hidden=move || problem.get().is_none()>{label}</p> }
}

#[component]
fn Counter(fields: Fields) -> impl IntoView {
    let texts = AppState::of_page().texts;
    let left = fields.characters_left;
    let over = move || left.get().is_some_and(|left| left < 0).then_some("true");
    view! {
        <output id="counter" class="counter" translate="no" data-over=over hidden=move || left.get().is_none()>
            {move || left.get().map_or_else(String::new, texts.characters_left)}
        </output>
    }
}

/// Clears the text, and undoes that. The style sheet hides it while there is nothing to clear.
/// Without script it resets the form.
#[component]
fn ClearButton(fields: Fields) -> impl IntoView {
    let state = AppState::of_page();
    let undo = fields.undo;
    let label = move || if undo.get() { state.texts.undo } else { state.texts.clear };
    let clear = move |event: MouseEvent| {
        event.prevent_default();
        fields.clear(state);
    };
    view! {
        <button type="reset" id="clear" translate="no" title=label data-undo=move || undo.get().then_some("true") on:click=clear>
            <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"></path></svg>
            <span>{label}</span>
        </button>
    }
}

impl Fields {
    fn new(start: &ComposerStart) -> Self {
        Self {
            text: NodeRef::new(),
            author: NodeRef::new(),
            lines: RwSignal::new(draft::lines(&start.draft)),
            characters_left: RwSignal::new(draft::characters_left(&start.draft)),
            name: RwSignal::new(start.author.clone()),
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

    /// Returns the id of the element that explains a problem with the name, or with the message.
    fn problem_of(self, name: bool) -> Option<&'static str> {
        self.problem.get().filter(|problem| problem.is_of_name() == name).map(|_| "problem")
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
        set(self.characters_left, draft::characters_left(text));
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

    /// Moves the focus from the name to the message, unless the name is not valid.
    fn leave_name(self) {
        match Author::parse(&self.author_value()) {
            Ok(_) => self.focus(),
            Err(code) => set(self.problem, Some(Problem::Refused(code))),
        }
    }

    /// Sends the text if that is allowed. Otherwise it stays in the field.
    fn submit(self, state: AppState) {
        let text = self.text_value();
        // The second click of a double click finds nothing to send, which is no mistake.
        if text.is_empty() {
            return self.focus();
        }
        let outbox_room = state.outbox.with_untracked(|outbox| outbox.room);
        match draft::check(&text, &self.author_value(), outbox_room) {
            Ok((text, author)) => {
                self.write(state, String::new());
                state.ask(Command::Publish { text, author });
            }
            Err(problem) => {
                set(self.problem, Some(problem));
                match self.author.get_untracked().filter(|_| problem.is_of_name()) {
                    Some(field) => _ = field.focus(),
                    None => self.focus(),
                }
            }
        }
    }
}
