//! The rules of changes: who may change what, when, and what is left.

use super::*;

#[test]
fn an_author_edits_within_the_window_and_a_moderator_always() {
    let mut board = Board::new();
    board.publish(ana(), message("one"));
    board.time += 1000;
    assert_eq!(board.publish(ana(), edit(1, "two")), stored(2));
    assert_eq!(board.publish(bob(), edit(1, "three")), refused(ErrorCode::NotYours));
    board.time += 1;
    assert_eq!(board.publish(ana(), edit(1, "three")), refused(ErrorCode::EditLate));
    assert_eq!(board.publish(moderator(), edit(1, "three")), stored(3));
    let entry = board.entry(1);
    assert_eq!((entry.text.as_str(), entry.changed, entry.edited), ("three", 3, Some(board.time)));
    assert_eq!(board.rewritten(), [1]);
    board.rules.edit_window = 0;
    board.publish(ana(), message("new"));
    assert_eq!(board.publish(ana(), edit(4, "newer")), refused(ErrorCode::EditLate), "0 admits no edit");
}

/// Somebody could have a harmless message approved, and then say anything.
#[test]
fn no_author_edits_where_messages_wait_for_approval() {
    let mut board = Board::new();
    board.rules.queue = true;
    board.publish(ana(), message("one"));
    board.decide(1, None);
    assert_eq!(board.publish(ana(), edit(1, "two")), refused(ErrorCode::EditLate), "by default");
    assert_eq!(board.publish(moderator(), edit(1, "two")), stored(2));
    board.set_room(RoomSettings::default());
    assert_eq!(board.publish(ana(), edit(1, "three")), stored(4));
    board.set_room(RoomSettings { queue: true, ..RoomSettings::default() });
    assert_eq!(board.publish(ana(), edit(1, "four")), refused(ErrorCode::EditLate));
    assert_eq!(board.publish(ana(), change(Kind::Erase, 1)), stored(6));
}

#[test]
fn a_message_without_identity_is_nobodys() {
    let mut board = Board::new();
    board.publish(NOBODY, message("one"));
    for request in [edit(1, "two"), change(Kind::Erase, 1)] {
        assert_eq!(board.publish(NOBODY, request), refused(ErrorCode::NotYours));
    }
    assert_eq!(board.publish(NOBODY, react(1, "x", false)), refused(ErrorCode::IdentityRequired));
    assert_eq!(board.publish(moderator(), change(Kind::Erase, 1)), stored(2));
}

#[test]
fn only_messages_that_are_there_can_be_changed() {
    let mut board = Board::new();
    board.publish(ana(), message("one"));
    board.publish(ana(), edit(1, "two"));
    board.publish(ana(), message("three"));
    board.publish(ana(), change(Kind::Erase, 3));
    for of in [0, 2, 3, 9, u64::MAX] {
        for request in [edit(of, "x"), react(of, "x", false), change(Kind::Pin, of), change(Kind::Unpin, of)] {
            assert_eq!(board.publish(moderator(), request), refused(ErrorCode::MessageGone), "of {of}");
        }
    }
    board.expire(2);
    assert_eq!(board.publish(ana(), change(Kind::Erase, 1)), refused(ErrorCode::MessageGone));
}

#[test]
fn erase_leaves_the_place_and_the_key_and_nothing_that_was_said() {
    let mut board = Board::new();
    let author = protocol::Author::parse("ana").unwrap();
    board.publish(ana(), PublishRequest { author, ..with_key(message("secret"), "k") });
    board.publish(ana(), with_key(edit(1, "secret too"), "e"));
    board.publish(bob(), react(1, "x", false));
    board.publish(moderator(), change(Kind::Pin, 1));
    assert_eq!(board.publish(bob(), change(Kind::Erase, 1)), refused(ErrorCode::NotYours));
    assert_eq!(board.publish(ana(), change(Kind::Erase, 1)), stored(5));
    assert_eq!(board.rewritten(), [2, 1]);
    let key = Some("k".parse().unwrap());
    let time = board.time;
    let erased = Entry { offset: 1, time, key, by: ana().tag, erased: true, changed: 5, ..Entry::default() };
    assert_eq!(board.entry(1), erased);
    assert!(board.entry(2).text.is_absent());
    let rows = |table: &str| board.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    assert_eq!((rows("reactions"), rows("pins"), rows("scrub")), (Ok(0), Ok(0), Ok(1)));
}

#[test]
fn a_change_that_changes_nothing_stores_nothing() {
    let mut board = Board::new();
    board.publish(ana(), message("one"));
    assert_eq!(board.publish(ana(), edit(1, "one")), duplicate(1), "nobody edited it");
    board.publish(ana(), edit(1, "two"));
    assert_eq!(board.publish(ana(), edit(1, "two")), duplicate(2));
    assert_eq!(board.publish(bob(), react(1, "x", true)), duplicate(1));
    board.publish(bob(), react(1, "x", false));
    board.publish(ana(), react(1, "x", false));
    assert_eq!(board.publish(bob(), react(1, "x", false)), duplicate(3));
    board.publish(bob(), react(1, "x", true));
    assert_eq!(board.publish(bob(), react(1, "x", true)), duplicate(5));
    assert_eq!(board.publish(moderator(), change(Kind::Unpin, 1)), duplicate(1));
    board.publish(moderator(), change(Kind::Pin, 1));
    assert_eq!(board.publish(moderator(), change(Kind::Pin, 1)), duplicate(6));
    board.publish(moderator(), change(Kind::Unpin, 1));
    assert_eq!(board.publish(moderator(), change(Kind::Unpin, 1)), duplicate(7));
    let settings = RoomSettings { slow: 5, ..RoomSettings::default() };
    assert_eq!(board.set_room(settings.clone()), stored(8));
    assert_eq!(board.set_room(settings), duplicate(8));
    board.publish(ana(), change(Kind::Erase, 1));
    assert_eq!(board.publish(ana(), change(Kind::Erase, 1)), duplicate(9));
}

