//! Frames from a client, as they arrive.

use std::borrow::Cow;
use std::io::Cursor;
use std::mem;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::{CONTROL_BYTES_MAX, Limits, Violation};

/// What a client sent. A message that came in one frame is borrowed from the buffer it came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A whole text message.
    Text(Cow<'a, str>),
    /// A whole binary message.
    Binary(Cow<'a, [u8]>),
    /// A ping, to be answered with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// The end, perhaps with a code.
    Close(Option<u16>),
}

/// Reads the frames of one client. It keeps what has arrived of a fragmented message. The caller
/// keeps the bytes of a frame that is not whole yet.
#[derive(Debug, Default)]
pub struct Decoder {
    message: Option<Box<Message>>,
}

/// A message of which not all fragments have arrived.
#[derive(Debug)]
struct Message {
    is_text: bool,
    bytes: Vec<u8>,
    /// Up to here the bytes are known to be UTF-8.
    valid: usize,
    fragments: usize,
}

impl Decoder {
    /// Takes frames off the front of `input`, up to the first that completes a message or is a
    /// control frame. Returns `None` if what is left is less than a frame.
    pub fn next<'a>(&mut self, limits: &Limits, input: &mut &'a mut [u8]) -> Result<Option<Incoming<'a>>, Violation> {
        while let Some((header, payload)) = self.split_frame(limits, input)? {
            match header.opcode {
                OpCode::Control(control) => return self::control(control, payload).map(Some),
                OpCode::Data(kind) => {
                    if let Some(message) = self.data(kind, header.is_final, payload, limits)? {
                        return Ok(Some(message));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes one frame off the front of the input, if it is whole. What is wrong with it is seen as
    /// soon as its header is there.
    fn split_frame<'a>(&self, limits: &Limits, input: &mut &'a mut [u8]) -> Result<Option<(FrameHeader, &'a mut [u8])>, Violation> {
        let mut cursor = Cursor::new(&**input);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(None),
            Err(_) => return Err(Violation::Protocol("reserved opcode")),
        };
        let start = cursor.position() as usize;
        let Some(mask) = header.mask else { return Err(Violation::Protocol("not masked")) };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation::Protocol("reserved bits"));
        }
        // The highest bit must be 0 (section 5.2).
        if length >> 63 == 1 {
            return Err(Violation::Protocol("impossible length"));
        }
        let length = usize::try_from(length).map_err(|_| Violation::TooLong)?;
        match header.opcode {
            OpCode::Control(_) if !header.is_final => return Err(Violation::Protocol("fragmented control frame")),
            OpCode::Control(_) if length > CONTROL_BYTES_MAX => return Err(Violation::Protocol("control frame too long")),
            OpCode::Control(_) => {}
            OpCode::Data(_) => {
                let before = self.message.as_ref().map_or(0, |message| message.bytes.len());
                if length > limits.message_bytes_max.saturating_sub(before) {
                    return Err(Violation::TooLong);
                }
            }
        }
        if input.len() - start < length {
            return Ok(None);
        }
        let (frame, rest) = mem::take(input).split_at_mut(start + length);
        *input = rest;
        let payload = &mut frame[start..];
        unmask(payload, mask);
        Ok(Some((header, payload)))
    }

    /// Takes a message's frame. Returns `None` if more of the message is to come.
    fn data<'a>(&mut self, kind: Data, is_final: bool, payload: &'a [u8], limits: &Limits) -> Result<Option<Incoming<'a>>, Violation> {
        let mut message = match (kind, self.message.take()) {
            (Data::Continue, Some(message)) => message,
            (Data::Continue, None) => return Err(Violation::Protocol("continuation of nothing")),
            (_, Some(_)) => return Err(Violation::Protocol("a message within a message")),
            (Data::Text, None) if is_final => {
                let text = std::str::from_utf8(payload).map_err(|_| Violation::NotUtf8)?;
                return Ok(Some(Incoming::Text(text.into())));
            }
            (_, None) if is_final => return Ok(Some(Incoming::Binary(payload.into()))),
            (kind, None) => Box::new(Message { is_text: kind == Data::Text, bytes: Vec::new(), valid: 0, fragments: 0 }),
        };
        message.add(payload, is_final)?;
        if is_final {
            return message.finish().map(Some);
        }
        if message.fragments >= limits.fragments_max {
            return Err(Violation::TooManyFragments);
        }
        self.message = Some(message);
        Ok(None)
    }
}

