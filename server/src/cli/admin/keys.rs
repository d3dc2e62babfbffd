//! `crier key`.

use protocol::admin::{CreatedKey, KeyInfo, NewKeyFields};
use serde::{Deserialize, Serialize};

use super::call::{Call, columns, shown};
use crate::cli::exit_code::Failure;
use crate::cli::notes::note;
use crate::config::{CreateKey, KeyCommand, RevokeKeys};

const PATH: &str = "/api/admin/keys";

#[derive(Deserialize, Serialize)]
struct Keys {
    keys: Vec<KeyInfo>,
}

pub(super) async fn run(command: KeyCommand, now: u64) -> Result<(), Failure> {
    match command {
        KeyCommand::Create(settings) => create(settings, now).await,
        KeyCommand::List(settings) => {
            let call = Call::new(&settings)?;
            let keys: Keys = call.get(PATH).await?;
            let rows: Vec<_> = keys.keys.iter().map(row).collect();
            call.print(&keys, columns(&rows))
        }
        KeyCommand::Revoke(settings) => revoke(&settings).await,
    }
}

/// Prints the secret alone, so that a script can keep it, and notes the rest for a person.
async fn create(settings: CreateKey, now: u64) -> Result<(), Failure> {
    let call = Call::new(&settings.call)?;
    let fields = NewKeyFields {
        rights: settings.rights.as_str().to_owned(),
        rooms: settings.rooms.map(String::from),
        label: Some(settings.label).filter(|label| !label.is_empty()),
        expires: settings.time.map(|time| now.saturating_add(time)),
    };
    let created: CreatedKey = call.send_json("POST", PATH, &fields).await?;
    if !settings.call.json {
        let KeyInfo { id, rights, rooms, expires, .. } = &created.info;
        let end = expires.map_or_else(|| "until it is revoked".to_owned(), |expires| format!("until {}", shown(expires)));
        note(&format!("key {id} may {} in {rooms}, {end}. It is shown only now.", rights.as_str()));
    }
    call.print(&created, [created.key.clone()])
}

async fn revoke(settings: &RevokeKeys) -> Result<(), Failure> {
    let call = Call::new(&settings.call)?;
    for key in &settings.keys {
        call.delete(&format!("{PATH}/{key}")).await?;
    }
    Ok(())
}

fn row(key: &KeyInfo) -> Vec<String> {
    let end = key.expires.map_or_else(|| "no end".to_owned(), |expires| format!("until {}", shown(expires)));
    vec![key.id.to_string(), key.rights.as_str().to_owned(), key.rooms.to_string(), end, key.label.clone()]
}
