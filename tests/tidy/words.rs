//! Plain words: what a machine can see of how comments and documents are written.

use std::fs;

use super::{root, sources};

/// The widest a comment may be, its indentation included, in columns.
const COMMENT_COLUMNS_MAX: usize = 100;

/// Phrases that are hard to read, and what to write instead.
const UNCLEAR: &[(&str, &str)] = &[
    ("whoever", "name the role: the reader, the client, the caller"),
    ("whosoever", "name the role"),
    ("who rides", "caught-up subscribers"),
    ("what it lacks", "missing entries"),
    ("for want of", "without"),
    ("at the least", "at least"),
    ("at the most", "at most"),
    ("as it were", "leave it out"),
    ("is let", "may, or is admitted"),
    ("are let", "may, or are admitted"),
    ("lets go of", "releases, or drops"),
    ("no news", "nothing new"),
    ("in good time", "name the limit"),
];

#[test]
fn comments_are_narrow() {
    let mut wide = Vec::new();
    for (path, text) in sources("rs").into_iter().chain(sources("css")) {
        for line in comments(&text).filter(|line| line.chars().count() > COMMENT_COLUMNS_MAX) {
            wide.push(format!("{path}: {}", line.trim()));
        }
    }
    assert!(wide.is_empty(), "comment lines are wider than {COMMENT_COLUMNS_MAX} columns:\n{}", wide.join("\n"));
}

#[test]
fn comments_and_documents_use_plain_words() {
    let mut found = Vec::new();
    for (path, text) in sources("rs").into_iter().chain(sources("css")) {
        find_unclear(&path, comments(&text), &mut found);
    }
    for (path, text) in documents() {
        find_unclear(&path, text.lines(), &mut found);
    }
    assert!(found.is_empty(), "phrases are unclear:\n{}", found.join("\n"));
}

fn find_unclear<'a>(path: &str, lines: impl Iterator<Item = &'a str>, found: &mut Vec<String>) {
    for line in lines {
        let words = format!(" {} ", line.to_lowercase().replace(|c: char| !c.is_alphanumeric(), " "));
        for (phrase, instead) in UNCLEAR.iter().filter(|(phrase, _)| words.contains(&format!(" {phrase} "))) {
            found.push(format!("{path}: \"{phrase}\" (instead: {instead}): {}", line.trim()));
        }
    }
}

/// The lines of a source that are comments.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| ["//", "/*", "* "].iter().any(|start| line.trim_start().starts_with(start)))
}

/// The Markdown documents, with their paths from the root.
fn documents() -> Vec<(String, String)> {
    let folders = ["", "docs"].into_iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap().flatten());
    let documents = folders.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|is| is == "md"));
    documents.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}
