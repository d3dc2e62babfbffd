//! The task that feeds a core from its channels, a clock and a queue of commands, and carries out
//! its actions.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::Uri;
use protocol::{Disconnect, Published};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::address::Address;
use super::channel::ChannelEvent;
use super::dial::{self, Connector, Proxies};
use super::failure::{Failure, FailureKind};
use super::http::{self, Answer, EventStream};
use super::websocket::WebSocket;
use crate::{ABNORMAL_CLOSURE, Action, ConnectionState, Core, Event, Pending, Transport, Update};

/// Maximum number of updates that wait for the program.
pub(super) const UPDATES_MAX: usize = 64;
/// Close code for a policy violation (RFC 6455). The core does not reconnect after it. Here it
/// stands for an address where there is no Crier server.
const POLICY_VIOLATION: u16 = 1008;

/// The ways to a server.
#[derive(Clone, Debug)]
pub(super) struct Network {
    connector: Connector,
    pub(super) client: http::Client,
}

impl Network {
    /// Prepares the ways to a server. `server` is its URL.
    pub(super) fn new(server: &Uri, proxies: Proxies) -> Self {
        let proxies = Arc::new(proxies);
        let (connector, for_requests) = dial::connectors(server, &proxies);
        Self { connector, client: http::Client::new(for_requests, proxies) }
    }
}

/// An update, and the client's state at that moment.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) update: Update,
    pub(super) connection: ConnectionState,
    pub(super) online: usize,
    pub(super) last_error: Option<Failure>,
    /// The outbox, with [`Update::Outbox`].
    pub(super) outbox: Option<Vec<Pending>>,
    /// Until when a slow room takes no message, in milliseconds since the client was created.
    pub(super) slow_until: u64,
}

pub(super) struct Driver {
    core: Core,
    network: Network,
    address: Address,
    started: Instant,
    channels: Vec<(u32, Channel)>,
    post: Option<(u64, BoxFuture<'static, Answer<Published>>)>,
    /// Notices for which the program's queue has no space yet. Meanwhile no channel is read.
    undelivered: VecDeque<Notice>,
    last_error: Option<Failure>,
    /// Why the driver has ended.
    ended: Arc<OnceLock<Failure>>,
    was_live: bool,
    /// How many attempts in a row were refused permanently.
    refusals: usize,
    /// After how many of them the address is wrong.
    refusals_max: usize,
}

enum Channel {
    WebSocket(WebSocket),
    EventStream(EventStream),
    /// An unanswered request for a page.
    Page(BoxFuture<'static, ChannelEvent>),
    /// A series of requests, between two of them.
    Idle,
}

impl Driver {
    /// Creates a driver. `only` is the transport to which the core is restricted. `ended` is set
    /// before the driver ends.
    pub(super) fn new(
        core: Core,
        network: Network,
        address: Address,
        only: Option<Transport>,
        started: Instant,
        ended: Arc<OnceLock<Failure>>,
    ) -> Self {
        Self {
            core,
            network,
            address,
            started,
            channels: Vec::new(),
            post: None,
            undelivered: VecDeque::new(),
            last_error: None,
            ended,
            was_live: false,
            refusals: 0,
            // Every transport is tried once.
            refusals_max: only.map_or(Transport::ALL.len(), |_| 1),
        }
    }

    pub(super) async fn run(mut self, notices: mpsc::Sender<Notice>, mut commands: mpsc::Receiver<Event>) {
        self.handle(Event::Start);
        // How many events of channels were handled while a tick was due.
        let mut events_while_late = 0;
        loop {
            let is_full = !self.undelivered.is_empty();
            if !is_full && let ConnectionState::Stopped { code } = self.core.connection() {
                let failure = self.last_error.take().unwrap_or_else(|| Failure::closed(code.unwrap_or(ABNORMAL_CLOSURE), ""));
                let _ = self.ended.set(failure);
                break;
            }
            let takes_commands = self.core.outbox().free_slots() > 0 && self.undelivered.len() < UPDATES_MAX;
            let deadline = self.core.deadline();
            if deadline.is_none_or(|deadline| self.now() < deadline) {
                events_while_late = 0;
            } else if !is_full && events_while_late >= self.channels.len() {
                // Every channel had its turn. A busy one must not delay ticks for ever.
                events_while_late = 0;
                self.handle(Event::Tick);
                continue;
            }
            let (channels, post, started) = (&mut self.channels, &mut self.post, self.started);
            let event = tokio::select! {
                // Whatever has arrived is handled before the tick that would find it late.
                biased;
                () = notices.closed() => break,
                permit = notices.reserve(), if is_full => {
                    let Ok(permit) = permit else { break };
                    if let Some(notice) = self.undelivered.pop_front() {
                        permit.send(notice);
                    }
                    continue;
                }
                Some(command) = commands.recv(), if takes_commands => command,
                (r#ref, answer) = answer_to(post) => self.posted(r#ref, answer),
                (channel, event) = next_event(channels, !is_full) => {
                    events_while_late += 1;
                    self.convert(channel, event)
                }
                // While channels are not read, silence does not mean that the server is gone.
                () = reached(started, deadline), if !is_full => Event::Tick,
            };
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Event) {
        let is_tick = matches!(event, Event::Tick);
        let actions = self.core.handle(event, self.now());
        let closes = actions.iter().any(|action| matches!(action, Action::Close { .. }));
        let is_silent = match self.core.connection() {
            ConnectionState::Live { .. } => false,
            ConnectionState::Doubtful => true,
            _ => closes,
        };
        if is_tick && is_silent {
            self.last_error = Some(Failure::new(FailureKind::NoAnswer, "the server does not answer"));
        }
        for action in actions {
            self.act(action);
        }
    }

    /// Returns the milliseconds since the client was created.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Open { channel, transport: Transport::WebSocket, after } => {
                let secrets = self.network.client.secrets.clone();
                let socket = WebSocket::open(&self.network.connector, &self.address.websocket(after), secrets);
                self.channels.push((channel, Channel::WebSocket(socket)));
            }
            Action::Open { channel, after, .. } => {
                let stream = EventStream::open(&self.network.client, &self.address.events(after));
                self.channels.push((channel, Channel::EventStream(stream)));
            }
            Action::Fetch { channel, after, wait_seconds } => {
                let page = Channel::Page(http::channel_page(&self.network.client, &self.address.page(after, wait_seconds)));
                match self.channel(channel) {
                    Some(channel) => *channel = page,
                    None => self.channels.push((channel, page)),
                }
            }
            Action::Send { channel, text } => {
                if let Some(Channel::WebSocket(socket)) = self.channel(channel) {
                    socket.send(text);
                }
            }
            Action::Post { r#ref, json } => {
                self.post = Some((r#ref, http::post(&self.network.client, &self.address.messages(), json)));
            }
            Action::Close { channel } => self.close(channel),
            Action::Update(update) => self.notify(update),
        }
    }

    fn channel(&mut self, id: u32) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|(number, _)| *number == id).map(|(_, channel)| channel)
    }

