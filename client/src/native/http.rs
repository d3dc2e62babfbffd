//! Channels over plain HTTP: event streams and pages; and publishing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioExecutor;
use protocol::{Problem, Published, ServerFrame};
use serde::de::DeserializeOwned;

use super::channel::ChannelEvent;
use super::dial::{Connector, Proxies, Proxy};
use super::failure::{Failure, FailureKind};
use super::identity::Secrets;
use crate::{ABNORMAL_CLOSURE, EventStreamParser, StreamItem};

/// Maximum size of a body, in bytes: more than a page of the longest entries.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Sends requests. It follows no redirection: that leads to a sign-in page of the network, not to
/// Crier.
#[derive(Clone, Debug)]
pub(super) struct Client {
    requests: hyper_util::client::legacy::Client<Connector, Full<Bytes>>,
    proxies: Arc<Proxies>,
    pub(super) secrets: Arc<Secrets>,
}

impl Client {
    pub(super) fn new(connector: Connector, proxies: Arc<Proxies>) -> Self {
        let requests = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { requests, proxies, secrets: Arc::default() }
    }
}

/// An answer: the value, or the failure, with the problem document if a Crier server sent one.
pub(super) type Answer<T> = Result<T, (Failure, Option<Problem>)>;

/// A response and its next bytes; `None` at its start and at its end.
type Part = (Response<Incoming>, Option<Bytes>);

/// A channel over an event stream.
pub(super) struct EventStream {
    is_opening: bool,
    next: BoxFuture<'static, Result<Part, Failure>>,
    parser: EventStreamParser,
    items: VecDeque<StreamItem>,
}

impl EventStream {
    pub(super) fn open(client: &Client, address: &str) -> Self {
        let response = send(client, Method::GET, address, (ACCEPT.as_str(), "text/event-stream"), String::new());
        let next = Box::pin(async move {
            let response = response.await?;
            if response.status() != StatusCode::OK {
                return Err(refusal(response).await.0);
            }
            let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            if content_type.is_some_and(|value| value.starts_with("text/event-stream")) {
                Ok((response, None))
            } else {
                Err(not_crier("the answer is not an event stream"))
            }
        });
        Self { is_opening: true, next, parser: EventStreamParser::default(), items: VecDeque::new() }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<ChannelEvent> {
        loop {
            match self.items.pop_front() {
                Some(StreamItem::Data(json)) => return Poll::Ready(ChannelEvent::Frame(ServerFrame::read(json.as_str()))),
                Some(StreamItem::Comment) => return Poll::Ready(ChannelEvent::Comment),
                None => {}
            }
            let (response, bytes) = match ready!(self.next.as_mut().poll(context)) {
                Ok(part) => part,
                Err(failure) => return Poll::Ready(ChannelEvent::Failed(failure)),
            };
            let Some(bytes) = bytes else {
                if std::mem::take(&mut self.is_opening) {
                    self.next = next(response);
                    return Poll::Ready(ChannelEvent::Opened);
                }
                return Poll::Ready(ChannelEvent::Closed { code: ABNORMAL_CLOSURE, reason: String::new() });
            };
            self.next = next(response);
            match self.parser.read(&bytes) {
                Ok(items) => self.items.extend(items),
                Err(_) => return Poll::Ready(ChannelEvent::Failed(not_crier("an event is too long"))),
            }
        }
    }
}

/// Reads the next bytes of a response.
fn next(mut response: Response<Incoming>) -> BoxFuture<'static, Result<Part, Failure>> {
    Box::pin(async move {
        let bytes = chunk(&mut response).await?;
        Ok((response, bytes))
    })
}

/// Requests a value, such as a page of messages.
pub(super) fn get<T: DeserializeOwned + 'static>(client: &Client, address: &str) -> BoxFuture<'static, Answer<T>> {
    answer(send(client, Method::GET, address, (ACCEPT.as_str(), "application/json"), String::new()))
}

/// Requests a page of messages for a channel.
pub(super) fn channel_page(client: &Client, address: &str) -> BoxFuture<'static, ChannelEvent> {
    let answer = get(client, address);
    Box::pin(async move {
        match answer.await {
            Ok(page) => ChannelEvent::Page(page),
            Err((_, Some(problem))) if problem.gap.is_some() || problem.code.is_temporary() => ChannelEvent::NoPage(problem),
            Err((failure, _)) => ChannelEvent::Failed(failure),
        }
    })
}

