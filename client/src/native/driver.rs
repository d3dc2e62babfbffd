//! The task that feeds a core from its channels, a clock and a queue of commands, and does what it says.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use protocol::Published;
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::UPDATES_MAX;
use super::address::Address;
use super::channel::{ChannelEvent, Coming, Failure};
use super::http::{self, Answer, Events};
use super::tls;
use super::websocket::WebSocket;
use crate::{ABNORMAL_CLOSURE, Action, ConnectionState, Core, Event, Pending, Transport, Update};

/// RFC 6455's code for a client that does what it may not. Here it stands for an address where there is no Crier.
const POLICY: u16 = 1008;

/// An update, and how things were at that moment.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) update: Update,
    pub(super) connection: ConnectionState,
    pub(super) trouble: Option<String>,
    /// With [`Update::Outbox`]: what is in it.
    pub(super) outbox: Option<Vec<Pending>>,
}

pub(super) struct Driver {
    core: Core,
    address: Address,
    client: http::Client,
    tls: Arc<ClientConfig>,
    started: Instant,
    channels: Vec<(u32, Line)>,
    post: Option<(u64, Coming<Answer<Published>>)>,
    /// What the client has not yet had room for. No channel is read meanwhile.
    untold: VecDeque<Told>,
    trouble: Option<String>,
    was_live: bool,
    /// How many attempts in a row were refused in a way that asking again does not change, and how many are enough.
    refusals: (usize, usize),
}

/// What a channel is made of.
enum Line {
    WebSocket(WebSocket),
    Events(Events),
    Page(Coming<ChannelEvent>),
    /// A row of requests, between two of them.
    Idle,
}

impl Driver {
    pub(super) fn new(core: Core, address: Address, only: Option<Transport>, started: Instant) -> Self {
        // Each transport is refused once before it is said that there is no Crier.
        let enough = only.map_or(Transport::ALL.len(), |_| 1);
        let tls = tls::config(address.is_secure());
        Self {
            core,
            address,
            client: http::client(&tls),
            tls: Arc::new(tls),
            started,
            channels: Vec::new(),
            post: None,
            untold: VecDeque::new(),
            trouble: None,
            was_live: false,
            refusals: (0, enough),
        }
    }