    fn close(&mut self, id: u32) {
        self.channels.retain(|(number, _)| *number != id);
    }

    fn notify(&mut self, update: Update) {
        let connection = self.core.connection();
        if let ConnectionState::Live { .. } = connection {
            self.was_live = true;
            self.last_error = None;
        }
        let outbox = (update == Update::Outbox).then(|| self.core.outbox().pending().to_vec());
        let (online, slow_until) = (self.core.online(), self.core.outbox().slow_until());
        self.undelivered.push_back(Notice { update, connection, online, last_error: self.last_error.clone(), outbox, slow_until });
    }

    /// Returns what an event of a channel means to the core.
    fn convert(&mut self, channel: u32, event: ChannelEvent) -> Event {
        match event {
            ChannelEvent::Opened => Event::Opened { channel },
            ChannelEvent::Frame(frame) => Event::Received { channel, frame },
            ChannelEvent::Comment => Event::Comment { channel },
            ChannelEvent::Page(page) => Event::Page { channel, result: Ok(page) },
            ChannelEvent::NoPage(problem) => {
                self.last_error = Some(Failure::busy(&problem));
                Event::Page { channel, result: Err(Some(problem)) }
            }
            ChannelEvent::Closed { code, reason } => {
                self.last_error = Some(Failure::closed(code, &reason));
                self.close(channel);
                Event::Closed { channel, code, reason }
            }
            ChannelEvent::Failed(failure) => {
                self.close(channel);
                Event::Closed { channel, code: self.close_code(failure), reason: String::new() }
            }
        }
    }

    /// Records a failure. Returns the close code that tells the core whether to reconnect.
    fn close_code(&mut self, failure: Failure) -> u16 {
        self.refusals = if failure.is_temporary() { 0 } else { self.refusals + 1 };
        // If there never was a Crier server, the address is wrong. If there was one, it may return.
        let is_wrong_address = !self.was_live && (failure.is_for_all_transports() || self.refusals >= self.refusals_max);
        let has_no_access = failure.ends_access();
        self.last_error = Some(failure);
        match (has_no_access, is_wrong_address) {
            (true, _) => Disconnect::AccessEnded.code(),
            (false, true) => POLICY_VIOLATION,
            (false, false) => ABNORMAL_CLOSURE,
        }
    }

    fn posted(&mut self, r#ref: u64, answer: Answer<Published>) -> Event {
        self.post = None;
        let result = answer.map_err(|(failure, problem)| {
            self.last_error = Some(failure);
            problem
        });
        Event::Posted { r#ref, result }
    }
}

async fn reached(started: Instant, deadline: Option<u64>) {
    match deadline {
        Some(deadline) => sleep_until(started + Duration::from_millis(deadline)).await,
        None => pending().await,
    }
}

async fn answer_to(post: &mut Option<(u64, BoxFuture<'static, Answer<Published>>)>) -> (u64, Answer<Published>) {
    match post {
        Some((r#ref, answer)) => (*r#ref, answer.as_mut().await),
        None => pending().await,
    }
}

/// Waits for the next event of any channel, in turns. Cancel-safe.
async fn next_event(channels: &mut [(u32, Channel)], may_read: bool) -> (u32, ChannelEvent) {
    poll_fn(|context| {
        let ready = channels.iter_mut().enumerate().find_map(|(index, (id, channel))| match channel.poll(may_read, context) {
            Poll::Ready(event) => Some((index, (*id, event))),
            Poll::Pending => None,
        });
        ready.map_or(Poll::Pending, |(index, event)| {
            channels.rotate_left(index + 1);
            Poll::Ready(event)
        })
    })
    .await
}

impl Channel {
    /// Sends what is queued, and with `may_read` receives.
    fn poll(&mut self, may_read: bool, context: &mut Context<'_>) -> Poll<ChannelEvent> {
        match self {
            Self::WebSocket(socket) => socket.poll(may_read, context),
            _ if !may_read => Poll::Pending,
            Self::EventStream(stream) => stream.poll(context),
            Self::Page(page) => page.as_mut().poll(context).map(|event| {
                *self = Self::Idle;
                event
            }),
            Self::Idle => Poll::Pending,
        }
    }
}
