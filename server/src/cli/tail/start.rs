//! Where `crier tail` starts.

use std::iter::repeat;
use std::time::Duration;

use client::{HistoryError, Page, Room};
use protocol::Position;
use protocol::limits::PAGE_ENTRIES_MAX;

use super::super::exit_code::Failure;
use super::super::notes::{ConnectionNotes, explain};
use super::search::Search;

/// Seconds between attempts to read the history. The last wait repeats.
const WAITS: [u64; 6] = [1, 2, 4, 8, 16, 30];

/// Where to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With the next message.
    Now,
    /// After a position.
    After(Position),
    /// With this number of messages before the next one.
    Last(u64),
    /// With the first message since a time, in milliseconds since 1970.
    Since(u64),
}

impl Start {
    /// Returns the position to continue after, and tries again while the board is away. `None` for
    /// the next message.
    pub(super) async fn position_when_reachable(
        self,
        room: &Room,
        server: &str,
        notes: &mut ConnectionNotes,
    ) -> Result<Option<Position>, Failure> {
        match self {
            Self::Now => return Ok(None),
            Self::After(position) => return Ok(Some(position)),
            Self::Last(_) | Self::Since(_) => {}
        }
        let mut waits = WAITS.into_iter().chain(repeat(WAITS[WAITS.len() - 1]));
        loop {
            match self.find(room).await {
                Ok((position, _)) => {
                    notes.found();
                    return Ok(Some(position));
                }
                Err(error) if error.is_temporary() => {
                    let wait = Duration::from_secs(waits.next().unwrap_or_default());
                    notes.lost(&reason(server, &error), wait);
                    tokio::time::sleep(wait).await;
                }
                Err(error) => return Err(failure(server, &error)),
            }
        }
    }

    /// Returns the position to continue after, and the position of the newest entry.
    pub(super) async fn position_and_latest(self, room: &Room, server: &str) -> Result<(Position, Position), Failure> {
        self.find(room).await.map_err(|error| failure(server, &error))
    }

    async fn find(self, room: &Room) -> Result<(Position, Position), HistoryError> {
        let latest = room.history_with(Page::Latest, 1).await?.latest;
        let position = match self {
            Self::Now | Self::Last(0) => latest,
            Self::After(position) => position,
            Self::Last(lines) => last(room, lines, latest).await?,
            Self::Since(since) => search(room, since, latest).await?,
        };
        Ok((position, latest))
    }
}

/// Returns the position before the last `lines` messages. Changes between them do not count.
async fn last(room: &Room, lines: u64, latest: Position) -> Result<Position, HistoryError> {
    let (mut start, mut page, mut left) = (latest, Page::Latest, lines);
    while left > 0 {
        let limit = usize::try_from(left).unwrap_or(PAGE_ENTRIES_MAX).min(PAGE_ENTRIES_MAX);
        let found = room.history_with(page, limit).await?;
        let messages = found.entries.iter().filter(|entry| entry.kind.is_message());
        left = left.saturating_sub(messages.clone().count() as u64);
        start.offset = messages.map(|first| first.offset - 1).next().unwrap_or(start.offset);
        match found.before {
            Some(before) if !found.entries.is_empty() => page = Page::Before(before),
            _ => break,
        }
    }
    Ok(start)
}

/// Returns the position before the first entry that is not older than a time.
async fn search(room: &Room, since: u64, latest: Position) -> Result<Position, HistoryError> {
    let mut search = Search::new(since, latest.offset);
    while let Some(question) = search.question() {
        match room.history_with(Page::After(Position { offset: question, ..latest }), 1).await {
            Ok(page) => match page.entries.first() {
                Some(entry) => search.found(question, entry.offset, entry.time),
                None => search.found_none(question),
            },
            Err(HistoryError::Gap(gap)) if gap.resumes.epoch != latest.epoch => return Ok(gap.resumes),
            Err(HistoryError::Gap(gap)) => search.expired(gap.resumes.offset),
            Err(error) => return Err(error),
        }
    }
    Ok(Position { offset: search.result(), ..latest })
}

/// Returns how the subcommand ends if the history can't be read.
pub(super) fn failure(server: &str, error: &HistoryError) -> Failure {
    let reason = reason(server, error);
    match error {
        HistoryError::Gap(_) => Failure::refused(reason),
        HistoryError::Refused { code, .. } if !code.is_temporary() => Failure::refused(reason),
        _ => Failure::unreachable(reason),
    }
}

fn reason(server: &str, error: &HistoryError) -> String {
    match error {
        HistoryError::Failed(failure) => explain(server, failure),
        error => error.to_string(),
    }
}
