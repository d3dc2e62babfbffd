//! Settings of `crier chat`, and what the environment says about the terminal.

use std::env::var_os;
use std::path::PathBuf;

use chat::Colours;
use clap::Args;
use client::Transport;
use protocol::{Author, RoomName};

use super::{EXIT_CODES, Remote, transports};

/// Settings of `crier chat`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Chat {
    /// Rooms to open. By default those of the last time, or the lobby.
    #[arg(value_name = "ROOM")]
    pub rooms: Vec<RoomName>,
    /// Name to post under. By default that of the last time.
    #[arg(long, env = "CRIER_AUTHOR", value_parser = Author::parse, allow_hyphen_values = true)]
    pub author: Option<Author>,
    /// Use only this transport. By default the best one that works is used.
    #[arg(long, value_parser = transports())]
    pub transport: Option<Transport>,
    /// File with the identity to post under. It is made if there is none. By default each board has
    /// one of its own beside the saved drafts.
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The server.
    #[command(flatten)]
    pub remote: Remote,
}

/// What the environment says about the terminal and the person's home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalEnvironment {
    /// True if the terminal can't show a screen.
    pub is_dumb: bool,
    /// Its colours.
    pub colours: Colours,
    /// True unless the locale has another character set.
    pub is_utf8: bool,
    /// The folder for the state of programs; `None` without a home folder.
    pub state_folder: Option<PathBuf>,
}

impl TerminalEnvironment {
    /// Reads the environment.
    pub fn read() -> Self {
        Self::from_variables(|name| var_os(name)?.into_string().ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        // An empty variable is as good as none, also for `NO_COLOR`.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let term = variable("TERM").unwrap_or_default();
        let has_many = variable("COLORTERM").is_some() || ["256", "direct", "kitty", "ghostty"].iter().any(|word| term.contains(word));
        Self {
            is_dumb: term == "dumb",
            colours: match (variable("NO_COLOR"), has_many) {
                (Some(_), _) => Colours::None,
                (None, true) => Colours::Many,
                (None, false) => Colours::Sixteen,
            },
            is_utf8: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).is_none_or(|locale| is_utf8(&locale)),
            state_folder: folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state"))).map(|state| state.join("crier")),
        }
    }
}

/// True if a locale such as `de_DE.UTF-8` has the character set UTF-8.
fn is_utf8(locale: &str) -> bool {
    let charset = locale.split_once('.').map_or("", |(_, charset)| charset);
    charset.replace('-', "").to_ascii_lowercase().starts_with("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> TerminalEnvironment {
        TerminalEnvironment::from_variables(|name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn knows_the_colours_of_the_terminal() {
        assert_eq!(read(&[("TERM", "xterm-256color")]).colours, Colours::Many);
        assert_eq!(read(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]).colours, Colours::Many);
        assert_eq!(read(&[("TERM", "linux")]).colours, Colours::Sixteen);
        assert_eq!(read(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]).colours, Colours::None);
        assert_eq!(read(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]).colours, Colours::Many);
        assert!(read(&[("TERM", "dumb")]).is_dumb);
    }

    #[test]
    fn the_first_locale_that_is_set_has_the_character_set() {
        for (variables, expected) in [
            (&[][..], true),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "zh_CN.utf8")], true),
            (&[("LANG", "C")], false),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LC_ALL", "POSIX"), ("LANG", "C.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")], true),
        ] {
            assert_eq!(read(variables).is_utf8, expected, "{variables:?}");
        }
    }

    #[test]
    fn the_state_is_where_the_base_directories_say() {
        let folder = |variables: &[_]| read(variables).state_folder;
        assert_eq!(folder(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]), Some("/s/crier".into()));
        assert_eq!(folder(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]), Some("/h/.local/state/crier".into()));
        assert_eq!(folder(&[("HOME", "/h")]), Some("/h/.local/state/crier".into()));
        assert_eq!(folder(&[]), None);
    }
}
