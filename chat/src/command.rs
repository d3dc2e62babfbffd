//! Commands: lines that begin with `/`.

use protocol::{Author, Emoji, ErrorCode, RoomName};

use crate::texts;

/// What the person asks for with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Post this text.
    Post(String),
    /// Post this text as a reply.
    Reply(String),
    /// Give a message this text. An empty one asks for the text that it has.
    Edit(String),
    /// Take a message back.
    Erase,
    /// React to a message with this emoji, or take the reaction back.
    React(Emoji),
    /// Open a room, or show it.
    Join(RoomName),
    /// Close the room that is shown.
    Part,
    /// Post under this name.
    Name(Author),
    /// Find words in what is loaded.
    Search(String),
    /// Post refused messages again.
    Retry,
    /// Remove messages that are not posted.
    Discard,
    /// Try to connect now.
    Reconnect,
    /// Show all of long messages, or fold them again.
    Unfold,
    /// Show keys and commands.
    Help,
    /// End the program.
    Quit,
}

/// Reads what the person wrote. A text that begins with `/` is posted if it has two of them.
///
/// # Errors
/// A sentence for the person.
pub(crate) fn parse(text: &str) -> Result<Command, String> {
    let Some(rest) = text.strip_prefix('/') else { return Ok(Command::Post(text.to_owned())) };
    if rest.starts_with('/') {
        return Ok(Command::Post(rest.to_owned()));
    }
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    let plain = |command| if argument.is_empty() { Ok(command) } else { Err(texts::takes_nothing(word)) };
    match word {
        "join" | "j" => argument.strip_prefix('#').unwrap_or(argument).parse().map(Command::Join).map_err(|error| texts::join(&error)),
        "name" | "nick" => Author::parse(argument).map(Command::Name).map_err(|error: ErrorCode| error.title().to_owned()),
        "reply" | "r" if argument.is_empty() => Err(texts::REPLY_NEEDS_TEXT.to_owned()),
        "reply" | "r" => Ok(Command::Reply(argument.to_owned())),
        "edit" => Ok(Command::Edit(argument.to_owned())),
        "erase" | "delete" => plain(Command::Erase),
        "react" => Emoji::parse(argument).map(Command::React).map_err(|error| texts::react(&error)),
        "search" if argument.is_empty() => Err(texts::SEARCH_NEEDS_WORDS.to_owned()),
        "search" => Ok(Command::Search(argument.to_owned())),
        "part" | "close" => plain(Command::Part),
        "retry" => plain(Command::Retry),
        "discard" => plain(Command::Discard),
        "reconnect" => plain(Command::Reconnect),
        "unfold" => plain(Command::Unfold),
        "help" => plain(Command::Help),
        "quit" | "exit" => plain(Command::Quit),
        _ => Err(texts::unknown_command(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_and_texts() {
        for (text, command) in [
            ("hello /join", Command::Post("hello /join".to_owned())),
            ("//join is a command", Command::Post("/join is a command".to_owned())),
            ("/join Tea Time", Command::Join("tea-time".parse().unwrap())),
            ("/join #大厅", Command::Join("大厅".parse().unwrap())),
            ("/name 小明", Command::Name(Author::parse("小明").unwrap())),
            ("/name", Command::Name(Author::default())),
            ("/search two words", Command::Search("two words".to_owned())),
            ("/quit", Command::Quit),
            ("/reply yes, all of it", Command::Reply("yes, all of it".to_owned())),
            ("/edit one\n二", Command::Edit("one\n二".to_owned())),
            ("/edit", Command::Edit(String::new())),
            ("/erase", Command::Erase),
            ("/react 👍", Command::React(Emoji::parse("👍").unwrap())),
        ] {
            assert_eq!(parse(text), Ok(command), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_command() {
        for (text, sentence) in [
            ("/jion tea", "There is no command /jion. /help lists all; a message that begins with / is posted with //."),
            ("/", "There is no command /. /help lists all; a message that begins with / is posted with //."),
            ("/join a/b", "A room's name is 1 to 64 letters, digits, '_' or '-'. For example: /join tea-time"),
            ("/name a\u{7}b", "The name contains control or invisible characters."),
            ("/search", "Say which words to find: /search WORDS"),
            ("/quit now", "/quit takes nothing after it."),
            ("/reply", "Say what to reply: /reply TEXT"),
            ("/erase 3", "/erase takes nothing after it."),
            ("/react", "This is not an emoji. For example: /react 👍"),
            ("/react yes", "This is not an emoji. For example: /react 👍"),
        ] {
            assert_eq!(parse(text), Err(sentence.to_owned()), "{text}");
        }
    }
}