    pub(super) async fn run(mut self, updates: mpsc::Sender<Told>, mut commands: mpsc::Receiver<Event>) {
        self.event(Event::Start);
        // How much was heard while the core's deadline had passed.
        let mut heard_late = 0;
        loop {
            let stopped = matches!(self.core.connection(), ConnectionState::Stopped { .. });
            if stopped && self.untold.is_empty() {
                break;
            }
            let tells = !self.untold.is_empty();
            let has_room = self.core.outbox().free_slots() > 0 && self.untold.len() < UPDATES_MAX;
            // Who is not listened to can't be said to be silent.
            let deadline = self.core.deadline().filter(|_| !tells);
            if self.core.deadline().is_none_or(|deadline| self.now() < deadline) {
                heard_late = 0;
            } else if !tells && heard_late >= self.channels.len() {
                // Each channel had its turn. One that always has something to say must not stop the clock.
                heard_late = 0;
                self.event(Event::Tick);
                continue;
            }
            let (channels, post, started) = (&mut self.channels, &mut self.post, self.started);
            let event = tokio::select! {
                // What has arrived is heard before it is said to be late.
                biased;
                () = updates.closed() => break,
                permit = updates.reserve(), if tells => {
                    let Ok(permit) = permit else { break };
                    if let Some(told) = self.untold.pop_front() {
                        permit.send(told);
                    }
                    continue;
                }
                Some(command) = commands.recv(), if has_room => command,
                (r#ref, answer) = posted(post) => self.posted(r#ref, answer),
                (channel, heard) = next(channels, !tells) => {
                    heard_late += 1;
                    self.heard(channel, heard)
                }
                () = until(started, deadline) => Event::Tick,
            };
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        let is_tick = matches!(event, Event::Tick);
        let actions = self.core.handle(event, self.now());
        let closes = actions.iter().any(|action| matches!(action, Action::Close { .. }));
        if is_tick && closes && !matches!(self.core.connection(), ConnectionState::Live { .. }) {
            self.trouble = Some("the server does not answer".to_owned());
        }
        for action in actions {
            self.act(action);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Open { channel, transport: Transport::WebSocket, after } => {
                self.channels.push((channel, Line::WebSocket(WebSocket::open(self.address.socket(after), self.tls.clone()))));
            }
            Action::Open { channel, after, .. } => {
                self.channels.push((channel, Line::Events(Events::open(&self.client, &self.address.events(after)))));
            }
            Action::Fetch { channel, after, wait_seconds } => {
                let page = Line::Page(http::page(&self.client, &self.address.page(after, wait_seconds)));
                match self.line(channel) {
                    Some(line) => *line = page,
                    None => self.channels.push((channel, page)),
                }
            }
            Action::Send { channel, text } => {
                if let Some(Line::WebSocket(socket)) = self.line(channel) {
                    socket.send(text);
                }
            }
            Action::Post { r#ref, json } => self.post = Some((r#ref, http::post(&self.client, &self.address.messages(), json))),
            Action::Close { channel } => self.close(channel),
            Action::Update(update) => self.tell(update),
        }
    }

    fn line(&mut self, channel: u32) -> Option<&mut Line> {
        self.channels.iter_mut().find(|(id, _)| *id == channel).map(|(_, line)| line)
    }

    fn close(&mut self, channel: u32) {
        self.channels.retain(|(id, _)| *id != channel);
    }

    fn tell(&mut self, update: Update) {
        let connection = self.core.connection();
        if let ConnectionState::Live { .. } = connection {
            self.was_live = true;
            self.trouble = None;
        }
        let outbox = (update == Update::Outbox).then(|| self.core.outbox().pending().to_vec());
        self.untold.push_back(Told { update, connection, trouble: self.trouble.clone(), outbox });
    }

    fn heard(&mut self, channel: u32, heard: ChannelEvent) -> Event {
        match heard {
            ChannelEvent::Opened => Event::Opened { channel },
            ChannelEvent::Frame(frame) => Event::Received { channel, frame },
            ChannelEvent::Comment => Event::Comment { channel },
            ChannelEvent::Page(page) => Event::Page { channel, result: Ok(page) },
            ChannelEvent::NoPage(problem) => {
                self.trouble = Some(problem.title.clone());
                Event::Page { channel, result: Err(Some(problem)) }
            }
            ChannelEvent::Closed { code, reason } => {
                let colon = if reason.is_empty() { "" } else { ": " };
                self.trouble = Some(format!("the server closed the connection with {code}{colon}{reason}"));
                self.close(channel);
                Event::Closed { channel, code, reason }
            }
            ChannelEvent::Failed(failure) => {
                self.close(channel);
                Event::Closed { channel, code: self.failed(failure), reason: String::new() }
            }
        }
    }

    /// Notes a failure. The code that says whether to come back.
    fn failed(&mut self, Failure { trouble, is_refusal, is_final }: Failure) -> u16 {
        self.trouble = Some(trouble);
        self.refusals.0 = if is_refusal { self.refusals.0 + 1 } else { 0 };
        // Where there never was a Crier, there will be none: that is a wrong address. What once was one comes back.
        if !self.was_live && (is_final || self.refusals.0 >= self.refusals.1) { POLICY } else { ABNORMAL_CLOSURE }
    }

    fn posted(&mut self, r#ref: u64, answer: Answer<Published>) -> Event {
        self.post = None;
        let result = answer.map_err(|(failure, problem)| {
            self.trouble = Some(failure.trouble);
            problem
        });
        Event::Posted { r#ref, result }
    }
}

async fn until(started: Instant, deadline: Option<u64>) {
    match deadline {
        Some(deadline) => sleep_until(started + Duration::from_millis(deadline)).await,
        None => pending().await,
    }
}

async fn posted(post: &mut Option<(u64, Coming<Answer<Published>>)>) -> (u64, Answer<Published>) {
    match post {
        Some((r#ref, answer)) => (*r#ref, answer.as_mut().await),
        None => pending().await,
    }
}

/// Waits for what a channel says, each in its turn. Loses nothing when it is dropped.
async fn next(channels: &mut [(u32, Line)], may_read: bool) -> (u32, ChannelEvent) {
    poll_fn(|context| {
        let heard = channels.iter_mut().enumerate().find_map(|(index, (id, line))| match line.poll(may_read, context) {
            Poll::Ready(heard) => Some((index, (*id, heard))),
            Poll::Pending => None,
        });
        heard.map_or(Poll::Pending, |(index, heard)| {
            channels.rotate_left(index + 1);
            Poll::Ready(heard)
        })
    })
    .await
}

impl Line {
    fn poll(&mut self, may_read: bool, context: &mut Context<'_>) -> Poll<ChannelEvent> {
        match self {
            Self::WebSocket(socket) => socket.poll(may_read, context),
            _ if !may_read => Poll::Pending,
            Self::Events(events) => events.poll(context),
            Self::Page(page) => page.as_mut().poll(context).map(|heard| {
                *self = Self::Idle;
                heard
            }),
            Self::Idle => Poll::Pending,
        }
    }
}
