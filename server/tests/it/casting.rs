//! A presenter and viewers of casts, as tests use them.

use protocol::cast::{CastStatus, Chunk, ChunkKind, PresenterFrame, ViewerFrame};
use protocol::{CastInfo, ErrorCode};
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Received, Socket, TestServer, identity};

const CONFIG: &str = r#"{"codec":"vp8","codedWidth":640,"codedHeight":480}"#;

pub fn key_frame(number: u64, bytes: usize) -> Vec<u8> {
    Chunk::with_config(ChunkKind::KeyFrame, number, CONFIG, &vec![7; bytes]).unwrap()
}

pub fn delta(number: u64, bytes: usize) -> Vec<u8> {
    Chunk { kind: ChunkKind::DeltaFrame, time: number, payload: &vec![8; bytes] }.to_bytes()
}

pub fn jpeg(bytes: usize) -> Vec<u8> {
    [&[0xff, 0xd8][..], &vec![9; bytes - 4], &[0xff, 0xd9]].concat()
}

pub fn picture(number: u64, bytes: usize) -> Vec<u8> {
    Chunk { kind: ChunkKind::Picture, time: number, payload: &jpeg(bytes) }.to_bytes()
}

/// A presenter's connection.
pub struct Presenter {
    pub socket: Socket,
    pub cast: CastInfo,
    pub viewers: usize,
}

/// The status and the code of a refused handshake.
pub fn refusal(error: Error) -> (u16, String) {
    let Error::Http(response) = error else { panic!("{error}") };
    let body: Value = serde_json::from_slice(response.body().as_deref().unwrap()).unwrap();
    (response.status().as_u16(), body["code"].as_str().unwrap().to_owned())
}

impl Presenter {
    pub async fn try_open(server: &TestServer, room: &str, who: char, key: &str) -> Result<Self, (u16, String)> {
        let url = server.socket_url(&format!("/ws/{room}/present?key={key}&author=ann"));
        let socket = Socket::try_open(&url, &[("crier-identity", &identity(who))]).await.map_err(|error| refusal(*error))?;
        Ok(Self::read_first(socket).await)
    }

    pub async fn read_first(mut socket: Socket) -> Self {
        let Received::Text(json) = socket.receive().await else { panic!("the first frame is no text") };
        let PresenterFrame::Casting { cast, viewers, .. } = serde_json::from_str(&json).unwrap() else { panic!("{json}") };
        Self { socket, cast, viewers }
    }

    pub async fn open(server: &TestServer) -> Self {
        Self::try_open(server, "lobby", 'a', "first").await.unwrap()
    }

    pub async fn send(&mut self, chunk: Vec<u8>) {
        self.socket.send(Message::binary(chunk)).await;
    }

    pub async fn frame(&mut self) -> PresenterFrame {
        match self.socket.receive().await {
            Received::Text(json) => serde_json::from_str(&json).unwrap(),
            other => panic!("expected a frame, not {other:?}"),
        }
    }

    pub async fn until(&mut self, is_wanted: impl Fn(&PresenterFrame) -> bool) -> PresenterFrame {
        loop {
            let frame = self.frame().await;
            if is_wanted(&frame) {
                return frame;
            }
        }
    }

    /// Reads to the end. Returns the code of the last error and the close code.
    pub async fn end(&mut self) -> (Option<ErrorCode>, u16) {
        let mut error = None;
        loop {
            match self.socket.receive().await {
                Received::Text(json) => {
                    if let PresenterFrame::Error { code, .. } = serde_json::from_str(&json).unwrap() {
                        error = Some(code);
                    }
                }
                Received::Closed { code, .. } => return (error, code),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a key frame whenever it is asked for one.
    pub async fn answer(&mut self, first: u64) {
        for number in first.. {
            self.until(|frame| *frame == PresenterFrame::Keyframe).await;
            self.send(key_frame(number, 100)).await;
        }
    }

    pub async fn close(&mut self, code: u16) {
        self.socket.send(Message::Close(Some(CloseFrame { code: code.into(), reason: Default::default() }))).await;
    }
}

/// What a viewer got: a chunk by its kind and number, or a word.
#[derive(Debug, PartialEq)]
pub enum Got {
    Chunk(ChunkKind, u64),
    Word(ViewerFrame),
    Closed(u16),
}

pub struct Viewer {
    pub socket: Socket,
    pub cast: CastInfo,
}

impl Viewer {
    pub async fn try_open(server: &TestServer, room: &str) -> Result<Self, (u16, String)> {
        let url = server.socket_url(&format!("/ws/{room}/view"));
        let socket = Socket::try_open(&url, &[]).await.map_err(|error| refusal(*error))?;
        Ok(Self::read_first(socket).await)
    }

    pub async fn read_first(mut socket: Socket) -> Self {
        let Received::Text(json) = socket.receive().await else { panic!("the first frame is no text") };
        let ViewerFrame::Cast { cast, .. } = serde_json::from_str(&json).unwrap() else { panic!("{json}") };
        Self { socket, cast }
    }

    pub async fn open(server: &TestServer) -> Self {
        Self::try_open(server, "lobby").await.unwrap()
    }

    /// Returns what comes next besides heartbeats.
    pub async fn next(&mut self) -> Got {
        loop {
            match self.socket.receive_binary().await {
                Ok(bytes) => {
                    let chunk = Chunk::parse(&bytes).unwrap();
                    return Got::Chunk(chunk.kind, chunk.time);
                }
                Err(Received::Text(json)) => match serde_json::from_str(&json).unwrap() {
                    ViewerFrame::Heartbeat => {}
                    frame => return Got::Word(frame),
                },
                Err(Received::Closed { code, .. }) => return Got::Closed(code),
                Err(Received::Disconnected) => panic!("the viewer was cut off"),
            }
        }
    }

    pub async fn expect(&mut self, expected: &[Got]) {
        for wanted in expected {
            assert_eq!(self.next().await, *wanted);
        }
    }
}

pub async fn status(server: &TestServer) -> CastStatus {
    server.get("/api/rooms/lobby/cast").await.json().await.unwrap()
}

/// A presenter and a viewer who has seen the first key frame, whose number is 1.
pub async fn on_air(server: &TestServer) -> (Presenter, Viewer) {
    let mut presenter = Presenter::open(server).await;
    let mut viewer = Viewer::open(server).await;
    presenter.send(key_frame(1, 100)).await;
    viewer.expect(&[Got::Chunk(ChunkKind::KeyFrame, 1)]).await;
    (presenter, viewer)
}
