//! What a client asks for over a connection that goes both ways, and the answers. No socket and no web framework here.

use std::collections::VecDeque;
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use protocol::limits::{ERRORS_IN_A_ROW_MAX, PUBLISHES_IN_FLIGHT_MAX};
use protocol::{ClientFrame, Disconnect, ErrorCode, PublishRequest, Published, ServerFrame};

use crate::limits::turns::Account;
use crate::room::Room;
use crate::session::Context;

/// The commands of one client, in the order they came.
pub struct Commands {
    context: Arc<Context>,
    address: IpAddr,
    room: Arc<Room>,
    errors_in_a_row: u32,
    /// Only while there is something in it: most clients do not publish most of the time.
    under_way: Option<Box<UnderWay>>,
}

#[derive(Default)]
struct UnderWay {
    taken: Vec<Taken>,
    submitted: VecDeque<Answer>,
}

/// A message that was taken and is not in the history's queue yet, with the client's name for it.
type Taken = (u64, (PublishRequest, Option<String>));

type Answer = Pin<Box<dyn Future<Output = ServerFrame> + Send>>;

/// What a command leads to at once; a publish is answered later.
pub type Outcome = Result<Option<ServerFrame>, Disconnect>;

impl Commands {
    /// Takes commands for a room from an address.
    pub fn new(context: Arc<Context>, address: IpAddr, room: Arc<Room>) -> Self {
        Self { context, address, room, errors_in_a_row: 0, under_way: None }
    }

    /// The account of the client's address, if there is a bound.
    pub fn account(&self) -> Option<Arc<Account>> {
        self.context.limiter.account(self.address)
    }

    /// True if no answer is awaited.
    pub fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// Whether another command is taken now. A transport stops reading while it is not.
    pub fn takes_more(&self) -> bool {
        let count = |under_way: &UnderWay| under_way.taken.len() + under_way.submitted.len();
        self.under_way.as_deref().map_or(0, count) < PUBLISHES_IN_FLIGHT_MAX
    }

    /// Takes a command as JSON. A publish's answer comes out of [`Commands::poll_answer`].
    pub fn receive(&mut self, json: &str) -> Outcome {
        match ClientFrame::parse(json) {
            Ok(ClientFrame::Ping { r#ref }) => {
                self.errors_in_a_row = 0;
                Ok(Some(ServerFrame::Pong { r#ref }))
            }
            Ok(ClientFrame::Publish { r#ref, message }) => self.publish(r#ref, message, None),
            Err(error) => self.refuse(error.r#ref, error.code, error.detail, None),
        }
    }

    /// Takes a message, which is published by [`Commands::submit`]. Its answer comes out of [`Commands::poll_answer`], a
    /// refusal at once.
    pub fn publish(&mut self, r#ref: u64, message: PublishRequest, raw: Option<String>) -> Outcome {
        if let Err((code, wait)) = self.context.admit(self.address, &self.room) {
            return self.refuse(Some(r#ref), code, code.to_string(), Some(wait));
        }
        self.errors_in_a_row = 0;
        self.under_way.get_or_insert_default().taken.push((r#ref, (message, raw)));
        Ok(None)
    }

    /// Publishes all messages that were taken: what came together is committed together, for the price of one commit. Tells
    /// which the history has no room for.
    pub fn submit(&mut self, mut refuse: impl FnMut(&ServerFrame)) {
        let Some(under_way) = &mut self.under_way else { return };
        if under_way.taken.is_empty() {
            return;
        }
        let (refs, messages): (Vec<_>, Vec<_>) = mem::take(&mut under_way.taken).into_iter().unzip();
        match self.context.hub.publish_all(self.room.name(), messages) {
            Ok(all) => {
                for (r#ref, published) in refs.into_iter().zip(all) {
                    under_way.submitted.push_back(Box::pin(async move { answer(r#ref, published.await) }));
                }
            }
            Err(code) => refs.into_iter().for_each(|r#ref| refuse(&answer(r#ref, Err(code)))),
        }
        if under_way.submitted.is_empty() {
            self.under_way = None;
        }
    }

    /// Refuses a command. The session goes on, unless this happens again and again.
    pub fn refuse(&mut self, r#ref: Option<u64>, code: ErrorCode, detail: String, retry_after: Option<u64>) -> Outcome {
        // A client that is told to wait does nothing wrong by having sent more meanwhile.
        if !code.is_temporary() {
            self.errors_in_a_row += 1;
        }
        if self.errors_in_a_row >= ERRORS_IN_A_ROW_MAX {
            return Err(Disconnect::TooManyErrors);
        }
        Ok(Some(ServerFrame::Error { r#ref, code, detail, retry_after }))
    }

    /// The answer to the oldest publish, when it is there. Nothing is woken while none is awaited.
    pub fn poll_answer(&mut self, context: &mut TaskContext<'_>) -> Poll<ServerFrame> {
        let Some(under_way) = &mut self.under_way else { return Poll::Pending };
        let Some(oldest) = under_way.submitted.front_mut() else { return Poll::Pending };
        let answer = ready!(oldest.as_mut().poll(context));
        under_way.submitted.pop_front();
        if under_way.submitted.is_empty() && under_way.taken.is_empty() {
            self.under_way = None;
        }
        Poll::Ready(answer)
    }
}

fn answer(r#ref: u64, result: Result<Published, ErrorCode>) -> ServerFrame {
    match result {
        Ok(published) => ServerFrame::Published { r#ref, published },
        Err(code) => ServerFrame::Error { r#ref: Some(r#ref), code, detail: code.to_string(), retry_after: code.retry_after() },
    }
}
