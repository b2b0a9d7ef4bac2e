//! `vnetsim examples`: the built-in networks, listed or written as files.

use std::fs;
use std::path::Path;

use formats::atomic;

use crate::args::ExamplesArguments;
use crate::console::{Console, Exit};
use crate::examples::{EXAMPLES, Example};
use crate::failure::Failure;

pub(super) fn run(
    arguments: &ExamplesArguments,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    match &arguments.write {
        None => list(console),
        Some(folder) => write(folder, &arguments.names, console),
    }
}

fn list(console: &mut Console<'_>) -> Result<Exit, Failure> {
    for example in EXAMPLES {
        writeln!(console.out(), "{}\n  {}", example.name, example.summary)?;
    }
    Ok(Exit::Yes)
}

fn write(folder: &Path, names: &[String], console: &mut Console<'_>) -> Result<Exit, Failure> {
    let chosen: Vec<&Example> = if names.is_empty() {
        EXAMPLES.iter().collect()
    } else {
        names
            .iter()
            .map(|name| Example::named(name))
            .collect::<Result<_, _>>()?
    };
    fs::create_dir_all(folder)
        .map_err(|error| Failure::Usage(format!("cannot make {}: {error}", folder.display())))?;
    // Nothing is written if anything is in the way.
    let mut files: Vec<_> = chosen
        .iter()
        .flat_map(|example| example.files.iter().chain(&example.promises))
        .map(|file| (folder.join(file.name), file.text))
        .collect();
    files.sort();
    files.dedup();
    if let Some((present, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(Failure::Usage(format!(
            "{} exists already; nothing was written",
            present.display()
        )));
    }
    for (path, text) in files {
        atomic::write(&path, |file| file.write_all(text.as_bytes()))?;
        writeln!(console.out(), "{}", path.display())?;
    }
    Ok(Exit::Yes)
}
