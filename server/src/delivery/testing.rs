//! What the tests of delivery share: a board without a port, and a format of single letters.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::{Entry, Epoch, Kind, PublishRequest, RoomName, ServerFrame, Text};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use super::{Client, Fanout, Place, Policy, Source, WireFormat};
use crate::access::{Access, Action, Caller, Grants};
use crate::codec::Limits;
use crate::context::Context;
use crate::encoded::{Encoded, FormatId};
use crate::limits::{Allowance, Limiter};
use crate::room::{Clock, Hub, Pass, Room, RoomLog};
use crate::store::{Change, PublishRules, RetentionPolicy, Stored, TrustedTime};

/// Says `e` for an entry, `g` for a gap, `p` for presence and `h` for a heartbeat.
pub(crate) struct Letters;

impl WireFormat for Letters {
    fn id(&self) -> FormatId {
        FormatId::of::<Self>(0)
    }

    fn policy(&self) -> Policy {
        Policy::web_socket(Limits::BOARD)
    }

    fn entry(&self, _: &Encoded, _: Epoch) -> Bytes {
        Bytes::from_static(b"e")
    }

    fn say(&self, frame: &ServerFrame, _: &Place<'_>, out: &mut Vec<u8>) {
        match frame {
            ServerFrame::Gap(_) => out.push(b'g'),
            ServerFrame::Presence { .. } => out.push(b'p'),
            _ => {}
        }
    }

    fn heartbeat(&self, _: &Place<'_>, out: &mut Vec<u8>) {
        out.push(b'h');
    }
}

/// A caller on this machine.
fn caller() -> Caller {
    Caller::anonymous(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// A client on this machine.
pub(crate) fn client() -> Client {
    Client { caller: caller(), account: None, reader: None }
}

/// A board with one room.
pub(crate) struct Board {
    pub(crate) hub: Hub,
    pub(crate) fanout: Fanout,
    pub(crate) name: RoomName,
    _folder: TempDir,
}

impl Board {
    pub(crate) fn open() -> Self {
        Self::open_with(Access::default(), || 0)
    }

    pub(crate) fn open_with(access: Access, clock: Clock) -> Self {
        let folder = TempDir::new().unwrap();
        let hub = Hub::open(folder.path(), Epoch(1), Duration::ZERO, clock, access, PublishRules::default()).unwrap().hub;
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

    pub(crate) fn pass(&self) -> Pass {
        self.hub.enter(&caller(), &self.name, Action::Publish).unwrap()
    }

    /// Returns a pass to read, and a client, with these access keys.
    pub(crate) fn enter(&self, grants: Option<Arc<Grants>>) -> (Pass, Client) {
        let caller = Caller { grants, ..caller() };
        (self.hub.enter(&caller, &self.name, Action::Read).unwrap(), Client { caller, ..client() })
    }

    pub(crate) fn log(&self) -> RoomLog {
        let start = self.hub.subscribe(&self.pass(), None).unwrap();
        RoomLog::new(start.room, start.history)
    }

    pub(super) fn source(&self) -> Source {
        Source::Room(self.log())
    }

    pub(crate) fn room(&self) -> Arc<Room> {
        self.hub.room(&self.name)
    }

    pub(crate) async fn expire_all_but_one(&self) {
        let policy = RetentionPolicy { messages: 1, bytes: u64::MAX, age: u64::MAX };
        while self.hub.expire(&self.name, policy, TrustedTime { time: 0, since: 0 }).await.unwrap() {}
    }

    /// Publishes the numbers from 1 to `count`.
    pub(crate) async fn publish(&self, count: usize) {
        self.publish_numbers(1..=count).await;
    }

    pub(crate) async fn publish_numbers(&self, numbers: impl IntoIterator<Item = usize>) {
        let message = |number: usize| PublishRequest {
            text: Text::parse(&number.to_string()).unwrap(),
            author: Default::default(),
            key: None,
            ..Default::default()
        };
        for published in self.hub.publish_all(&self.pass(), numbers.into_iter().map(|number| (Box::new(message(number)), None))).unwrap() {
            published.await.unwrap();
        }
    }

    /// Adds a change to the room in memory.
    pub(crate) fn change(&self, kind: Kind, of: u64) {
        self.add(Entry { kind, of: Some(of), ..Entry::default() });
    }

    /// Adds a message to the room in memory, whose text is a number.
    pub(crate) fn say(&self, number: usize) {
        self.add(Entry { text: Text::parse(&number.to_string()).unwrap(), ..Entry::default() });
    }

    fn add(&self, entry: Entry) {
        let room = self.room();
        let entry = Entry { offset: room.extent().latest + 1, ..entry };
        room.apply(&[Change::Stored(Stored { entry, rewritten: Vec::new() })]);
        room.notify();
    }
}

/// Both ends of a connection.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}
