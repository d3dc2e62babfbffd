//! The documents agree with the code.

use std::path::Path;

use clap::CommandFactory;
use protocol::{Disconnect, ErrorCode, limits};
use server::config::Cli;

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
    ] {
        let row = format!("| {} |", close.code());
        let line = page.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("docs/protocol.md lacks {row}"));
        assert_eq!(!line.ends_with("| no |"), Disconnect::should_reconnect(close.code()), "{line}");
    }
}

#[test]
fn every_frame_is_documented() {
    let page = document("docs/protocol.md");
    for word in ["hello", "message", "gap", "presence", "heartbeat", "published", "pong", "error", "publish", "ping"] {
        assert!(page.contains(&format!("\n| `{word}` |")), "{word}");
    }
    for event in ["`hello`", "none", "`gap`", "`presence`"] {
        assert!(page.contains(&format!("\n| {event} |")), "{event}");
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
