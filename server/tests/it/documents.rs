//! The documents agree with the code.

use std::path::Path;

use clap::CommandFactory;
use protocol::cast::ChunkKind;
use protocol::{Author, Disconnect, Emoji, Entry, ErrorCode, Kind, Reaction, Tag, Text, limits};
use serde_json::Value;
use server::cli::ExitCode;
use server::config::Cli;

use crate::command_line::run;
use crate::support::TestServer;

fn document(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_error_code_is_documented_with_its_status() {
    let page = document("docs/protocol.md");
    for code in ErrorCode::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.status());
        let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("docs/protocol.md lacks {row}"));
        assert_eq!(line.contains("temporary"), code.is_temporary(), "{line}");
    }
}

#[test]
fn every_close_code_is_documented() {
    let page = document("docs/protocol.md");
    for close in [
        Disconnect::Restart { spread: 1 },
        Disconnect::Binary,
        Disconnect::SlowConsumer,
        Disconnect::HeartbeatMissed,
        Disconnect::Unavailable,
        Disconnect::TooManyErrors,
        Disconnect::AccessEnded,
        Disconnect::CastOver,
        Disconnect::CastReplaced,
        Disconnect::ChunkRefused,
        Disconnect::CastTooFast,
    ] {
        let row = format!("| {} |", close.code());
        let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("docs/protocol.md lacks {row}"));
        assert_eq!(!line.ends_with("| no |"), Disconnect::should_reconnect(close.code()), "{line}");
    }
}

#[test]
fn every_frame_is_documented() {
    let page = document("docs/protocol.md");
    for word in ["hello", "message", "change", "gap", "presence", "heartbeat", "published", "pong", "error", "publish", "ping"] {
        assert!(page.contains(&format!("\n| `{word}` |")), "{word}");
    }
    for word in ["casting", "viewers", "keyframe", "cast", "skipped", "paused", "resumed"] {
        assert!(page.contains(&format!("\n| `{word}` |")), "{word}");
    }
    for kind in ChunkKind::ALL {
        assert!(page.contains(&format!("\n| {}, a", kind as u8)), "{kind:?}");
    }
    for event in ["`hello`", "none", "`change`", "`gap`", "`presence`"] {
        assert!(page.contains(&format!("\n| {event} |")), "{event}");
    }
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_message()) {
        assert!(page.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{}`", kind.as_str()))), "{kind:?}");
    }
    for reason in ["expired", "other_epoch", "beyond_end"] {
        assert!(page.contains(&format!("\n| `{reason}` |")), "{reason}");
    }
}

#[test]
fn the_documented_limits_are_the_real_ones() {
    let page = document("docs/protocol.md");
    for (limit, phrase) in [
        (limits::TEXT_BYTES_MAX, "over 16,384 bytes of UTF-8"),
        (limits::BODY_BYTES_MAX, "over 65,536 bytes"),
        (limits::URI_BYTES_MAX, "over 8,192 bytes"),
        (limits::HEADER_BYTES_MAX, "over 32,768 bytes of header"),
        (limits::AUTHOR_CHARS_MAX, "over 64 characters"),
        (limits::PAGE_ENTRIES_MAX, "1 to 200, else 50"),
        (limits::PAGE_ENTRIES_DEFAULT, "newest 50 entries"),
        (limits::WAIT_SECONDS_MAX as usize, "0 to 55 seconds"),
        (limits::PUBLISHES_IN_FLIGHT_MAX, "Up to 64 may be unanswered"),
        (limits::CHUNK_BYTES_MAX, "A chunk has at most 524,288 bytes"),
        (limits::CAST_GROUP_BYTES_MAX, "One of over 2,097,152 bytes"),
        (limits::PICTURE_BYTES_MAX, "whole screen, at most 262,144 bytes"),
        (limits::CHUNKS_PER_SECOND_MAX as usize, "More than 120 chunks a second"),
        (limits::CAST_RESUME_SECONDS as usize, "\n30 seconds for that"),
        (limits::FRAGMENTS_MAX, "in more than 1,024 fragments"),
    ] {
        let digits: String = phrase.chars().filter(|c| c.is_ascii_digit() || *c == ' ').collect();
        assert!(digits.split(' ').any(|number| number == limit.to_string()), "{phrase} is not {limit}");
        assert!(page.contains(phrase), "docs/protocol.md does not say {phrase:?}");
    }
}

#[test]
fn every_setting_is_in_the_readme() {
    let readme = document("README.md");
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").unwrap();
    for argument in serve.get_arguments().filter(|argument| argument.get_env().is_some()) {
        let flag = format!("`--{}`", argument.get_long().unwrap());
        let row = readme.lines().find(|line| line.starts_with(&format!("| {flag}"))).unwrap_or_else(|| panic!("README.md lacks {flag}"));
        let variable = argument.get_env().unwrap().to_str().unwrap();
        assert!(row.contains(&format!("`{variable}`")), "{row} lacks {variable}");
        for default in argument.get_default_values() {
            assert!(row.contains(default.to_str().unwrap()), "{row} lacks the default {default:?}");
        }
    }
}

/// Returns the first column of the table whose first column has this title.
fn rows<'a>(page: &'a str, title: &str) -> Vec<&'a str> {
    let (_, table) = page.split_once(&format!("| {title} |")).unwrap_or_else(|| panic!("there is no table of {title}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with("| "));
    rows.map(|row| row.split(" | ").next().unwrap().trim_start_matches("| ").trim_matches('`')).collect()
}

/// Returns the sorted names of the fields of each line of JSON.
fn fields(json: &[u8]) -> Vec<Vec<String>> {
    let fields = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap();
        let mut names: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
        names.sort_unstable();
        names
    };
    std::str::from_utf8(json).unwrap().lines().map(fields).collect()
}

