//! What a room with messages that change should be, without the board's folding.

use std::collections::{BTreeMap, BTreeSet};

use protocol::Entry;

use Expected::{Duplicate, Refused, Stored};

/// Who acts: one of the identities, or the moderator, who has a key and no identity.
pub type Actor = Option<usize>;

/// A message as it should be.
#[derive(Default)]
pub struct Message {
    pub by: Actor,
    pub text: String,
    pub erased: bool,
    pub reactions: Vec<(&'static str, BTreeSet<usize>)>,
}

/// What a room should be.
#[derive(Default)]
pub struct Model {
    pub messages: BTreeMap<u64, Message>,
    pub latest: u64,
    pub pins: Vec<u64>,
    /// True if messages wait for approval. `None` before the room has settings.
    pub queue: Option<bool>,
    pub waiting: Vec<(usize, String)>,
    /// Texts that nobody may see any more.
    pub erased: BTreeSet<String>,
    /// Texts that nobody but moderators has ever seen.
    pub unapproved: BTreeSet<String>,
}

/// What the answer to a publish should be.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    Stored,
    Duplicate,
    Refused(&'static str),
}
impl Model {
    pub fn say(&mut self, by: Actor, text: &str) -> Expected {
        match by {
            Some(person) if self.queue == Some(true) => {
                self.waiting.push((person, text.to_owned()));
                self.unapproved.insert(text.to_owned());
                Refused("queued")
            }
            _ => self.add(Message { by, text: text.to_owned(), ..Message::default() }),
        }
    }

    pub fn add(&mut self, message: Message) -> Expected {
        self.latest += 1;
        self.unapproved.remove(&message.text);
        self.messages.insert(self.latest, message);
        Stored
    }

    pub fn edit(&mut self, by: Actor, of: u64, text: &str) -> Expected {
        let has_queue = self.queue == Some(true);
        match self.messages.get_mut(&of) {
            None => Refused("message_gone"),
            Some(message) if message.erased => Refused("message_gone"),
            Some(message) if by.is_some() && message.by != by => Refused("not_yours"),
            Some(_) if by.is_some() && has_queue => {
                self.unapproved.insert(text.to_owned());
                Refused("edit_late")
            }
            Some(message) if message.text == text => Duplicate,
            Some(message) => {
                text.clone_into(&mut message.text);
                self.latest += 1;
                Stored
            }
        }
    }

    pub fn erase(&mut self, by: Actor, of: u64) -> Expected {
        match self.messages.get_mut(&of) {
            None => Refused("message_gone"),
            Some(message) if by.is_some() && message.by != by => Refused("not_yours"),
            Some(message) if message.erased => Duplicate,
            Some(message) => {
                self.erased.insert(std::mem::take(&mut message.text));
                (message.erased, message.reactions) = (true, Vec::new());
                self.pins.retain(|pin| *pin != of);
                self.latest += 1;
                Stored
            }
        }
    }

    pub fn react(&mut self, person: usize, of: u64, emoji: &'static str, off: bool) -> Expected {
        let Some(message) = self.messages.get_mut(&of).filter(|message| !message.erased) else { return Refused("message_gone") };
        let found = message.reactions.iter().position(|(known, _)| *known == emoji);
        let is_on = found.is_some_and(|index| message.reactions[index].1.contains(&person));
        if is_on != off {
            return Duplicate;
        }
        let index = found.unwrap_or_else(|| {
            message.reactions.push((emoji, BTreeSet::new()));
            message.reactions.len() - 1
        });
        let people = &mut message.reactions[index].1;
        if off {
            people.remove(&person)
        } else {
            people.insert(person)
        };
        message.reactions.retain(|(_, people)| !people.is_empty());
        self.latest += 1;
        Stored
    }

    pub fn pin(&mut self, of: u64, is_on: bool) -> Expected {
        let is_pinned = self.pins.contains(&of);
        match self.messages.get(&of).filter(|message| !message.erased) {
            None => Refused("message_gone"),
            Some(_) if is_pinned == is_on => Duplicate,
            Some(_) if is_on && self.pins.len() >= 3 => Refused("pins_full"),
            Some(_) => {
                self.pins.retain(|pin| *pin != of);
                self.pins.extend(Some(of).filter(|_| is_on));
                self.latest += 1;
                Stored
            }
        }
    }

    pub fn set_queue(&mut self, queue: bool) -> Expected {
        if self.queue.replace(queue) == Some(queue) {
            return Duplicate;
        }
        self.latest += 1;
        Stored
    }

    /// Returns the messages as readers should see them.
    pub fn shown(&self) -> Vec<Shown> {
        let reactions = |message: &Message| message.reactions.iter().map(|(emoji, people)| ((*emoji).to_owned(), people.len())).collect();
        self.messages.iter().map(|(offset, it)| (*offset, it.text.clone(), it.erased, reactions(it))).collect()
    }
}

/// A message as it is seen: its offset and text, whether it is erased, and its reactions.
pub type Shown = (u64, String, bool, Vec<(String, usize)>);

pub fn shown(entry: &Entry) -> Shown {
    let reactions = entry.reactions.iter().map(|reaction| (reaction.emoji.clone(), reaction.count as usize)).collect();
    (entry.offset, entry.text.as_str().to_owned(), entry.erased, reactions)
}
