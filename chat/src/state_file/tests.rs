//! The file in a temporary folder, used by one chat or by two.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use protocol::{Author, PublishRequest, RoomName, Text};
use tempfile::TempDir;

use super::*;
use crate::event::SavedRoom;

const BOARD: &str = "http://localhost:5000";

fn room(name: &str, draft: &str, outbox: &[&str]) -> SavedRoom {
    let message = |text: &&str| PublishRequest {
        text: Text::parse(text).unwrap(),
        author: Author::default(),
        key: Some(text.parse().unwrap()),
        ..Default::default()
    };
    SavedRoom {
        name: name.parse::<RoomName>().unwrap(),
        read: None,
        draft: draft.to_owned(),
        outbox: outbox.iter().map(message).collect(),
        own: Vec::new(),
    }
}

fn saved(rooms: Vec<SavedRoom>) -> Saved {
    Saved { rooms, ..Saved::default() }
}

fn open(folder: &TempDir) -> (StateFile, Saved) {
    let (file, saved, notice) = StateFile::open(folder.path().join("crier"), BOARD);
    assert_eq!(notice, None);
    (file, saved)
}

/// Returns the draft, and the keys of the unsent messages in order, of each room in the file.
fn stored(folder: &TempDir) -> Vec<(String, String, Vec<String>)> {
    let key = |message: PublishRequest| message.key.unwrap().as_str().to_owned();
    let rooms = open(folder).1.rooms.into_iter();
    rooms.map(|room| (room.name.as_str().to_owned(), room.draft, room.outbox.into_iter().map(key).collect())).collect()
}

fn expected(name: &str, draft: &str, keys: &[&str]) -> (String, String, Vec<String>) {
    (name.to_owned(), draft.to_owned(), keys.iter().map(ToString::to_string).collect())
}

#[test]
fn returns_what_was_saved_for_the_same_board_only() {
    let folder = TempDir::new().unwrap();
    let (mut file, first) = open(&folder);
    assert_eq!(first, Saved::default());
    let whole = Saved {
        author: Author::parse("Ana").unwrap(),
        rooms: vec![SavedRoom {
            read: Some("00c0ffee00c0ffee:7".parse().unwrap()),
            own: vec!["k1".parse().unwrap()],
            ..room("lobby", "你好\n\"draft\"", &["m1", "m2"])
        }],
        active: 0,
        history: vec!["earlier".to_owned()],
    };
    assert_eq!(file.save(&whole, Timestamp::UNIX_EPOCH).unwrap(), None);
    assert_eq!(open(&folder).1, whole);
    assert_eq!(StateFile::open(folder.path().join("crier"), "http://localhost:5000/").1, whole);
    assert_eq!(StateFile::open(folder.path().join("crier"), "http://other.example").1, Saved::default());
}

#[test]
fn only_the_user_can_read_it() {
    let folder = TempDir::new().unwrap();
    let (mut file, _) = open(&folder);
    file.save(&saved(vec![room("lobby", "secret", &[])]), Timestamp::UNIX_EPOCH).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file.path()), mode(&folder.path().join("crier"))), (0o600, 0o700));
}

#[test]
fn two_chats_keep_each_others_unsent_messages() {
    let folder = TempDir::new().unwrap();
    let ((mut a, _), (mut b, _)) = (open(&folder), open(&folder));
    a.save(&saved(vec![room("lobby", "", &["a1"])]), Timestamp::UNIX_EPOCH).unwrap();
    b.save(&saved(vec![room("lobby", "typing", &["b1", "b2"])]), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(stored(&folder), [expected("lobby", "typing", &["b1", "b2", "a1"])]);
    // Each removes what it has sent, and nothing else.
    b.save(&saved(vec![room("lobby", "typing", &["b2"])]), Timestamp::UNIX_EPOCH).unwrap();
    a.save(&saved(vec![room("lobby", "", &[])]), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(stored(&folder), [expected("lobby", "typing", &["b2"])]);
}

#[test]
fn closing_a_room_keeps_what_another_chat_wrote_there() {
    let folder = TempDir::new().unwrap();
    let (mut a, _) = open(&folder);
    a.save(&saved(vec![room("lobby", "", &[]), room("tea", "", &[])]), Timestamp::UNIX_EPOCH).unwrap();
    let (mut b, both) = open(&folder);
    assert_eq!(both.rooms.len(), 2);
    a.save(&saved(vec![room("lobby", "", &[]), room("tea", "", &["a1"])]), Timestamp::UNIX_EPOCH).unwrap();
    b.save(&saved(vec![room("lobby", "", &[])]), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(stored(&folder), [expected("lobby", "", &[]), expected("tea", "", &["a1"])]);
    // A room that nobody has open is gone.
    a.save(&saved(vec![room("lobby", "", &[])]), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(stored(&folder), [expected("lobby", "", &[])]);
}

#[test]
fn sets_an_unreadable_file_aside_and_says_so() {
    for text in ["{\"boards\":", "[1,2]", "{\"boards\":{\"x\":{\"rooms\":[{\"name\":\"\"}]}}}", "\u{0}"] {
        let folder = TempDir::new().unwrap();
        let (mut file, _) = open(&folder);
        fs::create_dir(folder.path().join("crier")).unwrap();
        fs::write(file.path(), text).unwrap();
        let (_, empty, notice) = StateFile::open(folder.path().join("crier"), BOARD);
        assert_eq!((empty, notice.is_some()), (Saved::default(), true), "{text}");
        let notice = file.save(&saved(vec![room("lobby", "", &["m1"])]), Timestamp::UNIX_EPOCH).unwrap();
        assert!(notice.unwrap().contains("chat.json.unreadable-1"));
        assert_eq!(fs::read_to_string(folder.path().join("crier/chat.json.unreadable-1")).unwrap(), text);
        assert_eq!(stored(&folder), [expected("lobby", "", &["m1"])]);
    }
}

#[test]
fn fails_where_nothing_can_be_written() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let (mut file, _, _) = StateFile::open(folder.path().join("file/crier"), BOARD);
    assert!(file.save(&saved(vec![room("lobby", "x", &[])]), Timestamp::UNIX_EPOCH).is_err());
}
