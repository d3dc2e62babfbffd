//! The budget of the bundle: what a browser downloads before the page is live.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by a panic and prints its measurements")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// WebAssembly and JavaScript together, in bytes with the best brotli compression.
const CODE_BYTES_MAX: usize = 180_000;
/// All style sheets together, likewise.
const STYLE_BYTES_MAX: usize = 8_000;

/// Files that only those load who need them, after the page or instead of it.
const LOADED_LATER: &[&str] = &["moderate", "trade", "composing", "references", "actions", "cast", "present", "ticks"];

/// The size of the files of a first load.
fn compressed(endings: &[&str]) -> usize {
    let dist = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist");
    let files = fs::read_dir(dist).expect("`make build` has made dist/").map(|file| file.unwrap().path());
    let is_later = |path: &Path| path.file_stem().is_some_and(|name| LOADED_LATER.iter().any(|later| name == *later));
    let is_wanted = |path: &Path| path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted));
    let wanted: Vec<_> = files.filter(|path| is_wanted(path) && !is_later(path)).collect();
    assert!(!wanted.is_empty(), "dist/ has no {endings:?}: run `make build`");
    let mut sum = 0;
    for path in wanted {
        let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 24);
        writer.write_all(&fs::read(&path).unwrap()).unwrap();
        let bytes = writer.into_inner().len();
        println!("{:>8} {}", bytes, path.file_name().unwrap().display());
        sum += bytes;
    }
    sum
}

#[test]
#[ignore = "needs the bundle"]
fn the_code_stays_within_its_budget() {
    let bytes = compressed(&["wasm", "js"]);
    assert!(bytes <= CODE_BYTES_MAX, "the code has {bytes} bytes, the budget is {CODE_BYTES_MAX}");
}

#[test]
#[ignore = "needs the bundle"]
fn the_style_stays_within_its_budget() {
    let bytes = compressed(&["css"]);
    assert!(bytes <= STYLE_BYTES_MAX, "the style sheets have {bytes} bytes, the budget is {STYLE_BYTES_MAX}");
}
