//! The subcommands that talk to a server: `post`, `tail` and `bench`.

mod bench;
mod split;
mod terminal;

use std::io::{self, ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use client::native::{self, Client, PublishError};
use client::{ConnectionState, Options, Transport, Update};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::{Entry, ErrorCode, Gap, Position, PublishRequest, Published};
use serde::Serialize;

use crate::config;
pub use bench::bench;
pub use terminal::harmless;
use terminal::write_json;

/// The longest input that is posted, in bytes: some thousand messages.
const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// `crier post`: publishes a message, or several if it is too long for one, through reconnects if need be, and prints where each is.
pub async fn post(settings: config::Post) -> anyhow::Result<()> {
    let text = match settings.text.as_deref() {
        Some(text) if text != "-" => text.to_owned(),
        _ => read_input()?,
    };
    let messages = messages(&text, &settings)?;
    let count = messages.len();
    let (mut posted, mut printed) = (0, Ok(()));
    let published = |published: &Published| {
        posted += 1;
        if printed.is_ok() {
            printed = writeln!(io::stdout(), "{}", published.position);
        }
    };
    let wait = Duration::from_secs(settings.timeout);
    let result = native::publish_all(&settings.remote.server, &settings.room, messages, wait, published).await;
    match printed {
        // What is stored is a success: whoever is told otherwise posts it twice.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => note(&format!("posted, but can't write its position: {error}")),
        _ => {}
    }
    if let Err(error) = result {
        let before = if posted > 0 { format!("{posted} of {count} messages were posted; then ") } else { String::new() };
        let is_away = matches!(error, PublishError::TimedOut(_) | PublishError::Ended(_));
        bail!("{before}{error}{}", if is_away { direct() } else { String::new() });
    }
    if count > 1 {
        note(&format!("too long for one message: posted as {count}"));
    }
    Ok(())
}

/// What is to be published for a text, all of it checked.
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

/// What to add where the server can't be reached, if the environment says that it is to be reached in another way.
fn direct() -> String {
    config::proxy_variable().map(|name| format!(" ({name} is set, but crier connects directly)")).unwrap_or_default()
}

/// Reads the input to its end, even if it is too long: whoever writes it would break off.
fn read_input() -> anyhow::Result<String> {
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        let _ = writeln!(io::stderr(), "Type the message; Ctrl-D ends it.");
    }
    let mut bytes = Vec::new();
    (&mut input).take(INPUT_BYTES_MAX).read_to_end(&mut bytes).context("can't read standard input")?;
    // Not after its end: a terminal would ask for it a second time.
    let rest = if bytes.len() as u64 == INPUT_BYTES_MAX { io::copy(&mut input, &mut io::sink())? } else { 0 };
    if rest > 0 {
        bail!("standard input has {} bytes, at most {INPUT_BYTES_MAX} are taken; nothing was posted", INPUT_BYTES_MAX + rest);
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
                if let (Some(trouble), Some(wait)) = (client.last_error(), client.retry_in()) {
                    let way = if is_live { direct() } else { String::new() };
                    let trouble = format!("{trouble}{way}; trying again in {:.1} s", wait.as_secs_f32());
                    note(&trouble);
                    is_live = false;
                }
                if let ConnectionState::Live { transport, .. } = client.connection() {
                    let (was_live, before) = (std::mem::replace(&mut is_live, true), std::mem::replace(&mut by, transport));
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
            // Whoever read us, such as `head`, has had enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            printed => printed.context("can't write to standard output")?,
        }
    }
    bail!("{}", client.last_error().unwrap_or("the server said not to come back"))
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
