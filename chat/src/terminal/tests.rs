//! This test binary in a pseudo-terminal: each test starts one of the programs at the end, and
//! looks at the terminal afterwards.

use std::os::fd::AsRawFd as _;
use std::process::{self, Command};
use std::{env, fs};

use pty_process::{Pts, Pty, Size};
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;

use super::*;

/// Set for the programs. Without it they do nothing.
const PROGRAM: &str = "CRIER_TEST_PROGRAM";
const TIMEOUT: Duration = Duration::from_secs(20);

/// Opens a terminal. Returns its path as well.
fn open() -> (Pty, Pts, String) {
    let (pty, pts) = pty_process::open().unwrap();
    pty.resize(Size::new(24, 80)).unwrap();
    let path = fs::read_link(format!("/proc/self/fd/{}", pts.as_raw_fd())).unwrap();
    (pty, pts, path.to_str().unwrap().to_owned())
}

/// Returns all modes of a terminal, as text.
fn modes(path: &str) -> String {
    let output = Command::new("stty").args(["-g", "-F", path]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn start(program: &str, pts: Pts) -> Child {
    let command = pty_process::Command::new(env::current_exe().unwrap());
    let name = format!("terminal::tests::{program}");
    command
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env("RUST_BACKTRACE", "0")
        .env(PROGRAM, "1")
        .kill_on_drop(true)
        .spawn(pts)
        .unwrap()
}

/// Shows what a program prints, until it ends or `until` is true.
async fn show(pty: &mut Pty, until: impl Fn(&vt100::Screen) -> bool) -> vt100::Parser {
    let mut emulator = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    let mut bytes = [0; 4096];
    let reading = async {
        while !until(emulator.screen()) {
            match pty.read(&mut bytes).await {
                Ok(count) if count > 0 => emulator.process(&bytes[..count]),
                _ => break,
            }
        }
    };
    tokio::time::timeout(TIMEOUT, reading).await.expect("the program does not end");
    emulator
}

fn assert_is_restored(screen: &vt100::Screen) {
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
}

#[tokio::test]
async fn a_panic_restores_the_terminal_before_it_is_printed() {
    for program in ["panics", "panics_in_a_thread"] {
        let (mut pty, pts, path) = open();
        let before = modes(&path);
        let mut child = start(program, pts);
        let emulator = show(&mut pty, |_| false).await;
        child.wait().await.unwrap();
        assert_is_restored(emulator.screen());
        assert!(emulator.screen().contents().contains("a defect of the chat"), "{}", emulator.screen().contents());
        assert_eq!(modes(&path), before, "{program}");
    }
}

#[tokio::test]
async fn the_end_restores_the_terminal_in_the_middle_of_a_frame() {
    let (mut pty, pts, path) = open();
    let before = modes(&path);
    let mut child = start("ends_in_a_frame", pts);
    let emulator = show(&mut pty, |_| false).await;
    assert!(child.wait().await.unwrap().success());
    assert_is_restored(emulator.screen());
    assert!(!emulator.screen().contents().contains("half"));
    assert_eq!(modes(&path), before);
}

#[tokio::test]
async fn a_terminal_that_takes_nothing_does_not_hold_up_the_end() {
    let (pty, pts, _) = open();
    // Nobody reads what the program writes.
    let mut child = start("writes_without_end", pts);
    assert!(tokio::time::timeout(TIMEOUT, child.wait()).await.expect("it does not end").unwrap().success());
    drop(pty);
}

#[tokio::test]
async fn notices_that_the_terminal_is_gone() {
    let (mut pty, pts, _) = open();
    let mut child = start("waits_for_a_hangup", pts);
    show(&mut pty, vt100::Screen::bracketed_paste).await;
    drop(pty);
    assert!(tokio::time::timeout(TIMEOUT, child.wait()).await.expect("it does not end").unwrap().success());
}

/// Returns the entered terminal in a program that a test has started, else nothing.
fn enter() -> Option<Terminal> {
    env::var_os(PROGRAM)?;
    let terminal = Terminal::enter().unwrap();
    write(ENTER).unwrap();
    Some(terminal)
}

#[test]
fn panics() {
    let Some(_terminal) = enter() else { return };
    write(b"\x1b[?25lon the screen").unwrap();
    panic!("a defect of the chat");
}

#[test]
fn panics_in_a_thread() {
    let Some(_terminal) = enter() else { return };
    let panicked = thread::spawn(|| panic!("a defect of the chat")).join();
    assert!(panicked.is_err() && has_panicked());
    // Nothing is drawn any more.
    write(b"\x1b[?1049h\x1b[?25l").unwrap();
}

#[test]
fn ends_in_a_frame() {
    let Some(terminal) = enter() else { return };
    write(b"\x1b[?2026h\x1b[31mhalf\x1b]8;;https://example.or").unwrap();
    drop(terminal);
}

#[test]
fn writes_without_end() {
    let Some(terminal) = enter() else { return };
    let (started_tx, started) = sync_channel(1);
    thread::spawn(move || {
        let _ = started_tx.send(());
        while write(&[b'x'; 4096]).is_ok() {}
    });
    started.recv().unwrap();
    drop(terminal);
    // The test's own report would block.
    process::exit(0);
}

#[tokio::test]
async fn waits_for_a_hangup() {
    // As with `nohup`: the signal is not what tells.
    let _hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).unwrap();
    let Some(terminal) = enter() else { return };
    hangup().unwrap().await.unwrap();
    drop(terminal);
    // The test's own report would fail.
    process::exit(0);
}
