//! The rules, in a log that is a list.

use super::*;

const EPOCH: Epoch = Epoch(7);

/// A room's log, as a board keeps it.
#[derive(Default)]
struct Log(Vec<Entry>);

impl Log {
    fn say(&mut self, author: &str, text: &str) {
        self.publish(PublishRequest {
            text: Text::from_stored(text.to_owned()),
            author: Author::from_stored(author.to_owned()),
            key: None,
            ..Default::default()
        });
    }

    /// Stores a message, unless its key is there already.
    fn publish(&mut self, message: PublishRequest) -> bool {
        let PublishRequest { text, author, key, .. } = message;
        let is_new = key.is_none() || self.0.iter().all(|entry| entry.key != key);
        if is_new {
            self.0.push(Entry { offset: self.0.len() as u64 + 1, time: 0, author, text, key, raw: None, ..Default::default() });
        }
        is_new
    }

    /// Returns a game that has read the log from an index on.
    fn game(&self, secret: &str, from: usize) -> Game {
        let mut game = new_game(secret);
        self.read(&mut game, from);
        game
    }

    fn read(&self, game: &mut Game, from: usize) {
        for entry in &self.0[from..] {
            game.read(Position { epoch: EPOCH, offset: entry.offset }, entry);
        }
    }

    /// Lets a bot that starts now say everything that it has to say.
    fn settle(&mut self, secret: &str) {
        let mut game = self.game(secret, 0);
        while let Some(answer) = game.answer(EPOCH) {
            let read = self.0.len();
            assert!(self.publish(answer), "it says something again");
            self.read(&mut game, read);
        }
    }

    fn last(&self) -> &str {
        self.0.last().unwrap().text.as_str()
    }

    /// Returns the number of the game that is on.
    fn number(&self, secret: &str) -> u64 {
        let Phase::Open { number, .. } = self.game(secret, 0).phase else { panic!("no game is on") };
        number
    }
}

fn new_game(secret: &str) -> Game {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    Game::new(RoomName::lobby(), Author::parse("guess-bot").unwrap(), secret)
}

/// Returns a log in which a game was opened, and its number.
fn opened(secret: &str) -> (Log, u64) {
    let mut log = Log::default();
    log.settle(secret);
    let number = log.number(secret);
    (log, number)
}

/// Returns a number that is wrong.
fn wrong(number: u64) -> u64 {
    if number == 1 { 2 } else { number - 1 }
}

#[test]
fn reads_a_number_however_it_is_written() {
    for text in ["42", " 42 ", "42!", "４２", "４２！", "#42", "**42**", "“42”?", "042", "42 🙂", "(42)", "+42", "- 42", "42。"]
    {
        assert_eq!(said(text), Some(Said::Guess(Some(42))), "{text}");
    }
    let long = "9".repeat(16_000);
    for text in ["0", "101", "-42", "−42", "－４２", "--42", "-0", &long] {
        assert_eq!(said(text), Some(Said::Guess(None)), "{text}");
    }
    for text in ["", "hello", "I am 42", "42 43", "42, 43", "4.2", "4e1", "0x2a", "3:30", "½", "42nd", "💯", "new", "/new game", "/"] {
        assert_eq!(said(text), None, "{text}");
    }
    assert_eq!([said("/New "), said("!ranking"), said("/help")], [Some(Said::New), Some(Said::Ranking), Some(Said::Help)]);
}

#[test]
fn plays_a_game_to_its_end() {
    let (mut log, number) = opened("secret");
    assert!(log.last().ends_with(OPENING));
    log.say("Ana", "1");
    log.say("小明", "100");
    log.say("", "let us see");
    log.say("Ana", "what? 55 it is");
    log.settle("secret");
    assert_eq!(log.last(), "Ana: higher than 1 ↑\n小明: lower than 100 ↓");
    log.say("", "1000");
    log.say("Ana", &number.to_string());
    log.say("小明", &number.to_string());
    log.settle("secret");
    let won = format!("Ana: {number} is right! Guesses: 3 (Ana 2, 小明 1). {OPENING}");
    assert_eq!(log.last(), format!("Somebody: my number is from 1 to 100.\n{won}\n小明: too late, that game is over."));
    let number = log.number("secret");
    log.say("Bo", "/ranking");
    log.say("Bo", "!new");
    log.settle("secret");
    assert_eq!(log.last(), format!("Bo: numbers found: Ana 1.\nBo: my number was {number}. {OPENING}"));
}

