//! How the real binary starts and ends, whatever becomes of its output and whoever still talks to it.

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

/// What a server manager grants before it kills; Docker's is the shortest.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// Any file that may not grow fails at this length, in bytes.
pub const FILE_BYTES_MAX: u64 = 512 * 1024;

/// `crier serve` on a free port.
pub fn serve(folder: &TempDir) -> Command {
    serve_by(Command::new(env!("CARGO_BIN_EXE_crier")), folder)
}

/// The same by a command that takes the program's arguments.
fn serve_by(mut command: Command, folder: &TempDir) -> Command {
    command.args(["serve", "--listen", "127.0.0.1:0", "--publishes-burst", "1000000", "--data"]).arg(folder.path());
    command.env_remove("CRIER_LOG").env_remove("NO_COLOR").stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// `crier serve` after a line of shell.
fn serve_after(line: &str, folder: &TempDir) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_crier")]);
    serve_by(shell, folder)
}

/// `crier serve` where no file may grow beyond so many bytes, and trying is an error, not a signal.
pub fn serve_on_a_full_disk(folder: &TempDir, bytes_max: u64) -> Command {
    serve_after(&format!("trap '' XFSZ; ulimit -S -f {}", bytes_max / 512), folder)
}

/// Takes the bound of [`serve_on_a_full_disk`] away.
#[cfg(target_os = "linux")]
pub fn make_room_on_the_disk(crier: &Child) {
    let id = i32::try_from(crier.id().unwrap()).unwrap();
    rlimit::prlimit(id, rlimit::Resource::FSIZE, Some((u64::MAX, u64::MAX)), None).unwrap();
}

/// Where a server says that it listens.
pub async fn address(crier: &mut Child) -> String {
    let mut lines = BufReader::new(crier.stdout.take().unwrap()).lines();
    let line = timeout(TIMEOUT, lines.next_line()).await.expect("the server starts").unwrap().expect("the server says where it is");
    line.rsplit("http://").next().unwrap().to_owned()
}

pub fn log(crier: &mut Child) -> Lines<BufReader<ChildStderr>> {
    BufReader::new(crier.stderr.take().unwrap()).lines()
}

/// The next line of a log that has these words.
pub async fn line_with(log: &mut Lines<BufReader<ChildStderr>>, words: &str) -> String {
    loop {
        let line = timeout(TIMEOUT, log.next_line()).await.unwrap_or_else(|_| panic!("nobody says `{words}`"));
        let line = line.unwrap().unwrap_or_else(|| panic!("nobody said `{words}`"));
        if line.contains(words) {
            return line;
        }
    }
}

async fn send(signal: &str, crier: &Child) {
    let id = crier.id().expect("the server runs").to_string();
    assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
}

async fn end(crier: &mut Child) -> ExitStatus {
    timeout(TIMEOUT, crier.wait()).await.expect("the server ends").unwrap()
}

async fn post(address: &str, text: &str) -> u16 {
    let url = format!("http://{address}/api/rooms/lobby/messages");
    reqwest::Client::new().post(url).json(&json!({ "text": text })).send().await.unwrap().status().as_u16()
}

/// Waits until a reader is told that the server goes, and will be back.
async fn assert_told_to_reconnect(mut socket: Socket) {
    loop {
        match socket.receive().await {
            Received::Text(_) => {}
            heard => return assert!(matches!(heard, Received::Closed { code: 1012, .. }), "{heard:?}"),
        }
    }
}

/// Sends the head of a form and a part of its body, and waits until the server waits for the rest.
async fn begin_a_form(address: &str) -> TcpStream {
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
        let socket = Socket::open(&format!("ws://{address}/ws/lobby")).await;
        send(signal, &crier).await;
        assert_told_to_reconnect(socket).await;
        assert!(end(&mut crier).await.success());
    }
}

