//! The rows of the page's two lists, as signals.

use std::sync::Arc;

use client::{Pending, Timeline};
use leptos::prelude::*;
use leptos::task::tick;
use protocol::{Entry, PublishRequest};

use crate::logic::author::{Hue, Hues};
use crate::logic::changes::{self, OwnChange};
use crate::logic::datetime::Day;
use crate::logic::rows::{self, Row, RowKey, RowLook, Rows};
use crate::logic::zone::Zone;

/// The lists of the page. In the browser the driver writes them; on the server they never change.
#[derive(Clone, Copy, Debug)]
pub struct Lists {
    /// The messages, and the lines between them.
    pub messages: RwSignal<Vec<ListRow>>,
    /// The messages that are being sent.
    pub outbox: RwSignal<Vec<ListRow>>,
    /// The zone in which their times are shown.
    pub zone: RwSignal<Zone>,
    /// The current day there, once the page is alive.
    pub today: RwSignal<Option<Day>>,
}

/// What tells authors apart in the rows that are added.
#[derive(Clone, Debug, Default)]
pub struct Authors {
    /// The authors' colours.
    pub hues: Hues,
}

/// A row with what its component needs. Rows with the same key are equal: the list keeps the nodes
/// of such a row, and `look` changes them.
#[derive(Clone, Debug)]
pub struct ListRow {
    /// What the row is.
    pub key: RowKey,
    /// How it looks now.
    pub look: ArcRwSignal<RowLook>,
    /// What people wrote in it.
    pub content: RowContent,
}

/// What people wrote in a row.
#[derive(Clone, Debug)]
pub enum RowContent {
    /// A message.
    Message(Message),
    /// A message that is being sent, and its author's colour.
    Request(Arc<PublishRequest>, Hue),
    /// Nothing: the key says all.
    Nothing,
}

/// A message as its row shows it.
#[derive(Clone, Debug)]
pub struct Message {
    /// The message, with the reader's own changes that are on their way.
    pub entry: Arc<Entry>,
    /// Its author's colour.
    pub hue: Hue,
    /// True if it is the reader's own.
    pub own: bool,
    /// The change that is on its way, or was refused.
    pub change: Option<OwnChange>,
}

impl PartialEq for ListRow {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Lists {
    /// Returns the lists of a page that the server renders, and the browser hydrates.
    pub fn new(timeline: &Timeline, authors: &mut Authors, zone: Zone) -> Self {
        let rows = rows::of(timeline, None, &[], zone, 0).messages;
        let messages = rows.into_iter().filter_map(|row| authors.row(row, timeline, &[])).collect();
        let (outbox, today) = (RwSignal::new(Vec::new()), RwSignal::new(None));
        Self { messages: RwSignal::new(messages), outbox, zone: RwSignal::new(zone), today }
    }

    /// Starts to show the timeline and the outbox. The returned future resolves when the document
    /// shows them; true if anything changed. Only one of these futures may run at a time.
    ///
    /// Messages after the offset `unread` are unread. `now` is in milliseconds since 1970.
    pub fn show(
        self,
        timeline: &Timeline,
        authors: &mut Authors,
        unread: Option<u64>,
        outbox: &[Pending],
        now: u64,
    ) -> impl Future<Output = bool> + use<> {
        let Rows { messages, outbox: sending } = rows::of(timeline, unread, outbox, self.zone.get_untracked(), now);
        let messages = update(self.messages, messages, |row| authors.row(row, timeline, outbox));
        let outbox = update(self.outbox, sending, |row| authors.row(row, timeline, outbox));
        async move {
            let changed = messages.is_some() || outbox.is_some();
            approach(self.messages, messages).await;
            approach(self.outbox, outbox).await;
            changed
        }
    }
}

impl Authors {
    /// Returns `None` if the message of the row does not exist.
    fn row(&mut self, row: Row, timeline: &Timeline, outbox: &[Pending]) -> Option<ListRow> {
        let content = match &row.key {
            RowKey::Message { offset, .. } => {
                let (mut entry, you) = (timeline.entry(*offset)?.clone(), timeline.you());
                let change = changes::apply(&mut entry, outbox, you);
                let (hue, own) = (self.hues.of(entry.author.as_str()), you.is_some() && entry.by == you);
                RowContent::Message(Message { entry: entry.into(), hue, own, change })
            }
            RowKey::Pending(key, _) => {
                let pending = outbox.iter().find(|pending| pending.message.key.as_ref() == Some(key))?;
                let hue = self.hues.of(pending.message.author.as_str());
                RowContent::Request(pending.message.clone().into(), hue)
            }
            _ => RowContent::Nothing,
        };
        Some(ListRow { key: row.key, look: ArcRwSignal::new(row.look), content })
    }
}

/// Updates the look of the rows that stay. Returns all rows that the list has to show; `None`
/// if nothing changed.
fn update(list: RwSignal<Vec<ListRow>>, rows: Vec<Row>, mut make: impl FnMut(Row) -> Option<ListRow>) -> Option<Vec<ListRow>> {
    let shown = list.read_untracked();
    let is_shown = |(shown, row): (&ListRow, &Row)| shown.key == row.key && shown.look.get_untracked() == row.look;
    if shown.len() == rows.len() && shown.iter().zip(&rows).all(is_shown) {
        return None;
    }
    let mut next = 0;
    let mut target = Vec::with_capacity(rows.len());
    for row in rows {
        // Rows that stay keep their order, so the search is short for all but new rows.
        let ahead = shown[next..].iter().position(|shown| shown.key == row.key).map(|found| next + found);
        let found = ahead.or_else(|| shown[..next].iter().position(|shown| shown.key == row.key));
        let Some(found) = found else {
            target.extend(make(row));
            continue;
        };
        next = found + 1;
        let kept = &shown[found];
        if kept.look.get_untracked() != row.look {
            kept.look.set(row.look);
        }
        target.push(kept.clone());
    }
    Some(target)
}

/// Shows the rows of `target` step by step, and waits until the document does.
async fn approach(list: RwSignal<Vec<ListRow>>, target: Option<Vec<ListRow>>) {
    let Some(target) = target else { return };
    while let Some(next) = list.with_untracked(|shown| rows::next_step(shown, &target)) {
        list.set(next);
        // The nodes follow in a task of the framework.
        tick().await;
    }
    tick().await;
}
