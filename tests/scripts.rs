//! What the page's scripts decide without a browser, in Node.js.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::process::Command;

#[test]
#[ignore = "needs Node.js"]
fn the_scripts_of_casts_decide_as_their_tests_say() {
    let output = Command::new("node")
        .args(["--test", "frontend/tests/cast.test.mjs"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("Node.js is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