impl Message {
    fn add(&mut self, payload: &[u8], is_final: bool) -> Result<(), Violation> {
        self.fragments += 1;
        self.bytes.extend_from_slice(payload);
        if self.is_text {
            match std::str::from_utf8(&self.bytes[self.valid..]) {
                Ok(_) => self.valid = self.bytes.len(),
                // A character may be cut by the end of a fragment, but not by the end of the
                // message.
                Err(error) if error.error_len().is_none() && !is_final => self.valid += error.valid_up_to(),
                Err(_) => return Err(Violation::NotUtf8),
            }
        }
        Ok(())
    }

    fn finish<'a>(self) -> Result<Incoming<'a>, Violation> {
        if !self.is_text {
            return Ok(Incoming::Binary(self.bytes.into()));
        }
        let text = String::from_utf8(self.bytes).map_err(|_| Violation::NotUtf8)?;
        Ok(Incoming::Text(text.into()))
    }
}

fn control(control: Control, payload: &[u8]) -> Result<Incoming<'_>, Violation> {
    match control {
        Control::Ping => Ok(Incoming::Ping(payload)),
        Control::Pong => Ok(Incoming::Pong),
        _ => match payload {
            [] => Ok(Incoming::Close(None)),
            [_] => Err(Violation::Protocol("half a close code")),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !CloseCode::from(code).is_allowed() {
                    return Err(Violation::Protocol("impossible close code"));
                }
                std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
                Ok(Incoming::Close(Some(code)))
            }
        },
    }
}

