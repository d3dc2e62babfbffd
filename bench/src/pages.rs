//! Server-rendered pages of a room, requested over several connections at a time.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use protocol::{Author, PublishRequest, Text};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::histogram::Histogram;
use crate::report::{Latency, Phase};
use crate::stopwatch::Stopwatch;
use crate::target::Host;
use crate::wire_format::text;
use crate::{Failure, POLL_INTERVAL, Pages, Plan, Process, Progress, Run, TIMEOUT};

/// Bytes of each message on the page.
const TEXT_BYTES: usize = 128;

/// Fills a room and requests its page until the time is over.
pub(crate) fn pages(plan: &Plan, settings: &Pages, run: &mut Run<'_>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| Failure::of(&error))?;
    let (host, room) = (Host::new(&plan.server)?, crate::room()?);
    let (messages, page) = (host.path(&format!("api/rooms/{room}/messages")), host.path(&format!("r/{room}")));
    runtime.block_on(async {
        let mut readers = Vec::new();
        for _ in 0..settings.connections {
            let Some(connection) = timely(Connection::open(&host), run).await? else { return Ok(()) };
            readers.push(Reader { connection: connection?, path: page.clone(), messages: settings.messages });
        }
        for number in 1..=settings.messages {
            let Some(posted) = timely(post(&mut readers[0].connection, &messages, number), run).await? else { return Ok(()) };
            posted?;
        }
        // Every reader reads once before the measurement: then all connections are in use.
        let mut reads: FuturesUnordered<_> = readers.into_iter().map(Reader::read).collect();
        let mut readers = Vec::new();
        while !reads.is_empty() {
            let Some(Some(read)) = timely(reads.next(), run).await? else { return Ok(()) };
            readers.push(read?.0);
        }
        run.tell(Progress::Connected);
        measure(plan, settings, readers, run).await
    })
}

async fn post(connection: &mut Connection, path: &str, number: usize) -> Result<(), Failure> {
    let text = Text::parse(&text(number as u64, TEXT_BYTES)).map_err(|code| Failure::new(code.as_str()))?;
    let author = Author::parse(&format!("reader {}", number % 7)).unwrap_or_default();
    let json =
        serde_json::to_string(&PublishRequest { text, author, key: None, ..Default::default() }).map_err(|error| Failure::of(&error))?;
    connection.send(Method::POST, path, (CONTENT_TYPE, "application/json"), json).await?;
    Ok(())
}

/// Awaits a future, with a time limit. Returns `None` if the run was stopped.
async fn timely<T>(future: impl Future<Output = T>, run: &Run<'_>) -> Result<Option<T>, Failure> {
    let (mut future, start) = (pin!(future), Instant::now());
    while !run.is_stopped() {
        if let Ok(output) = timeout(POLL_INTERVAL, future.as_mut()).await {
            return Ok(Some(output));
        }
        if start.elapsed() > TIMEOUT {
            return Err(Failure::new("the server does not answer"));
        }
    }
    Ok(None)
}

async fn measure(plan: &Plan, settings: &Pages, readers: Vec<Reader>, run: &mut Run<'_>) -> Result<(), Failure> {
    let connections = readers.len();
    let stopwatch = Stopwatch::start(plan.pid.map(Process::new));
    let (mut latencies, mut bytes, mut pages) = (Histogram::default(), 0, 0);
    let mut reads: FuturesUnordered<_> = readers.into_iter().map(Reader::read).collect();
    while stopwatch.elapsed() < settings.time {
        let Some(Some(read)) = timely(reads.next(), run).await? else { break };
        let (reader, page) = read?;
        latencies.add(page.time.as_nanos() as u64);
        bytes += page.bytes as u64;
        pages += 1;
        reads.push(reader.read());
        run.tell(Progress::Counting { what: "pages", done: pages, of: pages });
    }
    let usage = stopwatch.read();
    run.tell(Progress::Measured);
    let phase = Phase {
        name: format!("pages of {}", settings.messages),
        batch: 1,
        text_bytes: TEXT_BYTES,
        connections,
        messages: settings.messages as u64,
        deliveries: pages,
        bytes,
        latency: Latency::of(&latencies),
        ..Phase::default()
    };
    run.report.phases.push(usage.per(pages, phase));
    Ok(())
}

/// Requests one page at a time.
struct Reader {
    connection: Connection,
    path: String,
    /// Messages that must be on the page.
    messages: usize,
}

struct Page {
    bytes: usize,
    time: Duration,
}

impl Reader {
    /// Requests the page and checks that every message is on it.
    async fn read(mut self) -> Result<(Self, Page), Failure> {
        let start = Instant::now();
        let html = self.connection.send(Method::GET, &self.path, (ACCEPT, "text/html"), String::new()).await?;
        let time = start.elapsed();
        let html = std::str::from_utf8(&html).map_err(|_| Failure::new("the page is not UTF-8"))?;
        let rows = html.matches("id=\"m-").count();
        if rows != self.messages {
            return Err(Failure::new(format!("a page had {rows} of {} messages", self.messages)));
        }
        let bytes = html.len();
        Ok((self, Page { bytes, time }))
    }
}

/// An HTTP/1.1 connection that stays open.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    async fn open(host: &Host) -> Result<Self, Failure> {
        let stream = TcpStream::connect(host.address).await.map_err(|error| Failure::of_io(&error))?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| Failure::of(&error))?;
        tokio::spawn(connection);
        Ok(Self { sender, host: host.name.clone() })
    }

    /// Sends a request and returns the body of a successful answer.
    async fn send(&mut self, method: Method, path: &str, header: (HeaderName, &str), body: String) -> Result<Bytes, Failure> {
        let request = Request::builder().method(method).uri(path).header(HOST, &self.host).header(header.0, header.1);
        let request = request.body(Full::from(body)).map_err(|error| Failure::of(&error))?;
        self.sender.ready().await.map_err(|error| Failure::of(&error))?;
        let response = self.sender.send_request(request).await.map_err(|error| Failure::of(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| Failure::of(&error))?.to_bytes();
        if status.is_success() {
            Ok(body)
        } else {
            let body = String::from_utf8_lossy(&body[..body.len().min(crate::REFUSAL_BYTES_MAX)]).into_owned();
            Err(Failure::new(format!("the server answered {status} {body}").trim_end()))
        }
    }
}
