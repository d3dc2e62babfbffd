//! The example of the client library: a game of guess-the-number that three people play to its end,
//! while the bot is killed again and again.

#[allow(dead_code, reason = "its `main` is not used here")]
#[path = "../../../client/examples/guess_number/main.rs"]
mod bot;

use std::collections::VecDeque;
use std::env;
use std::process::Stdio;

use client::{Author, Board, Options, Position, PublishRequest, RoomName, Subscription, Text, Transport, Update};
use ring::hmac::{HMAC_SHA256, Key};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::{TIMEOUT, TestServer};

const SECRET: &str = "the secret of this test";
const BOT: &str = "guess-bot";
/// The arguments of the bot in a process of its own.
const ARGUMENTS: &str = "GUESS_ARGUMENTS";

/// Starts the bot as a process: this program again, with [`plays_in_a_process_of_its_own`] alone.
fn start_bot(server: &TestServer) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "guess_number::plays_in_a_process_of_its_own", "--nocapture"]);
    command.env(ARGUMENTS, format!("--server {} --pause 20 Game", server.url(""))).env("GUESS_SECRET", SECRET);
    command.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

/// Does nothing in the process that runs all tests.
#[tokio::test]
async fn plays_in_a_process_of_its_own() {
    if let Some(arguments) = env::var_os(ARGUMENTS) {
        bot::run(arguments.to_str().unwrap().split(' ').map(str::to_owned)).await.unwrap();
    }
}

/// A person who plays.
struct Player {
    name: &'static str,
    updates: Subscription,
}

impl Player {
    fn join(server: &TestServer, start: Position, name: &'static str, transport: Transport) -> Self {
        let room = Board::connect(&server.url("")).unwrap().room("game").unwrap();
        let options = Options { after: Some(start), only: Some(transport), ..Options::default() };
        Self { name, updates: room.subscribe_with(options) }
    }

    async fn say(&self, text: &str) {
        let message =
            PublishRequest { text: Text::parse(text).unwrap(), author: Author::parse(self.name).unwrap(), key: None, ..Default::default() };
        self.updates.publisher().publish(message).await.unwrap();
    }

    /// Waits until the bot says something with a text in it, and returns the rest of that line and
    /// the position of the message.
    async fn hear(&mut self, text: &str) -> (String, Position) {
        loop {
            let update = timeout(TIMEOUT, self.updates.next()).await.unwrap_or_else(|_| panic!("{} does not hear {text}", self.name));
            let Update::Entry(entry) = update.expect("the subscription has ended") else { continue };
            if entry.author.as_str() != BOT {
                continue;
            }
            if let Some((_, rest)) = entry.text.as_str().lines().find_map(|line| line.split_once(text)) {
                return (rest.to_owned(), self.updates.position().unwrap());
            }
        }
    }

    /// Waits for the bot's next answer to this player.
    async fn answer(&mut self) -> (String, Position) {
        self.hear(&format!("{}: ", self.name)).await
    }

    async fn ask(&mut self, text: &str) -> (String, Position) {
        self.say(text).await;
        self.answer().await
    }
}

fn hint(guess: u64, number: u64) -> String {
    if guess < number { format!("higher than {guess} ↑") } else { format!("lower than {guess} ↓") }
}

