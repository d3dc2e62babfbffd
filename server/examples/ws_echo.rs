//! An echo server on the board's WebSocket code, for conformance suites such as Autobahn's:
//! `cargo run --release -p server --example ws_echo -- --message-bytes 16777216`

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use parking_lot::Mutex;
use protocol::{Epoch, RoomName, ServerFrame};
use server::access::{Access, Action, Caller};
use server::codec::{self, Limits};
use server::commands::Command;
use server::config::{Cli, Subcommand};
use server::context::Context;
use server::delivery::{Client, Fanout, Message, Place, Policy, WireFormat};
use server::encoded::{Encoded, FormatId};
use server::limits::Limiter;
use server::room::Hub;
use server::store::PublishRules;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Sends each message back.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:9001", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Maximum bytes of a message.
    #[arg(long, default_value_t = Limits::BOARD.message_bytes_max, value_name = "N")]
    message_bytes: usize,
    /// Maximum fragments of a message.
    #[arg(long, default_value_t = Limits::BOARD.fragments_max, value_name = "N")]
    fragments: usize,
}

/// A wire format that reads each message as a ping and writes the message as the pong.
struct Echo {
    limits: Limits,
    pongs: Mutex<Pongs>,
}

/// The frames that answer pings, by the pings' references.
#[derive(Default)]
struct Pongs {
    last: u64,
    frames: HashMap<u64, Vec<u8>>,
}

impl WireFormat for Echo {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        Policy::web_socket(self.limits)
    }

    fn entry(&self, _: &Encoded, _: Epoch) -> Bytes {
        Bytes::new()
    }

    fn say(&self, frame: &ServerFrame, _: &Place<'_>, out: &mut Vec<u8>) {
        if let ServerFrame::Pong { r#ref } = frame {
            out.extend(self.pongs.lock().frames.remove(r#ref).unwrap_or_default());
        }
    }

    fn heartbeat(&self, _: &Place<'_>, out: &mut Vec<u8>) {
        codec::put_ping(out);
    }

    fn command(&self, message: Message<'_>) -> Command {
        let (data, bytes) = match message {
            Message::Text(text) => (Data::Text, text.as_bytes()),
            Message::Binary(bytes) => (Data::Binary, bytes),
        };
        let mut frame = Vec::new();
        codec::put_header(&mut frame, OpCode::Data(data), bytes.len());
        frame.extend_from_slice(bytes);
        let mut pongs = self.pongs.lock();
        pongs.last += 1;
        let r#ref = pongs.last;
        pongs.frames.insert(r#ref, frame);
        Command::Ping { r#ref }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, message_bytes, fragments } = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let opened = Hub::open(folder.path(), Epoch(1), Duration::ZERO, || 0, Access::default(), PublishRules::default())?;
    let Subcommand::Serve(defaults) = Cli::parse_from(["crier", "serve"]).subcommand else { unreachable!("it is given") };
    let fanout = Fanout::new(Context::new(opened.hub, Limiter::new(defaults.allowance())));
    tokio::spawn(fanout.clone().keep_time());
    let limits = Limits { message_bytes_max: message_bytes, fragments_max: fragments };
    let echo: &'static Echo = Box::leak(Box::new(Echo { limits, pongs: Mutex::default() }));
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(serve(stream, peer.ip(), fanout.clone(), echo));
    }
}

/// Serves a connection to its end. Returns `None` if it did not become a WebSocket.
async fn serve(mut stream: TcpStream, address: IpAddr, fanout: Fanout, echo: &'static Echo) -> Option<()> {
    let accept = derive_accept_key(read_key(&mut stream).await?.as_bytes());
    let caller = Caller::anonymous(address);
    let pass = fanout.context().hub.enter(&caller, &RoomName::lobby(), Action::Publish).ok()?;
    let (admission, _) = fanout.admit(echo, Client { caller, account: None, reader: None }, &pass, None).ok()?;
    let answer =
        format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
    fanout.start(admission, stream, &[], answer.as_bytes()).await;
    Some(())
}

/// Reads a request's head and returns its `Sec-WebSocket-Key`.
async fn read_key(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let (_, key) = headers.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))?;
    Some(key.trim().to_owned())
}
