//! What the tests of the fan-out share: a board that nobody has opened a port for, and a format of single letters.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::{Disconnect, Epoch, PublishRequest, RoomName, ServerFrame, Text};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::{Fanout, WireFormat};
use crate::commands::Commands;
use crate::encoded::Encoded;
use crate::limits::{Allowance, Limiter};
use crate::room::Hub;
use crate::room::Room;
use crate::session::Context;
use crate::subscription::Log;

/// Says `e` for an entry, `g` for a gap and `p` for presence.
pub(super) struct Letters;

impl WireFormat for Letters {
    fn name(&self) -> &'static str {
        "letters"
    }

    fn entry(&self, _: &Encoded) -> Bytes {
        Bytes::from_static(b"e")
    }

    fn say(&self, frame: &ServerFrame, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Gap(_) => out.push(b'g'),
            ServerFrame::Presence { .. } => out.push(b'p'),
            _ => {}
        }
    }

    fn receive(&self, _: &mut Commands, _: &str, _: &mut Vec<u8>) -> Result<(), Disconnect> {
        Ok(())
    }
}

/// A board with one room.
pub(super) struct Board {
    pub(super) hub: Hub,
    pub(super) fanout: Fanout,
    pub(super) name: RoomName,
    _folder: TempDir,
}

impl Board {
    pub(super) fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let hub = Hub::open(folder.path(), Epoch(1), Duration::ZERO, || 0, 1).unwrap().hub;
        let one = NonZeroU32::MIN;
        let allowance = Allowance {
            publishes_per_second: one,
            publishes_burst: one,
            rooms_per_hour: None,
            cpu_percent: None,
            connections_per_address: 1,
            connections: 1,
        };
        let fanout = Fanout::new(Context::new(hub.clone(), Limiter::new(allowance)));
        Self { hub, fanout, name: "lobby".parse().unwrap(), _folder: folder }
    }

    pub(super) fn log(&self) -> Log {
        let start = self.hub.subscribe(&self.name, None).unwrap();
        Log::new(start.room, start.history)
    }

    pub(super) fn room(&self) -> Arc<Room> {
        self.log().room().clone()
    }

    pub(super) async fn publish(&self, count: usize) {
        let message = || PublishRequest { text: Text::parse("hello").unwrap(), author: Default::default(), key: None };
        for published in self.hub.publish_all(&self.name, (0..count).map(|_| (message(), None))).unwrap() {
            published.await.unwrap();
        }
    }
}

/// Both ends of a connection.
pub(super) async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}
