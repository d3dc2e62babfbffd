//! What `crier tail` prints. `docs/cli.md` describes it.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use protocol::{Entry, Gap, GapReason, Kind, Position};
use serde::Serialize;

use super::super::terminal::{harmless, write_json};
use super::printed::PrintedMessage;

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

/// Writes a message for people: its local time, with the day unless that is today, the author and
/// the text, with what became of it. Further lines of the text are indented.
pub(super) fn entry(entry: &Entry, now: &Zoned, output: &mut impl Write) -> io::Result<()> {
    let time = shown_time(entry.time, now);
    if entry.erased {
        return writeln!(output, "{time}  a message was deleted");
    }
    let author = if entry.author.is_nameless() { "·" } else { entry.author.as_str() };
    let edited = if entry.edited.is_some() { " (edited)" } else { "" };
    let reactions = entry.reactions.iter().map(|reaction| format!("{} {}", harmless(&reaction.emoji), reaction.count));
    let reactions: Vec<_> = reactions.collect();
    let reactions = if reactions.is_empty() { String::new() } else { format!(" [{}]", reactions.join(", ")) };
    writeln!(output, "{time} {}: {}{edited}{reactions}", harmless(author), harmless(entry.text.as_str()))
}

/// Writes that a cast has begun, and where to watch it, or that it is over.
pub(super) fn cast(cast: &Entry, page: &str, now: &Zoned, output: &mut impl Write) -> io::Result<()> {
    let time = shown_time(cast.time, now);
    if cast.off {
        return writeln!(output, "{time}  no screen is shown any more");
    }
    let author = if cast.author.is_nameless() { "somebody" } else { cast.author.as_str() };
    writeln!(output, "{time}  {} shows a screen: {page}", harmless(author))
}

/// Writes a change for people. `message` is the message that it changes, if that is remembered.
/// Names don't begin with a space, so no message looks like this. Writes nothing if this version
/// does not know the change.
pub(super) fn change(change: &Entry, message: Option<&PrintedMessage>, now: &Zoned, output: &mut impl Write) -> io::Result<()> {
    let which = match message {
        Some(PrintedMessage { time, author, .. }) => {
            let whose = if author.is_empty() { "a message".to_owned() } else { format!("{}'s message", harmless(author)) };
            format!("{whose} of {}", shown_time(*time, now))
        }
        None => format!("message {}", change.of.unwrap_or_default()),
    };
    let emoji = || change.emoji.as_ref().map_or_else(String::new, |emoji| harmless(emoji.as_str()));
    let what = match change.kind {
        // The text is gone if the message was deleted since.
        Kind::Edit if change.text.is_absent() => format!("{which} was edited"),
        Kind::Edit => format!("{which} was edited: {}", harmless(change.text.as_str())),
        Kind::Erase => format!("{which} was deleted"),
        Kind::React if change.off => format!("{} taken back from {which}", emoji()),
        Kind::React => format!("{} for {which}", emoji()),
        Kind::Pin => format!("{which} was pinned"),
        Kind::Unpin => format!("{which} was unpinned"),
        Kind::Room => "the room has new settings".to_owned(),
        Kind::Message | Kind::Cast | Kind::Unknown => return Ok(()),
    };
    writeln!(output, "{}  {what}", shown_time(change.time, now))
}

fn shown_time(time: u64, now: &Zoned) -> String {
    let time = local(time, now.time_zone());
    let format = if time.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    time.strftime(format).to_string()
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
    use protocol::{Author, Emoji, Reaction, Text};

    use super::super::printed::Printed;
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

    #[test]
    fn a_change_is_a_line_that_names_its_message_or_the_screen() {
        let now = "2026-11-28T12:00:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC);
        let at = |minute: u64| now.timestamp().as_millisecond().cast_unsigned() - (60 - minute) * 60_000;
        let message = Entry { offset: 3, time: at(1), author: Author::parse("ana").unwrap(), ..Entry::default() };
        let mut printed = Printed::default();
        printed.remember(&message);
        let text = |text: &str| Text::from_stored(text.to_owned());
        let emoji = Some(Emoji::from_stored("👍".to_owned()));
        let base = Entry { offset: 9, time: at(2), of: Some(3), ..Entry::default() };
        for (entry, line) in [
            (
                Entry { kind: Kind::Edit, text: text("new\ntext"), ..base.clone() },
                "ana's message of 11:01:00 was edited: new\n         text",
            ),
            (Entry { kind: Kind::Edit, ..base.clone() }, "ana's message of 11:01:00 was edited"),
            (Entry { kind: Kind::Erase, ..base.clone() }, "ana's message of 11:01:00 was deleted"),
            (Entry { kind: Kind::React, emoji: emoji.clone(), ..base.clone() }, "👍 for ana's message of 11:01:00"),
            (Entry { kind: Kind::React, emoji, off: true, of: Some(2), ..base.clone() }, "👍 taken back from message 2"),
            (Entry { kind: Kind::Pin, ..base.clone() }, "ana's message of 11:01:00 was pinned"),
            (Entry { kind: Kind::Room, of: None, ..base.clone() }, "the room has new settings"),
        ] {
            let mut output = Vec::new();
            change(&entry, printed.of(&entry), &now, &mut output).unwrap();
            assert_eq!(String::from_utf8(output).unwrap(), format!("11:02:00  {line}\n"));
        }
        let begun = Entry { kind: Kind::Cast, of: None, author: Author::parse("ana").unwrap(), ..base.clone() };
        for (entry, line) in [
            (begun.clone(), "ana shows a screen: http://h/r/lobby"),
            (Entry { author: Author::default(), ..begun }, "somebody shows a screen: http://h/r/lobby"),
            (Entry { kind: Kind::Cast, off: true, ..base.clone() }, "no screen is shown any more"),
        ] {
            let mut output = Vec::new();
            cast(&entry, "http://h/r/lobby", &now, &mut output).unwrap();
            assert_eq!(String::from_utf8(output).unwrap(), format!("11:02:00  {line}\n"));
        }
        let mut output = Vec::new();
        change(&Entry { kind: Kind::Unknown, ..base }, None, &now, &mut output).unwrap();
        assert_eq!(output, b"");
    }

    #[test]
    fn a_message_shows_what_became_of_it() {
        let now = "2026-11-28T12:00:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC);
        let message = Entry { offset: 3, author: Author::parse("ana").unwrap(), text: Text::parse("hi").unwrap(), ..Entry::default() };
        let reaction = |emoji: &str, count| Reaction { emoji: emoji.to_owned(), count, mine: false };
        let edited = Entry { edited: Some(1), reactions: vec![reaction("👍", 2), reaction("🎉", 1)], ..message };
        let erased = Entry { offset: 3, erased: true, ..Entry::default() };
        for (message, line) in
            [(edited, "1970-01-01 00:00:00 ana: hi (edited) [👍 2, 🎉 1]\n"), (erased, "1970-01-01 00:00:00  a message was deleted\n")]
        {
            let mut output = Vec::new();
            entry(&message, &now, &mut output).unwrap();
            assert_eq!(String::from_utf8(output).unwrap(), line);
        }
    }
}
