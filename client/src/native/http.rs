//! Links over plain HTTP: event streams and pages; and posting messages.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use protocol::{MessagesPage, Problem, Published, ServerFrame};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use super::driver::ABNORMAL;
use super::heard::{Coming, Failure, Heard};
use crate::{EventStream, StreamItem};

/// The longest body taken, in bytes: a page of the longest entries there are is shorter.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What makes requests. It follows no redirections: those come from something in between that wants to be seen by people.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder().redirect(Policy::none()).build()
}

/// An answer that was read: what was wanted, or why not, with the server's words for it if it was the server.
pub(super) type Answer<T> = Result<T, (Failure, Option<Problem>)>;

/// A link that is an event stream.
pub(super) struct Events {
    opening: bool,
    coming: Coming<Result<(Response, Option<Vec<u8>>), Failure>>,
    stream: EventStream,
    items: VecDeque<StreamItem>,
}

impl Events {
    pub(super) fn open(client: &Client, address: &str) -> Self {
        let request = client.get(address).header(ACCEPT, "text/event-stream");
        let coming = Box::pin(async move {
            let response = request.send().await.map_err(describe)?;
            let is_stream = |response: &Response| {
                let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
            };
            if response.status() != StatusCode::OK {
                return Err(refused(response.status(), &body(response).await?));
            }
            if !is_stream(&response) { Err(Failure::of("the answer is not an event stream")) } else { Ok((response, None)) }
        });
        Self { opening: true, coming, stream: EventStream::default(), items: VecDeque::new() }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        loop {
            match self.items.pop_front() {
                Some(StreamItem::Data(json)) => return Poll::Ready(Heard::Frame(ServerFrame::read(json.as_str()))),
                Some(StreamItem::Comment) => return Poll::Ready(Heard::Comment),
                None => {}
            }
            let (response, bytes) = match ready!(self.coming.as_mut().poll(context)) {
                Ok(arrived) => arrived,
                Err(failure) => return Poll::Ready(Heard::Failed(failure)),
            };
            let Some(bytes) = bytes else {
                if std::mem::take(&mut self.opening) {
                    self.coming = next(response);
                    return Poll::Ready(Heard::Opened);
                }
                return Poll::Ready(Heard::Closed { code: ABNORMAL, reason: String::new() });
            };
            self.coming = next(response);
            match self.stream.read(&bytes) {
                Ok(items) => self.items.extend(items),
                Err(_) => return Poll::Ready(Heard::Failed(Failure::of("an event is too long"))),
            }
        }
    }
}

/// What the response brings next; nothing at its end.
fn next(mut response: Response) -> Coming<Result<(Response, Option<Vec<u8>>), Failure>> {
    Box::pin(async move {
        let bytes = response.chunk().await.map_err(describe)?;
        Ok((response, bytes.map(|bytes| bytes.to_vec())))
    })
}

/// Asks for a page.
pub(super) fn page(client: &Client, address: &str) -> Coming<Heard> {
    let answer = ask::<MessagesPage>(client.get(address));
    Box::pin(async move {
        match answer.await {
            Ok(page) => Heard::Page(page),
            Err((_, Some(problem))) if problem.gap.is_some() || problem.code.is_temporary() => Heard::NoPage(problem),
            Err((failure, _)) => Heard::Failed(failure),
        }
    })
}

/// Posts a message.
pub(super) fn post(client: &Client, address: &str, json: String) -> Coming<Answer<Published>> {
    ask(client.post(address).header(CONTENT_TYPE, "application/json").body(json))
}

fn ask<T: DeserializeOwned + 'static>(request: RequestBuilder) -> Coming<Answer<T>> {
    Box::pin(async move {
        let response = request.send().await.map_err(|error| (describe(error), None))?;
        let status = response.status();
        let body = body(response).await.map_err(|failure| (failure, None))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| (Failure::of("the answer is not one of a Crier server"), None));
        }
        Err((refused(status, &body), read_problem(&body)))
    })
}

async fn body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(describe)? {
        if body.len() + bytes.len() > BODY_BYTES_MAX {
            return Err(Failure::of("the answer is too long"));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    Failure::of_answer(status.as_u16(), status.canonical_reason().unwrap_or_default(), body)
}

fn read_problem(body: &[u8]) -> Option<Problem> {
    Problem::read(std::str::from_utf8(body).ok()?)
}

/// The innermost cause says it best; what is around it are the layers of the library.
fn describe(error: reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Failure::of(cause)
}
