//! The binary as a process: how it starts and stops with broken output, full disks and open
//! connections.

use std::fs::{self, File};
use std::io::{Write as _, pipe};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{Instant, timeout};

use crate::support::{Received, Socket, TIMEOUT};

/// The time to stop before a service manager kills a process. Docker has the shortest.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// The maximum length of any file on a simulated full disk, in bytes.
pub const FILE_BYTES_MAX: u64 = 512 * 1024;

/// Returns `crier serve` on a free port.
pub fn serve(folder: &TempDir) -> Command {
    serve_by(Command::new(env!("CARGO_BIN_EXE_crier")), folder)
}

/// Returns `crier serve` started by another command, which gets its arguments.
pub fn serve_by(mut command: Command, folder: &TempDir) -> Command {
    command.args(["serve", "--listen", "127.0.0.1:0", "--publishes-burst", "1000000", "--data"]).arg(folder.path());
    command.env_remove("CRIER_LOG").env_remove("NO_COLOR").stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// Returns `crier serve` started by a shell after a line of its own.
fn serve_after(line: &str, folder: &TempDir) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_crier")]);
    serve_by(shell, folder)
}

/// Returns `crier serve` where no file can grow beyond `bytes_max`. Writing more is an error, not a
/// signal.
pub fn serve_on_a_full_disk(folder: &TempDir, bytes_max: u64) -> Command {
    serve_after(&format!("trap '' XFSZ; ulimit -S -f {}", bytes_max / 512), folder)
}

/// Removes the limit of [`serve_on_a_full_disk`].
#[cfg(target_os = "linux")]
pub fn free_the_disk(crier: &Child) {
    let id = i32::try_from(crier.id().unwrap()).unwrap();
    rlimit::prlimit(id, rlimit::Resource::FSIZE, Some((u64::MAX, u64::MAX)), None).unwrap();
}

/// Returns the address that a server prints at its start.
pub async fn address(crier: &mut Child) -> String {
    let mut lines = BufReader::new(crier.stdout.take().unwrap()).lines();
    let line = timeout(TIMEOUT, lines.next_line()).await.expect("the server does not start").unwrap().expect("the server has ended");
    line.rsplit("http://").next().unwrap().to_owned()
}

pub fn log(crier: &mut Child) -> Lines<BufReader<ChildStderr>> {
    BufReader::new(crier.stderr.take().unwrap()).lines()
}

/// Returns the next line of a log that contains a text.
pub async fn line_with(log: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    loop {
        let line = timeout(TIMEOUT, log.next_line()).await.unwrap_or_else(|_| panic!("the log does not say `{text}`"));
        let line = line.unwrap().unwrap_or_else(|| panic!("the log ended without `{text}`"));
        if line.contains(text) {
            return line;
        }
    }
}

pub async fn send_signal(signal: &str, crier: &Child) {
    let id = crier.id().expect("the server has ended").to_string();
    assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
}

async fn wait_for_end(crier: &mut Child) -> ExitStatus {
    timeout(TIMEOUT, crier.wait()).await.expect("the server does not stop").unwrap()
}

async fn post(address: &str, text: &str) -> u16 {
    let url = format!("http://{address}/api/rooms/lobby/messages");
    reqwest::Client::new().post(url).json(&json!({ "text": text })).send().await.unwrap().status().as_u16()
}

/// Waits until a WebSocket is closed with the code for a restart.
pub async fn assert_told_to_reconnect(socket: &mut Socket) {
    loop {
        match socket.receive().await {
            Received::Text(_) => {}
            received => return assert!(matches!(received, Received::Closed { code: 1012, .. }), "{received:?}"),
        }
    }
}

/// Sends the head and a part of the body of a form, and waits until the server waits for the rest.
async fn begin_form(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /r/lobby HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\ncon"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(TIMEOUT, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    stream
}

#[tokio::test]
async fn stops_although_the_reader_of_its_log_is_gone() {
    for signal in ["-INT", "-TERM"] {
        let folder = TempDir::new().unwrap();
        let mut crier = serve(&folder).stderr(Stdio::piped()).spawn().unwrap();
        let address = address(&mut crier).await;
        drop(crier.stderr.take());
        let mut socket = Socket::open(&format!("ws://{address}/ws/lobby")).await;
        send_signal(signal, &crier).await;
        assert_told_to_reconnect(&mut socket).await;
        assert!(wait_for_end(&mut crier).await.success());
    }
}

