//! Conventions of the whole command line: exit codes, streams, help, examples as files.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::vnetsim::{run, run_in, vnetsim};

#[test]
fn help_is_data_and_a_mistake_is_a_message() {
    let help = run(&["--help"]).yes();
    assert!(help.contains("Exit codes:"), "{help}");
    let message = run(&["pling"]).failed();
    assert!(
        message.contains("unrecognized subcommand 'pling'"),
        "{message}"
    );
}

/// The command lines that a help text gives as examples, without `vnetsim` itself.
pub(crate) fn examples_of(command: &[&str]) -> Vec<Vec<String>> {
    let help = run(&[command, &["--help"]].concat()).yes();
    let joined = help.replace("\\\n", "");
    let examples: Vec<Vec<String>> = joined
        .lines()
        .filter_map(|line| line.strip_prefix("  vnetsim "))
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect();
    assert!(!examples.is_empty(), "{command:?} has no example: {help}");
    examples
}

#[test]
fn examples_in_help_can_be_typed_as_they_stand() {
    // Every example on its own, so it may not live on what another one wrote. One that the help breaks at its own width fails here.
    let peering = ["list", "show", "create", "update", "delete", "sync"];
    let questions = [
        "ping",
        "traceroute",
        "explain",
        "effective-routes",
        "effective-nsg",
        "next-hop",
        "ip-flow",
        "compare",
        "show",
    ];
    let commands = peering.map(|action| vec!["peering", action]);
    for command in commands.into_iter().chain(questions.map(|name| vec![name])) {
        for example in examples_of(&command) {
            if example.iter().any(|word| word == "-t") && !example.join(" ").contains("example:") {
                continue; // about a file of the reader's own
            }
            let folder = tempfile::tempdir().expect("a folder for the test");
            let words: Vec<&str> = example.iter().map(String::as_str).collect();
            let answer = run_in(folder.path(), &words);
            assert!(
                matches!(answer.code, Some(0 | 1)),
                "{example:?}: {answer:#?}"
            );
        }
    }
}

#[test]
fn every_command_has_a_manual_page_with_its_examples_line_by_line() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let written = run_in(folder.path(), &["man", "--write", "man1"]).yes();
    for page in ["vnetsim.1", "vnetsim-ping.1", "vnetsim-peering-create.1"] {
        assert!(written.contains(page), "{page} is missing: {written}");
    }
    let page = fs::read_to_string(folder.path().join("man1/vnetsim-ping.1")).expect("written");
    assert_eq!(page, run(&["man", "ping"]).yes());
    let example =
        "\n  vnetsim ping SalesVM MarketingVM \\-t example:sales\\-marketing\\-research\n";
    assert!(page.contains(example), "{page}");
    let message = run(&["man", "peering", "creat"]).failed();
    assert!(message.contains("is create meant?"), "{message}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = vnetsim(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let mut messages = String::new();
    child
        .stderr
        .take()
        .expect("piped above")
        .read_to_string(&mut messages)
        .expect("messages are UTF-8");
    let status = child.wait().expect("the child was started");
    assert_eq!((status.code(), messages.as_str()), (Some(0), ""));
}

#[test]
fn options_are_listed_with_the_value_that_was_set() {
    let options = run(&["options", "--set", "noneRoutes=seed"]).yes();
    assert!(options.contains("noneRoutes=seed  (R-4)\n"), "{options}");
    let message = run(&["options", "--set", "noneRoutes=all"]).failed();
    assert!(message.contains("expected one of seed, doc4"), "{message}");
}

#[test]
fn examples_are_written_once_and_never_over_a_file() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let written = run_in(folder.path(), &["examples", "--write", "nets"]).yes();
    assert!(
        written.contains("sales-marketing-research.arm.json"),
        "{written}"
    );
    for path in written.lines() {
        assert!(folder.path().join(path).is_file(), "{path}");
    }
    let message = run_in(folder.path(), &["examples", "--write", "nets"]).failed();
    assert!(
        message.contains("exists already; nothing was written"),
        "{message}"
    );
}

#[test]
fn an_unknown_example_names_the_known_ones() {
    let message = run(&["examples", "--write", "/nonexistent", "hub"]).failed();
    assert!(message.contains("hub-spoke-nva"), "{message}");
}
