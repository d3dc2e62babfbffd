//! A bot that plays guess-the-number with everyone in a room.
//!
//! ```sh
//! export GUESS_SECRET=$(openssl rand -hex 16)    # with which a restarted bot continues the game
//! cargo run -p client --features native --example guess_number -- tea-time
//! ```
//!
//! The bot has no file. Its state is the room's log, which it reads from the start; [`game`] has
//! the rules. It can be killed at any time. The next one answers what was not answered.

#![allow(clippy::print_stderr, reason = "a program without a log")]

pub mod game;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use client::{Author, Board, ErrorCode, GapReason, Page, Position, PublishError, PublishRequest, Room, Update};
use ring::hmac::{HMAC_SHA256, Key};
use ring::rand::SystemRandom;
use tokio::time::{Instant, sleep_until};

use game::Game;

const USAGE: &str = "Usage: guess_number [--server URL] [--pause MILLISECONDS] ROOM
GUESS_SECRET in the environment is a secret text, long and random, that decides the numbers.
--pause is the least time between two messages of the bot, by default 1000.";
const AUTHOR: &str = "guess-bot";

#[tokio::main]
async fn main() -> ExitCode {
    match run(env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guess_number: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays as the arguments say.
pub async fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let (mut server, mut room, mut pause) = ("http://127.0.0.1:5000".to_owned(), None, 1_000);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--server" => server = arguments.next().ok_or(USAGE)?,
            "--pause" => pause = arguments.next().ok_or(USAGE)?.parse().map_err(|_| USAGE)?,
            name if room.is_none() && !name.starts_with('-') => room = Some(name.to_owned()),
            _ => return Err(USAGE.into()),
        }
    }
    let room = Board::connect(&server)?.room(&room.ok_or(USAGE)?)?;
    let secret = match env::var_os("GUESS_SECRET").filter(|secret| !secret.is_empty()) {
        Some(secret) => Key::new(HMAC_SHA256, secret.as_encoded_bytes()),
        None => Key::generate(HMAC_SHA256, &SystemRandom::new()).map_err(|_| "the system has no random numbers")?,
    };
    play(&room, secret, Duration::from_millis(pause)).await
}

/// Plays until the connection ends for good. Publishes at most one message in each `pause`.
async fn play(room: &Room, secret: Key, pause: Duration) -> Result<(), Box<dyn Error>> {
    let mut game = Game::new(room.name().clone(), Author::parse(AUTHOR)?, secret);
    let mut next_publish = Instant::now();
    'log: loop {
        // The state is the log, so follow the room from its start. Until `latest`, the answers that
        // come next in the log would seem to be missing.
        let latest = room.history(Page::Latest).await?.latest;
        let mut updates = room.subscribe(Position { offset: 0, ..latest });
        loop {
            let position = updates.position().filter(|position| position.offset >= latest.offset);
            let answer = position.and_then(|position| game.answer(position.epoch));
            tokio::select! {
                update = updates.next() => match update {
                    Some(Update::Entry(entry)) => game.read(updates.position().unwrap_or(latest), &entry),
                    Some(Update::Gap(gap)) => {
                        eprintln!("guess_number: messages are missing ({:?})", gap.reason);
                        game.forget();
                        // If nothing has expired, this is another log, or an older copy of it.
                        if gap.reason != GapReason::Expired {
                            continue 'log;
                        }
                    }
                    Some(Update::Connection) => {
                        if let Some(error) = updates.last_error() {
                            eprintln!("guess_number: {error}");
                        }
                    }
                    Some(_) => {}
                    None => return Err(updates.ended().map_or("the connection has ended".into(), |why| why.to_string().into())),
                },
                () = sleep_until(next_publish), if answer.is_some() => {
                    if let Some(answer) = answer {
                        publish(room, answer).await;
                    }
                    next_publish = Instant::now() + pause;
                }
            }
        }
    }
}

/// Publishes an answer. It then comes as an entry of the log.
async fn publish(room: &Room, answer: PublishRequest) {
    match room.publish(answer).await {
        // Its messages are answered already: by this bot before it was killed, or by another one.
        Ok(_) | Err(PublishError::Refused { code: ErrorCode::KeyReused, .. }) => {}
        Err(error) => eprintln!("guess_number: {error}"),
    }
}
