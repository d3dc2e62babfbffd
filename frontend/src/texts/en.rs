//! English.

use protocol::ErrorCode;

use super::{Texts, grouped};

pub(super) static TEXTS: Texts = Texts {
    subtitle: "Live messages",
    message: "Message",
    message_hint: "Message everyone…",
    author: "Name",
    author_hint: "No name",
    post: "Post",
    clear: "Clear",
    undo: "Undo clear",
    keys: "Enter posts, Shift+Enter breaks the line",
    keys_ctrl: "Ctrl/⌘+Enter posts, Enter breaks the line",
    messages: "Messages",
    empty: "No messages yet. Write the first one, or invite others:",
    copy_link: "Copy link",
    nameless: "Anonymous",
    own: "You",
    edited: "edited",
    erased: "This message was deleted.",
    badge: "Moderator",
    show_all: "Show all",
    show_less: "Show less",
    older: "Older messages",
    older_loading: "Loading…",
    older_failed: "Could not load. Try again",
    outbox: "Messages being sent",
    sending: "sending…",
    sending_later: "waiting for the connection",
    queued: "waits for approval",
    failed: "Not sent.",
    not_changed: "Not changed.",
    retry: "Retry",
    copy: "Copy text",
    discard: "Discard",
    rooms: "Rooms",
    share: "Share this room",
    settings: "Settings",
    connecting: "Connecting…",
    live: "Live",
    via: ["WebSocket", "event stream", "long polling", "polling"],
    via_tab: "by another tab",
    doubtful: "Waiting for an answer…",
    sent_later: "What you post is sent later.",
    waiting: "Connection lost",
    offline: "Offline",
    stopped: "Disconnected",
    now: "Try now",
    online: |count| format!("{count} here"),
    retry_in: |seconds| format!("again in {seconds} s"),
    newest: "Newest messages",
    unseen: |count| if count == 1 { "1 new message".to_owned() } else { grouped(count) + " new messages" },
    new_since: |count, since| [&grouped(count), " new since ", since].concat(),
    mark_read: "Mark as read",
    day: |day| [&day.day.to_string(), " ", MONTHS[(day.month as usize + 11) % 12], " ", &day.year.to_string()].concat(),
    today: "Today",
    yesterday: "Yesterday",
    unread: "New messages",
    missed: |first, last| {
        if first == last {
            format!("You missed message {first}; it is no longer kept.")
        } else {
            format!("You missed messages {first}–{last}; they are no longer kept.")
        }
    },
    missed_log: "The board was reset. Earlier messages may be missing here.",
    characters_left: |left| {
        let noun = if left.abs() == 1 { "character" } else { "characters" };
        format!("about {} {noun} {}", left.abs(), if left < 0 { "too long" } else { "left" })
    },
    held: |seconds| format!("The server asks to wait. Trying again in {seconds} s."),
    slow: |seconds| format!("Slow room: your next message is sent in {seconds} s."),
    copied: "Copied.",
    link_gone: "The linked message is not kept here.",
    notify_refused: "This browser does not allow the board to show notifications.",
    outdated: "The board has been updated.",
    text_only: "Only text can be posted here, not pictures or files.",
    reload_page: "Reload",
    close: "Close",
    outbox_full: "Too many messages are waiting to be sent. Your text is kept here; post it later.",
    problem: ErrorCode::title,
};

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
