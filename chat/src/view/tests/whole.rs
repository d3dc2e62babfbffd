//! A whole screen, as the README shows it.

use crossterm::event::{KeyCode, KeyModifiers};

use super::person::{Person, entry, settings};

#[test]
fn a_screen_has_tabs_messages_the_connection_and_what_is_being_written() {
    let mut yesterday = entry(1, "Bo", "Good night!");
    yesterday.time -= 15 * 3600 * 1000;
    let entries = vec![
        yesterday,
        entry(2, "小明", "早上好！The build is green again: https://ci.example.org/build/2114"),
        entry(3, "Bo", "Great. Then we can release today. I would write the notes, if somebody checks the screens before that."),
        entry(4, "Bo", "Tea at four?"),
    ];
    let mut person = Person::in_lobby(settings(80, 14), super::person::page(entries, 4));
    person.enter("/join tea-time");
    person.control('p');
    person.enter("I check them. See you at four 🍵");
    let mut posted = entry(5, "Ana", "I check them. See you at four 🍵");
    posted.key = person.published()[0].key.clone();
    person.receive(posted);
    person.write("Who else?");
    person.press(KeyCode::Enter, KeyModifiers::ALT);
    person.write("Say it before three.");
    assert_eq!(
        person.screen(),
        [
            " lobby   tea-time",
            "                              the room begins here",
            "                              — Fri 27 Nov 2026 —",
            "21:30            Bo │ Good night!",
            "                              — Sat 28 Nov 2026 —",
            "12:30          小明 │ 早上好！The build is green again:",
            "                    │ https://ci.example.org/build/2114",
            "12:30            Bo │ Great. Then we can release today. I would write the notes,",
            "                    │ if somebody checks the screens before that.",
            "12:30               │ Tea at four?",
            "12:30           Ana ┃ I check them. See you at four 🍵",
            "● WebSocket · 3 online",
            "› Who else?",
            "  Say it before three.",
        ]
    );
}