/// Eight bytes at a time, which the compiler makes more of.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 0xf4];

    /// A client's frame.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Feeds bytes in pieces of the given lengths and tells what came out, in words.
    fn heard(bytes: &[u8], limits: &Limits, mut piece: impl FnMut() -> usize) -> Result<Vec<String>, Violation> {
        let (mut decoder, mut kept, mut heard, mut bytes) = (Decoder::default(), Vec::new(), Vec::new(), bytes);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(piece().min(bytes.len()));
            kept.extend_from_slice(now);
            bytes = later;
            let mut rest = &mut kept[..];
            while let Some(incoming) = decoder.next(limits, &mut rest)? {
                heard.push(match incoming {
                    Incoming::Text(text) => format!("text {text}"),
                    Incoming::Binary(bytes) => format!("binary {bytes:?}"),
                    Incoming::Ping(payload) => format!("ping {payload:?}"),
                    Incoming::Pong => "pong".to_owned(),
                    Incoming::Close(code) => format!("close {code:?}"),
                });
            }
            kept = rest.to_vec();
        }
        assert!(kept.is_empty(), "half a frame is left");
        Ok(heard)
    }

    fn whole(bytes: &[u8]) -> Result<Vec<String>, Violation> {
        heard(bytes, &Limits::BOARD, || usize::MAX)
    }

    #[test]
    fn what_arrives_does_not_depend_on_how_it_is_cut() {
        let mut random = Rng::with_seed(7);
        let long = "字x".repeat(5000);
        let bytes = [
            frame(0x81, "hello 世界".as_bytes()),
            frame(0x01, &long.as_bytes()[..1]),
            frame(0x89, b"in between"),
            frame(0x00, &long.as_bytes()[1..17]),
            frame(0x00, b""),
            frame(0x80, &long.as_bytes()[17..]),
            frame(0x82, &[0, 255]),
            frame(0x8a, b"x"),
            frame(0x81, b""),
            frame(0x88, &[0x03, 0xe8, b'b', b'y', b'e']),
        ]
        .concat();
        let expected = whole(&bytes).unwrap();
        assert_eq!(expected.len(), 7);
        assert_eq!(expected[2], format!("text {long}"));
        assert_eq!(heard(&bytes, &Limits::BOARD, || 1).unwrap(), expected);
        for _ in 0..50 {
            assert_eq!(heard(&bytes, &Limits::BOARD, || random.usize(1..2000)).unwrap(), expected);
        }
    }

    #[test]
    fn what_the_protocol_forbids_is_1002() {
        for (bytes, why) in [
            (vec![0x81, 0x01, b'a'], "not masked"),
            (frame(0x83, b""), "reserved opcode"),
            (frame(0x8b, b""), "reserved opcode"),
            (frame(0xc1, b"a"), "reserved bit 1"),
            (frame(0xa1, b"a"), "reserved bit 2"),
            (frame(0x91, b"a"), "reserved bit 3"),
            (frame(0x80, b"a"), "a continuation of nothing"),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), "a message within a message"),
            (frame(0x09, b"a"), "a fragmented ping"),
            (frame(0x89, &[0; 126]), "a long ping"),
            (frame(0x88, &[3]), "half a close code"),
            ([&[0x81, 0xff][..], &(1_u64 << 63).to_be_bytes(), &MASK].concat(), "an impossible length"),
        ] {
            assert_eq!(whole(&bytes).unwrap_err().code(), 1002, "{why}");
        }
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            assert_eq!(whole(&frame(0x88, &code.to_be_bytes())).unwrap_err().code(), 1002, "{code}");
        }
    }

    #[test]
    fn good_closes_are_heard() {
        assert_eq!(whole(&frame(0x88, b"")).unwrap(), ["close None"]);
        for code in [1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
            assert_eq!(whole(&frame(0x88, &code.to_be_bytes())).unwrap(), [format!("close Some({code})")]);
        }
    }

    #[test]
    fn text_is_utf8_whole_or_in_pieces() {
        for bytes in [
            frame(0x81, &[0xff, 0xfe]),
            frame(0x81, &[0xed, 0xa0, 0x80]),       // a surrogate
            frame(0x81, &[0xf4, 0x90, 0x80, 0x80]), // beyond Unicode
            frame(0x81, &[0xc0, 0xaf]),             // overlong
            frame(0x81, &[0xe5, 0x80]),             // cut
            [frame(0x01, &[0xe5]), frame(0x80, &[0x80])].concat(),
            // It is over with the first byte that can't be, though more is to come.
            [frame(0x01, &[0xe5, 0x80]), frame(0x00, &[0x41])].concat(),
            frame(0x88, &[0x03, 0xe8, 0xff]),
        ] {
            assert_eq!(whole(&bytes).unwrap_err(), Violation::NotUtf8, "{bytes:x?}");
        }
        let cut = [frame(0x01, &[0xe5]), frame(0x00, &[0xad]), frame(0x80, &[0x97])].concat();
        assert_eq!(whole(&cut).unwrap(), ["text 字"]);
    }

    #[test]
    fn messages_are_bounded_in_bytes_and_in_fragments() {
        let limits = Limits { message_bytes_max: 10, fragments_max: 3 };
        let heard = |bytes: &[u8]| heard(bytes, &limits, || usize::MAX);
        assert!(heard(&frame(0x81, &[b'x'; 10])).is_ok());
        assert_eq!(heard(&frame(0x81, &[b'x'; 11])).unwrap_err(), Violation::TooLong);
        let fragments = [frame(0x01, &[b'x'; 6]), frame(0x80, &[b'x'; 4])].concat();
        assert!(heard(&fragments).is_ok());
        let fragments = [frame(0x01, &[b'x'; 6]), frame(0x80, &[b'x'; 5])].concat();
        assert_eq!(heard(&fragments).unwrap_err(), Violation::TooLong);
        // The header alone says so.
        assert_eq!(heard(&[&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &MASK].concat()).unwrap_err(), Violation::TooLong);
        let empty = [frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")].concat();
        assert!(heard(&empty).is_ok());
        let endless = [frame(0x01, b""), frame(0x00, b""), frame(0x00, b"")].concat();
        assert_eq!(heard(&endless).unwrap_err(), Violation::TooManyFragments);
    }
}
