//! What is said on a connection: how a message is published, and how it is known again when it comes.
//!
//! Every text starts with its number between two marks, `#17#`, whatever a peer wraps it in; the rest of it has no mark.
//! So a subscriber checks every message without reading any JSON.

use protocol::{Entry, ServerFrame};

use super::Trouble;
use super::framing::put_frame;
use super::target::Peer;
use crate::Transport;

/// A message to everybody that only finds out whether everybody is there.
pub(super) const WARM_UP: u64 = 0;

const MARK: u8 = b'#';
const MESSAGE: &[u8] = br#"{"type":"message","offset":"#;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// From now on every message comes.
    Ready,
    /// The message with this number.
    Message(u64),
    /// The message with this number is durable.
    Acknowledged(u64),
}

/// One connection's side of the talk.
#[derive(Debug)]
pub(super) struct Speech {
    peer: Peer,
    transport: Transport,
    /// The last offset, where there are any.
    offset: Option<u64>,
    scan: Scan,
}

impl Speech {
    pub(super) fn new(peer: Peer, transport: Transport) -> Self {
        Self { peer, transport, offset: None, scan: Scan::default() }
    }

    /// What is said as soon as the server has agreed to talk.
    pub(super) fn begin(&self, out: &mut Vec<u8>, mut heard: impl FnMut(Heard) -> Result<(), Trouble>) -> Result<(), Trouble> {
        match self.peer {
            Peer::Raw => heard(Heard::Ready)?,
            Peer::Nats => put_frame(out, BINARY, b"CONNECT {\"verbose\":false}\r\nSUB bench 1\r\nPING\r\n"),
            Peer::Crier | Peer::SocketIo => {}
        }
        Ok(())
    }

    /// Takes one message or chunk of the server.
    pub(super) fn hear(
        &mut self,
        data: &[u8],
        out: &mut Vec<u8>,
        mut heard: impl FnMut(Heard) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        match (self.peer, self.transport) {
            (Peer::Crier, Transport::WebSocket) => self.frame(data, &mut heard),
            (Peer::Crier, _) => self.events(data, &mut heard),
            (Peer::Raw, _) => Scan::default().read(data, |number| heard(Heard::Message(number))),
            (Peer::SocketIo, _) => {
                match data {
                    [b'0', ..] => put_frame(out, TEXT, b"40"),
                    [b'2', ..] => put_frame(out, TEXT, b"3"),
                    [b'4', b'0', ..] => heard(Heard::Ready)?,
                    [b'4', b'2', rest @ ..] => return Scan::default().read(rest, |number| heard(Heard::Message(number))),
                    _ => {}
                }
                Ok(())
            }
            (Peer::Nats, _) => {
                match data {
                    [b'P', b'O', b'N', b'G', ..] => heard(Heard::Ready)?,
                    [b'-', b'E', b'R', b'R', rest @ ..] => return Err(Trouble::new(String::from_utf8_lossy(rest))),
                    _ if data.ends_with(b"PING\r\n") => put_frame(out, BINARY, b"PONG\r\n"),
                    _ => {}
                }
                // One frame holds many messages, and the last may go on in the next.
                self.scan.read(data, |number| heard(Heard::Message(number)))
            }
        }
    }

