//! The subcommands that talk to a server: `post`, `tail` and `bench`.

mod split;
mod terminal;

mod bench;
mod chat;

use std::io::{self, ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use client::{Board, ConnectionState, Options, PublishError, Transport, Update};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::{Entry, ErrorCode, Gap, Position, PublishRequest, Published};
use serde::Serialize;

use crate::config;
pub use bench::bench;
pub use chat::chat;
pub use terminal::harmless;
use terminal::write_json;

/// Maximum bytes of standard input that `post` accepts: a thousand messages.
const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// `crier post`: publishes a text as one message, or several if it is too long, retries while the
/// server is away, and prints the position of each.
pub async fn post(settings: config::Post) -> anyhow::Result<()> {
    let text = match settings.text.as_deref() {
        Some(text) if text != "-" => text.to_owned(),
        _ => read_input()?,
    };
    let messages = messages(&text, &settings)?;
    let count = messages.len();
    let room = Board::connect(&settings.remote.server)?.room_named(settings.room).with_time_limit(Duration::from_secs(settings.timeout));
    let (mut posted, mut printed) = (0, Ok(()));
    let mut result = Ok(());
    for message in messages {
        match room.publish(message).await {
            Ok(Published { position, .. }) => {
                posted += 1;
                if printed.is_ok() {
                    printed = writeln!(io::stdout(), "{position}");
                }
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    match printed {
        // The message is stored: an error would make the caller post it twice.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => note(&format!("posted, but can't write its position: {error}")),
        _ => {}
    }
    if let Err(error) = result {
        let before = if posted > 0 { format!("{posted} of {count} messages were posted; then ") } else { String::new() };
        let is_away = matches!(error, PublishError::TimedOut(_) | PublishError::Ended(_));
        bail!("{before}{error}{}", if is_away { proxy_hint() } else { String::new() });
    }
    if count > 1 {
        note(&format!("too long for one message: posted as {count}"));
    }
    Ok(())
}

/// Returns the messages to publish, all valid.
fn messages(text: &str, settings: &config::Post) -> Result<Vec<PublishRequest>, ErrorCode> {
    let texts = split::messages(text)?;
    let is_one = texts.len() == 1;
    let key = |number: usize| match &settings.key {
        Some(key) if !is_one => format!("{key}-{number}").parse().map(Some),
        key => Ok(key.clone()),
    };
    let message = |(text, number)| Ok(PublishRequest { text, author: settings.author.clone(), key: key(number)? });
    texts.into_iter().zip(1..).map(message).collect()
}

/// Returns a hint for errors if the environment sets a proxy.
fn proxy_hint() -> String {
    config::proxy_variable().map(|name| format!(" ({name} is set, but crier connects directly)")).unwrap_or_default()
}

/// Reads standard input to its end, even if it is too long: the writer would get a broken pipe.
fn read_input() -> anyhow::Result<String> {
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        let _ = writeln!(io::stderr(), "Type the message; Ctrl-D ends it.");
    }
    let mut bytes = Vec::new();
    (&mut input).take(INPUT_BYTES_MAX).read_to_end(&mut bytes).context("can't read standard input")?;
    // Not after the end: a terminal would ask for a second end.
    let rest = if bytes.len() as u64 == INPUT_BYTES_MAX { io::copy(&mut input, &mut io::sink())? } else { 0 };
    if rest > 0 {
        bail!("standard input has {} bytes, at most {INPUT_BYTES_MAX} are taken; nothing was posted", INPUT_BYTES_MAX + rest);
    }
    let text = String::from_utf8(bytes).ok().context("standard input is not a text in UTF-8")?;
    Ok(text.strip_suffix('\n').map_or(text.clone(), |text| text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// `crier tail`: prints the messages of a room until nobody reads the output.
pub async fn tail(settings: config::Tail) -> anyhow::Result<()> {
    let options = Options { after: settings.after, only: settings.transport, ..Options::default() };
    let mut updates = Board::connect(&settings.remote.server)?.room_named(settings.room).subscribe_with(options);
    // What the user knows: at first that it is connected, over the best transport.
    let (mut is_live, mut last) = (true, settings.transport.unwrap_or(Transport::WebSocket));
    while let Some(update) = updates.next().await {
        let printed = match update {
            Update::Entry(entry) => print_entry(&entry, updates.position(), settings.json),
            Update::Gap(gap) => print_gap(&gap, settings.json),
            Update::Connection => {
                if let (Some(trouble), Some(wait)) = (updates.last_error(), updates.retry_in()) {
                    let hint = if is_live { proxy_hint() } else { String::new() };
                    let trouble = format!("{trouble}{hint}; trying again in {:.1} s", wait.as_secs_f32());
                    note(&trouble);
                    is_live = false;
                }
                if let ConnectionState::Live { transport, .. } = updates.connection() {
                    let (was_live, before) = (std::mem::replace(&mut is_live, true), std::mem::replace(&mut last, transport));
                    match transport {
                        _ if transport != before => note(&format!("connected by {}", transport.as_str())),
                        _ if !was_live => note("connected again"),
                        _ => {}
                    }
                }
                Ok(())
            }
            Update::StartsAt(_) | Update::Proven(_) | Update::Online(_) | Update::Outbox | Update::Published { .. } => Ok(()),
        };
        match printed {
            // The reader, such as `head`, ended.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            printed => printed.context("can't write to standard output")?,
        }
    }
    Err(updates.ended().cloned().context("the server said not to come back")?.into())
}

/// Prints a note to standard error, if it is open.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "crier: {}", harmless(text));
}

/// A line of `crier tail --json`.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Entry {
        position: Option<Position>,
        #[serde(flatten)]
        entry: &'a Entry,
    },
    Gap {
        gap: &'a Gap,
    },
}

fn print_entry(entry: &Entry, position: Option<Position>, json: bool) -> io::Result<()> {
    if json {
        return print_json(&Line::Entry { position, entry });
    }
    let time = Timestamp::from_millisecond(entry.time.cast_signed()).unwrap_or_default().to_zoned(TimeZone::system());
    let author = if entry.author.is_nameless() { "·" } else { entry.author.as_str() };
    let mut output = io::stdout().lock();
    writeln!(output, "{} {}: {}", time.strftime("%H:%M:%S"), harmless(author), harmless(entry.text.as_str()))?;
    output.flush()
}

fn print_gap(gap: &Gap, json: bool) -> io::Result<()> {
    if json {
        return print_json(&Line::Gap { gap });
    }
    note(&format!("messages are missing here ({:?}); going on after {}", gap.reason, gap.resumes));
    Ok(())
}

fn print_json(line: &Line<'_>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    write_json(line, &mut output)?;
    output.flush()
}
