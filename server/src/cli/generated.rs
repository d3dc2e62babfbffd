//! `crier completions` and `crier man`: files made from the definition of the command line.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::generate;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::exit_code::{ExitCode, Failure};
use super::notes::failed;
use crate::config::{Cli, Completions, Manual};

/// Prints the completions for a shell.
pub fn completions(settings: &Completions) -> ExitCode {
    let mut script = Vec::new();
    generate(settings.shell, &mut Cli::command(), "crier", &mut script);
    end(print(&script))
}

/// Prints a manual page, or writes all of them into a folder.
pub fn man(settings: &Manual) -> ExitCode {
    // Without this, `crier help` would have a page for each subcommand.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match &settings.out {
        Some(folder) => end(fs::create_dir_all(folder)
            .and_then(|()| write_all(&command, folder))
            .map_err(|error| Failure::refused(format!("can't write to {}: {error}", folder.display())))),
        None => end(page_of(&command, &settings.subcommand).and_then(|command| print(&page(command)))),
    }
}

fn page_of<'a>(command: &'a Command, path: &[String]) -> Result<&'a Command, Failure> {
    path.iter().try_fold(command, |command, name| {
        command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            let of = command.get_bin_name().unwrap_or(command.get_name());
            Failure::usage(format!(
                "{of} has no subcommand {name:?}. It has: {}.",
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            ))
        })
    })
}

fn page(command: &Command) -> Vec<u8> {
    let man = Man::new(command.clone()).source(concat!("crier ", env!("CARGO_PKG_VERSION"))).manual("Crier");
    let mut page = Vec::new();
    // A vector takes everything.
    let _ = render(&man, command, &mut page);
    page
}

fn render(man: &Man, command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    let Some(after_help) = command.get_after_help() else { return Ok(()) };
    let after_help = after_help.to_string();
    let (title, lines) = after_help.split_once(":\n").unwrap_or(("Notes", &after_help));
    let mut section = Roff::new();
    section.control("SH", [title.to_uppercase().as_str()]).control("nf", []);
    for line in lines.lines() {
        section.text([roman(line)]);
    }
    section.control("fi", []).to_writer(page)
}

fn write_all(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    fs::write(folder.join(format!("{name}.1")), page(command))?;
    command.get_subcommands().try_for_each(|command| write_all(command, folder))
}

/// Prints to standard output. A reader that ends, such as `head`, is no failure.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::output(&error)),
        _ => Ok(()),
    }
}

fn end(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::Done,
        Err(failure) => failed(&failure),
    }
}
