//! `vnetsim man`: the manual pages, made from the same words as the help texts.

use std::fs;
use std::path::Path;

use clap::builder::Resettable;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use formats::atomic;
use model::lookup::similar;

use crate::args::{Arguments, ManArguments};
use crate::console::{Console, Exit};
use crate::failure::Failure;

pub(super) fn run(arguments: &ManArguments, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut whole = Arguments::command().disable_help_subcommand(true);
    // Global arguments and the names of pages (`vnetsim-peering-create`) are settled here.
    whole.build();
    if let Some(folder) = &arguments.write {
        write(folder, &whole, console)?;
    } else {
        let command = named(&whole, &arguments.command)?;
        console.out().write_all(&page(command)?)?;
    }
    Ok(Exit::Yes)
}

/// The command of some words: `peering create`.
fn named<'c>(whole: &'c Command, words: &[String]) -> Result<&'c Command, Failure> {
    words.iter().try_fold(whole, |command, word| {
        command.find_subcommand(word).ok_or_else(|| {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let close = similar(word, names.iter().copied());
            let hint = match (names.is_empty(), close.is_empty()) {
                (true, _) => String::new(),
                (false, true) => format!("; expected one of {}", names.join(", ")),
                (false, false) => format!("; is {} meant?", close.join(" or ")),
            };
            let of = command.get_bin_name().unwrap_or("vnetsim");
            Failure::Usage(format!("{of} has no command '{word}'{hint}"))
        })
    })
}

/// One page for each command, as `man` looks for them: `vnetsim.1`, `vnetsim-ping.1`.
fn write(folder: &Path, command: &Command, console: &mut Console<'_>) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::Usage(format!("cannot make {}: {error}", folder.display())))?;
    let path = folder.join(Man::new(command.clone()).get_filename());
    let page = page(command)?;
    atomic::write(&path, |file| file.write_all(&page))?;
    writeln!(console.out(), "{}", path.display())?;
    for command in command.get_subcommands() {
        write(folder, command, console)?;
    }
    Ok(())
}

/// The page of a command. What a help text says at its end, examples above all, keeps its lines.
fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let closing = command.get_after_help().map(ToString::to_string);
    let mut page = Vec::new();
    Man::new(command.clone().after_help(Resettable::Reset)).render(&mut page)?;
    if let Some(closing) = closing {
        let mut section = Roff::new();
        section
            .control("SH", ["EXIT CODES AND EXAMPLES"])
            .control("nf", [])
            .text([roman(closing)])
            .control("fi", []);
        section.to_writer(&mut page)?;
    }
    Ok(page)
}