#[tokio::test]
async fn a_game_is_played_to_its_end_although_the_bot_is_killed() {
    let server = TestServer::start();
    let game =
        bot::game::Game::new(RoomName::try_from("game".to_owned()).unwrap(), Author::default(), Key::new(HMAC_SHA256, SECRET.as_bytes()));
    let start = server.page("game", "").await.latest;
    let mut ana = Player::join(&server, start, "Ana", Transport::WebSocket);
    let mut ming = Player::join(&server, start, "小明", Transport::Sse);
    let mut bo = Player::join(&server, start, "Bo", Transport::LongPoll);
    let mut bot = start_bot(&server);
    let (_, opened) = ana.hear("A new game").await;
    let number = game.number(opened);
    let (far, near) = if number > 50 { (1, number - 1) } else { (100, number + 1) };
    let (far_hint, near_hint) = (hint(far, number), hint(near, number));

    assert_eq!(ana.ask(&far.to_string()).await.0, far_hint);
    assert_eq!(ming.ask(&format!("{near}!")).await.0, near_hint);
    bot.kill().await.unwrap();
    // Nobody is there to answer these.
    bo.say(&far.to_string()).await;
    ana.say("/ranking").await;
    ming.say("is it a prime number?").await;
    let mut bot = start_bot(&server);
    assert_eq!((bo.answer().await.0, ana.answer().await.0), (far_hint.clone(), "nobody has found a number yet.".to_owned()));

    // Killed at any moment of an answer.
    for guess in [far, near] {
        for player in [&ana, &ming, &bo] {
            player.say(&guess.to_string()).await;
        }
        bot.kill().await.unwrap();
        bot = start_bot(&server);
        for player in [&mut ana, &mut ming, &mut bo] {
            assert_eq!(player.answer().await.0, hint(guess, number));
        }
    }
    let (won, opened) = bo.ask(&number.to_string()).await;
    assert!(won.starts_with(&format!("{number} is right! Guesses: 10 (Bo 4, Ana 3, 小明 3).")), "{won}");

    // A second bot takes over while the first is there, and knows all games.
    let _second = start_bot(&server);
    ming.say(&game.number(opened).to_string()).await;
    let (won, opened) = ming.hear("小明: ").await;
    assert!(won.contains("is right! Guesses: 1 (小明 1)."), "{won}");
    bot.kill().await.unwrap();
    ming.say(&game.number(opened).to_string()).await;
    ming.answer().await;
    assert_eq!(ana.ask("/ranking").await.0, "numbers found: 小明 2, Bo 1.");
    check(&server, |at| game.number(at)).await;
}

/// Checks by the log that every guess and question was answered once, in order and rightly.
async fn check(server: &TestServer, number_at: impl Fn(Position) -> u64) {
    let epoch = server.page("game", "").await.latest.epoch;
    let (mut unanswered, mut number, mut winners) = (VecDeque::new(), None, Vec::new());
    for entry in server.all_entries("game").await {
        let (author, text) = (entry.author.as_str(), entry.text.as_str());
        if author != BOT {
            let is_talk = text.contains("prime");
            unanswered.extend((!is_talk).then(|| (author.to_owned(), text.trim_end_matches('!').to_owned())));
            continue;
        }
        for line in text.lines().filter(|line| !line.starts_with("Hello")) {
            let (player, said) = unanswered.pop_front().expect("it answers what nobody said");
            let answer = line.strip_prefix(&format!("{player}: ")).unwrap_or_else(|| panic!("{line} does not answer {player}"));
            match said.parse() {
                Ok(guess) if Some(guess) == number => winners.push(player),
                Ok(guess) => assert_eq!(answer, hint(guess, number.expect("no game is on"))),
                Err(_) => assert!(said == "/ranking"),
            }
        }
        if text.contains("A new game") {
            number = Some(number_at(Position { epoch, offset: entry.offset }));
        }
    }
    assert_eq!((unanswered.len(), winners), (0, vec!["Bo".to_owned(), "小明".to_owned(), "小明".to_owned()]));
}

#[tokio::test]
async fn the_bot_says_what_is_wrong() {
    let run = async |arguments: &[&str]| bot::run(arguments.iter().map(|&argument| argument.to_owned())).await.unwrap_err().to_string();
    for usage in [&[][..], &["a", "b"], &["--server"], &["--pause", "x", "a"], &["--help"]] {
        assert!(run(usage).await.contains("Usage"), "{usage:?}");
    }
    assert!(run(&["../"]).await.contains("room"));
    assert!(run(&["--server", "board.example", "lobby"]).await.contains("http://"));
    let server = TestServer::start();
    let url = server.url("");
    server.stop().await;
    assert!(run(&["--server", &url, "lobby"]).await.contains("refused"));
}