#[tokio::test]
async fn serves_and_stops_while_its_log_is_blocked() {
    let folder = TempDir::new().unwrap();
    let (reader, writer) = pipe().unwrap();
    let mut filling = writer.try_clone().unwrap();
    // Keeps the pipe full until its reader is closed.
    let filling = std::thread::spawn(move || while filling.write_all(&[b'x'; 1024]).is_ok() {});
    let mut crier = serve(&folder).env("CRIER_LOG", "trace").stderr(writer).spawn().unwrap();
    let address = address(&mut crier).await;
    assert_eq!(post(&address, "hello").await, 200);
    send_signal("-TERM", &crier).await;
    assert!(wait_for_end(&mut crier).await.success());
    drop(reader);
    filling.join().unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn starts_although_its_log_is_full() {
    let folder = TempDir::new().unwrap();
    for variable in ["info", "not=a=filter"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut crier = serve(&folder).env("CRIER_LOG", variable).stderr(full).spawn().unwrap();
        let address = address(&mut crier).await;
        assert_eq!(post(&address, "hello").await, 200);
        send_signal("-TERM", &crier).await;
        assert!(wait_for_end(&mut crier).await.success());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn starts_although_standard_output_is_closed_full_or_blocked() {
    let folder = TempDir::new().unwrap();
    let (reader, broken) = pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut closed = serve_after("exec >&-", &folder);
    closed.stdout(Stdio::null());
    // Fills a pipe that nobody reads.
    let (_unread, mut blocked) = pipe().unwrap();
    blocked.write_all(&[b'x'; 64 * 1024]).unwrap();
    let [mut to_closed_pipe, mut to_full_disk, mut to_blocked_pipe] = [(); 3].map(|()| serve(&folder));
    to_closed_pipe.stdout(broken);
    to_full_disk.stdout(full);
    to_blocked_pipe.stdout(blocked);
    for mut command in [closed, to_closed_pipe, to_full_disk, to_blocked_pipe] {
        let mut crier = command.stderr(Stdio::piped()).spawn().unwrap();
        let line = line_with(&mut log(&mut crier), "address=").await;
        let address = line.split("address=").nth(1).unwrap().split(' ').next().unwrap();
        assert_eq!(post(address, "hello").await, 200);
        send_signal("-TERM", &crier).await;
        assert!(wait_for_end(&mut crier).await.success());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn recovers_when_a_disk_full_of_messages_and_log_has_space_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let log = File::options().create(true).append(true).open(&path).unwrap();
    let mut crier = serve_on_a_full_disk(&folder, FILE_BYTES_MAX).stderr(log.try_clone().unwrap()).spawn().unwrap();
    let address = address(&mut crier).await;
    log.set_len(FILE_BYTES_MAX).unwrap();
    let text = "x".repeat(10_000);
    while post(&address, &text).await == 200 {}
    for _ in 0..3 {
        assert_eq!(post(&address, &text).await, 503);
    }
    free_the_disk(&crier);
    assert_eq!(post(&address, &text).await, 200);
    send_signal("-TERM", &crier).await;
    assert!(wait_for_end(&mut crier).await.success());
}

#[tokio::test]
async fn a_log_in_a_file_has_no_colour_codes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut crier = serve(&folder).stderr(File::create(&path).unwrap()).spawn().unwrap();
    address(&mut crier).await;
    send_signal("-TERM", &crier).await;
    assert!(wait_for_end(&mut crier).await.success());
    let log = fs::read_to_string(&path).unwrap();
    assert!(log.contains("INFO") && log.contains("stopping") && !log.contains('\u{1b}'), "{log:?}");
}

#[tokio::test]
async fn a_hangup_stops_the_server_in_order() {
    let folder = TempDir::new().unwrap();
    // The tests may run under `nohup` themselves.
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_crier")]);
    let mut crier = serve_by(command, &folder).stderr(Stdio::null()).spawn().unwrap();
    let address = address(&mut crier).await;
    let mut socket = Socket::open(&format!("ws://{address}/ws/lobby")).await;
    send_signal("-HUP", &crier).await;
    assert_told_to_reconnect(&mut socket).await;
    assert!(wait_for_end(&mut crier).await.success());
}

#[tokio::test]
async fn ignores_a_hangup_under_nohup() {
    let folder = TempDir::new().unwrap();
    // `nohup` does this.
    let mut crier = serve_after("trap '' HUP", &folder).stderr(Stdio::null()).spawn().unwrap();
    let address = address(&mut crier).await;
    send_signal("-HUP", &crier).await;
    assert_eq!(post(&address, "hello").await, 200);
    send_signal("-TERM", &crier).await;
    assert!(wait_for_end(&mut crier).await.success());
}

#[tokio::test]
async fn an_incomplete_request_does_not_delay_the_stop() {
    let folder = TempDir::new().unwrap();
    let mut crier = serve(&folder).stderr(Stdio::piped()).spawn().unwrap();
    let (address, mut log) = (address(&mut crier).await, log(&mut crier));
    let _form = begin_form(&address).await;
    let start = Instant::now();
    send_signal("-TERM", &crier).await;
    assert!(wait_for_end(&mut crier).await.success());
    assert!(start.elapsed() < END_TIME_MAX, "{:?}", start.elapsed());
    line_with(&mut log, "connections=1").await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_logs_what_it_cuts_off() {
    for second in ["-TERM", "-INT"] {
        let folder = TempDir::new().unwrap();
        let mut crier = serve(&folder).stderr(Stdio::piped()).spawn().unwrap();
        let (address, mut log) = (address(&mut crier).await, log(&mut crier));
        let _form = begin_form(&address).await;
        send_signal("-INT", &crier).await;
        line_with(&mut log, "stopping").await;
        let start = Instant::now();
        send_signal(second, &crier).await;
        let line = line_with(&mut log, "at once").await;
        assert!(line.contains("connections=1"), "{line}");
        assert_eq!(wait_for_end(&mut crier).await.code(), Some(1));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}
