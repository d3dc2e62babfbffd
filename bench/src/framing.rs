//! Splits received bytes into the HTTP response head and then WebSocket frames or HTTP chunks.
//! Copies only incomplete ones.

use std::ops::Range;

use crate::Failure;

/// Maximum bytes of a frame.
const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A complete part of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// The response head; the server accepted the request.
    Head,
    /// The payload of a text or binary frame, or of a chunk.
    Data(&'a [u8]),
    /// The payload of a ping.
    Ping(&'a [u8]),
}

/// The decoding state of one connection.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    state: State,
    /// The beginning of an incomplete frame.
    rest: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Head,
    Frames,
    Chunks,
    /// A body that ends with the connection.
    Body,
}

impl Framing {
    /// Calls `on_frame` for every frame that the bytes complete.
    pub(crate) fn read(&mut self, bytes: &[u8], mut on_frame: impl FnMut(Frame<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.rest.is_empty() {
            let used = self.split(bytes, &mut on_frame)?;
            self.rest.extend_from_slice(&bytes[used..]);
        } else {
            let mut all = std::mem::take(&mut self.rest);
            all.extend_from_slice(bytes);
            let used = self.split(&all, &mut on_frame)?;
            all.drain(..used);
            self.rest = all;
        }
        if self.rest.len() > FRAME_BYTES_MAX {
            return Err(Failure::new("the server's frames have no end"));
        }
        Ok(())
    }

    /// Returns the number of bytes that were complete frames.
    fn split(&mut self, bytes: &[u8], on_frame: &mut impl FnMut(Frame<'_>) -> Result<(), Failure>) -> Result<usize, Failure> {
        let mut used = 0;
        loop {
            let left = &bytes[used..];
            let length = match self.state {
                State::Head => match head(left)? {
                    Some((length, state)) => {
                        self.state = state;
                        on_frame(Frame::Head)?;
                        length
                    }
                    None => return Ok(used),
                },
                State::Frames => match frame(left)? {
                    Some((opcode, at)) => {
                        let (end, payload) = (at.end, &left[at]);
                        match opcode {
                            1 | 2 => on_frame(Frame::Data(payload))?,
                            8 => return Err(closed(payload)),
                            9 => on_frame(Frame::Ping(payload))?,
                            _ => {}
                        }
                        end
                    }
                    None => return Ok(used),
                },
                State::Chunks => match chunk(left)? {
                    Some(at) if at.is_empty() => return Err(Failure::disconnected("the server ended the stream")),
                    Some(at) => {
                        let end = at.end + 2;
                        on_frame(Frame::Data(&left[at]))?;
                        end
                    }
                    None => return Ok(used),
                },
                State::Body if left.is_empty() => return Ok(used),
                State::Body => {
                    on_frame(Frame::Data(left))?;
                    left.len()
                }
            };
            used += length;
        }
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

/// Returns the length of the response head and the state after it. `None` if the head is
/// incomplete.
fn head(bytes: &[u8]) -> Result<Option<(usize, State)>, Failure> {
    let Some(length) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes[..length]).to_ascii_lowercase();
    let status = text.split(' ').nth(1).unwrap_or_default();
    match status {
        "101" => Ok(Some((length + 4, State::Frames))),
        "200" if text.contains("\r\ntransfer-encoding: chunked") => Ok(Some((length + 4, State::Chunks))),
        "200" if text.contains("\r\ncontent-type: text/event-stream") => Ok(Some((length + 4, State::Body))),
        "200" => Err(Failure::new("the server's answer is not a stream")),
        _ => {
            let all = String::from_utf8_lossy(&bytes[..bytes.len().min(length + crate::REFUSAL_BYTES_MAX)]).into_owned();
            let (status, body) = (all.lines().next().unwrap_or_default(), all.split("\r\n\r\n").nth(1).unwrap_or_default());
            Err(Failure::new(format!("the server refused a connection: {status} {body}").trim_end()))
        }
    }
}

/// Returns the opcode and the payload's range of the first frame. `None` if it is incomplete.
fn frame(bytes: &[u8]) -> Result<Option<(u8, Range<usize>)>, Failure> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (opcode, is_final) = (first & 0x0f, first & 0x80 != 0);
    if !is_final || opcode == 0 || first & 0x70 != 0 || second & 0x80 != 0 {
        return Err(Failure::new("the server's frames come in fragments, compressed or masked, which is not measured"));
    }
    let (header, length) = match (second & 0x7f, rest) {
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        (126 | 127, _) => return Ok(None),
        (length, _) => (2, u64::from(length)),
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let end = header + length.ok_or_else(|| Failure::new("the server's frame is too long"))?;
    Ok((bytes.len() >= end).then_some((opcode, header..end)))
}

fn closed(payload: &[u8]) -> Failure {
    match payload {
        [a, b, reason @ ..] => {
            let (code, reason) = (u16::from_be_bytes([*a, *b]), String::from_utf8_lossy(reason));
            Failure::disconnected(format!("the server closed a connection with {code} {reason}").trim_end())
        }
        _ => Failure::disconnected("the server closed a connection"),
    }
}

/// Returns the payload's range of the first chunk. `None` if it is incomplete.
fn chunk(bytes: &[u8]) -> Result<Option<Range<usize>>, Failure> {
    let Some(line) = find(bytes, b"\r\n") else { return Ok(None) };
    let digits = std::str::from_utf8(&bytes[..line]).unwrap_or_default().split(';').next().unwrap_or_default();
    let length = usize::from_str_radix(digits.trim(), 16).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let start = line + 2;
    let end = start + length.ok_or_else(|| Failure::new("the server's chunk has no length"))?;
    Ok((bytes.len() >= end + 2).then_some(start..end))
}

/// Appends a client's frame. Clients must mask; a constant mask is enough here.
pub(crate) fn put_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the bytes in parts of every size; the result must not depend on it.
    fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut results = (1..=bytes.len()).map(|size| {
            let (mut framing, mut read) = (Framing::default(), Vec::new());
            for bytes in bytes.chunks(size) {
                let keep = |frame: Frame<'_>| {
                    read.push(match frame {
                        Frame::Head => "head".to_owned(),
                        Frame::Data(data) => String::from_utf8_lossy(data).into_owned(),
                        Frame::Ping(data) => format!("ping {}", data.len()),
                    });
                    Ok(())
                };
                framing.read(bytes, keep).map_err(|failure| failure.to_string())?;
            }
            Ok(read)
        });
        let first = results.next().unwrap();
        assert!(results.all(|result| result == first));
        first
    }

