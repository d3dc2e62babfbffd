//! `crier ban`.

use protocol::admin::{Ban, BanFields};
use serde::{Deserialize, Serialize};

use super::call::{Call, columns, shown};
use crate::cli::exit_code::Failure;
use crate::config::{AddBan, BanCommand, RemoveBans};

const PATH: &str = "/api/admin/bans";

#[derive(Deserialize, Serialize)]
struct Bans {
    bans: Vec<Ban>,
}

pub(super) async fn run(command: BanCommand, now: u64) -> Result<(), Failure> {
    match command {
        BanCommand::Add(settings) => add(settings, now).await,
        BanCommand::List(settings) => {
            let call = Call::new(&settings)?;
            let bans: Bans = call.get(PATH).await?;
            let rows: Vec<_> = bans.bans.iter().map(row).collect();
            call.print(&bans, columns(&rows))
        }
        BanCommand::Remove(settings) => remove(&settings).await,
    }
}

async fn add(settings: AddBan, now: u64) -> Result<(), Failure> {
    let call = Call::new(&settings.call)?;
    let fields = BanFields {
        tag: settings.tag.map(String::from),
        key: settings.key.map(String::from),
        address: settings.address.map(String::from),
        rooms: settings.rooms.map(String::from),
        until: settings.time.map(|time| now.saturating_add(time)),
        reason: Some(settings.reason).filter(|reason| !reason.is_empty()),
    };
    let ban: Ban = call.send_json("POST", PATH, &fields).await?;
    call.print(&ban, columns(&[row(&ban)]))
}

async fn remove(settings: &RemoveBans) -> Result<(), Failure> {
    let call = Call::new(&settings.call)?;
    for ban in &settings.bans {
        call.delete(&format!("{PATH}/{ban}")).await?;
    }
    Ok(())
}

fn row(ban: &Ban) -> Vec<String> {
    let end = ban.until.map_or_else(|| "no end".to_owned(), |until| format!("until {}", shown(until)));
    vec![ban.id.to_string(), ban.banned.to_string(), ban.rooms.to_string(), end, ban.reason.clone()]
}
