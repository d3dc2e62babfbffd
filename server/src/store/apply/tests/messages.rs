//! The rules of messages: slow rooms, and the queue of those that wait for approval.

use super::super::super::command::Refusal;
use super::*;

fn queue(is_on: bool) -> RoomSettings {
    RoomSettings { queue: is_on, ..RoomSettings::default() }
}

/// Returns the texts that wait for approval.
fn waiting(board: &Board) -> Vec<String> {
    let mut connection = Connection::open(board.connection.path().unwrap()).unwrap();
    let (count, waiting) = read::waiting(&mut connection, &RoomName::lobby(), 2000, false).unwrap();
    assert_eq!(count, waiting.len() as u64);
    waiting.iter().map(|message| message.text.clone()).collect()
}

#[test]
fn a_slow_room_takes_one_message_per_identity_and_time() {
    let mut board = Board::new();
    board.rules.slow = 5;
    let slow = |wait| Outcome::Refused(Refusal { retry_after: Some(wait), ..ErrorCode::SlowMode.into() });
    assert_eq!(board.publish(ana(), with_key(message("one"), "k")), stored(1));
    board.time += 1000;
    assert_eq!(board.publish(ana(), message("two")), slow(4000));
    assert_eq!(board.publish(ana(), with_key(message("one"), "k")), duplicate(1), "a known key is answered first");
    assert_eq!(board.publish(ana(), react(1, "x", false)), stored(2), "changes are not slow");
    assert_eq!(board.publish(bob(), message("two")), stored(3));
    assert_eq!(board.publish(NOBODY, message("three")), stored(4));
    assert_eq!(board.publish(NOBODY, message("four")), slow(5000), "all without identity count as one");
    for number in 5..8 {
        assert_eq!(board.publish(moderator(), message("x")), stored(number));
    }
    board.restart();
    assert_eq!(board.publish(ana(), message("two")), slow(4000));
    board.time -= 2000;
    assert_eq!(board.publish(ana(), message("two")), stored(8), "a clock that was set back refuses nobody");
    board.time += 5000;
    assert_eq!(board.publish(ana(), message("three")), stored(9));
    board.set_room(RoomSettings::default());
    assert_eq!(board.publish(ana(), message("four")), stored(11), "the room's settings go before the board's");
}

#[test]
fn a_queue_holds_messages_until_a_moderator_approves_them() {
    let mut board = Board::new();
    board.set_room(queue(true));
    let first = with_key(message("one"), "k");
    for _ in 0..2 {
        assert_eq!(board.publish(ana(), first.clone()), refused(ErrorCode::Queued));
    }
    assert_eq!(board.publish(ana(), with_key(message("other"), "k")), refused(ErrorCode::KeyReused));
    assert_eq!(board.publish(moderator(), message("moderators do not wait")), stored(2));
    assert_eq!(waiting(&board), ["one"]);
    board.restart();
    let received = board.time;
    board.time += 500;
    for _ in 0..2 {
        assert_eq!(board.decide(1, None), Outcome::Decided(Verdict::Approved { offset: 3 }));
        assert_eq!(board.publish(ana(), first.clone()), duplicate(3));
    }
    assert_eq!(board.decide(1, Some("too late")), Outcome::Decided(Verdict::Approved { offset: 3 }), "the first decision stands");
    let entry = board.entry(3);
    assert_eq!((entry.text.as_str(), entry.by, entry.badge), ("one", ana().tag, false));
    assert_eq!((entry.time, entry.received, entry.key), (board.time, Some(received), first.key));
    assert!(waiting(&board).is_empty());
}

#[test]
fn a_rejected_message_leaves_its_key_and_the_reason_for_a_day() {
    let mut board = Board::new();
    board.set_room(queue(true));
    let first = with_key(message("one"), "k");
    board.publish(ana(), first.clone());
    for reason in ["off topic", "something else"] {
        assert_eq!(board.decide(1, Some(reason)), Outcome::Decided(Verdict::Rejected { reason: "off topic".to_owned() }));
    }
    assert_eq!(board.decide(1, None), Outcome::Decided(Verdict::Rejected { reason: "off topic".to_owned() }));
    let rejected = Outcome::Refused(Refusal { detail: Some("off topic".to_owned()), ..ErrorCode::Rejected.into() });
    assert_eq!(board.publish(ana(), first.clone()), rejected);
    board.set_room(queue(false));
    assert_eq!(board.publish(ana(), first.clone()), rejected, "also after the room has no queue");
    let text: String = board.connection.query_row("SELECT text || author FROM queue", [], |row| row.get(0)).unwrap();
    assert_eq!(text, "");
    board.set_room(queue(true));
    board.time += 24 * 60 * 60 * 1000 + 1;
    board.publish(ana(), message("another"));
    assert_eq!(board.publish(ana(), first), refused(ErrorCode::Queued));
}

#[test]
fn a_full_queue_refuses_and_only_moderators_decide() {
    let mut board = Board::new();
    board.rules.queue = true;
    let publish = |number: u32| {
        let (request, time, rules) = (message(&number.to_string()), board.time, board.rules);
        Command::Publish(Box::new(Publish {
            room: RoomName::lobby(),
            request: Box::new(request),
            raw: None,
            refused: None,
            actor: ana(),
            time,
            rules,
        }))
    };
    let commands: Vec<_> = (0..1000).map(publish).collect();
    let outcomes = board.applier.commit(commands.into_iter()).unwrap().outcomes;
    assert!(outcomes.iter().all(|outcome| *outcome == refused(ErrorCode::Queued)));
    assert_eq!(board.publish(ana(), message("one more")), refused(ErrorCode::QueueFull));
    let decide = |id, actor| {
        Command::Decide(Box::new(Decide { room: RoomName::lobby(), id, decision: Decision::Approve, actor, time: 0, rooms_max: 1 }))
    };
    assert_eq!(board.apply(decide(1, bob())), refused(ErrorCode::AccessRefused));
    for id in [1001, u64::MAX] {
        assert_eq!(board.apply(decide(id, moderator())), refused(ErrorCode::MessageGone));
    }
    let elsewhere =
        Decide { room: "other".parse().unwrap(), id: 1, decision: Decision::Approve, actor: moderator(), time: 0, rooms_max: 1 };
    assert_eq!(board.apply(Command::Decide(Box::new(elsewhere))), refused(ErrorCode::MessageGone), "the id is of another room");
    assert_eq!(board.decide(1, None), Outcome::Decided(Verdict::Approved { offset: 1 }));
    assert_eq!(board.publish(ana(), message("one more")), refused(ErrorCode::Queued));
    assert_eq!(waiting(&board)[0], "1");
}

#[test]
fn many_decisions_fill_no_queue() {
    let mut board = Board::new();
    board.rules.queue = true;
    let insert = "WITH RECURSIVE ids (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM ids WHERE id < 20000)
        INSERT INTO queue (id, room, received, author, text, key, decided) SELECT id, 'lobby', 0, '', '', 'k' || id, ?1 FROM ids";
    board.connection.execute(insert, [board.time]).unwrap();
    assert_eq!(board.publish(ana(), message("one")), refused(ErrorCode::Queued));
    board.decide(20_001, None);
    let ids = "SELECT min(id), count(*) FROM queue";
    assert_eq!(board.connection.query_row(ids, [], |row| Ok((row.get(0)?, row.get(1)?))), Ok((2, 20_000)), "the oldest is forgotten");
}
