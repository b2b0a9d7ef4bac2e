//! Replays recorded Azure outputs: each case holds a topology and what Azure printed for it, and the simulator has to answer the same.
//!
//! `VNETSIM_GROUND_TRUTH` names another folder of cases in the same form (`tests/ground-truth/README.md` tells it). Every difference is
//! printed, each explained or failed; the last line stands alone. A test of its own with a `main` of its own, so that the lines are
//! always seen.
#![expect(clippy::print_stdout, reason = "the lines are what this test is for")]

mod case;
mod journeys;
mod operations;
mod reading;
mod replay;
mod scenario;
mod tables;
mod tally;
mod template;
mod topology;
mod variants;
mod watcher;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use case::Folder;

const NAME: &str = "ground_truth";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !is_wanted(&arguments) {
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{NAME}: test");
        return ExitCode::SUCCESS;
    }
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/ground-truth");
    let folder =
        std::env::var_os("VNETSIM_GROUND_TRUTH").map_or_else(|| own.clone(), PathBuf::from);
    let read = Folder::read(&folder).and_then(|folder| folder.with_tag_lists_of(&own));
    let folder = match read {
        Ok(folder) => folder,
        Err(error) => {
            println!("{error}");
            println!("ground truth: 0 cases, 0 rows, 0 explained, 0 failed");
            return ExitCode::FAILURE;
        }
    };
    let total = replay::all(&folder, |line| println!("{line}"));
    let (cases, rows) = (folder.cases.len(), total.rows);
    let (explained, failed) = (total.explained.len(), total.failed.len());
    println!("ground truth: {cases} cases, {rows} rows, {explained} explained, {failed} failed");
    if failed == 0 && cases > 0 && rows > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// As the standard harness takes its arguments: names are parts of names, `--skip` leaves out, ignored tests there are none.
fn is_wanted(arguments: &[String]) -> bool {
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let fits = |name: &str| {
        if exact {
            NAME == name
        } else {
            NAME.contains(name)
        }
    };
    let mut names = Vec::new();
    let mut skipped = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--ignored" => skipped = true,
            "--skip" => skipped |= words.next().is_some_and(|name| fits(name)),
            "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" => {
                words.next();
            }
            flag if flag.starts_with('-') => {}
            name => names.push(name),
        }
    }
    !skipped && (names.is_empty() || names.into_iter().any(fits))
}
