//! The floor: sends what the first client publishes to all clients in a loop of `send()`, and does
//! nothing else. `floor PORT` sends each message separately, `floor PORT batch` all messages of one
//! read together.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

/// The answer to the constant key of the load generator, `Y3JpZXIncyBvd24gbG9hZA==`.
const ACCEPT: &str = "ZtRjKegetJrMMkmlaXewgSI6ZH8=";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port: u16 = arguments[0].parse().expect("a port");
    let batch = arguments.get(1).is_some_and(|word| word == "batch");
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let clients = Arc::new(Mutex::new(Vec::new()));
    let (tx, rx) = sync_channel(1);
    let arrived = clients.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let Some(socket) = upgrade(socket) else { continue };
            let mut clients = arrived.lock().unwrap();
            if clients.is_empty() {
                let _ = tx.send(socket.try_clone().unwrap());
            }
            clients.push(socket);
        }
    });
    publish(rx.recv().unwrap(), &clients, batch);
}

fn upgrade(mut socket: TcpStream) -> Option<TcpStream> {
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    while !request.ends_with(b"\r\n\r\n") {
        let length = socket.read(&mut buffer).ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&buffer[..length]);
    }
    socket.set_nodelay(true).ok()?;
    let answer =
        format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n");
    socket.write_all(answer.as_bytes()).ok()?;
    Some(socket)
}

fn publish(mut publisher: TcpStream, clients: &Mutex<Vec<TcpStream>>, batch: bool) {
    let (mut buffer, mut rest) = (vec![0; 64 * 1024], Vec::new());
    while let Ok(length @ 1..) = publisher.read(&mut buffer) {
        rest.extend_from_slice(&buffer[..length]);
        let (mut out, mut frames, mut used) = (Vec::new(), Vec::new(), 0);
        while let Some(length) = forward(&rest[used..], &mut out, &mut frames) {
            used += length;
        }
        rest.drain(..used);
        let clients = clients.lock().unwrap();
        if batch && !out.is_empty() {
            clients.iter().for_each(|mut socket| socket.write_all(&out).unwrap());
        } else {
            for frame in frames {
                clients.iter().for_each(|mut socket| socket.write_all(&out[frame.clone()]).unwrap());
            }
        }
    }
}

/// Converts the first client frame into a server frame. Returns its length, or `None` if it is
/// incomplete.
fn forward(bytes: &[u8], out: &mut Vec<u8>, frames: &mut Vec<Range<usize>>) -> Option<usize> {
    let (header, length) = match (*bytes.get(1)? & 0x7f, bytes) {
        (126, [_, _, a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (126 | 127, _) => return None,
        (length, _) => (2, usize::from(length)),
    };
    let (mask, end) = (bytes.get(header..header + 4)?, header + 4 + length);
    let payload = bytes.get(header + 4..end)?;
    let start = out.len();
    out.push(bytes[0]);
    if length < 126 {
        out.push(length as u8);
    } else {
        out.push(126);
        out.extend((length as u16).to_be_bytes());
    }
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frames.push(start..out.len());
    Some(end)
}
