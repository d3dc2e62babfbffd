//! The verbs of the command line that talk to a server: post, tail, bench.

mod bench;
mod terminal;

use std::io::{self, ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use client::native::{self, Client};
use client::{Connection, Options, Transport, Update};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::limits::TEXT_BYTES_MAX;
use protocol::{Entry, Gap, Position, PublishRequest, Text};
use serde::Serialize;

use crate::config;
pub use bench::bench;
pub use terminal::harmless;
use terminal::write_json;

/// The longest input that can be a message, in bytes: each line end may be two, and the last one is not counted.
const INPUT_BYTES_MAX: u64 = TEXT_BYTES_MAX as u64 * 2 + 2;

/// `crier post`: publishes one message, through reconnects if need be, and prints its position.
pub async fn post(settings: config::Post) -> anyhow::Result<()> {
    let text = match settings.text.as_deref() {
        Some(text) if text != "-" => text.to_owned(),
        _ => read_input()?,
    };
    let message = PublishRequest { text: Text::parse(&text)?, author: settings.author, key: settings.key };
    let wait = Duration::from_secs(settings.timeout);
    let published = native::publish(&settings.remote.server, &settings.room, message, wait).await?;
    writeln!(io::stdout(), "{}", published.position)?;
    Ok(())
}

fn read_input() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        let _ = writeln!(io::stderr(), "Type the message; Ctrl-D ends it.");
    }
    let mut bytes = Vec::new();
    io::stdin().take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes).context("can't read standard input")?;
    // What was cut may end in the middle of a character.
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(protocol::ErrorCode::TextTooLong.into());
    }
    let text = String::from_utf8(bytes).ok().context("standard input is not a text in UTF-8")?;
    Ok(text.strip_suffix('\n').map_or(text.clone(), |text| text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// `crier tail`: follows a room for as long as somebody reads what it prints.
pub async fn tail(settings: config::Tail) -> anyhow::Result<()> {
    let options = Options { after: settings.after, only: settings.transport, ..Options::default() };
    let mut client = Client::connect(&settings.remote.server, &settings.room, options)?;
    // What whoever looks on believes: that all is well, over the best there is.
    let (mut is_live, mut by) = (true, settings.transport.unwrap_or(Transport::WebSocket));
    while let Some(update) = client.next().await {
        let printed = match update {
            Update::Entry(entry) => print_entry(&entry, client.position(), settings.json),
            Update::Gap(gap) => print_gap(&gap, settings.json),
            Update::Connection => {
                if let (Some(trouble), Some(wait)) = (client.trouble(), client.retry_in()) {
                    let trouble = format!("{trouble}; trying again in {:.1} s", wait.as_secs_f32());
                    note(&trouble);
                    is_live = false;
                }
                if let Connection::Live { transport, .. } = client.connection() {
                    let (was_live, before) = (std::mem::replace(&mut is_live, true), std::mem::replace(&mut by, transport));
                    match transport {
                        _ if transport != before => note(&format!("connected by {}", transport.word())),
                        _ if !was_live => note("connected again"),
                        _ => {}
                    }
                }
                Ok(())
            }
            Update::Begins(_) | Update::Proven(_) | Update::Here(_) | Update::Outbox | Update::Published { .. } => Ok(()),
        };
        match printed {
            // Whoever read us, such as `head`, has had enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            printed => printed.context("can't write to standard output")?,
        }
    }
    bail!("{}", client.trouble().unwrap_or("the server said not to come back"))
}

/// Says something to whoever looks on. That nobody does is no reason to end.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "crier: {}", harmless(text));
}

/// One line of `crier tail --json`.
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
