//! The rules of the game, as a pure function of the room's log: no clock, socket or file.
//!
//! A [`Game`] that reads the same messages knows the same game. So a bot that starts again reads
//! the room and continues, and even two bots with one secret are like one.
//!
//! - The position of the message that opens a game decides the number, together with the secret.
//!   Nobody can compute it without the secret, and nobody can choose it.
//! - The bot's messages have keys that only the secret can make. So it recognizes its own messages,
//!   and nobody can post in its place.
//! - The key of an answer comes from the first message that it answers, and each of its lines
//!   answers one message. An answer that is published again, after a kill or by a second bot, has
//!   the same key. The board stores one of them, so no message is answered twice.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use client::{Author, Entry, Epoch, Position, PublishKey, PublishRequest, RoomName, Text};
use protocol::limits::{AUTHOR_CHARS_MAX, TEXT_BYTES_MAX};
use ring::hmac;

/// The greatest number. The smallest is 1.
const NUMBER_MAX: u64 = 100;
/// A message of the bot with a line that ends like this opens a game.
const OPENING: &str = "A new game: guess my number from 1 to 100.";
const GREETING: &str = "Hello, I am a bot. /help tells how to play.";
const FORGOTTEN: &str = "I don't know the number of the game before: I was started without its secret, or its messages are gone.";
const HELP: &str = "a message that is only a number is a guess. /new opens another game, /ranking shows who found most numbers.";

/// Maximum number of messages that one answer answers.
const LINES_MAX: usize = 20;
/// Maximum number of messages that wait for an answer. Others do not count.
const WAITING_MAX: usize = 100;
/// Maximum number of messages of one player that wait for an answer. Others do not count.
const WAITING_PER_PLAYER_MAX: usize = 5;
/// Maximum number of players whose guesses or games are counted.
const PLAYERS_MAX: usize = 1_000;
/// Maximum number of players in a list.
const LISTED_MAX: usize = 5;

/// A game in one room.
pub struct Game {
    room: RoomName,
    author: Author,
    secret: hmac::Key,
    phase: Phase,
    /// How many games each player has won.
    won: BTreeMap<String, u64>,
    /// Answers that are not in the log yet, oldest first.
    waiting: VecDeque<Line>,
    /// How many messages did not count since the last answer.
    ignored: u64,
    /// The offset of the bot's last message; 0 if there is none.
    last_own: u64,
    /// The offset in that message's key.
    last_answered: Option<u64>,
    /// True if there was a game whose number is not known.
    has_forgotten: bool,
}

enum Phase {
    /// The log up to here opens no game.
    Unopened,
    /// A game is on.
    Open { number: u64, guesses: BTreeMap<String, u64> },
    /// The number was found or told, and the answer that opens the next game is not in the log yet.
    Ended,
}

/// The answer to one message, in one line.
struct Line {
    /// The message's offset.
    to: u64,
    player: String,
    text: String,
}

/// What a player said.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// A number; `None` if it is not between 1 and [`NUMBER_MAX`].
    Guess(Option<u64>),
    New,
    Ranking,
    Help,
}

impl Game {
    /// Returns the state before the first message of the log.
    pub fn new(room: RoomName, author: Author, secret: hmac::Key) -> Self {
        Self {
            room,
            author,
            secret,
            phase: Phase::Unopened,
            won: BTreeMap::new(),
            waiting: VecDeque::new(),
            ignored: 0,
            last_own: 0,
            last_answered: None,
            has_forgotten: false,
        }
    }

    /// Forgets everything, because messages are missing. What follows is read like the start of a
    /// log.
    pub fn forget(&mut self) {
        let has_forgotten = !matches!(self.phase, Phase::Unopened);
        *self = Self { has_forgotten, ..Self::new(self.room.clone(), self.author.clone(), self.secret.clone()) };
    }

