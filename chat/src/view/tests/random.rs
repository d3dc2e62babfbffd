//! Random inputs: whatever happens, the screen can be drawn, and nothing commands the terminal.

use client::{ConnectionState, Page, Stage, Update};
use crossterm::event::{KeyCode, KeyModifiers, MouseEvent, MouseEventKind};
use protocol::{Emoji, Entry, Epoch, Gap, GapReason, Kind, Position};

use super::person::{Person, at, connection, entry, live, numbered, page, room, settings};
use crate::event::{Action, Input};
use crate::is_harmful;

const STEPS: u64 = 500;
const KEYS: &[KeyCode] = &[
    KeyCode::Enter,
    KeyCode::Enter,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::PageUp,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Backspace,
    KeyCode::Delete,
    KeyCode::Esc,
    KeyCode::Tab,
];
const TEXTS: &[&str] = &[
    "/join tea",
    "/join 大厅",
    "/part",
    "/search o",
    "/discard",
    "/retry",
    "/help",
    "/unfold",
    "/edit x",
    "/edit",
    "/erase",
    "/react 👍",
    "/reply y\u{1b}",
    "/name שלום",
    "//x",
    "hello 你好 👨‍👩‍👧‍👦 e\u{301}\u{301}\u{301}",
    "\u{301}\u{200d}\u{fe0f}",
    "a\u{1b}[2J\u{202e}\u{9b}",
    "https://example.org/中文?x=1 www.a.b",
    "one\ntwo\n\n\tthree",
    "           ",
];

/// SplitMix64: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

#[test]
fn whatever_happens_the_screen_can_be_drawn() {
    for seed in 0..2 {
        for is_utf8 in [true, false] {
            let mut random = Random(seed);
            let mut person = Person::in_lobby(crate::Settings { is_utf8, ..settings(80, 24) }, numbered(951..=1000, 1000));
            let mut latest = 1000;
            for step in 0..STEPS {
                act(&mut person, &mut random, &mut latest);
                if random.below(4) == 0 {
                    let screen = person.screen().join("");
                    // The mark after a name from right to left is ours.
                    let found = screen.replace('\u{200e}', "").find(is_harmful);
                    assert!(
                        found.is_none() && (is_utf8 || screen.replace('\u{200e}', "").is_ascii()),
                        "seed {seed}, step {step}: {screen}"
                    );
                }
            }
        }
    }
}

fn act(person: &mut Person, random: &mut Random, latest: &mut u64) {
    match random.below(17) {
        0..=4 => {
            let modifiers =
                random.pick(&[KeyModifiers::NONE, KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::ALT, KeyModifiers::CONTROL]);
            person.press(random.pick(KEYS), modifiers);
        }
        5 => {
            let key = random.pick(&['a', 'e', 'w', 'u', 'k', 'd', '_', 'j', 'n', 'p', 'f', 'o', 'l', 'c', '1', '2']);
            person.press(KeyCode::Char(key), random.pick(&[KeyModifiers::CONTROL, KeyModifiers::ALT, KeyModifiers::NONE]));
        }
        6 | 7 => person.input(Input::Paste(random.pick(TEXTS).repeat(random.pick(&[1, 1, 1, 20])))),
        8 => person.enter(random.pick(TEXTS)),
        9 => person.resize(random.below(130) as u16 + 1, random.below(40) as u16 + 1),
        10 => person.wait(random.below(6_000) as i64),
        11 => {
            let kind = random.pick(&[MouseEventKind::ScrollUp, MouseEventKind::ScrollDown]);
            person.input(Input::Mouse(MouseEvent { kind, column: 0, row: 0, modifiers: KeyModifiers::NONE }));
        }
        12 => answer(person, random),
        13 => trouble(person, random, latest),
        14 => change(person, random, latest),
        _ => {
            for _ in 0..random.pick(&[1, 1, 50]) {
                *latest += 1;
                let text = random.pick(TEXTS).repeat(random.pick(&[1, 1, 200]));
                person.receive(entry(*latest, random.pick(&["Bo", "", "小明", "שלום", "x\u{1b}y"]), &text));
            }
        }
    }
}

/// Answers the last request, or a random one.
fn answer(person: &mut Person, random: &mut Random) {
    let mut fetches = person
        .actions
        .iter()
        .filter_map(|action| if let Action::Fetch { room, page } = action { Some((room.clone(), *page)) } else { None });
    let Some((room, asked)) = fetches.next_back() else { return };
    let first = match asked {
        Page::Latest => 951,
        Page::Before(before) => before.offset.saturating_sub(50).max(1),
        Page::After(after) => after.offset + 1,
    };
    let answer = numbered(first..=first + 49, first.max(1000) + 49);
    let result = if random.below(5) == 0 { Err("no\u{1b}answer.".to_owned()) } else { Ok(answer) };
    person.input(Input::Page { room, asked, result });
}

/// Changes a random message.
fn change(person: &mut Person, random: &mut Random, latest: &mut u64) {
    *latest += 1;
    let kind = random.pick(&[Kind::Edit, Kind::Erase, Kind::React, Kind::React, Kind::Pin]);
    let text = if kind == Kind::Edit { random.pick(TEXTS) } else { "" };
    let emoji = (kind == Kind::React).then(|| Emoji::from_stored(random.pick(&["👍", "\u{1b}[2J", "❤️"]).to_owned()));
    let of = Some(latest.saturating_sub(random.below(60)));
    let change = Entry { kind, of, emoji, reply: Some(1), ..entry(*latest, "", text) };
    person.update("lobby", Update::Change(change), live());
}

fn trouble(person: &mut Person, random: &mut Random, latest: &mut u64) {
    match random.below(6) {
        0 => person.disconnect(),
        1 => person.update("lobby", Update::Connection, connection(ConnectionState::Doubtful)),
        2 => person.input(Input::Ended { room: room("lobby"), why: "full\u{7}".to_owned() }),
        3 => {
            let stage = Stage::Failed { code: protocol::ErrorCode::TextInvalid, detail: "no\u{1b}".to_owned() };
            let messages = person.published();
            person.outbox(messages.into_iter().rev().take(5).map(|message| (message, stage.clone())).collect());
        }
        4 => {
            let resumes = at(*latest + 5);
            person.update("lobby", Update::Gap(Gap { reason: GapReason::Expired, first: resumes, resumes }), live());
            *latest += 5;
        }
        _ => {
            let resumes = Position { epoch: Epoch(random.below(3)), offset: 0 };
            person.update("lobby", Update::Gap(Gap { reason: GapReason::OtherEpoch, first: resumes, resumes }), live());
            person.load("lobby", Page::Latest, page(Vec::new(), 0));
        }
    }
}
