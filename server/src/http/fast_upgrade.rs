//! Opens a WebSocket without hyper and axum, if a connection begins with a request for one that is
//! whole and in order. After a restart all clients ask for nothing else, and most of the cost of
//! such a request is the framework's. Access, limits and handshake are the same functions as
//! elsewhere. Anything unusual, and every refusal, is left to the framework.

use std::net::IpAddr;

use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, Uri};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use protocol::RoomName;

use super::caller;
use super::extract::{After, query};
use super::state::State;
use super::ws::{handshake, json};
use crate::delivery::{Admission, Client};

/// Maximum number of headers. A browser sends about twenty.
const HEADERS_MAX: usize = 64;

/// An admitted client.
pub(super) struct Opening<'a> {
    pub(super) admission: Admission,
    /// The answer to its request, and the first frame.
    pub(super) first: Vec<u8>,
    /// What it sent after its request.
    pub(super) rest: &'a [u8],
}

/// Admits a client that asks for a WebSocket. `read` is the first that came from `peer`.
pub(super) fn open<'a>(state: &State, peer: IpAddr, read: &'a [u8]) -> Option<Opening<'a>> {
    // The clients of a proxy are counted by the framework's extractors.
    if !read.starts_with(b"GET /ws/") || state.access.trusts(peer) {
        return None;
    }
    let (parts, length) = parse(read)?;
    if parts.headers.contains_key(CONTENT_LENGTH) || parts.headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    if state.access.check(peer, &parts).is_err() {
        return None;
    }
    let room = percent_decode_str(parts.uri.path().strip_prefix("/ws/")?);
    let room: RoomName = room.decode_utf8().ok()?.parse().ok()?;
    let wanted: After = query(&parts.uri).ok()?;
    let key = handshake::key(&parts.headers).ok()?;
    let caller = caller::caller(state, peer, &parts.headers).ok()?;
    let client = Client { caller, account: state.context.limiter.account(peer), reader: wanted.reader };
    let (admission, hello) = json::admit(state, client, &room, &wanted).ok()?;
    Some(Opening { admission, first: [handshake::answer(&key), hello].concat(), rest: &read[length..] })
}

/// Returns the head of a request and its length, if it is whole. Its parts share one copy.
fn parse(read: &[u8]) -> Option<(Parts, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = head.parse(read) else { return None };
    if head.version != Some(1) {
        return None;
    }
    let copy = Bytes::copy_from_slice(&read[..length]);
    let shared = |part: &[u8]| {
        let start = part.as_ptr().addr() - read.as_ptr().addr();
        copy.slice(start..start + part.len())
    };
    let mut request = Request::new(());
    *request.method_mut() = head.method?.parse().ok()?;
    *request.uri_mut() = Uri::from_maybe_shared(shared(head.path?.as_bytes())).ok()?;
    request.headers_mut().reserve(head.headers.len());
    for header in head.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_maybe_shared(shared(header.value)).ok()?);
    }
    Some((request.into_parts().0, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET /ws/lobby?after=1 HTTP/1.1\r\nHost: a\r\nX:  y z \r\nx: 2\r\n\r\n";

    #[test]
    fn reads_a_whole_head_and_leaves_what_follows() {
        let (parts, length) = parse(&[HEAD, b"more"].concat()).unwrap();
        assert_eq!(length, HEAD.len());
        assert_eq!((parts.method.as_str(), parts.uri.path(), parts.uri.query()), ("GET", "/ws/lobby", Some("after=1")));
        assert_eq!(parts.headers["host"], "a");
        assert_eq!(parts.headers.get_all("x").iter().collect::<Vec<_>>(), ["y z", "2"]);
    }

    #[test]
    fn leaves_incomplete_and_malformed_heads_alone() {
        for end in 0..HEAD.len() {
            assert!(parse(&HEAD[..end]).is_none(), "{end}");
        }
        for head in
            ["GET / HTTP/1.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\na b: x\r\n\r\n"]
        {
            assert!(parse(head.as_bytes()).is_none(), "{head}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert!(parse(many.as_bytes()).is_none());
    }
}
