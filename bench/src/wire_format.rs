//! The wire format of each peer: how to subscribe and publish, and how to recognise a received
//! message.
//!
//! Every text starts with its number between two marks, as in `#17#`, and contains no other mark.
//! So a subscriber finds the number whatever a peer wraps the text in, without parsing JSON.

use protocol::{Entry, ServerFrame};

use crate::Failure;
use crate::framing::put_frame;
use crate::target::{Peer, Transport};

/// The number of the messages that check if every subscriber receives.
pub(crate) const WARM_UP: u64 = 0;

const MARK: u8 = b'#';
const MESSAGE: &[u8] = br#"{"type":"message","offset":"#;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// What a subscriber received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It receives every message from now on.
    Ready,
    /// The message with this number.
    Message(u64),
    /// The message with this number is durable.
    Acknowledged(u64),
}

/// The wire format of one connection.
#[derive(Debug)]
pub(crate) struct WireFormat {
    peer: Peer,
    transport: Transport,
    /// The last offset. Only Crier has offsets.
    offset: Option<u64>,
    scan: Scan,
}

impl WireFormat {
    pub(crate) fn new(peer: Peer, transport: Transport) -> Self {
        Self { peer, transport, offset: None, scan: Scan::default() }
    }

    /// Appends what a client sends first. Called after the response head.
    pub(crate) fn subscribe(&self, out: &mut Vec<u8>, mut on_received: impl FnMut(Received) -> Result<(), Failure>) -> Result<(), Failure> {
        match self.peer {
            Peer::Raw => on_received(Received::Ready)?,
            Peer::Nats => put_frame(out, BINARY, b"CONNECT {\"verbose\":false}\r\nSUB bench 1\r\nPING\r\n"),
            Peer::Crier | Peer::SocketIo => {}
        }
        Ok(())
    }

    /// Decodes one frame of the server, and appends the answers that it requires.
    pub(crate) fn receive(
        &mut self,
        data: &[u8],
        out: &mut Vec<u8>,
        mut on_received: impl FnMut(Received) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match (self.peer, self.transport) {
            (Peer::Crier, Transport::WebSocket) => self.frame(data, &mut on_received),
            (Peer::Crier, _) => self.events(data, &mut on_received),
            (Peer::Raw, _) => Scan::default().read(data, |number| on_received(Received::Message(number))),
            (Peer::SocketIo, _) => {
                match data {
                    [b'0', ..] => put_frame(out, TEXT, b"40"),
                    [b'2', ..] => put_frame(out, TEXT, b"3"),
                    [b'4', b'0', ..] => on_received(Received::Ready)?,
                    [b'4', b'2', rest @ ..] => return Scan::default().read(rest, |number| on_received(Received::Message(number))),
                    _ => {}
                }
                Ok(())
            }
            (Peer::Nats, _) => {
                match data {
                    [b'P', b'O', b'N', b'G', ..] => on_received(Received::Ready)?,
                    [b'-', b'E', b'R', b'R', rest @ ..] => return Err(Failure::new(String::from_utf8_lossy(rest))),
                    _ if data.ends_with(b"PING\r\n") => put_frame(out, BINARY, b"PONG\r\n"),
                    _ => {}
                }
                // A frame holds many messages, and the last one may continue in the next frame.
                self.scan.read(data, |number| on_received(Received::Message(number)))
            }
        }
    }