    fn frame(&mut self, json: &[u8], heard: &mut impl FnMut(Heard) -> Result<(), Trouble>) -> Result<(), Trouble> {
        if let Some(rest) = json.strip_prefix(MESSAGE) {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
            self.follow(digits.fold(0, |offset, digit| offset * 10 + u64::from(digit - b'0')))?;
            return Scan::default().first(rest).map_or(Ok(()), |number| heard(Heard::Message(number)));
        }
        let text = std::str::from_utf8(json).map_err(|_| Trouble::new("the server says what is no text"))?;
        match ServerFrame::read(text) {
            Some(ServerFrame::Hello(_)) => heard(Heard::Ready),
            Some(ServerFrame::Published { r#ref, .. }) => heard(Heard::Acknowledged(r#ref)),
            Some(ServerFrame::Message(Entry { offset, text, .. })) => {
                self.follow(offset)?;
                Scan::default().first(text.as_str().as_bytes()).map_or(Ok(()), |number| heard(Heard::Message(number)))
            }
            Some(ServerFrame::Gap(gap)) => Err(Trouble::new(format!("messages are missing: {:?}", gap.reason))),
            Some(ServerFrame::Error { code, detail, .. }) => {
                Err(Trouble::new(format!("the server refused a message: {} {detail}", code.as_str())))
            }
            Some(_) => Ok(()),
            None => Err(Trouble::new(format!("the server says what is no frame: {}", text.chars().take(80).collect::<String>()))),
        }
    }

    fn follow(&mut self, offset: u64) -> Result<(), Trouble> {
        match self.offset.replace(offset) {
            Some(before) if offset != before + 1 => Err(Trouble::new(format!("offset {offset} came after {before}"))),
            _ => Ok(()),
        }
    }

    fn events(&mut self, chunk: &[u8], heard: &mut impl FnMut(Heard) -> Result<(), Trouble>) -> Result<(), Trouble> {
        if self.offset.is_none() {
            self.offset = Some(0);
            heard(Heard::Ready)?;
        }
        self.scan.read(chunk, |number| heard(Heard::Message(number)))
    }
}

/// Appends what publishes a text.
pub(super) fn put_publish(peer: Peer, number: u64, text: &str, out: &mut Vec<u8>) {
    match peer {
        // The text is of our own making: no character of it needs an escape.
        Peer::Crier => put_frame(out, TEXT, format!(r#"{{"type":"publish","ref":{number},"text":"{text}"}}"#).as_bytes()),
        Peer::Raw => put_frame(out, TEXT, text.as_bytes()),
        Peer::SocketIo => put_frame(out, TEXT, format!(r#"42["message","{text}"]"#).as_bytes()),
        Peer::Nats => put_frame(out, BINARY, format!("PUB bench {}\r\n{text}\r\n", text.len()).as_bytes()),
    }
}

/// The text with a number, so many bytes long, or as long as its number makes it.
pub(super) fn text(number: u64, bytes: usize) -> String {
    let mark = char::from(MARK);
    format!("{:x<bytes$}", format!("{mark}{number}{mark}"))
}

/// Looks for numbers between marks, in bytes that may end anywhere.
#[derive(Debug, Default)]
struct Scan {
    /// The digits so far, after a mark.
    inside: Option<u64>,
}

impl Scan {
    fn read(&mut self, bytes: &[u8], mut found: impl FnMut(u64) -> Result<(), Trouble>) -> Result<(), Trouble> {
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

    /// The first number alone: what follows it is the rest of the same text.
    fn first(&mut self, bytes: &[u8]) -> Option<u64> {
        let at = bytes.iter().position(|byte| *byte == MARK)?;
        self.inside = Some(0);
        self.number(&bytes[at + 1..])?.0
    }

    /// Reads on after a mark; nothing when the bytes end before the number does. What is no number is passed over.
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

    fn heard(speech: &mut Speech, data: &str) -> Result<Vec<Heard>, String> {
        let mut all = Vec::new();
        let keep = |heard| {
            all.push(heard);
            Ok(())
        };
        speech.hear(data.as_bytes(), &mut Vec::new(), keep).map_err(|trouble| trouble.to_string())?;
        Ok(all)
    }

    #[test]
    fn numbers_are_found_however_they_come() {
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
    fn offsets_of_a_room_are_followed() {
        let message = |offset: u64, number| format!(r#"{{"type":"message","offset":{offset},"time":1,"text":"{}"}}"#, text(number, 20));
        let mut speech = Speech::new(Peer::Crier, Transport::WebSocket);
        assert_eq!(heard(&mut speech, &message(4, 1)).unwrap(), [Heard::Message(1)]);
        assert_eq!(heard(&mut speech, &message(5, 2)).unwrap(), [Heard::Message(2)]);
        // The same in another order of its fields.
        let other = format!(r#"{{"offset":6,"type":"message","time":1,"text":"{}"}}"#, text(3, 20));
        assert_eq!(heard(&mut speech, &other).unwrap(), [Heard::Message(3)]);
        assert_eq!(heard(&mut speech, r#"{"type":"presence","here":2}"#).unwrap(), []);
        assert_eq!(heard(&mut speech, &message(8, 4)).unwrap_err(), "offset 8 came after 6");
        assert!(heard(&mut speech, r#"{"type":"error","code":"room_full","detail":"x"}"#).is_err());
    }

    #[test]
    fn peers_are_understood() {
        let mut speech = Speech::new(Peer::SocketIo, Transport::WebSocket);
        assert_eq!(heard(&mut speech, r#"0{"sid":"x"}"#).unwrap(), []);
        assert_eq!(heard(&mut speech, r#"40{"sid":"x"}"#).unwrap(), [Heard::Ready]);
        assert_eq!(heard(&mut speech, r##"42["message","#7#xx"]"##).unwrap(), [Heard::Message(7)]);
        let mut speech = Speech::new(Peer::Nats, Transport::WebSocket);
        assert_eq!(heard(&mut speech, "PONG\r\n").unwrap(), [Heard::Ready]);
        assert_eq!(heard(&mut speech, "MSG bench 1 4\r\n#1#x\r\nMSG bench 1 4\r\n#").unwrap(), [Heard::Message(1)]);
        assert_eq!(heard(&mut speech, "2#x\r\n").unwrap(), [Heard::Message(2)]);
        let mut speech = Speech::new(Peer::Raw, Transport::WebSocket);
        assert_eq!(heard(&mut speech, "#7#xx").unwrap(), [Heard::Message(7)]);
        let mut speech = Speech::new(Peer::Crier, Transport::Sse);
        assert_eq!(heard(&mut speech, "retry: 2000\nevent: hello\n").unwrap(), [Heard::Ready]);
        assert_eq!(heard(&mut speech, "id: 1\ndata: {\"text\":\"#7#\"}\n\n").unwrap(), [Heard::Message(7)]);
    }
}
