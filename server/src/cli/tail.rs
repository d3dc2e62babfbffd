//! `crier tail`: prints the messages of a room, and follows it until nobody reads the output.

mod printed;
mod search;

mod print;

mod start;

use std::future::pending;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::pin::pin;

use client::{HistoryError, Options, Page, Room, Update};
use jiff::Zoned;
use protocol::limits::PAGE_ENTRIES_MAX;
use protocol::{Entry, Gap, Kind, Position};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::board;
use super::exit_code::{ExitCode, Failure};
use super::notes::{ConnectionNotes, explain, failed, note};
use crate::config;
use printed::Printed;
use start::Start;

/// Number of messages with which `--no-follow` starts by default.
const LINES_DEFAULT: u64 = 10;

/// Prints messages. `now` is the clock, in the local zone.
pub async fn tail(settings: config::Tail, now: impl Fn() -> Zoned) -> ExitCode {
    let mut printer =
        Printer { json: settings.json, now, page: board::page(&settings.remote.server, &settings.room), printed: Printed::default() };
    match run(&settings, &mut printer).await {
        Ok(()) | Err(Stop::ReaderEnded) => ExitCode::Done,
        Err(Stop::Failed(failure)) => failed(&failure),
    }
}

/// Why nothing more is printed.
enum Stop {
    /// The reader of the output, such as `head`, ended.
    ReaderEnded,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::ReaderEnded,
            _ => Self::Failed(Failure::output(&error)),
        }
    }
}

async fn run<N: Fn() -> Zoned>(settings: &config::Tail, printer: &mut Printer<N>) -> Result<(), Stop> {
    let start = match (settings.lines, settings.since) {
        (Some(lines), _) => Start::Last(lines),
        (None, Some(since)) => Start::Since(since.resolve(&(printer.now)()).map_err(Failure::usage)?),
        (None, None) => match settings.after {
            Some(after) => Start::After(after),
            None if settings.no_follow => Start::Last(LINES_DEFAULT),
            None => Start::Now,
        },
    };
    let server = &settings.remote.server;
    let board = board::connect(&settings.remote, settings.identity.as_deref())?;
    let room = board.room_named(settings.room.clone());
    if settings.no_follow {
        return print_history(&room, server, start, printer).await;
    }
    let mut notes = ConnectionNotes::new(server, settings.quiet, settings.transport);
    let mut ended = pin!(reader_ended());
    let after = tokio::select! {
        after = start.position_when_reachable(&room, server, &mut notes) => after?,
        () = &mut ended => return Err(Stop::ReaderEnded),
    };
    let mut updates = room.subscribe_with(Options { after, only: settings.transport, ..Options::default() });
    loop {
        let update = tokio::select! {
            update = updates.next() => update,
            () = &mut ended => return Err(Stop::ReaderEnded),
        };
        let Some(update) = update else { break };
        match update {
            Update::Entry(entry) => printer.print(&entry, updates.position())?,
            Update::Change(change) => printer.print_change(&change, updates.position())?,
            Update::Gap(gap) => printer.print_gap(&gap)?,
            Update::Connection => notes.update(&updates),
            Update::StartsAt(_) | Update::Proven(_) | Update::Online(_) | Update::Outbox | Update::Published { .. } => {}
        }
    }
    // Without a reason, the program is ending because of a signal.
    let failure = updates.ended().ok_or(Stop::ReaderEnded)?;
    Err(Failure::unreachable(explain(server, failure)).into())
}

/// Waits until nobody can read standard output any more. Never ready for a file.
#[expect(deprecated, reason = "its successor is unsafe; an `OwnedFd` stays open, so this is sound")]
async fn reader_ended() {
    let output = io::stdout().as_fd().try_clone_to_owned();
    let output = output.and_then(|output| AsyncFd::with_interest(output, Interest::ERROR));
    match output {
        Ok(output) => drop(output.ready(Interest::ERROR).await.map(|_| ())),
        Err(_) => pending().await,
    }
}

/// Prints the messages after a position that the room has now. They contain their changes.
async fn print_history<N: Fn() -> Zoned>(room: &Room, server: &str, start: Start, printer: &mut Printer<N>) -> Result<(), Stop> {
    let (mut position, latest) = start.position_and_latest(room, server).await?;
    while position.epoch != latest.epoch || position.offset < latest.offset {
        match room.history_with(Page::After(position), PAGE_ENTRIES_MAX).await {
            Ok(page) => {
                for entry in page.entries.iter().filter(|entry| entry.kind.is_message()) {
                    printer.print(entry, Some(Position { offset: entry.offset, ..page.position }))?;
                }
                if page.entries.is_empty() {
                    break;
                }
                position = page.position;
            }
            Err(HistoryError::Gap(gap)) => {
                printer.print_gap(&gap)?;
                position = gap.resumes;
            }
            Err(error) => return Err(start::failure(server, &error).into()),
        }
    }
    Ok(())
}

/// Prints to standard output, each message at once.
struct Printer<N> {
    json: bool,
    now: N,
    /// The address of the room's page.
    page: String,
    printed: Printed,
}

impl<N: Fn() -> Zoned> Printer<N> {
    fn print(&mut self, entry: &Entry, position: Option<Position>) -> io::Result<()> {
        self.printed.remember(entry);
        let mut output = io::stdout().lock();
        match self.json {
            true => print::entry_json(entry, position, &mut output)?,
            false => print::entry(entry, &(self.now)(), &mut output)?,
        }
        output.flush()
    }

    /// Prints a change, unless its message was printed with it.
    fn print_change(&self, change: &Entry, position: Option<Position>) -> io::Result<()> {
        let mut output = io::stdout().lock();
        match self.json {
            true => print::entry_json(change, position, &mut output)?,
            false if change.kind == Kind::Cast => print::cast(change, &self.page, &(self.now)(), &mut output)?,
            false if self.printed.contains(change) => {}
            false => print::change(change, self.printed.of(change), &(self.now)(), &mut output)?,
        }
        output.flush()
    }

    fn print_gap(&self, gap: &Gap) -> io::Result<()> {
        if !self.json {
            note(&print::gap(gap));
            return Ok(());
        }
        let mut output = io::stdout().lock();
        print::gap_json(gap, &mut output)?;
        output.flush()
    }
}
