//! Alerts for a reader who does not see the page: the title, the icon, a desktop notification, a
//! sound.

use std::cell::RefCell;

use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AudioContext, Notification, NotificationOptions, NotificationPermission};

use super::document;
use crate::logic::attention;

/// The unread count in the window's title, and the dot on its icon.
pub(super) struct Badge {
    /// The title as the server wrote it.
    title: String,
    unread: usize,
}

impl Badge {
    pub(super) fn new() -> Self {
        Self { title: document().title(), unread: 0 }
    }

    /// Shows how many messages arrived while the page was hidden.
    pub(super) fn show(&mut self, unread: usize) {
        if std::mem::replace(&mut self.unread, unread) == unread {
            return;
        }
        document().set_title(&attention::title(&self.title, unread));
        let Some(icon) = document().get_element_by_id("icon") else { return };
        // The two icons change places.
        let kept = if unread > 0 { "data-status_debounce" } else { "data-alert" };
        let wanted = if unread > 0 { "data-alert" } else { "data-status_debounce" };
        if let (Some(now), Some(next)) = (icon.get_attribute("href"), icon.get_attribute(wanted)) {
            _ = icon.set_attribute(kept, &now);
            _ = icon.set_attribute("href", &next);
        }
    }
}

/// Asks for the permission to show notifications, and calls `refused` if it is not given.
pub(super) fn ask_permission(refused: impl FnOnce() + 'static) {
    // It fails in a browser without notifications.
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

/// Shows a notification of a room on the desktop. The next one of the room replaces it.
pub(super) fn notify(room: &str, title: &str, body: &str) {
    let options = NotificationOptions::new();
    options.set_tag(room);
    options.set_body(body);
    // Creating a notification shows it. Browsers that allow notifications to service workers only
    // fail here.
    _ = Notification::new_with_options(title, &options);
}

thread_local! {
    /// The context of the sound that is playing. Browsers limit how many contexts a page has.
    static SOUND: RefCell<Option<AudioContext>> = const { RefCell::new(None) };
}

/// Plays two soft notes. Browsers refuse that until the reader has used the page.
pub(super) fn beep() {
    _ = play();
}

/// Ends the sound. A sound that the browser does not allow never ends by itself.
fn stop() {
    if let Some(context) = SOUND.take() {
        _ = context.close();
    }
}

fn play() -> Result<(), JsValue> {
    stop();
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
    note.set_onended(Some(Closure::once_into_js(stop).unchecked_ref()));
    note.start()?;
    note.stop_with_when(now + 0.4)
}