    /// Reads the next message of the log, which is the one before `at`.
    pub fn read(&mut self, at: Position, entry: &Entry) {
        if let Some(first) = self.key_offset(at.epoch, entry) {
            return self.read_own(at, first, entry.text.as_str());
        }
        if entry.author == self.author {
            // By a bot with another secret, or by somebody who took its name.
            self.has_forgotten |= matches!(self.phase, Phase::Unopened);
            return;
        }
        let Some(said) = said(entry.text.as_str()) else { return };
        if matches!(self.phase, Phase::Unopened) {
            return;
        }
        let player = name(&entry.author);
        let own = self.waiting.iter().filter(|line| line.player == player).count();
        if self.waiting.len() >= WAITING_MAX || own >= WAITING_PER_PLAYER_MAX {
            self.ignored += 1;
            return;
        }
        let text = format!("{player}: {}", self.judge(&player, &said));
        self.waiting.push_back(Line { to: entry.offset, player, text });
    }

    /// Returns what to publish now: a greeting, or the answer to the oldest unanswered messages.
    pub fn answer(&self, epoch: Epoch) -> Option<PublishRequest> {
        let (offset, text) = match (self.waiting.front(), &self.phase) {
            (Some(line), _) => (line.to, self.lines()),
            (None, Phase::Unopened) if self.has_forgotten => (self.last_own, format!("{FORGOTTEN} {OPENING}")),
            (None, Phase::Unopened) => (self.last_own, format!("{GREETING} {OPENING}")),
            (None, _) => return None,
        };
        let text = Text::parse(&text).expect("an answer is neither empty nor too long");
        Some(PublishRequest { text, author: self.author.clone(), key: Some(self.key(Position { epoch, offset })), ..Default::default() })
    }

    /// Returns the oldest answers that fit into one message.
    fn lines(&self) -> String {
        let mut text = match self.ignored {
            0 => String::new(),
            ignored => format!("({ignored} messages came too fast and don't count.) "),
        };
        for (index, line) in self.waiting.iter().take(LINES_MAX).enumerate() {
            if text.len() + 1 + line.text.len() > TEXT_BYTES_MAX {
                break;
            }
            text += if index > 0 { "\n" } else { "" };
            text += &line.text;
        }
        text
    }

    /// Reads a message of the bot, whose key names the offset `first`.
    fn read_own(&mut self, at: Position, first: u64, text: &str) {
        // A moderator has deleted it: nobody knows what it answered, or whether it opened a game.
        if text.is_empty() {
            self.waiting.clear();
            (self.last_own, self.last_answered, self.phase) = (at.offset, Some(first), Phase::Unopened);
            return;
        }
        // Somebody has posted an expired message again, with its key.
        if self.last_answered.is_some_and(|last| first <= last) {
            return;
        }
        (self.last_own, self.last_answered) = (at.offset, Some(first));
        let is_next = self.waiting.front().is_some_and(|line| line.to == first);
        // After the start of a log that begins in the middle, an answer may have other lines. What
        // was said before it is then too old to be answered.
        let answered = if is_next { text.lines().count().min(self.waiting.len()) } else { self.waiting.len() };
        self.waiting.drain(..answered);
        self.ignored = 0;
        if text.lines().any(|line| line.ends_with(OPENING)) {
            self.phase = Phase::Open { number: self.number(at), guesses: BTreeMap::new() };
        } else if !is_next && matches!(self.phase, Phase::Ended) {
            self.phase = Phase::Unopened;
        }
    }

    /// Returns the answer to a player, and counts it.
    fn judge(&mut self, player: &str, said: &Said) -> String {
        let (number, guesses) = match (&mut self.phase, said) {
            (_, Said::Help) => return HELP.to_owned(),
            (_, Said::Ranking) if self.won.is_empty() => return "nobody has found a number yet.".to_owned(),
            (_, Said::Ranking) => return format!("numbers found: {}.", ranking(&self.won)),
            (Phase::Open { number, guesses }, _) => (*number, guesses),
            (Phase::Unopened | Phase::Ended, _) => return "too late, that game is over.".to_owned(),
        };
        let guess = match said {
            Said::Guess(Some(guess)) => *guess,
            Said::Guess(None) => return format!("my number is from 1 to {NUMBER_MAX}."),
            Said::New | Said::Ranking | Said::Help => {
                self.phase = Phase::Ended;
                return format!("my number was {number}. {OPENING}");
            }
        };
        count(guesses, player);
        match guess.cmp(&number) {
            Ordering::Less => format!("higher than {guess} ↑"),
            Ordering::Greater => format!("lower than {guess} ↓"),
            Ordering::Equal => {
                let (total, list) = (guesses.values().sum::<u64>(), ranking(guesses));
                count(&mut self.won, player);
                self.phase = Phase::Ended;
                format!("{number} is right! Guesses: {total} ({list}). {OPENING}")
            }
        }
    }

