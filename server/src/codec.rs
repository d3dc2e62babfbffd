//! WebSocket frames as bytes (RFC 6455, section 5): what a server sends, and what arrives from a
//! client. Pure: no clock, lock, task or socket.
//!
//! Headers and close codes are read by tungstenite. Its message reader is not used: it owns a
//! buffer for each connection, and does not count fragments.

mod decoder;

use bytes::{BufMut, Bytes};
use protocol::limits::{FRAGMENTS_MAX, FRAME_BYTES_MAX};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

pub use decoder::{Decoder, Incoming};

/// The longest payload of a control frame.
const CONTROL_BYTES_MAX: usize = 125;
/// The longest reason of a close frame, whose payload begins with the code.
const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// Writes the header of a final frame without a mask.
pub fn put_header(frame: &mut impl BufMut, opcode: OpCode, length: usize) {
    frame.put_u8(0x80 | u8::from(opcode));
    match length {
        0..=125 => frame.put_u8(length as u8),
        126..=0xffff => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        _ => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
}

/// Writes a text frame.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_header(out, OpCode::Data(Data::Text), text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Returns a text frame. The text is UTF-8.
pub fn text_frame(text: &[u8]) -> Bytes {
    frame(Data::Text, text)
}

/// Returns a binary frame.
pub fn binary_frame(bytes: &[u8]) -> Bytes {
    frame(Data::Binary, bytes)
}

fn frame(kind: Data, payload: &[u8]) -> Bytes {
    // Exactly as long as the frame, so that sharing it needs no other allocation.
    let mut frame = Vec::with_capacity(header_bytes(payload.len()) + payload.len());
    put_header(&mut frame, OpCode::Data(kind), payload.len());
    frame.extend_from_slice(payload);
    frame.into()
}

/// Returns the length of the header of a frame with a payload of this length.
fn header_bytes(length: usize) -> usize {
    match length {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Writes a ping without a payload.
pub fn put_ping(out: &mut Vec<u8>) {
    put_header(out, OpCode::Control(Control::Ping), 0);
}

/// Writes the answer to a ping, whose payload is at most 125 bytes.
pub fn put_pong(out: &mut Vec<u8>, payload: &[u8]) {
    put_header(out, OpCode::Control(Control::Pong), payload.len());
    out.extend_from_slice(payload);
}

/// Writes a close frame: with a code and as many characters of its reason as fit, or with nothing.
pub fn put_close(out: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
    let length = code.map_or(0, |_| 2 + reason.len());
    put_header(out, OpCode::Control(Control::Close), length);
    if let Some(code) = code {
        out.put_u16(code);
        out.extend_from_slice(reason.as_bytes());
    }
}

/// The bounds of a decoder.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many bytes a message may have, and so each of its frames.
    pub message_bytes_max: usize,
    /// In how many fragments it may come.
    pub fragments_max: usize,
}

impl Limits {
    /// The board's bounds.
    pub const BOARD: Self = Self { message_bytes_max: FRAME_BYTES_MAX, fragments_max: FRAGMENTS_MAX };
}

/// How a client broke the protocol, by close code (RFC 6455, section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// 1002: the bytes are not what the protocol allows.
    Protocol(&'static str),
    /// 1007: a text is not UTF-8.
    NotUtf8,
    /// 1008: a message comes in too many fragments.
    TooManyFragments,
    /// 1009: a message is too long.
    TooLong,
}

impl Violation {
    /// Returns the close code.
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooManyFragments => 1008,
            Self::TooLong => 1009,
        }
    }

    /// Returns the close reason.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Protocol(reason) => reason,
            Self::NotUtf8 => "not UTF-8",
            Self::TooManyFragments => "too many fragments",
            Self::TooLong => "message too long",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_at_a_character() {
        let mut out = Vec::new();
        put_close(&mut out, Some(1000), &"字".repeat(50));
        assert_eq!((out[0], usize::from(out[1])), (0x88, 2 + 123));
        assert!(std::str::from_utf8(&out[4..]).is_ok());
        out.clear();
        put_close(&mut out, None, "");
        assert_eq!(out, [0x88, 0]);
    }

    #[test]
    fn headers_grow_with_what_follows() {
        for (length, header) in [
            (125, &[0x81, 125][..]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 255, 255]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            put_header(&mut out, OpCode::Data(Data::Text), length);
            assert_eq!(out, header);
            assert_eq!(header_bytes(length), header.len());
        }
    }
}