#[test]
fn each_game_has_another_number_that_the_room_and_the_secret_decide() {
    let mut game = new_game("secret");
    let numbers = |game: &Game| (0..200).map(|offset| game.number(Position { epoch: EPOCH, offset })).collect::<Vec<_>>();
    let all = numbers(&game);
    assert!(all.iter().all(|number| (1..=NUMBER_MAX).contains(number)));
    assert!(all.iter().collect::<std::collections::BTreeSet<_>>().len() > 60);
    assert_ne!(all, numbers(&new_game("other")));
    game.room = "tea-time".parse().unwrap();
    assert_ne!(all, numbers(&game));
}

/// A bot is killed and started again after each message, and its last answer arrives late, after
/// messages that it does not answer.
#[test]
fn answers_each_message_once_however_often_it_is_killed() {
    let (mut log, number) = opened("secret");
    let mut late = None;
    let texts = ["1", "/help", "100", "talk", "/ranking", "1000", &number.to_string(), "50", "/new", "50", "/new", "50"];
    for text in texts {
        log.say("Ana", text);
        // The answer of the bot before this one.
        if let Some(answer) = late.take() {
            log.publish(answer);
        }
        late = log.game("secret", 0).answer(EPOCH);
    }
    log.settle("secret");
    let lines = log.0.iter().filter(|entry| entry.author.as_str() == "guess-bot").flat_map(|entry| entry.text.as_str().lines());
    let answers = lines.filter(|line| line.starts_with("Ana: ")).count();
    assert_eq!(answers, texts.len() - 1);
    assert!(log.game("secret", 0).answer(EPOCH).is_none());
}

#[test]
fn two_bots_with_one_secret_are_like_one() {
    let (mut log, _) = opened("secret");
    log.say("Ana", "1");
    let (fast, slow) = (log.game("secret", 0).answer(EPOCH).unwrap(), log.game("secret", 0));
    assert!(log.publish(fast.clone()));
    assert_eq!(slow.answer(EPOCH), Some(fast));
    log.say("Ana", "2");
    assert!(!log.publish(slow.answer(EPOCH).unwrap()));
}

#[test]
fn bots_do_not_answer_each_other() {
    let (mut log, _) = opened("secret");
    log.settle("other");
    assert!(log.last().starts_with(FORGOTTEN));
    for text in ["1", "/ranking", "/new", "100", "/help"] {
        log.say("Ana", text);
    }
    // Each bot says what it has to say, until none has anything.
    for secret in ["secret", "other", "secret", "other"] {
        log.settle(secret);
    }
    let said = log.0.iter().filter(|entry| entry.author.as_str() == "guess-bot");
    assert_eq!(said.clone().count(), 4);
    assert!(said.flat_map(|entry| entry.text.as_str().lines()).all(|line| super::said(line).is_none()));
}

#[test]
fn knows_its_own_messages_by_their_keys() {
    let (mut log, number) = opened("secret");
    let greeting = log.0[0].clone();
    log.say("Ana", "1");
    log.settle("secret");
    // Expired messages can be posted again with their keys. These neither open a game nor answer.
    let answer = log.0[2].clone();
    log.say("Ana", "100");
    for copy in [greeting, answer] {
        log.0.push(Entry { offset: log.0.len() as u64 + 1, ..copy });
    }
    assert_eq!(log.number("secret"), number);
    log.say("guess-bot", "50");
    log.settle("secret");
    assert_eq!(log.last(), "Ana: lower than 100 ↓");
}