    /// Returns the number of the game that the message before `at` opens.
    pub fn number(&self, at: Position) -> u64 {
        let tag = self.sign("number", at);
        let bytes = tag.as_ref().first_chunk().expect("a tag has 32 bytes");
        u64::from_be_bytes(*bytes) % NUMBER_MAX + 1
    }

    /// Returns the key of a message that answers those from `at` on.
    fn key(&self, at: Position) -> PublishKey {
        let tag = self.sign("key", at);
        let bytes = tag.as_ref().first_chunk().expect("a tag has 32 bytes");
        let key = format!("{}-{}", at.offset, PublishKey::from_bits(u128::from_be_bytes(*bytes)));
        key.parse().expect("at most 49 digits and a hyphen")
    }

    /// Returns the offset in the key of a message of this bot.
    fn key_offset(&self, epoch: Epoch, entry: &Entry) -> Option<u64> {
        let key = entry.key.as_ref()?;
        let offset = key.as_str().split_once('-')?.0.parse().ok()?;
        (self.key(Position { epoch, offset }) == *key).then_some(offset)
    }

    fn sign(&self, purpose: &str, at: Position) -> hmac::Tag {
        hmac::sign(&self.secret, format!("{purpose} {} {at}", self.room).as_bytes())
    }
}

/// Returns what a message says to the bot. `None` if it is talk among people.
fn said(text: &str) -> Option<Said> {
    let text = text.trim();
    // Some programs take commands with a slash for themselves.
    match text.strip_prefix(['/', '!']).map(str::to_lowercase).as_deref() {
        Some("new") => return Some(Said::New),
        Some("ranking") => return Some(Said::Ranking),
        Some("help") => return Some(Said::Help),
        _ => {}
    }
    let narrow = |c: char| match c {
        // Full-width forms are the ASCII characters, moved.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '−' => '-',
        c => c,
    };
    let text: String = text.chars().map(narrow).collect();
    let digits = text.trim_matches(|c: char| !c.is_alphanumeric());
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let is_negative = text.split(digits).next().is_some_and(|before| before.ends_with('-'));
    let number = digits.parse().ok().filter(|number| !is_negative && (1..=NUMBER_MAX).contains(number));
    Some(Said::Guess(number))
}

/// Returns an author's name in one line.
fn name(author: &Author) -> String {
    match author.as_str().replace(char::is_control, " ").split_whitespace().collect::<Vec<_>>().join(" ") {
        name if name.is_empty() => "Somebody".to_owned(),
        name => name.chars().take(AUTHOR_CHARS_MAX).collect(),
    }
}

fn count(counts: &mut BTreeMap<String, u64>, player: &str) {
    if counts.len() < PLAYERS_MAX || counts.contains_key(player) {
        *counts.entry(player.to_owned()).or_default() += 1;
    }
}

/// Returns the players with the highest counts, as `Ana 3, 小明 1`.
fn ranking(counts: &BTreeMap<String, u64>) -> String {
    let mut players: Vec<_> = counts.iter().collect();
    players.sort_by(|(_, one), (_, other)| other.cmp(one));
    let listed: Vec<_> = players.iter().take(LISTED_MAX).map(|(player, count)| format!("{player} {count}")).collect();
    let others = players.len() - listed.len();
    listed.join(", ") + &if others > 0 { format!(", others {others}") } else { String::new() }
}

#[cfg(test)]
mod tests;
