//! Reads what the moderators' page shows.

use axum::http::HeaderMap;
use frontend::moderation::{BAN_HOURS, BanForm, Done, KEY_DAYS, KeyForm, Keys, MadeKey, Moderation, Part, PartName, Queue};
use protocol::admin::{QueuePage, Rights};
use protocol::{ErrorCode, RoomName};

use super::form::Form;
use crate::access::{Action, Caller};
use crate::http::admin::{self, AUDIT_PAGE_MAX, QUEUE_PAGE_MAX, QueueRange};
use crate::http::caller::key_cookie_ids;
use crate::http::error::ApiError;
use crate::http::page::preferences::{self, PageQuery};
use crate::http::page::{origin, room_path};
use crate::http::state::State;
use crate::room::Pass;

/// Bytes of their texts, so that a page stays small. One message is always shown.
const WAITING_BYTES_MAX: usize = 200_000;

/// Which page is asked for.
pub(super) struct Asked {
    pub(super) part: PartName,
    pub(super) is_newest_first: bool,
    pub(super) done: Option<Done>,
    /// Who is to be banned.
    pub(super) ban: String,
    /// The secret of a key that was just made.
    pub(super) made: Option<String>,
    /// Why a form was refused.
    pub(super) refused: Option<ApiError>,
    /// That form.
    pub(super) form: Option<Form>,
}

impl Asked {
    /// A part of the page, as it is.
    pub(super) fn new(part: PartName) -> Self {
        Self { part, is_newest_first: false, done: None, ban: String::new(), made: None, refused: None, form: None }
    }
}

/// Checks that the caller moderates the room.
///
/// # Errors
/// The same as of the admin interface.
pub(super) fn check(state: &State, caller: &Caller, room: &RoomName) -> Result<Pass, ApiError> {
    Ok(state.context.hub.enter(caller, room, Action::Moderate)?)
}

/// Reads the page. Parts for admins are refused to others.
pub(super) async fn read(
    state: &State,
    caller: &Caller,
    room: RoomName,
    asked: Asked,
    query: &PageQuery,
    headers: &HeaderMap,
) -> Result<Moderation, ApiError> {
    let pass = check(state, caller, &room)?;
    let is_admin = pass.actor().rights >= Rights::Admin;
    if asked.part.is_for_admins() && !is_admin {
        return Err(ErrorCode::AccessRefused.into());
    }
    let limit = if asked.part == PartName::Queue { QUEUE_PAGE_MAX } else { 0 };
    let waiting = admin::queue(state, caller, &room, QueueRange { limit, newest_first: asked.is_newest_first }).await?;
    let count = usize::try_from(waiting.count).unwrap_or(usize::MAX);
    let (done, refused) = (asked.done, asked.refused.as_ref().map(ApiError::reason));
    let part = part(state, caller, &pass, asked, waiting, headers).await?;
    Ok(Moderation {
        room,
        language: query.language(headers),
        scheme: query.scheme(headers),
        zone: preferences::known_zone(headers).unwrap_or_default(),
        is_admin,
        waiting: count,
        done,
        refused,
        part,
    })
}

async fn part(
    state: &State,
    caller: &Caller,
    pass: &Pass,
    asked: Asked,
    waiting: QueuePage,
    headers: &HeaderMap,
) -> Result<Part, ApiError> {
    let room = pass.room();
    let form = asked.form.unwrap_or_default();
    Ok(match asked.part {
        PartName::Queue => {
            let is_on = state.context.hub.info(pass).await?.settings.queue;
            Part::Queue(queue(waiting, is_on, asked.is_newest_first))
        }
        PartName::Room => {
            let info = state.context.hub.info(pass).await?;
            Part::Room(form.written_settings().unwrap_or(info.settings), info.cast)
        }
        PartName::Pins => Part::Pins(state.context.hub.info(pass).await?.pins),
        PartName::Bans => {
            let fresh = || BanForm { who: asked.ban, reason: String::new(), hours: BAN_HOURS[1] };
            Part::Bans(admin::bans(state, caller, Some(room))?, form.written_ban().unwrap_or_else(fresh))
        }
        PartName::Keys => {
            let link = |secret: &str| format!("{}{}#key={secret}", origin(headers).unwrap_or_default(), room_path(room));
            let made = asked.made.map(|secret| MadeKey { link: link(&secret), secret });
            let fresh = || KeyForm { label: String::new(), rights: Rights::Post, rooms: room.to_string(), days: KEY_DAYS[2] };
            let form = form.written_key().unwrap_or_else(fresh);
            Part::Keys(Keys { all: admin::keys(state, caller)?, own: key_cookie_ids(headers), form, made })
        }
        PartName::Audit => Part::Audit(admin::audit(state, caller, None, AUDIT_PAGE_MAX).await?),
    })
}

fn queue(page: QueuePage, is_on: bool, is_newest_first: bool) -> Queue {
    let QueuePage { version, mut waiting, .. } = page;
    let mut bytes = 0;
    let fitting = waiting.iter().take_while(|message| {
        bytes += message.text.len();
        bytes <= WAITING_BYTES_MAX
    });
    let fitting = fitting.count().max(1);
    waiting.truncate(fitting);
    Queue { version: version.to_string(), is_on, is_newest_first, messages: waiting }
}

#[cfg(test)]
mod tests {
    use protocol::admin::Waiting;

    use super::*;

    #[test]
    fn a_page_of_long_texts_has_fewer_of_them_but_never_none() {
        let shown = |bytes: usize, count: u64| {
            let message =
                |id| Waiting { id, received: 0, author: String::new(), text: "x".repeat(bytes), by: None, key: None, reply: None };
            let page = QueuePage { version: 1, count, waiting: (0..count).map(message).collect() };
            queue(page, true, false).messages.len()
        };
        assert_eq!((shown(10, 0), shown(10, 50), shown(16_384, 50), shown(300_000, 3)), (0, 50, 12, 1));
    }
}
