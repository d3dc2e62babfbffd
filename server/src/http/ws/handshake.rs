//! The WebSocket handshake (RFC 6455, section 4.2). Its answer takes the connection over.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{ALLOW, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::delivery::Admission;
use crate::http::error::ApiError;
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::http::takeover::{Continuation, Takeover, head_lines};

/// A request to become a WebSocket.
pub(in crate::http) struct Handshake {
    key: HeaderValue,
}

impl FromRequestParts<State> for Handshake {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Refused> {
        if parts.method != Method::GET {
            return Err(Refused(ErrorCode::MethodNotAllowed.into()));
        }
        let refused = |detail| Refused(ApiError::detail(ErrorCode::RequestInvalid, detail));
        if parts.version != Version::HTTP_11 {
            return Err(refused("this version of HTTP can't be upgraded"));
        }
        Ok(Self { key: key(&parts.headers).map_err(refused)? })
    }
}

/// A request that can't become one.
pub(in crate::http) struct Refused(ApiError);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        // A client of another version may know this one as well (section 4.4).
        ([(SEC_WEBSOCKET_VERSION, "13"), (ALLOW, "GET")], self.0).into_response()
    }
}

/// Returns the key of a request to become a WebSocket, or what is wrong with it.
pub(in crate::http) fn key(headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    if !lists(headers, &CONNECTION, "upgrade") {
        return Err("Connection does not say upgrade");
    }
    if !lists(headers, &UPGRADE, "websocket") {
        return Err("Upgrade does not say websocket");
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err("Sec-WebSocket-Version is not 13");
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err("there must be one Sec-WebSocket-Key") };
    // 16 bytes in base64 (section 4.1).
    let bytes = key.as_bytes();
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+' || *byte == b'/';
    if bytes.len() != 24 || !bytes.ends_with(b"==") || !bytes[..22].iter().all(alphabet) {
        return Err("Sec-WebSocket-Key is not 16 bytes in base64");
    }
    Ok(key.clone())
}

/// True if a header's list has a word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

impl Handshake {
    /// Accepts. The client is told `first` before anything else; `permit` is kept until the
    /// connection ends.
    pub(in crate::http) fn accept(self, admission: Admission, first: Vec<u8>, permit: ConnectionPermit) -> Response {
        self.accept_to(Continuation::reader(admission, first, permit))
    }

    /// Accepts, and goes on in another way.
    pub(in crate::http) fn accept_to(self, continuation: Continuation) -> Response {
        let takeover = Takeover::extension(continuation);
        (StatusCode::SWITCHING_PROTOCOLS, answer_headers(&self.key), takeover, Body::empty()).into_response()
    }
}

fn answer_headers(key: &HeaderValue) -> [(HeaderName, HeaderValue); 3] {
    let accepted = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is printable");
    [(CONNECTION, HeaderValue::from_static("upgrade")), (UPGRADE, HeaderValue::from_static("websocket")), (SEC_WEBSOCKET_ACCEPT, accepted)]
}

/// Returns the answer to a request with this key, as it goes on the wire.
pub(in crate::http) fn answer(key: &HeaderValue) -> Vec<u8> {
    let headers = answer_headers(key);
    let mut answer = head_lines("HTTP/1.1", StatusCode::SWITCHING_PROTOCOLS, headers.iter().map(|(name, value)| (name, value)));
    answer.extend_from_slice(b"\r\n");
    answer
}