#[tokio::test]
async fn serves_and_stops_while_its_log_is_blocked() {
    let folder = TempDir::new().unwrap();
    let (reader, writer) = pipe().unwrap();
    let mut filling = writer.try_clone().unwrap();
    // Fills the pipe and waits for room in it, until its reader is gone.
    let filling = std::thread::spawn(move || while filling.write_all(&[b'x'; 1024]).is_ok() {});
    let mut crier = serve(&folder).env("CRIER_LOG", "trace").stderr(writer).spawn().unwrap();
    let address = address(&mut crier).await;
    assert_eq!(post(&address, "hello").await, 200);
    send("-TERM", &crier).await;
    assert!(end(&mut crier).await.success());
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
        send("-TERM", &crier).await;
        assert!(end(&mut crier).await.success());
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
    // A pipe holds so many bytes, and nobody reads these.
    let (_unread, mut stuck) = pipe().unwrap();
    stuck.write_all(&[b'x'; 64 * 1024]).unwrap();
    let [mut into_a_pipe, mut onto_a_disk, mut to_nobody] = [(); 3].map(|()| serve(&folder));
    into_a_pipe.stdout(broken);
    onto_a_disk.stdout(full);
    to_nobody.stdout(stuck);
    for mut command in [closed, into_a_pipe, onto_a_disk, to_nobody] {
        let mut crier = command.stderr(Stdio::piped()).spawn().unwrap();
        let line = line_with(&mut log(&mut crier), "address=").await;
        let address = line.split("address=").nth(1).unwrap().split(' ').next().unwrap();
        assert_eq!(post(address, "hello").await, 200);
        send("-TERM", &crier).await;
        assert!(end(&mut crier).await.success());
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
    make_room_on_the_disk(&crier);
    assert_eq!(post(&address, &text).await, 200);
    send("-TERM", &crier).await;
    assert!(end(&mut crier).await.success());
}

#[tokio::test]
async fn a_log_in_a_file_has_no_colour_codes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut crier = serve(&folder).stderr(File::create(&path).unwrap()).spawn().unwrap();
    address(&mut crier).await;
    send("-TERM", &crier).await;
    assert!(end(&mut crier).await.success());
    let log = fs::read_to_string(&path).unwrap();
    assert!(log.contains("INFO") && log.contains("stopping") && !log.contains('\u{1b}'), "{log:?}");
}

#[tokio::test]
async fn a_hangup_stops_the_server_in_order() {
    let folder = TempDir::new().unwrap();
    // The tests themselves may run under `nohup`.
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_crier")]);
    let mut crier = serve_by(command, &folder).stderr(Stdio::null()).spawn().unwrap();
    let address = address(&mut crier).await;
    let socket = Socket::open(&format!("ws://{address}/ws/lobby")).await;
    send("-HUP", &crier).await;
    assert_told_to_reconnect(socket).await;
    assert!(end(&mut crier).await.success());
}

#[tokio::test]
async fn ignores_a_hangup_under_nohup() {
    let folder = TempDir::new().unwrap();
    // As `nohup` has it.
    let mut crier = serve_after("trap '' HUP", &folder).stderr(Stdio::null()).spawn().unwrap();
    let address = address(&mut crier).await;
    send("-HUP", &crier).await;
    assert_eq!(post(&address, "hello").await, 200);
    send("-TERM", &crier).await;
    assert!(end(&mut crier).await.success());
}

#[tokio::test]
async fn an_incomplete_request_does_not_delay_the_stop() {
    let folder = TempDir::new().unwrap();
    let mut crier = serve(&folder).stderr(Stdio::piped()).spawn().unwrap();
    let (address, mut log) = (address(&mut crier).await, log(&mut crier));
    let _form = begin_a_form(&address).await;
    let start = Instant::now();
    send("-TERM", &crier).await;
    assert!(end(&mut crier).await.success());
    assert!(start.elapsed() < END_TIME_MAX, "{:?}", start.elapsed());
    line_with(&mut log, "connections=1").await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_logs_what_it_cuts_off() {
    for second in ["-TERM", "-INT"] {
        let folder = TempDir::new().unwrap();
        let mut crier = serve(&folder).stderr(Stdio::piped()).spawn().unwrap();
        let (address, mut log) = (address(&mut crier).await, log(&mut crier));
        let _form = begin_a_form(&address).await;
        send("-INT", &crier).await;
        line_with(&mut log, "stopping").await;
        let start = Instant::now();
        send(second, &crier).await;
        let line = line_with(&mut log, "at once").await;
        assert!(line.contains("connections=1"), "{line}");
        assert_eq!(end(&mut crier).await.code(), Some(1));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
}
