//! The page of a room, rendered by the server: how many a second, asked for by so many at a time.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::select_all;
use futures_util::stream::FuturesUnordered;
use protocol::{Author, PublishRequest, Text};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::crowd::{PATIENCE, TURN};
use super::histogram::Histogram;
use super::meter::Meter;
use super::process::Process;
use super::report::{Latency, Phase};
use super::speech::text;
use super::{Pages, Plan, Run, Stage, Trouble};
use crate::native::address::Address;
use crate::native::http::{self, Client};
use crate::native::tls;

/// Bytes of each message on the page.
const TEXT_BYTES: usize = 128;

/// Fills a room and asks for its page.
pub(super) fn pages(plan: &Plan, wanted: &Pages, run: &mut Run<'_>) -> Result<(), Trouble> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| Trouble::new(error.to_string()))?;
    let address = Address::new(&plan.server, &super::room()?).map_err(|error| Trouble::new(error.to_string()))?;
    let reader = |_| Reader { client: http::client(&tls::config(false)), html: address.html(), wanted };
    let readers: Vec<_> = (0..wanted.connections).map(reader).collect();
    runtime.block_on(async {
        for number in 1..=wanted.messages {
            let Some(posted) = timely(post(&readers[0].client, &address.messages(), number), run).await? else { return Ok(()) };
            posted?;
        }
        // Each connection is made before anything is measured.
        let mut first: FuturesUnordered<_> = readers.iter().map(Reader::read).collect();
        while !first.is_empty() {
            let Some(page) = timely(first.next(), run).await? else { return Ok(()) };
            page.transpose()?;
        }
        run.tell(Stage::Gathered);
        measure(plan, &readers, run).await
    })
}

async fn post(client: &Client, address: &str, number: usize) -> Result<(), Trouble> {
    let text = Text::parse(&text(number as u64, TEXT_BYTES)).map_err(|_| Trouble::new("a text is refused"))?;
    let author = Author::parse(&format!("reader {}", number % 7)).unwrap_or_default();
    let json = serde_json::to_string(&PublishRequest { text, author, key: None }).map_err(|error| Trouble::new(error.to_string()))?;
    http::post(client, address, json).await.map_err(|(failure, _)| Trouble::new(failure.trouble))?;
    Ok(())
}

/// What comes, in time; nothing when the run is stopped.
async fn timely<T>(coming: impl Future<Output = T>, run: &Run<'_>) -> Result<Option<T>, Trouble> {
    let (mut coming, begun) = (pin!(coming), Instant::now());
    while !run.is_stopped() {
        if let Ok(came) = timeout(TURN, coming.as_mut()).await {
            return Ok(Some(came));
        }
        if begun.elapsed() > PATIENCE {
            return Err(Trouble::new("the server does not answer"));
        }
    }
    Ok(None)
}

async fn measure(plan: &Plan, readers: &[Reader<'_>], run: &mut Run<'_>) -> Result<(), Trouble> {
    let wanted = readers[0].wanted;
    let meter = Meter::start(plan.pid.map(Process::new));
    let (mut latencies, mut bytes, mut pages) = (Histogram::default(), 0, 0);
    let mut asked: Vec<_> = readers.iter().map(|reader| Box::pin(reader.read())).collect();
    while meter.elapsed() < wanted.time {
        let Some((page, place, _)) = timely(select_all(&mut asked), run).await? else { break };
        let page = page?;
        latencies.add(page.time.as_nanos() as u64, 1);
        bytes += page.bytes as u64;
        pages += 1;
        asked[place] = Box::pin(readers[place].read());
        run.tell(Stage::Counting { what: "pages", done: pages, of: pages });
    }
    let spent = meter.read();
    run.tell(Stage::Measured);
    let phase = Phase {
        name: format!("pages of {}", wanted.messages),
        batch: 1,
        text_bytes: TEXT_BYTES,
        connections: readers.len(),
        messages: wanted.messages as u64,
        deliveries: pages,
        bytes,
        latency: Latency::of(&latencies),
        ..Phase::default()
    };
    run.report.phases.push(spent.over(pages, phase));
    Ok(())
}

/// One connection.
struct Reader<'a> {
    client: Client,
    html: String,
    wanted: &'a Pages,
}

struct Page {
    bytes: usize,
    time: Duration,
}

impl Reader<'_> {
    /// Asks for the page, and checks that every message is on it.
    async fn read(&self) -> Result<Page, Trouble> {
        let start = Instant::now();
        let html = http::html(&self.client, &self.html).await.map_err(|failure| Trouble::new(failure.trouble))?;
        let time = start.elapsed();
        let html = std::str::from_utf8(&html).map_err(|_| Trouble::new("the page is not UTF-8"))?;
        let rows = html.matches("id=\"m-").count();
        if rows != self.wanted.messages {
            return Err(Trouble::new(format!("a page had {rows} of {} messages", self.wanted.messages)));
        }
        Ok(Page { bytes: html.len(), time })
    }
}
