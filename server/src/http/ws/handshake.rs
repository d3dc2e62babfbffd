//! The WebSocket handshake (RFC 6455, section 4.2), after which the raw socket goes to [`crate::delivery`].

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{ALLOW, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use protocol::ErrorCode;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::delivery::{Admission, Connection, Fanout};
use crate::http::error::ApiError;
use crate::http::listen::{self, Raw};
use crate::http::permit::ConnectionPermit;
use crate::http::state::State;
use crate::http::write_timeout::Hold;
use crate::limits::turns::Turn;

/// A request to become a WebSocket.
pub(in crate::http) struct Handshake {
    key: HeaderValue,
    upgrade: OnUpgrade,
    hold: Option<Hold>,
}

impl FromRequestParts<State> for Handshake {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Refused> {
        if parts.method != Method::GET {
            return Err(Refused(ErrorCode::MethodNotAllowed.into()));
        }
        let refused = |detail| Refused(ApiError::detail(ErrorCode::RequestInvalid, detail));
        let key = key(&parts.headers).map_err(refused)?;
        let upgrade = parts.extensions.remove().ok_or("this connection can't be upgraded").map_err(refused)?;
        Ok(Self { key, upgrade, hold: parts.extensions.remove() })
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

/// The key of a request to become a WebSocket, or what is wrong with it.
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

/// Whether a header's list has a word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

impl Handshake {
    /// Accepts. When HTTP has let go of the socket, the session is carried over it, with `first` said before all else; `place`
    /// is held till its end.
    pub(in crate::http) fn accept(self, fanout: Fanout, admission: Admission, first: Vec<u8>, place: ConnectionPermit) -> Response {
        let Self { key, upgrade, hold } = self;
        let open = async move {
            let Raw { socket, read, mut held } = listen::take_back(upgrade.await.ok()?)?;
            held.extend_from_slice(&first);
            Some(fanout.start(admission, socket, &read, &held))
        };
        // The answer goes with the first frame, in one write.
        if let Some(hold) = hold {
            hold.set();
        }
        Carried::start(place, open);
        (StatusCode::SWITCHING_PROTOCOLS, answer_headers(&key), Body::empty()).into_response()
    }
}

fn answer_headers(key: &HeaderValue) -> [(HeaderName, HeaderValue); 3] {
    let accepted = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is printable");
    [(CONNECTION, HeaderValue::from_static("upgrade")), (UPGRADE, HeaderValue::from_static("websocket")), (SEC_WEBSOCKET_ACCEPT, accepted)]
}

/// The whole answer to a request with this key, as it goes on the wire.
pub(in crate::http) fn answer(key: &HeaderValue) -> Vec<u8> {
    let [a, b, c] = &answer_headers(key);
    let line = |(name, value): &(HeaderName, HeaderValue)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat();
    [&b"HTTP/1.1 101 Switching Protocols\r\n"[..], &line(a), &line(b), &line(c), b"\r\n"].concat()
}

/// The task of a connection that may become a WebSocket. By hand, since in an async block the memory of what is only needed
/// for the opening would stay.
pub(in crate::http) struct Carried {
    stage: Stage,
    turn: Turn,
    place: ConnectionPermit,
}

impl Carried {
    /// Starts the task; it goes on with the WebSocket that `opening` ends with, if it does, and keeps the place till the end.
    pub(in crate::http) fn start(place: ConnectionPermit, opening: impl Future<Output = Option<Connection>> + Send + 'static) {
        tokio::spawn(Self { stage: Stage::Opening(Box::pin(opening)), turn: Turn::default(), place });
    }
}

enum Stage {
    Opening(Pin<Box<dyn Future<Output = Option<Connection>> + Send>>),
    Open(Connection),
}

impl Future for Carried {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { stage, turn, place } = self.get_mut();
        match place.account() {
            Some(account) => turn.poll(account, context, |context| stage.poll(context)),
            None => stage.poll(context),
        }
    }
}

impl Stage {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Self::Opening(opening) = self {
            let Some(connection) = ready!(opening.as_mut().poll(context)) else { return Poll::Ready(()) };
            *self = Self::Open(connection);
        }
        let Self::Open(connection) = self else { return Poll::Pending };
        Pin::new(connection).poll(context)
    }
}