/// Publishes a message or change.
pub(super) fn post(client: &Client, address: &str, json: String) -> BoxFuture<'static, Answer<Published>> {
    answer(send(client, Method::POST, address, (CONTENT_TYPE.as_str(), "application/json"), json))
}

/// Sends JSON, and returns the body of the answer, which may be empty.
pub(super) fn request(client: &Client, method: Method, address: &str, json: String) -> BoxFuture<'static, Answer<Vec<u8>>> {
    let response = send(client, method, address, (CONTENT_TYPE.as_str(), "application/json"), json);
    Box::pin(async move {
        let response = response.await.map_err(|failure| (failure, None))?;
        if !matches!(response.status(), StatusCode::OK | StatusCode::NO_CONTENT) {
            return Err(refusal(response).await);
        }
        body(response).await.map_err(|failure| (failure, None))
    })
}

fn send(
    client: &Client,
    method: Method,
    address: &str,
    header: (&str, &str),
    body: String,
) -> BoxFuture<'static, Result<Response<Incoming>, Failure>> {
    let request = Request::builder().method(method).uri(address).header(header.0, header.1).body(Full::from(body));
    let client = client.clone();
    Box::pin(async move {
        let mut request = request.map_err(|error| Failure::from_error(&error))?;
        request.headers_mut().extend(client.secrets.headers().clone());
        let proxy = client.proxies.find(request.uri()).filter(|proxy| proxy.forwards(request.uri()));
        if let Some(value) = proxy.as_ref().and_then(Proxy::authorization) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
        }
        let mut response = client.requests.request(request).await.map_err(|error| Failure::from_error(&error))?;
        if let Some(proxy) = proxy {
            response.extensions_mut().insert(proxy);
        }
        Ok(response)
    })
}

fn answer<T: DeserializeOwned + 'static>(
    response: BoxFuture<'static, Result<Response<Incoming>, Failure>>,
) -> BoxFuture<'static, Answer<T>> {
    Box::pin(async move {
        let response = response.await.map_err(|failure| (failure, None))?;
        // 202 refuses a message for now: it waits for a moderator.
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        let body = body(response).await.map_err(|failure| (failure, None))?;
        serde_json::from_slice(&body).map_err(|_| (not_crier("the answer is not one of a Crier server"), None))
    })
}

/// Reads an answer with another status than the one that was expected.
async fn refusal(mut response: Response<Incoming>) -> (Failure, Option<Problem>) {
    let (status, proxy) = (response.status(), response.extensions_mut().remove::<Proxy>());
    let problem = match body(response).await {
        Ok(body) => problem(&body),
        Err(failure) => return (failure, None),
    };
    match proxy {
        // A proxy that forwards requests answers by itself if it does not.
        Some(proxy) if problem.is_none() && matches!(status.as_u16(), 403 | 407 | 500..) => {
            (proxy.refusal(status.as_u16(), status.canonical_reason().unwrap_or_default()), None)
        }
        _ => (refused(status, problem.as_ref()), problem),
    }
}

async fn body(mut response: Response<Incoming>) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(bytes) = chunk(&mut response).await? {
        if body.len() + bytes.len() > BODY_BYTES_MAX {
            return Err(not_crier("the answer is too long"));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

async fn chunk(response: &mut Response<Incoming>) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = response.frame().await {
        // Trailers are ignored.
        if let Ok(bytes) = frame.map_err(|error| Failure::from_error(&error))?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Reads the problem document that a Crier server sends with an error.
pub(super) fn problem(body: &[u8]) -> Option<Problem> {
    std::str::from_utf8(body).ok().and_then(Problem::read)
}

pub(super) fn refused(status: StatusCode, problem: Option<&Problem>) -> Failure {
    Failure::from_answer(status.as_u16(), status.canonical_reason().unwrap_or_default(), problem)
}

fn not_crier(message: &str) -> Failure {
    Failure::new(FailureKind::NotCrier { status: StatusCode::OK.as_u16() }, message)
}