#[test]
fn a_key_is_known_after_its_message_was_edited_or_erased() {
    let mut board = Board::new();
    let (first, second) = (with_key(message("one"), "k"), with_key(edit(1, "two"), "e"));
    board.publish(ana(), first.clone());
    board.publish(ana(), second.clone());
    let check = |board: &mut Board| {
        assert_eq!(board.publish(ana(), first.clone()), duplicate(1));
        assert_eq!(board.publish(ana(), second.clone()), duplicate(2));
        assert_eq!(board.publish(ana(), with_key(react(1, "x", false), "k")), refused(ErrorCode::KeyReused));
        assert_eq!(board.publish(ana(), with_key(edit(9, "two"), "e")), refused(ErrorCode::KeyReused));
    };
    check(&mut board);
    assert_eq!(board.publish(ana(), with_key(edit(1, "other"), "e")), refused(ErrorCode::KeyReused));
    board.publish(ana(), with_key(change(Kind::Erase, 1), "x"));
    check(&mut board);
    assert_eq!(board.publish(ana(), with_key(change(Kind::Erase, 1), "x")), duplicate(3));
}

#[test]
fn twelve_different_emoji_and_three_pins_are_the_most() {
    let mut board = Board::new();
    board.publish(ana(), message("one"));
    for emoji in 0..12 {
        assert_eq!(board.publish(bob(), react(1, &emoji.to_string(), false)), stored(emoji + 2));
    }
    assert_eq!(board.publish(bob(), react(1, "12", false)), refused(ErrorCode::ReactionsFull));
    assert_eq!(board.publish(ana(), react(1, "11", false)), stored(14), "one of the twelve");
    board.publish(bob(), react(1, "0", true));
    assert_eq!(board.publish(bob(), react(1, "12", false)), stored(16));
    let counts: Vec<_> = board.entry(1).reactions.iter().map(|reaction| (reaction.emoji.clone(), reaction.count)).collect();
    assert_eq!((counts.len(), &counts[10], &counts[11]), (12, &("11".to_owned(), 2), &("12".to_owned(), 1)));

    for number in 0..3 {
        board.publish(ana(), message("more"));
        assert_eq!(board.publish(moderator(), change(Kind::Pin, 17 + 2 * number)), stored(18 + 2 * number));
    }
    assert_eq!(board.publish(moderator(), change(Kind::Pin, 1)), refused(ErrorCode::PinsFull));
    assert_eq!(board.publish(ana(), change(Kind::Pin, 1)), refused(ErrorCode::AccessRefused));
    board.publish(ana(), change(Kind::Erase, 17));
    assert!(matches!(board.publish(moderator(), change(Kind::Pin, 1)), Outcome::Published { duplicate: false, .. }));
}

#[test]
fn settings_outlive_their_entry_and_their_room_is_never_forgotten() {
    let mut board = Board::new();
    assert_eq!(
        board.publish(ana(), PublishRequest { settings: Some(Box::default()), ..change(Kind::Room, 0) }),
        refused(ErrorCode::AccessRefused)
    );
    let settings = RoomSettings { title: "Tea".to_owned(), slow: 5, ..RoomSettings::default() };
    board.set_room(settings.clone());
    board.expire(0);
    board.restart();
    let rooms = read::rooms(board.connection).unwrap();
    assert_eq!(rooms.iter().map(|room| (room.latest, room.settings.clone())).collect::<Vec<_>>(), [(1, Some(settings.clone()))]);
    assert_eq!(board.set_room(settings), duplicate(1));
}

#[test]
fn what_later_entries_name_can_expire() {
    let mut board = Board::new();
    board.publish(ana(), message("one"));
    board.publish(bob(), react(1, "x", false));
    board.publish(ana(), edit(1, "two"));
    board.publish(moderator(), change(Kind::Pin, 1));
    board.publish(ana(), PublishRequest { reply: Some(1), ..message("reply") });
    board.expire(3);
    let page = read::after(&mut database_of(&board), &RoomName::lobby(), 2, 10).unwrap();
    let kinds: Vec<_> = page.entries.iter().map(|entry| (entry.kind, entry.of, entry.reply)).collect();
    assert_eq!(kinds, [(Kind::Edit, Some(1), None), (Kind::Pin, Some(1), None), (Kind::Message, None, Some(1))]);
    assert!(page.entries[0].text.is_absent(), "nobody could take the text back");
    assert_eq!(board.publish(bob(), react(1, "x", true)), refused(ErrorCode::MessageGone));
    assert!(read::rooms(board.connection).unwrap()[0].pins.is_empty());
    assert_eq!(board.publish(ana(), PublishRequest { reply: Some(1), ..message("late reply") }), stored(6));
    for reply in [0, 7, 100] {
        let request = PublishRequest { reply: Some(reply), ..message("to what is not there") };
        assert_eq!(board.publish(ana(), request), refused(ErrorCode::MessageGone));
    }
}

/// A second connection to a board's database.
fn database_of(board: &Board) -> Connection {
    Connection::open(board.connection.path().unwrap()).unwrap()
}