    fn frame(&mut self, json: &[u8], on_received: &mut impl FnMut(Received) -> Result<(), Failure>) -> Result<(), Failure> {
        if let Some(rest) = json.strip_prefix(MESSAGE) {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
            self.follow(digits.fold(0, |offset, digit| offset * 10 + u64::from(digit - b'0')))?;
            return Scan::default().first(rest).map_or(Ok(()), |number| on_received(Received::Message(number)));
        }
        let text = std::str::from_utf8(json).map_err(|_| Failure::new("the server sent a text frame that is not UTF-8"))?;
        match ServerFrame::read(text) {
            Some(ServerFrame::Hello(_)) => on_received(Received::Ready),
            Some(ServerFrame::Published { r#ref, .. }) => on_received(Received::Acknowledged(r#ref)),
            Some(ServerFrame::Message(Entry { offset, text, .. })) => {
                self.follow(offset)?;
                Scan::default().first(text.as_str().as_bytes()).map_or(Ok(()), |number| on_received(Received::Message(number)))
            }
            Some(ServerFrame::Gap(gap)) => Err(Failure::new(format!("messages are missing: {:?}", gap.reason))),
            Some(ServerFrame::Error { code, detail, .. }) => {
                Err(Failure::new(format!("the server refused a message: {} {detail}", code.as_str())))
            }
            Some(_) => Ok(()),
            None => Err(Failure::new(format!("the server sent an unknown frame: {}", text.chars().take(80).collect::<String>()))),
        }
    }

    fn follow(&mut self, offset: u64) -> Result<(), Failure> {
        match self.offset.replace(offset) {
            Some(before) if offset != before + 1 => Err(Failure::new(format!("offset {offset} came after {before}"))),
            _ => Ok(()),
        }
    }

    fn events(&mut self, chunk: &[u8], on_received: &mut impl FnMut(Received) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.offset.is_none() {
            self.offset = Some(0);
            on_received(Received::Ready)?;
        }
        self.scan.read(chunk, |number| on_received(Received::Message(number)))
    }
}

/// Appends the frame that publishes a text.
pub(crate) fn put_publish(peer: Peer, number: u64, text: &str, out: &mut Vec<u8>) {
    match peer {
        // The text has no characters that JSON must escape.
        Peer::Crier => put_frame(out, TEXT, format!(r#"{{"type":"publish","ref":{number},"text":"{text}"}}"#).as_bytes()),
        Peer::Raw => put_frame(out, TEXT, text.as_bytes()),
        Peer::SocketIo => put_frame(out, TEXT, format!(r#"42["message","{text}"]"#).as_bytes()),
        Peer::Nats => put_frame(out, BINARY, format!("PUB bench {}\r\n{text}\r\n", text.len()).as_bytes()),
    }
}

/// Returns the text of a message, `bytes` long, or longer if the number needs it.
pub(crate) fn text(number: u64, bytes: usize) -> String {
    let mark = char::from(MARK);
    format!("{:x<bytes$}", format!("{mark}{number}{mark}"))
}

/// Finds numbers between marks in a stream that may be split anywhere.
#[derive(Debug, Default)]
struct Scan {
    /// The digits so far, if it is after a mark.
    inside: Option<u64>,
}

impl Scan {
    fn read(&mut self, bytes: &[u8], mut found: impl FnMut(u64) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut rest = bytes;
        loop {
            if self.inside.is_none() {
                let Some(at) = rest.iter().position(|byte| *byte == MARK) else { return Ok(()) };
                (self.inside, rest) = (Some(0), &rest[at + 1..]);
            }
            let Some((number, after)) = self.number(rest) else { return Ok(()) };
            rest = after;
            if let Some(number) = number {
                found(number)?;
            }
        }
    }

    /// Returns the first number only: one frame holds one text.
    fn first(&mut self, bytes: &[u8]) -> Option<u64> {
        let at = bytes.iter().position(|byte| *byte == MARK)?;
        self.inside = Some(0);
        self.number(&bytes[at + 1..])?.0
    }

    /// Continues after a mark. Returns the number, unless something else is between the marks, and
    /// the rest. `None` if the bytes end first.
    fn number<'a>(&mut self, bytes: &'a [u8]) -> Option<(Option<u64>, &'a [u8])> {
        let mut number = self.inside?;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'0'..=b'9' => number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
                _ => {
                    self.inside = None;
                    return Some(((*byte == MARK).then_some(number), &bytes[at + 1..]));
                }
            }
        }
        self.inside = Some(number);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(wire_format: &mut WireFormat, data: &str) -> Result<Vec<Received>, String> {
        let mut all = Vec::new();
        let keep = |received| {
            all.push(received);
            Ok(())
        };
        wire_format.receive(data.as_bytes(), &mut Vec::new(), keep).map_err(|failure| failure.to_string())?;
        Ok(all)
    }

    #[test]
    fn finds_numbers_in_split_streams() {
        let bytes = format!("a#x {} b {} {}", text(17, 40), text(0, 3), text(u64::MAX, 1));
        for size in 1..bytes.len() {
            let (mut scan, mut found) = (Scan::default(), Vec::new());
            for bytes in bytes.as_bytes().chunks(size) {
                let keep = |number| {
                    found.push(number);
                    Ok(())
                };
                scan.read(bytes, keep).unwrap();
            }
            assert_eq!(found, [17, 0, u64::MAX]);
        }
        assert_eq!((text(1, 10).len(), text(1, 0).as_str()), (10, "#1#"));
    }

    #[test]
    fn checks_the_order_of_offsets() {
        let message = |offset: u64, number| format!(r#"{{"type":"message","offset":{offset},"time":1,"text":"{}"}}"#, text(number, 20));
        let mut wire_format = WireFormat::new(Peer::Crier, Transport::WebSocket);
        assert_eq!(receive(&mut wire_format, &message(4, 1)).unwrap(), [Received::Message(1)]);
        assert_eq!(receive(&mut wire_format, &message(5, 2)).unwrap(), [Received::Message(2)]);
        // The fields may be in any order.
        let other = format!(r#"{{"offset":6,"type":"message","time":1,"text":"{}"}}"#, text(3, 20));
        assert_eq!(receive(&mut wire_format, &other).unwrap(), [Received::Message(3)]);
        assert_eq!(receive(&mut wire_format, r#"{"type":"presence","here":2}"#).unwrap(), []);
        assert_eq!(receive(&mut wire_format, &message(8, 4)).unwrap_err(), "offset 8 came after 6");
        assert!(receive(&mut wire_format, r#"{"type":"error","code":"room_full","detail":"x"}"#).is_err());
    }

    #[test]
    fn decodes_each_peer() {
        let mut wire_format = WireFormat::new(Peer::SocketIo, Transport::WebSocket);
        assert_eq!(receive(&mut wire_format, r#"0{"sid":"x"}"#).unwrap(), []);
        assert_eq!(receive(&mut wire_format, r#"40{"sid":"x"}"#).unwrap(), [Received::Ready]);
        assert_eq!(receive(&mut wire_format, r##"42["message","#7#xx"]"##).unwrap(), [Received::Message(7)]);
        let mut wire_format = WireFormat::new(Peer::Nats, Transport::WebSocket);
        assert_eq!(receive(&mut wire_format, "PONG\r\n").unwrap(), [Received::Ready]);
        assert_eq!(receive(&mut wire_format, "MSG bench 1 4\r\n#1#x\r\nMSG bench 1 4\r\n#").unwrap(), [Received::Message(1)]);
        assert_eq!(receive(&mut wire_format, "2#x\r\n").unwrap(), [Received::Message(2)]);
        let mut wire_format = WireFormat::new(Peer::Raw, Transport::WebSocket);
        assert_eq!(receive(&mut wire_format, "#7#xx").unwrap(), [Received::Message(7)]);
        let mut wire_format = WireFormat::new(Peer::Crier, Transport::EventStream);
        assert_eq!(receive(&mut wire_format, "retry: 2000\nevent: hello\n").unwrap(), [Received::Ready]);
        assert_eq!(receive(&mut wire_format, "id: 1\ndata: {\"text\":\"#7#\"}\n\n").unwrap(), [Received::Message(7)]);
    }
}
