//! The rules of names and texts, with every character and with random strings.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that panics has failed, and a failing one prints its seed")]

use std::borrow::Cow;

use fastrand::Rng;
use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use protocol::limits::{AUTHOR_CHARS_MAX, ROOM_NAME_CHARS_MAX, TEXT_BYTES_MAX};
use protocol::{Author, ErrorCode, RoomName, Text};

/// Number of random strings in a test.
const ROUNDS: u64 = 5_000;
/// Characters that a rule mentions. Random strings prefer them.
const SPECIAL: &[char] = &[
    'a',
    'Z',
    '1',
    ' ',
    '-',
    '_',
    '\n',
    '\r',
    '\u{b}',
    '\u{2028}',
    '\u{feff}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{301}',
    '\u{323}',
    '\u{94d}',
    'न',
    'ی',
    'خ',
    'İ',
    'Σ',
    'ß',
    'é',
    '\u{345}',
    '\u{958}',
    '\u{9df}',
    '\u{1112}',
    '\u{1161}',
    '\u{11ab}',
    '\u{fe0f}',
    '\u{3164}',
    '\u{1f3f4}',
    '\u{e0067}',
    '\u{e007f}',
    '👩',
    '🏽',
    '大',
    '\u{3000}',
    '\u{1}',
    '\u{202e}',
];

fn random(rng: &mut Rng, length: usize) -> String {
    let any = |rng: &mut Rng| if rng.bool() { rng.char('\0'..'\u{3000}') } else { rng.char(..) };
    (0..rng.usize(..=length)).map(|_| if rng.u8(..4) == 0 { any(rng) } else { SPECIAL[rng.usize(..SPECIAL.len())] }).collect()
}

/// Runs a check with many seeds. Prints the seed that fails.
fn for_many(check: impl Fn(&mut Rng)) {
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("seed {}", self.0);
            }
        }
    }
    for seed in 0..ROUNDS {
        let seed = Seed(seed);
        check(&mut Rng::with_seed(seed.0));
    }
}

fn room(name: &str) -> Result<String, ErrorCode> {
    name.parse::<RoomName>().map(|room| room.to_string())
}

