//! `crier completions` and `crier man`, run as programs.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory;
use server::config::Cli;
use tempfile::TempDir;

fn crier(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_crier")).args(arguments).output().unwrap()
}

/// Returns true if a program is installed.
fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs a program, and returns what it printed, errors included.
fn check(program: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(program).args(arguments).output().unwrap();
    let printed = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(status.success(), "{program}: {printed}");
    printed
}

#[test]
fn shells_accept_the_completions() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = crier(&["completions", shell]);
        assert!(output.status.success() && output.stderr.is_empty());
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["post", "tail", "--no-follow", "completions"] {
            // The script for fish has the flags without their hyphens.
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
        let file = folder.path().join(shell);
        std::fs::write(&file, script).unwrap();
        if is_installed(shell) {
            assert_eq!(check(shell, &["-n", file.to_str().unwrap()]), "");
        }
    }
    let bash = folder.path().join("bash");
    let script =
        r#". "$0"; complete -p crier; COMP_WORDS=(crier tail lobby --no-); COMP_CWORD=3; _crier crier --no- lobby; echo "${COMPREPLY[@]}""#;
    let printed = check("bash", &["-c", script, bash.to_str().unwrap()]);
    assert!(printed.contains("crier") && printed.ends_with("--no-follow\n"), "{printed}");
}

#[test]
fn every_subcommand_has_a_manual_page() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("man1");
    let output = crier(&["man", "--out", out.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    let pages: BTreeSet<_> = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let mut command = Cli::command();
    command.build();
    for name in command.get_subcommands().map(clap::Command::get_name).filter(|name| *name != "help") {
        assert!(pages.contains(&format!("crier-{name}.1")), "{name}: {pages:?}");
        let page = crier(&["man", name]).stdout;
        assert!(page == std::fs::read(out.join(format!("crier-{name}.1"))).unwrap(), "{name}");
        assert!(String::from_utf8(page).unwrap().contains(&format!("crier\\-{name} \\- ")), "{name}");
    }
    for page in ["crier.1", "crier-bench-fan-out.1"] {
        assert!(pages.contains(page), "{pages:?}");
    }
    assert_eq!(crier(&["man", "bench", "fan-out"]).stdout, std::fs::read(out.join("crier-bench-fan-out.1")).unwrap());
    let post = String::from_utf8(crier(&["man", "post"]).stdout).unwrap();
    assert!(post.contains(".SH \"EXIT CODES\"") && post.contains("CRIER_SERVER"), "{post}");
    if is_installed("groff") {
        for page in &pages {
            let path = out.join(page);
            assert_eq!(check("groff", &["-man", "-ww", "-Tutf8", "-z", path.to_str().unwrap()]), "", "{page}");
        }
    }
}

#[test]
fn a_reader_that_ends_is_no_failure() {
    let script = r#""$0" man | head -n 1; "$0" completions bash | head -n 1; echo "${PIPESTATUS[0]}""#;
    let printed = check("bash", &["-c", script, env!("CARGO_BIN_EXE_crier")]);
    assert!(printed.ends_with("\n0\n") && printed.lines().count() == 3, "{printed}");
}