#[test]
fn a_flood_is_answered_briefly() {
    let (mut log, number) = opened("secret");
    for n in 0..5_000 {
        log.say(&format!("{} {}", "名".repeat(61), n % 40), &wrong(number).to_string());
        log.say("Ana", &format!("{OPENING} {n}"));
    }
    let mut game = log.game("secret", 0);
    assert_eq!((game.waiting.len(), game.ignored), (WAITING_MAX, 5_000 - WAITING_MAX as u64));
    let first = game.answer(EPOCH).unwrap();
    assert!(first.text.as_str().starts_with("(4900 messages came too fast and don't count.) 名"));
    let mut answers = 0;
    while let Some(answer) = game.answer(EPOCH) {
        let read = log.0.len();
        log.publish(answer);
        log.read(&mut game, read);
        answers += 1;
    }
    assert_eq!(answers, WAITING_MAX / LINES_MAX);
    assert_eq!(log.number("secret"), number);
}

#[test]
fn one_player_does_not_crowd_out_the_others() {
    let (mut log, number) = opened("secret");
    for _ in 0..1_000 {
        log.say("Ana", &wrong(number).to_string());
    }
    log.say("Bo", &number.to_string());
    log.settle("secret");
    assert!(log.last().lines().last().unwrap().starts_with(&format!("Bo: {number} is right! Guesses: 6 (Ana 5, Bo 1).")));
}

#[test]
fn the_longest_lines_fit() {
    let (mut log, _) = opened("secret");
    let name = |n: usize| format!("{n}{}", "🎲".repeat(63));
    for n in 0..LISTED_MAX {
        let number = log.number("secret");
        log.say(&name(n), &number.to_string());
        log.settle("secret");
    }
    for n in 0..WAITING_MAX {
        log.say(&name(n % 9), "/ranking");
    }
    log.settle("secret");
    assert!(log.game("secret", 0).answer(EPOCH).is_none());
}

/// Old messages expire, so a log can begin anywhere.
#[test]
fn continues_with_a_log_that_begins_in_the_middle() {
    let (mut log, _) = opened("secret");
    for round in 0..6 {
        let number = log.number("secret");
        for player in ["Ana", "Bo"] {
            log.say(player, &wrong(number).to_string());
            log.say(player, &(if round % 2 == 0 { number } else { wrong(number) }).to_string());
            log.say(player, "/help");
        }
        log.settle("secret");
    }
    let end = log.number("secret");
    let last_opening = log.0.iter().rposition(|entry| entry.text.as_str().contains(OPENING)).unwrap();
    for from in 0..=last_opening {
        let game = log.game("secret", from);
        let Phase::Open { number, .. } = game.phase else { panic!("no game is on after {from}") };
        assert_eq!((number, game.answer(EPOCH)), (end, None));
    }
    // Without the message that opened the game, it opens another one and says why.
    let mut game = log.game("secret", last_opening + 1);
    assert!(game.answer(EPOCH).unwrap().text.as_str().ends_with(OPENING));
    game.forget();
    assert!(matches!(game.phase, Phase::Unopened));
}

#[test]
fn names_are_kept_to_one_line() {
    let (mut log, number) = opened("secret");
    log.say("a\nguess-bot:\u{2028} b\0\u{1b}", &wrong(number).to_string());
    log.say("", "/help");
    log.settle("secret");
    assert!(log.last().starts_with("a guess-bot: b: "));
    assert_eq!(log.last().lines().count(), 2);
}

#[test]
fn an_answer_that_a_moderator_deleted_is_not_said_again() {
    let mut log = Log::default();
    log.settle("s");
    log.say("ana", "50");
    log.settle("s");
    for index in [log.0.len() - 1, 0] {
        let Entry { offset, ref key, .. } = log.0[index];
        log.0[index] = Entry { offset, key: key.clone(), erased: true, ..Entry::default() };
        log.settle("s");
        // A new game is on.
        log.number("s");
    }
}