#[test]
fn a_room_name_has_one_spelling() {
    for (typed, name) in [
        ("हिन्दी", "हिन्दी"),
        ("தமிழ்", "தமிழ்"),
        ("ห้องน้ำ", "ห้องน้ำ"),
        ("e\u{301}TE\u{301}", "été"),
        ("Tea Time", "tea-time"),
        (" \u{3000}Tea \u{a0} Time\n", "tea-time"),
        ("२०२६", "२०२६"),
        ("İstanbul", "i\u{307}stanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("\u{1112}\u{1161}\u{11ab}", "한"),
        // Letters that have no composed form in NFC.
        ("য\u{9bc}", "য\u{9bc}"),
        ("\u{9df}", "য\u{9bc}"),
        // A joiner after a consonant's sign, before one, and between letters that join.
        ("ශ්\u{200d}රී", "ශ්\u{200d}රී"),
        ("র\u{200d}্যাম", "র\u{200d}্যাম"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ("سوء\u{200c}استفاده", "سوء\u{200c}استفاده"),
        // A variation selector is not part of a name.
        ("葛\u{e0100}城", "葛城"),
    ] {
        assert_eq!(room(typed), Ok(name.to_owned()), "{typed:?}");
    }
}

#[test]
fn refuses_invisible_and_lone_characters_in_room_names() {
    for name in [
        "\u{3164}",
        "a\u{34f}b",
        "a\u{200d}b",
        "\u{200c}",
        "a\u{200c}",
        "ی\u{200c}",
        "\u{200c}ی",
        "ی\u{200c}\u{200c}ی",
        "\u{301}",
        "-\u{301}",
        "a\u{202e}b",
        "a\u{ad}b",
        "a\u{feff}b",
        "a\tb",
        "a\nb",
        "a\u{2028}b",
        "½",
        "²",
        "👍",
        "a.b",
        "a/b",
        "",
        " ",
        "\u{fe0f}",
        "🏴",
    ] {
        assert_eq!(room(name), Err(ErrorCode::RoomNameInvalid), "{name:?}");
    }
}

#[test]
fn measures_a_room_name_in_its_one_spelling() {
    // These are typed with 128 or more characters.
    assert_eq!(room(&"e\u{301}".repeat(64)), Ok("é".repeat(64)));
    assert_eq!(room(&format!("{}a", " ".repeat(100))), Ok("a".to_owned()));
    assert_eq!(room(&"a ".repeat(32)), Ok(format!("{}a", "a-".repeat(31))));
    assert_eq!(room(&"é".repeat(65)), Err(ErrorCode::RoomNameInvalid));
    // One character that becomes two.
    assert_eq!(room(&"İ".repeat(32)).map(|name| name.chars().count()), Ok(64));
    assert_eq!(room(&"İ".repeat(33)), Err(ErrorCode::RoomNameInvalid));
}

#[test]
fn a_spelled_room_name_stays_as_it_is() {
    let decompose = DecomposingNormalizerBorrowed::new_nfd();
    let check = |typed: &str| {
        let name = room(typed);
        if let Cow::Owned(decomposed) = decompose.normalize(typed) {
            assert_eq!(room(&decomposed), name, "{typed:?}");
        }
        if let Ok(name) = name {
            assert_eq!(room(&name), Ok(name.clone()), "{typed:?}");
            assert_eq!(RoomName::try_from(name.clone()).map(|room| room.to_string()), Ok(name.clone()));
            assert!((1..=ROOM_NAME_CHARS_MAX).contains(&name.chars().count()), "{typed:?}");
        }
    };
    // No letter has a code point beyond this range.
    ('\0'..'\u{40000}').for_each(|c| check(&c.to_string()));
    for_many(|rng| check(&random(rng, 80)));
}

#[test]
fn invisible_characters_are_no_text_and_not_in_names() {
    let invisible = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    for c in ('\u{1}'..=char::MAX).filter(|c| invisible.contains(*c) || c.is_control() || matches!(c, '\u{fff9}'..='\u{fffb}')) {
        assert_eq!(Text::parse(&c.to_string()), Err(ErrorCode::TextEmpty), "{c:?}");
        assert_eq!(Author::parse(&format!("ad{c}min")), Err(ErrorCode::AuthorInvalid), "{c:?}");
        assert!(Author::parse(&c.to_string()).is_ok_and(|author| author.is_nameless()) == c.is_whitespace(), "{c:?}");
        assert!(Text::parse(&format!("{c}x")).is_ok(), "{c:?}");
    }
}

#[test]
fn accepts_invisible_characters_that_shape_their_neighbours() {
    for name in [
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} Tom",
        "🏴\u{200d}☠\u{fe0f}",
        "❤\u{fe0f}\u{200d}🔥",
        "👩🏽\u{200d}🚀",
        "1\u{fe0f}\u{20e3}",
        "علی\u{200c}رضا",
        "അവന\u{d4d}\u{200d}",
        "র\u{200d}্যাম",
        "葛\u{e0100}城",
        "ᠮᠣ\u{180b}ᠩ",
        "a  b",
    ] {
        assert_eq!(Author::parse(name).as_ref().map(Author::as_str), Ok(name), "{name:?}");
    }
    for name in [
        "Tom\u{200d}",
        "علی\u{200c}",
        "علی\u{200c}\u{200c}رضا",
        "👩\u{200d}",
        "\u{200d}👩",
        "👩\u{200d}\u{200d}👩",
        "大\u{200c}大",
        "a\u{fe0f}",
        "❤\u{fe0f}\u{fe0f}",
        "🏴\u{e0067}\u{e0062}",
        "🏴\u{e007f}",
        "x\u{e0067}\u{e0062}\u{e0065}\u{e007f}",
        "🏴\u{e0020}\u{e0062}\u{e0065}\u{e007f}",
        "\u{2800}\u{2800}",
        "\u{202e}Tom",
        "a\u{2029}b",
    ] {
        assert_eq!(Author::parse(name), Err(ErrorCode::AuthorInvalid), "{name:?}");
    }
}

#[test]
fn removes_blank_lines_around_a_text() {
    for (typed, text) in [
        ("\n\na\n\nb\n\n", "a\n\nb"),
        ("\r\n \t\r\n  a \r\n \r\n", "  a "),
        ("\u{feff}a", "a"),
        ("\u{feff}\n\u{feff}a", "a"),
        ("a\n\u{3164}\n\u{1}", "a"),
        ("❤\u{fe0f}\n", "❤\u{fe0f}"),
        ("\u{202e}a", "\u{202e}a"),
        (" \u{feff}a", " \u{feff}a"),
    ] {
        assert_eq!(Text::parse(typed).as_ref().map(Text::as_str), Ok(text), "{typed:?}");
    }
    // Blank lines do not count towards the limit.
    let long = format!("{}{}{}", "\n".repeat(20_000), "x".repeat(TEXT_BYTES_MAX), "\r\n".repeat(20_000));
    assert_eq!(Text::parse(&long).map(|text| text.as_str().len()), Ok(TEXT_BYTES_MAX));
}

#[test]
fn accepts_an_accepted_text_unchanged() {
    for_many(|rng| {
        let typed = random(rng, 40);
        if let Ok(text) = Text::parse(&typed) {
            assert_eq!(Text::parse(text.as_str()), Ok(text.clone()), "{typed:?}");
            assert!(!text.as_str().is_empty() && text.as_str().len() <= typed.len(), "{typed:?}");
            assert!(!text.as_str().starts_with(['\n', '\u{feff}']) && !text.as_str().ends_with(['\n', '\r']), "{typed:?}");
        }
        if let Ok(author) = Author::parse(&typed) {
            assert_eq!(Author::parse(author.as_str()), Ok(author.clone()), "{typed:?}");
            assert!(author.as_str().chars().count() <= AUTHOR_CHARS_MAX, "{typed:?}");
        }
    });
}
