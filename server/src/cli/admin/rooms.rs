//! `crier room`.

use protocol::admin::{Decided, DecisionFields, QueuePage, Waiting};
use protocol::{Mode, Published, RoomInfo, RoomName, RoomSettings};
use serde::Serialize;

use super::call::{Call, columns, room_path, shown};
use crate::cli::board::escaped;
use crate::cli::exit_code::Failure;
use crate::cli::notes::note;
use crate::config::{DecideMessages, OneRoom, RejectMessages, RoomCommand, SetRoom};

pub(super) async fn run(command: RoomCommand) -> Result<(), Failure> {
    match command {
        RoomCommand::Show(settings) => show(&Call::new(&settings.call)?, &settings.room).await,
        RoomCommand::Set(settings) => set(&settings).await,
        RoomCommand::Queue(settings) => queue(&settings).await,
        RoomCommand::Approve(settings) => decide(&settings, &DecisionFields { decision: "approve".to_owned(), reason: None }).await,
        RoomCommand::Reject(RejectMessages { reason, decide: settings }) => {
            let reason = Some(reason).filter(|reason| !reason.is_empty());
            decide(&settings, &DecisionFields { decision: "reject".to_owned(), reason }).await
        }
    }
}

async fn show(call: &Call, room: &RoomName) -> Result<(), Failure> {
    let info: RoomInfo = call.get(&format!("/api/rooms/{}", escaped(room))).await?;
    call.print(&info, columns(&described(&info)))
}

fn described(info: &RoomInfo) -> Vec<Vec<String>> {
    let RoomSettings { title, topic, mode, queue, slow, closed } = &info.settings;
    let switch = |is_on: bool| if is_on { "on" } else { "off" }.to_owned();
    let rights = match (info.can_moderate, info.can_post) {
        (true, _) => "moderate",
        (false, true) => "post",
        (false, false) => "read",
    };
    let slow = if *slow == 0 { switch(false) } else { format!("{slow} s") };
    let screen = info.cast.as_ref().map_or_else(String::new, |cast| {
        let author = if cast.author.is_nameless() { "no name" } else { cast.author.as_str() };
        format!("{author} ({}) since {}", cast.by, shown(cast.since))
    });
    let rows = [
        ("room", info.room.to_string()),
        ("title", title.clone()),
        ("topic", topic.clone()),
        ("mode", mode.as_str().to_owned()),
        ("queue", switch(*queue)),
        ("slow", slow),
        ("closed", switch(*closed)),
        ("screen", screen),
        ("you may", rights.to_owned()),
        ("latest", info.latest.to_string()),
        ("here", info.online.to_string()),
    ];
    let shown = rows.into_iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| vec![name.to_owned(), value]).collect()
}

/// The settings that change. The others stay as they are.
#[derive(Serialize)]
struct Changed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<bool>,
}

async fn set(settings: &SetRoom) -> Result<(), Failure> {
    let call = Call::new(&settings.call)?;
    let SetRoom { room, title, topic, mode, queue, slow, closed, .. } = settings;
    let changed = Changed {
        title: title.as_deref(),
        topic: topic.as_deref(),
        mode: mode.map(Mode::as_str),
        queue: *queue,
        slow: *slow,
        closed: *closed,
    };
    let _: Published = call.send_json("PUT", &room_path(room), &changed).await?;
    show(&call, room).await
}

async fn queue(settings: &OneRoom) -> Result<(), Failure> {
    let call = Call::new(&settings.call)?;
    let page: QueuePage = call.get(&format!("{}/queue", room_path(&settings.room))).await?;
    let hidden = page.count.saturating_sub(page.waiting.len() as u64);
    if hidden > 0 && !settings.call.json {
        note(&format!("{hidden} more wait"));
    }
    call.print(&page, page.waiting.iter().map(line))
}

fn line(waiting: &Waiting) -> String {
    let Waiting { id, received, author, text, .. } = waiting;
    let author = if author.is_empty() { "·" } else { author };
    format!("{id}  {}  {author}: {text}", shown(*received))
}

async fn decide(settings: &DecideMessages, decision: &DecisionFields) -> Result<(), Failure> {
    let call = Call::new(&settings.call)?;
    for message in &settings.messages {
        let path = format!("{}/queue/{message}", room_path(&settings.room));
        let decided: Decided = call.send_json("POST", &path, decision).await?;
        let shown = decided.position.map_or_else(|| "rejected".to_owned(), |position| position.to_string());
        call.print(&decided, [shown])?;
    }
    Ok(())
}
