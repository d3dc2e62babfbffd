//! Casts: who begins, continues and ends one, and what is left of it.

use protocol::{CastInfo, PublishKey};

use super::super::super::command::{EndCast, RunningCast, StartCast};
use super::*;

fn key(text: &str) -> PublishKey {
    text.parse().unwrap()
}

impl Board {
    fn start(&mut self, room: &str, actor: Actor, cast_key: &str) -> Outcome {
        let (room, author, rules, time) = (room.parse().unwrap(), protocol::Author::parse("小明").unwrap(), self.rules, self.time);
        self.apply(Command::StartCast(Box::new(StartCast { room, key: key(cast_key), author, actor, time, rules })))
    }

    fn end(&mut self, cast: u64, actor: Actor) -> Outcome {
        let (room, time) = (RoomName::lobby(), self.time);
        self.apply(Command::EndCast(EndCast { room, cast, actor, time }))
    }

    /// Returns the offset of the cast that a restarted server finds in the lobby.
    fn running(&self) -> Option<u64> {
        let rooms = read::rooms(self.connection).unwrap();
        rooms.into_iter().find(|room| room.name == RoomName::lobby())?.cast.map(|cast| cast.info.id)
    }
}

fn casting(id: u64, actor: Actor, cast_key: &str) -> Outcome {
    let author = protocol::Author::parse("小明").unwrap();
    let info = CastInfo { id, author, by: actor.tag.unwrap(), since: 1_000_000 };
    Outcome::Casting(Box::new(RunningCast { info, key: key(cast_key) }))
}

#[test]
fn a_cast_goes_on_with_its_key_and_identity_and_no_other_begins() {
    let mut board = Board::new();
    assert_eq!(board.start("lobby", NOBODY, "k"), refused(ErrorCode::IdentityRequired));
    assert_eq!(board.start("lobby", ana(), "k"), casting(1, ana(), "k"));
    board.restart();
    assert_eq!(board.start("lobby", ana(), "k"), casting(1, ana(), "k"));
    for (actor, cast_key) in [(bob(), "k"), (ana(), "other"), (moderator(), "other")] {
        assert_eq!(board.start("lobby", actor, cast_key), refused(ErrorCode::CastBusy));
    }
    assert_eq!(board.end(1, ana()), stored(2));
    assert_eq!(board.end(1, ana()), duplicate(1));
    assert_eq!(board.start("lobby", ana(), "k"), refused(ErrorCode::KeyReused), "a cast that is over does not go on");
    assert_eq!(board.start("lobby", bob(), "other"), casting(3, bob(), "other"));
    assert_eq!(board.end(1, ana()), duplicate(1), "the end of an earlier cast ends no later one");
    assert_eq!(board.running(), Some(3));
}

#[test]
fn the_entries_of_a_cast_say_who_began_and_who_ended_it() {
    let mut board = Board::new();
    board.publish(ana(), message("hello"));
    board.start("lobby", ana(), "k");
    board.end(2, moderator());
    let start = Entry { author: protocol::Author::parse("小明").unwrap(), key: Some(key("k")), by: ana().tag, ..cast(2) };
    assert_eq!(board.entry(2), start);
    assert_eq!(board.entry(3), Entry { of: Some(2), off: true, by: moderator().tag, badge: true, ..cast(3) });
    let audit: String = board.connection.query_row("SELECT action || ' ' || detail FROM audit", [], |row| row.get(0)).unwrap();
    assert_eq!(audit, "cast_ended lobby 2");
    // Nobody changes them, and they are no messages.
    for request in [edit(2, "x"), change(Kind::Erase, 2), react(2, "x", false), change(Kind::Pin, 2), change(Kind::Cast, 2)] {
        assert_eq!(board.publish(moderator(), request), refused(ErrorCode::MessageGone));
    }
}

fn cast(offset: u64) -> Entry {
    Entry { offset, time: 1_000_000, kind: Kind::Cast, ..Entry::default() }
}

#[test]
fn a_key_that_waits_for_approval_begins_no_cast() {
    let mut board = Board::new();
    board.set_room(RoomSettings { queue: true, ..RoomSettings::default() });
    board.publish(ana(), with_key(message("wait"), "k"));
    assert_eq!(board.start("lobby", moderator(), "k"), refused(ErrorCode::KeyReused));
    assert!(matches!(board.decide(1, None), Outcome::Decided(Verdict::Approved { .. })));
    assert_eq!(board.start("lobby", moderator(), "k"), refused(ErrorCode::KeyReused));
    board.start("lobby", moderator(), "cast");
    assert_eq!(board.publish(ana(), with_key(message("x"), "cast")), refused(ErrorCode::KeyReused));
}

#[test]
fn a_cast_outlives_its_entry_and_its_rooms_messages() {
    let mut board = Board::new();
    board.start("lobby", ana(), "k");
    board.expire(0);
    board.restart();
    assert_eq!(board.running(), Some(1));
    assert_eq!(board.start("lobby", ana(), "k"), casting(1, ana(), "k"));
    // Other rooms without entries are forgotten, this one is not.
    for (number, room) in ["a", "b", "c", "d"].into_iter().enumerate() {
        for _ in 0..=number {
            let publish = Publish {
                room: room.parse().unwrap(),
                request: Box::new(message("x")),
                raw: None,
                refused: None,
                actor: ana(),
                time: 0,
                rules: board.rules,
            };
            board.apply(Command::Publish(Box::new(publish)));
        }
        let policy = RetentionPolicy { messages: 0, bytes: u64::MAX, age: u64::MAX };
        let now = TrustedTime { time: 0, since: 0 };
        board.apply(Command::Expire { room: room.parse().unwrap(), policy, now, rooms_max: 1 });
    }
    assert_eq!(board.running(), Some(1));
    assert_eq!(board.end(1, NOBODY), stored(2));
    assert_eq!(board.running(), None);
}

#[test]
fn a_board_has_as_many_casts_as_it_may_have() {
    let mut board = Board::new();
    board.rules.casts_max = 2;
    board.start("lobby", ana(), "k");
    board.start("a", ana(), "k");
    assert_eq!(board.start("b", ana(), "k"), refused(ErrorCode::CastsFull));
    board.end(1, ana());
    assert!(matches!(board.start("b", ana(), "k"), Outcome::Casting(_)));
    board.rules.rooms_max = 2;
    board.rules.casts_max = 9;
    assert_eq!(board.start("c", ana(), "k"), refused(ErrorCode::RoomsFull));
}