    #[test]
    fn splits_frames_that_arrive_in_parts() {
        let long = "x".repeat(300);
        let mut bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi\x82\x00\x89\x01!".to_vec();
        bytes.extend([0x81, 126, 1, 44]);
        bytes.extend(long.as_bytes());
        assert_eq!(read(&bytes).unwrap(), ["head", "hi", "", "ping 1", &long]);
        bytes.extend(b"\x88\x06\x0f\xa0slow");
        assert_eq!(read(&bytes).unwrap_err(), "the server closed a connection with 4000 slow");
    }

    #[test]
    fn splits_chunks_that_arrive_in_parts() {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let bytes = [&head[..], b"5\r\nhello\r\n1;x=y\r\n!\r\n"].concat();
        assert_eq!(read(&bytes).unwrap(), ["head", "hello", "!"]);
        assert_eq!(read(&[&bytes[..], b"0\r\n\r\n"].concat()).unwrap_err(), "the server ended the stream");
    }

    #[test]
    fn reads_a_body_that_ends_with_the_connection() {
        let mut framing = Framing::default();
        let mut read = Vec::new();
        for bytes in [&b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nda"[..], b"ta: x"] {
            let keep = |frame: Frame<'_>| {
                if let Frame::Data(data) = frame {
                    read.extend_from_slice(data);
                }
                Ok(())
            };
            framing.read(bytes, keep).unwrap();
        }
        assert_eq!(read, b"data: x");
        assert!(Framing::default().read(b"HTTP/1.1 200 OK\r\n\r\n", |_| Ok(())).is_err());
    }

    #[test]
    fn reports_a_refusal() {
        let mut framing = Framing::default();
        let bytes = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 3\r\n\r\n{1}";
        let refused = framing.read(bytes, |_| Ok(())).unwrap_err();
        assert_eq!(refused.to_string(), "the server refused a connection: HTTP/1.1 429 Too Many Requests {1}");
        assert!(read(b"HTTP/1.1 101 x\r\n\r\n\x01\x00").unwrap_err().contains("fragments"));
    }

    #[test]
    fn masks_sent_frames() {
        for length in [0, 125, 126, 65535, 65536] {
            let (mut out, payload) = (Vec::new(), vec![b'x'; length]);
            put_frame(&mut out, 1, &payload);
            let header = out.len() - length;
            let mask = out[header - 4..header].to_vec();
            assert!(out[header..].iter().zip(mask.iter().cycle()).all(|(byte, mask)| byte ^ mask == b'x'));
            assert_eq!(
                header,
                if length < 126 {
                    6
                } else if length < 65536 {
                    8
                } else {
                    14
                }
            );
        }
    }
}
