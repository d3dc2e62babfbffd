//! Links over plain HTTP: event streams and pages; and posting messages.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use protocol::{MessagesPage, Problem, Published, ServerFrame};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;

use super::channel::{ChannelEvent, Coming, Failure};
use crate::{ABNORMAL_CLOSURE, EventStreamParser, StreamItem};

/// The longest body taken, in bytes: a page of the longest entries there are is shorter.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What makes requests. It follows no redirections: those come from something in between that wants to be seen by people.
pub(super) type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

pub(super) fn client(tls: &ClientConfig) -> Client {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.enforce_http(false);
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_http1().wrap_connector(http);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector)
}

/// An answer that was read: what was wanted, or why not, with the server's words for it if it was the server.
pub(super) type Answer<T> = Result<T, (Failure, Option<Problem>)>;

/// A response, and what it brought: nothing at its start and at its end.
type Part = (Response<Incoming>, Option<Bytes>);

/// A channel that is an event stream.
pub(super) struct Events {
    opening: bool,
    coming: Coming<Result<Part, Failure>>,
    stream: EventStreamParser,
    items: VecDeque<StreamItem>,
}

impl Events {
    pub(super) fn open(client: &Client, address: &str) -> Self {
        let response = send(client, Method::GET, address, (ACCEPT.as_str(), "text/event-stream"), String::new());
        let coming = Box::pin(async move {
            let response = response.await?;
            if response.status() != StatusCode::OK {
                return Err(refused(response.status(), &body(response).await?));
            }
            let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
                Ok((response, None))
            } else {
                Err(Failure::of("the answer is not an event stream"))
            }
        });
        Self { opening: true, coming, stream: EventStreamParser::default(), items: VecDeque::new() }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<ChannelEvent> {
        loop {
            match self.items.pop_front() {
                Some(StreamItem::Data(json)) => return Poll::Ready(ChannelEvent::Frame(ServerFrame::read(json.as_str()))),
                Some(StreamItem::Comment) => return Poll::Ready(ChannelEvent::Comment),
                None => {}
            }
            let (response, bytes) = match ready!(self.coming.as_mut().poll(context)) {
                Ok(arrived) => arrived,
                Err(failure) => return Poll::Ready(ChannelEvent::Failed(failure)),
            };
            let Some(bytes) = bytes else {
                if std::mem::take(&mut self.opening) {
                    self.coming = next(response);
                    return Poll::Ready(ChannelEvent::Opened);
                }
                return Poll::Ready(ChannelEvent::Closed { code: ABNORMAL_CLOSURE, reason: String::new() });
            };
            self.coming = next(response);
            match self.stream.read(&bytes) {
                Ok(items) => self.items.extend(items),
                Err(_) => return Poll::Ready(ChannelEvent::Failed(Failure::of("an event is too long"))),
            }
        }
    }
}

/// What the response brings next; nothing at its end.
fn next(mut response: Response<Incoming>) -> Coming<Result<Part, Failure>> {
    Box::pin(async move {
        let bytes = chunk(&mut response).await?;
        Ok((response, bytes))
    })
}

/// Asks for a page.
pub(super) fn page(client: &Client, address: &str) -> Coming<ChannelEvent> {
    let answer = answer::<MessagesPage>(send(client, Method::GET, address, (ACCEPT.as_str(), "application/json"), String::new()));
    Box::pin(async move {
        match answer.await {
            Ok(page) => ChannelEvent::Page(page),
            Err((_, Some(problem))) if problem.gap.is_some() || problem.code.is_temporary() => ChannelEvent::NoPage(problem),
            Err((failure, _)) => ChannelEvent::Failed(failure),
        }
    })
}

/// Posts a message.
pub(super) fn post(client: &Client, address: &str, json: String) -> Coming<Answer<Published>> {
    answer(send(client, Method::POST, address, (CONTENT_TYPE.as_str(), "application/json"), json))
}

fn send(client: &Client, method: Method, address: &str, header: (&str, &str), body: String) -> Coming<Result<Response<Incoming>, Failure>> {
    let request = Request::builder().method(method).uri(address).header(header.0, header.1).body(Full::from(body));
    let client = client.clone();
    Box::pin(async move {
        let request = request.map_err(|error| Failure::of_error(&error))?;
        client.request(request).await.map_err(|error| Failure::of_error(&error))
    })
}

fn answer<T: DeserializeOwned + 'static>(response: Coming<Result<Response<Incoming>, Failure>>) -> Coming<Answer<T>> {
    Box::pin(async move {
        let response = response.await.map_err(|failure| (failure, None))?;
        let status = response.status();
        let body = body(response).await.map_err(|failure| (failure, None))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| (Failure::of("the answer is not one of a Crier server"), None));
        }
        let problem = std::str::from_utf8(&body).ok().and_then(Problem::read);
        Err((refused(status, &body), problem))
    })
}

async fn body(mut response: Response<Incoming>) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(bytes) = chunk(&mut response).await? {
        if body.len() + bytes.len() > BODY_BYTES_MAX {
            return Err(Failure::of("the answer is too long"));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

async fn chunk(response: &mut Response<Incoming>) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = response.frame().await {
        // What is no data is a trailer, and says nothing to us.
        if let Ok(bytes) = frame.map_err(|error| Failure::of_error(&error))?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    Failure::of_answer(status.as_u16(), status.canonical_reason().unwrap_or_default(), body)
}
