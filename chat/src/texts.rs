//! What the program says to people.

use client::Transport;
use protocol::{ErrorCode, GapReason, Kind, Reaction};

/// Shown alone when the terminal has too few columns or rows.
pub(crate) const TOO_SMALL: &str = "The terminal is too small";

pub(crate) const SEARCH_NEEDS_WORDS: &str = "Say which words to find: /search WORDS";
pub(crate) const REPLY_NEEDS_TEXT: &str = "Say what to reply: /reply TEXT";
pub(crate) const NO_OWN_MESSAGE: &str = "No message of yours is loaded. Ctrl-Up selects a message.";
pub(crate) const NO_OTHER_MESSAGE: &str = "No message of another person is loaded. Ctrl-Up selects a message.";
pub(crate) const IS_ERASED: &str = "This message was deleted.";
pub(crate) const SELECTED: &str = "Selected: /reply TEXT, /react 👍, /edit, /erase; Esc ends";
pub(crate) const ERASED: &str = "deleted";
pub(crate) const EDITED: &str = "edited";
pub(crate) const QUEUED: &str = "waits for approval";
pub(crate) const QUOTE_UNKNOWN: &str = "an earlier message";
pub(crate) const QUOTE_ERASED: &str = "a deleted message";
pub(crate) const NOTHING_TO_RETRY: &str = "What was refused can't be posted again as it is. /discard removes it; Up brings the text back.";
pub(crate) const DRAFT_CLEARED: &str = "The text is cleared. Up brings it back, Ctrl-C again quits.";
pub(crate) const DRAFT_TOO_LONG: &str = "The text would be longer than 64 KiB. `crier post` takes texts of any length.";
pub(crate) const TEXT_TOO_LONG: &str = "A message has at most 16 KiB. Shorten it, or post it as several.";
pub(crate) const TEXT_EMPTY: &str = "There is nothing to post.";
pub(crate) const OUTBOX_FULL: &str = "Too many messages wait to be posted. The text stays here; post it later.";
pub(crate) const NAMELESS: &str = "You post without a name now.";
pub(crate) const NOTHING_FAILED: &str = "No message was refused.";
pub(crate) const NOTHING_UNSENT: &str = "All messages are posted.";
pub(crate) const LAST_ROOM: &str = "This is the only room. /quit ends the program.";
pub(crate) const NO_SUCH_TAB: &str = "There is no such tab.";
pub(crate) const NOTHING_FOLDED: &str = "No long message is on the screen.";
pub(crate) const RECONNECTING: &str = "Connecting now.";
pub(crate) const NO_MORE_OLDER: &str = "Nothing older was found in what is loaded. PageUp loads more.";
pub(crate) const NO_MORE_NEWER: &str = "Nothing newer was found.";
pub(crate) const UNREAD: &str = "new";
pub(crate) const OTHER_LOG: &str = "the board's history was replaced";
pub(crate) const LOADING: &str = "loading…";
pub(crate) const FIRST: &str = "the room begins here";
pub(crate) const SENDING: &str = "sending…";
pub(crate) const WAITING: &str = "waiting for the connection";
pub(crate) const CONNECTING: &str = "connecting…";
pub(crate) const DOUBTFUL: &str = "the board does not answer";
pub(crate) const ENDED: &str = "the connection has ended: /reconnect";
pub(crate) const MORE_BELOW: &str = "End";
pub(crate) const HELP_MORE: &str = "Down, PageDown: more. Esc closes.";
pub(crate) const HELP_END: &str = "Esc closes this list.";
pub(crate) const SEARCH_KEYS: &str = ": n older, N newer, Esc ends";
pub(crate) const SEARCH: &str = "Find: ";
pub(crate) const MORE_ABOVE: &str = "PageUp shows older messages";

pub(crate) fn unknown_command(word: &str) -> String {
    format!("There is no command /{word}. /help lists all; a message that begins with / is posted with //.")
}

pub(crate) fn takes_nothing(word: &str) -> String {
    format!("/{word} takes nothing after it.")
}

pub(crate) fn join(error: &ErrorCode) -> String {
    format!("{error} For example: /join tea-time")
}

pub(crate) fn react(error: &ErrorCode) -> String {
    format!("{error} For example: /react 👍")
}

pub(crate) fn reaction(reaction: &Reaction) -> String {
    let Reaction { emoji, count, mine } = reaction;
    if *mine { format!("{emoji} {count} (you)") } else { format!("{emoji} {count}") }
}

pub(crate) fn quote(author: &str, text: &str) -> String {
    if author.is_empty() { text.to_owned() } else { format!("{author}: {text}") }
}

/// Says why a change did not happen.
pub(crate) fn change_refused(kind: Kind, why: &str) -> String {
    let what = match kind {
        Kind::Edit => "The message was not edited",
        Kind::Erase => "The message was not deleted",
        Kind::React => "The reaction was not posted",
        _ => "The change was not made",
    };
    format!("{what}: {why}")
}

pub(crate) fn slow(seconds: u64) -> String {
    format!("The room is slow: your next message is posted in {seconds} s.")
}

pub(crate) fn cast(author: &str) -> String {
    let who = if author.is_empty() { "Somebody" } else { author };
    format!("{who} is showing a screen: watch it on the room's page")
}

pub(crate) fn queued(count: usize) -> String {
    if count == 1 { format!("1 {QUEUED}") } else { format!("{count} wait for approval") }
}

pub(crate) fn rooms_full(max: usize) -> String {
    format!("At most {max} rooms are open. Close one with /part.")
}

