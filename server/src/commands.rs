//! What a client asks for over a WebSocket, and the answers. No socket and no web framework here.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use protocol::limits::{ERRORS_IN_A_ROW_MAX, PUBLISHES_IN_FLIGHT_MAX};
use protocol::{ClientFrame, Disconnect, ErrorCode, PublishKey, PublishRequest, Published, ServerFrame};

use crate::access::{Action, Caller};
use crate::context::Context;
use crate::room::{Pass, Room};
use crate::store::Refusal;

/// What a message of a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// An answer at once.
    Ping {
        /// The client's name for the command.
        r#ref: u64,
    },
    /// A message for the room.
    Publish {
        /// The client's name for the command.
        r#ref: u64,
        /// The message. Boxed, because a command is moved several times.
        message: Box<PublishRequest>,
        /// What the client sent, if that is not the message's text.
        raw: Option<String>,
    },
    /// Something that can't be done.
    Invalid {
        /// The client's name for the command, if that could be read.
        r#ref: Option<u64>,
        /// What is wrong.
        code: ErrorCode,
        /// The same as a sentence.
        detail: String,
    },
    /// The end of the session.
    Disconnect(Disconnect),
}

impl Command {
    /// Reads a command in JSON.
    pub fn parse(json: &str) -> Self {
        match ClientFrame::parse(json) {
            Ok(ClientFrame::Ping { r#ref }) => Self::Ping { r#ref },
            Ok(ClientFrame::Publish { r#ref, message }) => Self::Publish { r#ref, message: Box::new(message), raw: None },
            Err(error) => Self::Invalid { r#ref: error.r#ref, code: error.code, detail: error.detail },
        }
    }
}

/// Where a client's commands are carried out.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The server.
    pub context: &'a Context,
    /// The client's room.
    pub room: &'a Room,
}

/// The commands of one client, in the order they came.
pub struct Commands {
    caller: Caller,
    errors_in_a_row: u32,
    /// Only while there is something in it: most clients do not publish most of the time.
    publishing: Option<Box<Publishing>>,
}

#[derive(Default)]
struct Publishing {
    taken: Vec<Taken>,
    /// What let the last of these in.
    pass: Option<Pass>,
    submitted: VecDeque<Pin<Box<dyn Future<Output = ServerFrame> + Send>>>,
    held: Option<Held>,
}

impl Publishing {
    fn unanswered(&self) -> usize {
        self.taken.len() + self.submitted.len()
    }
}

/// Messages that were told to come again later. Until one of them does, the client may not know it
/// yet, and what it has sent meanwhile must not overtake them.
struct Held {
    keys: Vec<PublishKey>,
    code: ErrorCode,
    /// Milliseconds.
    wait: u64,
}

/// A message that is not in the history's queue yet, with the client's name for the command.
type Taken = (u64, (Box<PublishRequest>, Option<String>));

/// The immediate answer to a command, if any. A publish is answered later.
pub type Outcome = Result<Option<ServerFrame>, Disconnect>;

impl Commands {
    /// Returns the commands of a client.
    pub fn new(caller: Caller) -> Self {
        Self { caller, errors_in_a_row: 0, publishing: None }
    }

    /// True if no answer is awaited.
    pub fn is_idle(&self) -> bool {
        self.unanswered() == 0
    }

    /// True if another command is taken now. A connection stops reading while it is not.
    pub fn takes_more(&self) -> bool {
        self.unanswered() < PUBLISHES_IN_FLIGHT_MAX
    }

    fn unanswered(&self) -> usize {
        self.publishing.as_deref().map_or(0, Publishing::unanswered)
    }

    /// Takes a command. A message is published by [`Self::submit`], and its answer comes out of
    /// [`Self::poll_answer`].
    pub fn take(&mut self, command: Command, scope: Scope<'_>) -> Outcome {
        match command {
            Command::Ping { r#ref } => {
                self.errors_in_a_row = 0;
                Ok(Some(ServerFrame::Pong { r#ref }))
            }
            Command::Publish { r#ref, message, raw } => self.publish(r#ref, message, raw, scope),
            Command::Invalid { r#ref, code, detail } => self.refuse(r#ref, code, detail, None),
            Command::Disconnect(disconnect) => Err(disconnect),
        }
    }

    fn publish(&mut self, r#ref: u64, message: Box<PublishRequest>, raw: Option<String>, scope: Scope<'_>) -> Outcome {
        let pass = match self.enter(&message, scope) {
            Ok(pass) => pass,
            Err(code) => return self.refuse(Some(r#ref), code, code.to_string(), None),
        };
        let key = message.key.as_ref();
        let admitted = self.check_held(key).and_then(|()| scope.context.admit(self.caller.address, scope.room));
        if let Err((code, wait)) = admitted {
            self.hold(key.cloned(), code, wait);
            return self.refuse(Some(r#ref), code, code.to_string(), Some(wait));
        }
        self.errors_in_a_row = 0;
        let publishing = self.publishing.get_or_insert_default();
        publishing.pass = pass.or(publishing.pass.take());
        publishing.taken.push((r#ref, (message, raw)));
        Ok(None)
    }

    /// Asks for the right to publish, again after each [`Self::submit`]: a right that has ended
    /// since then is none. Returns `None` if what came before has let this in as well.
    fn enter(&self, request: &PublishRequest, scope: Scope<'_>) -> Result<Option<Pass>, ErrorCode> {
        let (hub, action) = (&scope.context.hub, Action::of(request.kind));
        let known = self.publishing.as_deref().and_then(|publishing| publishing.pass.as_ref()).filter(|pass| pass.is_for(action));
        let new = if known.is_some() { None } else { Some(hub.enter_to_publish(&self.caller, scope.room.name(), action)?) };
        if let Some(pass) = known.or(new.as_ref()) {
            hub.check_request(pass, request)?;
        }
        Ok(new)
    }

    /// Refuses a message that would overtake those that are held. When one of them comes again, the
    /// client knows what was refused. A message without a key can't be recognized, and is not held.
    fn check_held(&mut self, key: Option<&PublishKey>) -> Result<(), (ErrorCode, u64)> {
        let Some(publishing) = &mut self.publishing else { return Ok(()) };
        let (Some(held), Some(key)) = (&publishing.held, key) else { return Ok(()) };
        if !held.keys.contains(key) && held.keys.len() < PUBLISHES_IN_FLIGHT_MAX {
            return Err((held.code, held.wait));
        }
        publishing.held = None;
        Ok(())
    }

    fn hold(&mut self, key: Option<PublishKey>, code: ErrorCode, wait: u64) {
        if let Some(key) = key {
            let held = &mut self.publishing.get_or_insert_default().held;
            held.get_or_insert_with(|| Held { keys: Vec::new(), code, wait }).keys.push(key);
        }
    }

    /// Publishes all messages that were taken: what came together shares a commit. Calls `refuse`
    /// for each message that the history has no room for.
    pub fn submit(&mut self, scope: Scope<'_>, mut refuse: impl FnMut(&ServerFrame)) {
        let Some(publishing) = &mut self.publishing else { return };
        let Some(pass) = publishing.pass.take() else { return };
        let (refs, messages): (Vec<_>, Vec<_>) = mem::take(&mut publishing.taken).into_iter().unzip();
        match scope.context.hub.publish_all(&pass, messages) {
            Ok(all) => {
                for (r#ref, published) in refs.into_iter().zip(all) {
                    publishing.submitted.push_back(Box::pin(async move { answer(r#ref, published.await) }));
                }
            }
            Err(code) => refs.into_iter().for_each(|r#ref| refuse(&answer(r#ref, Err(code.into())))),
        }
        self.forget_answered();
    }

    fn forget_answered(&mut self) {
        self.publishing.take_if(|publishing| publishing.unanswered() == 0 && publishing.held.is_none());
    }

    /// Refuses a command. The session goes on, unless this happens again and again.
    fn refuse(&mut self, r#ref: Option<u64>, code: ErrorCode, detail: String, retry_after: Option<u64>) -> Outcome {
        // A client that is told to wait, or has lost a right, does nothing wrong by having sent
        // more meanwhile.
        if !code.is_temporary() && !is_about_rights(code) {
            self.errors_in_a_row += 1;
        }
        if self.errors_in_a_row >= ERRORS_IN_A_ROW_MAX {
            return Err(Disconnect::TooManyErrors);
        }
        Ok(Some(ServerFrame::Error { r#ref, code, detail, retry_after }))
    }

    /// Returns the answer to the oldest publish when it is there. Wakes nothing while none is
    /// awaited.
    pub fn poll_answer(&mut self, context: &mut TaskContext<'_>) -> Poll<ServerFrame> {
        let Some(publishing) = &mut self.publishing else { return Poll::Pending };
        let Some(oldest) = publishing.submitted.front_mut() else { return Poll::Pending };
        let answer = ready!(oldest.as_mut().poll(context));
        publishing.submitted.pop_front();
        self.forget_answered();
        Poll::Ready(answer)
    }
}

/// True if the client could have published the same with more rights.
fn is_about_rights(code: ErrorCode) -> bool {
    use ErrorCode::{AccessRefused, Banned, NotFound, PostRefused, RoomClosed};
    matches!(code, AccessRefused | Banned | NotFound | PostRefused | RoomClosed)
}

fn answer(r#ref: u64, result: Result<Published, Refusal>) -> ServerFrame {
    match result {
        Ok(published) => ServerFrame::Published { r#ref, published },
        Err(Refusal { code, detail, retry_after }) => {
            let detail = detail.unwrap_or_else(|| code.to_string());
            ServerFrame::Error { r#ref: Some(r#ref), code, detail, retry_after }
        }
    }
}
