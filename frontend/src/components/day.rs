//! The line where a day begins.

use leptos::prelude::*;

use crate::logic::datetime::Day;
use crate::state::AppState;

/// The line where a day begins. Today and yesterday have names once the page is alive: the server
/// does not know the reader's clock.
#[component]
pub fn DayRow(
    /// The day.
    day: Day,
    /// The state of the page.
    state: AppState,
) -> impl IntoView {
    let (texts, today) = (state.texts, state.lists.today);
    let label = move || match today.get() {
        Some(today) if day == today => texts.today.to_owned(),
        Some(today) if day == today.before() => texts.yesterday.to_owned(),
        _ => (texts.day)(day),
    };
    view! { <li class="day" translate="no"><span>{label}</span></li> }
}
