//! The rules of CONTRIBUTING.md that a machine can check.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that panics has failed, and its output explains why")]

mod edges;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// A file that is longer has two subjects.
const FILE_LINES_MAX: usize = 500;

/// The server's modules in reading order, with those above that each may use.
const MODULES: &[(&str, &[&str])] = &[
    ("log", &[]),
    ("limits", &[]),
    ("codec", &[]),
    ("access", &[]),
    ("store", &["log", "access"]),
    ("encoded", &["codec", "store"]),
    ("room", &["limits", "encoded", "access", "store"]),
    ("cast", &["limits", "codec", "room"]),
    ("context", &["limits", "access", "store", "room", "cast"]),
    ("commands", &["access", "store", "room", "context"]),
    ("delivery", &["limits", "codec", "encoded", "access", "store", "room", "cast", "context", "commands"]),
    ("http", &["log", "limits", "codec", "encoded", "access", "store", "room", "cast", "context", "commands", "delivery"]),
    ("config", &["access", "store", "room", "limits", "http"]),
    ("server", &["access", "store", "room", "limits", "cast", "context", "delivery", "http", "config"]),
    ("cli", &["config"]),
    ("lib", &["server"]),
];

/// Words that only some places may use: the word, the places, and the reason.
const OWNED: &[(&str, &[&str], &str)] = &[
    ("rusqlite", &["server/src/store"], "all SQL is in store"),
    ("axum::", &["server/src/http", "server/src/http.rs"], "only http knows the web framework"),
    ("frontend::", &["server/src/http/page.rs", "server/src/http/page/", "server/src/http/stream/live.rs"], "HTML is made in two places"),
    ("web_sys::", &["frontend/src/browser", "frontend/src/browser.rs", "frontend/tests"], "only browser knows the browser"),
    ("unsafe ", &["batch-send/src/ring.rs", "defer-accept/src/"], "only system calls without a safe library need it"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every source file below the workspace's crates, with its path from the root.
fn sources(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["protocol", "client", "chat", "bench", "batch-send", "defer-accept", "server", "frontend", "tests", "style"]
            .iter()
            .map(|name| root().join(name))
            .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == ending) {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The lines of a file before its tests, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let before_tests = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn no_file_is_too_long() {
    for (path, text) in sources("rs").into_iter().chain(sources("css")) {
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{path} has {lines} lines, {FILE_LINES_MAX} are allowed");
    }
}

#[test]
fn server_modules_use_only_their_allowed_modules() {
    for (path, text) in sources("rs") {
        let Some(inside) = path.strip_prefix("server/src/") else { continue };
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs");
        // `main` joins all modules. `testing` and `story` are for unit tests.
        if module == "main" || path.ends_with("/testing.rs") || path.ends_with("/story.rs") {
            continue;
        }
        let (_, allowed) =
            MODULES.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{path} is of no module in the table"));
        for used in code(&text)
            .flat_map(|line| line.split("crate::").skip(1))
            .map(|rest| rest.split([':', ';', ',', '{', ' ', ')']).next().unwrap())
        {
            assert!(used == module || allowed.contains(&used), "{path} uses {used}; {module} may use {allowed:?}");
        }
    }
}

#[test]
fn words_stay_in_the_places_that_own_them() {
    for (path, text) in sources("rs") {
        if path.starts_with("tests/") || path.contains("/tests/") {
            continue;
        }
        for (word, places, why) in OWNED {
            let at_home = places.iter().any(|place| path.starts_with(place));
            let stray = code(&text).find(|line| line.contains(word) && !line.contains("#[expect("));
            assert!(at_home || stray.is_none(), "{path} has `{word}`, but {why}: {}", stray.unwrap_or_default());
        }
    }
}

#[test]
fn no_test_sleeps() {
    // In pieces, so that this line is not found itself.
    let words = [concat!("sle", "ep("), concat!("wait_for_time", "out(")];
    for (path, text) in sources("rs") {
        if path.contains("tests/") {
            let found = text.lines().find(|line| words.iter().any(|word| line.contains(word)));
            assert!(found.is_none(), "{path} sleeps; wait for a condition: {}", found.unwrap_or_default());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in sources("rs") {
        assert!(text.starts_with("//!"), "{path} does not begin with a comment about its purpose");
    }
}

#[test]
fn no_work_is_left_for_later() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];
    for (path, text) in sources("rs").into_iter().chain(sources("css")) {
        let found = text.lines().find(|line| words.iter().any(|word| line.contains(word)));
        assert!(found.is_none(), "{path}: {}", found.unwrap_or_default());
    }
}

#[test]
fn tests_of_the_release_binary_run_only_when_asked_for() {
    let is_of_binary = |path: &str| path.starts_with("tests/e2e/") || path.starts_with("tests/terminal/");
    for (path, text) in sources("rs").into_iter().filter(|(path, _)| is_of_binary(path)) {
        let tests = text.matches("#[tokio::test").count();
        assert_eq!(text.matches("#[ignore = ").count(), tests, "{path} has a test without `#[ignore = \"needs …\"]`");
    }
}