pub(crate) fn named(name: &str) -> String {
    format!("You post as {name} now.")
}

pub(crate) fn placeholder(room: &str, name: &str) -> String {
    if name.is_empty() { format!("Write to {room} (/help, /name NAME)") } else { format!("Write to {room} as {name} (/help)") }
}

pub(crate) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::WebSocket => "WebSocket",
        Transport::Sse => "event stream",
        Transport::LongPoll => "long-polling",
        Transport::Poll => "polling",
    }
}

pub(crate) fn online(count: usize) -> String {
    format!("{count} online")
}

pub(crate) fn retry_in(seconds: u64) -> String {
    format!("no connection, next try in {seconds} s")
}

pub(crate) fn below(count: u64) -> String {
    format!("{count} new")
}

pub(crate) fn since_last_visit(count: u64) -> String {
    format!("{count} messages are new since you were here. PageUp goes to the line above them.")
}

pub(crate) fn unsent(count: usize) -> String {
    format!("{count} sending")
}

pub(crate) fn unsent_waiting(count: usize) -> String {
    format!("{count} waiting")
}

pub(crate) fn failed(count: usize) -> String {
    format!("{count} not posted")
}

pub(crate) fn refused(why: &str, can_retry: bool) -> String {
    let what = if can_retry { "/retry or /discard" } else { "/discard" };
    format!("not posted: {why} {what}")
}

pub(crate) fn waiting(count: usize) -> String {
    if count == 1 { WAITING.to_owned() } else { format!("{count} messages are {WAITING}") }
}

pub(crate) fn folded(rows: usize) -> String {
    format!("{rows} more lines: Ctrl-O")
}

pub(crate) fn gap(reason: GapReason, missing: u64) -> String {
    match (reason, missing) {
        (GapReason::Expired, 1) => "1 message is no longer kept".to_owned(),
        (GapReason::Expired, missing) => format!("{missing} messages are no longer kept"),
        (GapReason::OtherEpoch | GapReason::BeyondEnd, _) => OTHER_LOG.to_owned(),
    }
}

pub(crate) fn older_failed(why: &str) -> String {
    format!("Older messages could not be loaded: {why} PageUp tries again.")
}

pub(crate) fn page_failed(why: &str) -> String {
    format!("Messages could not be loaded: {why} The End key tries again.")
}

pub(crate) fn ended(why: &str) -> String {
    format!("The connection has ended: {why} /reconnect tries again.")
}

pub(crate) fn quit_with_unsent(count: usize) -> String {
    format!("{} kept and posted the next time. Ctrl-C or /quit again quits.", are(count))
}

pub(crate) fn part_with_unsent(count: usize) -> String {
    format!("{} not posted yet. Wait, or /discard, then /part.", are(count))
}

pub(crate) fn retried(count: usize) -> String {
    format!("{} sent again.", are(count))
}

pub(crate) fn discarded(count: usize) -> String {
    format!("{} discarded. Up brings the text back.", are(count))
}

pub(crate) fn long(bytes: usize, max: usize) -> String {
    format!("{bytes} of {max} bytes")
}

pub(crate) fn found(number: usize, of: usize) -> String {
    if of == 0 { "not found in what is loaded".to_owned() } else { format!("{number} of {of}") }
}

fn are(count: usize) -> String {
    if count == 1 { "1 message is".to_owned() } else { format!("{count} messages are") }
}

/// Keys and commands, with what they do. An empty key begins a section.
pub(crate) const HELP: &[(&str, &str)] = &[
    ("", "Keys"),
    ("Enter", "post"),
    ("Alt-Enter, Ctrl-J", "a new line"),
    ("PageUp, PageDown", "scroll; older messages are loaded"),
    ("Shift-Up, Shift-Down", "scroll by a line; so does the mouse wheel"),
    ("Home, End", "to the oldest loaded, to the newest; with Ctrl also while you write"),
    ("Shift and the mouse", "select text, in most terminals"),
    ("Up, Down", "earlier messages of yours, in the first and last row"),
    ("Ctrl-N, Ctrl-P", "the next and the previous room"),
    ("Alt-1 … Alt-9", "the room of that tab"),
    ("Ctrl-Up, Ctrl-Down", "select a message; Esc ends"),
    ("Ctrl-F", "find words; then n and N go on, Esc ends"),
    ("Ctrl-O", "show all of long messages, or fold them"),
    ("Ctrl-A, Ctrl-E", "to the start and the end of the line"),
    ("Ctrl-W, Ctrl-U, Ctrl-K", "delete the word before, to the start, to the end"),
    ("Ctrl-_, Alt-Z", "undo"),
    ("Ctrl-L", "draw the screen again"),
    ("Ctrl-Z", "to the shell; fg comes back"),
    ("Ctrl-C", "clear the text, or quit"),
    ("", "Commands"),
    ("/join ROOM", "open a room, or go to it"),
    ("/part", "close this room"),
    ("/name NAME", "post as NAME; without it, nameless"),
    ("/reply TEXT", "reply to the selected message, or the last of another person"),
    ("/react EMOJI", "react to it; again takes the reaction back"),
    ("/edit TEXT", "give the selected message, or your last one, this text"),
    ("/edit", "the same, beginning with the text that it has"),
    ("/erase", "delete it, for good"),
    ("/search WORDS", "find words in what is loaded"),
    ("/retry, /discard", "post refused messages again, or remove them"),
    ("/reconnect", "connect now"),
    ("/unfold", "as Ctrl-O"),
    ("/help", "this list; Esc closes it"),
    ("/quit", "end the program"),
    ("//text", "post a text that begins with /"),
];