#[tokio::test]
async fn the_fields_of_json_lines_are_documented() {
    let page = document("docs/cli.md");
    let server = TestServer::start();
    let post = run(&server, &["post", "lobby", "hello", "--json", "--author", "ana", "--key", "k"], b"").await;
    let sorted = |mut fields: Vec<&str>| {
        fields.sort_unstable();
        fields.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut of_post = rows(&page, "field of `post --json`");
    of_post.retain(|name| *name != "queued");
    assert_eq!(fields(&post.stdout), [sorted(of_post)]);

    // A row may have several fields: `a`, `b`.
    let documented: Vec<_> = rows(&page, "field of `tail --json`").iter().flat_map(|row| row.split("`, `")).collect();
    let mut printed: Vec<_> = every_field_of_an_entry().chain(["position".to_owned(), "gap".to_owned()]).collect();
    printed.sort_unstable();
    assert_eq!(printed, sorted(documented));
}

fn every_field_of_an_entry() -> impl Iterator<Item = String> {
    let entry = Entry {
        kind: Kind::Edit,
        of: Some(1),
        author: Author::parse("a").unwrap(),
        text: Text::parse("a").unwrap(),
        key: Some("k".parse().unwrap()),
        raw: Some(String::new()),
        by: Some(Tag::from_bits(1)),
        badge: true,
        reply: Some(1),
        emoji: Some(Emoji::parse("👍").unwrap()),
        off: true,
        settings: Some(Box::default()),
        received: Some(1),
        changed: 1,
        edited: Some(1),
        erased: true,
        reactions: vec![Reaction { emoji: "👍".to_owned(), count: 1, mine: true }],
        ..Entry::default()
    };
    let Value::Object(fields) = serde_json::to_value(entry).unwrap() else { panic!("an entry is an object") };
    fields.into_iter().map(|(name, _)| name)
}

#[test]
fn exit_codes_and_variables_are_documented() {
    let page = document("docs/cli.md");
    let codes = [ExitCode::Done, ExitCode::Refused, ExitCode::Usage, ExitCode::Unreachable];
    assert_eq!(rows(&page, "code"), codes.map(|code| (code as u8).to_string()));
    let cli = Cli::command();
    let variables = rows(&page, "variable");
    // Read by hand: the flag names a file, and the variable holds the key.
    assert!(variables.contains(&"CRIER_ACCESS_KEY"));
    for name in ["post", "tail", "chat", "key", "room", "ban", "completions", "man"] {
        let command = cli.find_subcommand(name).unwrap();
        let nested = command.get_subcommands().flat_map(clap::Command::get_arguments);
        for argument in command.get_arguments().chain(nested) {
            if let Some(variable) = argument.get_env() {
                assert!(variables.contains(&variable.to_str().unwrap()), "docs/cli.md lacks {variable:?}");
            }
        }
        assert!(page.contains(&format!("crier {name} ")), "docs/cli.md has no example of {name}");
    }
}
