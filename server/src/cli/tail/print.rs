//! What `crier tail` prints. `docs/cli.md` describes it.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use protocol::{Entry, Gap, GapReason, Position};
use serde::Serialize;

use super::super::terminal::{harmless, write_json};

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

/// Writes an entry as a line of JSON.
pub(super) fn entry_json(entry: &Entry, position: Option<Position>, output: &mut impl Write) -> io::Result<()> {
    write_json(&Line::Entry { position, entry }, output)
}

/// Writes a gap as a line of JSON.
pub(super) fn gap_json(gap: &Gap, output: &mut impl Write) -> io::Result<()> {
    write_json(&Line::Gap { gap }, output)
}

/// Writes an entry for people: its local time, with the day unless that is today, the author and
/// the text. Further lines of the text are indented.
pub(super) fn entry(entry: &Entry, now: &Zoned, output: &mut impl Write) -> io::Result<()> {
    let time = local(entry.time, now.time_zone());
    let format = if time.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    let author = if entry.author.is_nameless() { "·" } else { entry.author.as_str() };
    writeln!(output, "{} {}: {}", time.strftime(format), harmless(author), harmless(entry.text.as_str()))
}

fn local(time: u64, zone: &TimeZone) -> Zoned {
    Timestamp::from_millisecond(time.cast_signed()).unwrap_or_default().to_zoned(zone.clone())
}

/// Returns a sentence about a gap.
pub(super) fn gap(gap: &Gap) -> String {
    let reason = match gap.reason {
        GapReason::Expired => "they are no longer kept",
        GapReason::OtherEpoch => "the board has another log than before",
        GapReason::BeyondEnd => "the board has lost the end of its log",
    };
    format!("messages are missing here: {reason}. Going on after {}.", gap.resumes)
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;
    use protocol::{Author, Text};

    use super::*;

    #[test]
    fn prints_the_day_unless_it_is_today() {
        let now = "2026-11-28T23:30:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::fixed(offset(1)));
        let printed = |time: &str, author: &str, text: &str| {
            let time = time.parse::<Timestamp>().unwrap().as_millisecond().cast_unsigned();
            let (author, text) = (Author::parse(author).unwrap(), Text::parse(text).unwrap());
            let mut output = Vec::new();
            entry(&Entry { offset: 1, time, author, text, key: None, raw: None, ..Default::default() }, &now, &mut output).unwrap();
            String::from_utf8(output).unwrap()
        };
        // The local day is the 29th.
        assert_eq!(printed("2026-11-28T23:00:05Z", "ana", "hi"), "00:00:05 ana: hi\n");
        assert_eq!(printed("2026-11-28T22:59:59Z", "", "one\ntwo"), "2026-11-28 23:59:59 ·: one\n         two\n");
        assert_eq!(printed("2025-11-29T10:00:00Z", "ana", "\u{1b}[2J"), "2025-11-29 11:00:00 ana: \u{fffd}[2J\n");
    }
}
