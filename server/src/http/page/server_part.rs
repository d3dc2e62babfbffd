//! What a page shows besides its newest messages: the room, why the reader may not post, and quoted
//! messages.

use std::collections::BTreeSet;

use frontend::ServerPart;
use protocol::{Entry, ErrorCode, MessagesPage, Position};

use crate::access::{Action, Caller};
use crate::http::state::State;
use crate::limits::{self, Account};
use crate::room::{Pass, Range};

/// Reads it.
pub(super) async fn server_part(
    state: &State,
    account: Option<&Account>,
    caller: &Caller,
    pass: &Pass,
    page: &MessagesPage,
) -> Result<ServerPart, ErrorCode> {
    let info = state.context.room_info(caller, pass).await?;
    let closed = if info.can_post { None } else { state.context.hub.enter(caller, pass.room(), Action::Publish).err() };
    let quoted = quoted(state, account, pass, page).await;
    Ok(ServerPart { info: Some(info), closed, quoted, edit_seconds: state.context.hub.edit_window() / 1000 })
}

/// Reads the messages that the page's messages answer, as far as they are kept and are not among
/// them.
async fn quoted(state: &State, account: Option<&Account>, pass: &Pass, page: &MessagesPage) -> Vec<Entry> {
    let oldest = page.entries.first().map_or(0, |entry| entry.offset);
    let offsets: BTreeSet<u64> = page.entries.iter().filter_map(|entry| entry.reply).filter(|of| *of < oldest && *of > 0).collect();
    let mut quoted = Vec::with_capacity(offsets.len());
    for offset in offsets {
        let before = Position { offset: offset - 1, ..page.position };
        let found = limits::charge(account, state.context.hub.page(pass, Range::After(before), 1)).await;
        quoted.extend(found.into_iter().flat_map(|page| page.entries).filter(|entry| entry.offset == offset && entry.kind.is_message()));
    }
    quoted
}
