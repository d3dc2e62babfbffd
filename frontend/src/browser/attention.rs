//! Calling for attention while nobody looks: the title, the icon, the desktop, a sound.

use std::cell::RefCell;

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AudioContext, Notification, NotificationOptions, NotificationPermission};

use super::document;
use crate::logic::attention;

/// The window's title and icon as the server wrote them, and what was made of them.
pub(super) struct Sign {
    title: String,
    unread: usize,
}

impl Sign {
    pub(super) fn new() -> Self {
        Self { title: document().title(), unread: 0 }
    }

    /// Shows how many messages came in while the page was hidden.
    pub(super) fn show(&mut self, unread: usize) {
        if std::mem::replace(&mut self.unread, unread) == unread {
            return;
        }
        document().set_title(&attention::title(&self.title, unread));
        let Some(icon) = document().get_element_by_id("icon") else { return };
        // The plain icon is kept where the alarming one was.
        let kept = if unread > 0 { "data-status_debounce" } else { "data-alert" };
        let wanted = if unread > 0 { "data-alert" } else { "data-status_debounce" };
        if let (Some(now), Some(next)) = (icon.get_attribute("href"), icon.get_attribute(wanted)) {
            _ = icon.set_attribute(kept, &now);
            _ = icon.set_attribute("href", &next);
        }
    }
}

/// Asks the reader's leave to show notifications, and tells `refused` if it is not given.
pub(super) fn ask_leave(refused: impl FnOnce() + 'static) {
    // A browser without notifications throws.
    let asked = Notification::request_permission();
    spawn_local(async move {
        if let Ok(promise) = asked {
            _ = JsFuture::from(promise).await;
            if Notification::permission() == NotificationPermission::Granted {
                return;
            }
        }
        refused();
    });
}

/// Shows a message on the desktop. The next one of the same room takes its place.
pub(super) fn notify(room: &str, author: &str, text: &str) {
    let options = NotificationOptions::new();
    options.set_tag(room);
    options.set_body(text);
    // Some browsers show notifications of a service worker only, and throw; the others show it by being made.
    _ = Notification::new_with_options(author, &options);
}

thread_local! {
    /// What a sound is made with, from when it begins to when it has ended. A page may have few of these.
    static SOUND: RefCell<Option<AudioContext>> = const { RefCell::new(None) };
}

/// Two soft notes. Where there is no sound to be had, or the reader has not touched the page yet, there is none.
pub(super) fn beep() {
    _ = play();
}

/// Ends the sound. One that the browser did not allow never ends by itself.
fn hush() {
    if let Some(context) = SOUND.take() {
        _ = context.close();
    }
}

fn play() -> Result<(), JsValue> {
    hush();
    let context = AudioContext::new()?;
    SOUND.set(Some(context.clone()));
    let now = context.current_time();
    let (note, volume) = (context.create_oscillator()?, context.create_gain()?);
    volume.gain().set_value_at_time(0.08, now)?;
    volume.gain().exponential_ramp_to_value_at_time(0.001, now + 0.4)?;
    volume.connect_with_audio_node(&context.destination())?;
    note.frequency().set_value_at_time(660.0, now)?;
    note.frequency().set_value_at_time(880.0, now + 0.12)?;
    note.connect_with_audio_node(&volume)?;
    note.set_onended(Some(Closure::once_into_js(hush).unchecked_ref()));
    note.start()?;
    note.stop_with_when(now + 0.4)
}
