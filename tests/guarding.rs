//! The recipes of `docs/guard-a-landing-zone.md` are YAML, and their commands exist.

use vnetsim::formats::diagnostic::Diagnostics;
use vnetsim::formats::json::{Data, Value};
use vnetsim::formats::source::Sources;
use vnetsim::formats::{promises, yaml};

use crate::vnetsim::run;

const PAGE: &str = include_str!("../docs/guard-a-landing-zone.md");

/// The blocks of a language, without their fences.
fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    let blocks = PAGE.split(&start).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

fn parsed(text: &str) -> Value {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let file = sources.add("recipe.yaml", text, &mut diagnostics).unwrap();
    let value = yaml::parse(&sources, file, &mut diagnostics);
    value.unwrap_or_else(|| panic!("{}\n{text}", diagnostics.display(&sources)))
}

/// All texts of a document.
fn texts(value: &Value, into: &mut Vec<String>) {
    match &value.data {
        Data::String(text) => into.push(text.to_string()),
        Data::Array(list) => list.iter().for_each(|value| texts(value, into)),
        Data::Object(object) => object.iter().for_each(|member| texts(&member.value, into)),
        _ => {}
    }
}

/// What shells are told to run, line by line, and what the page says in passing.
fn commands() -> Vec<String> {
    let mut scripts = Vec::new();
    for recipe in &blocks("yaml")[1..] {
        texts(&parsed(recipe), &mut scripts);
    }
    let lines = scripts
        .iter()
        .flat_map(|script| script.lines())
        .map(str::trim);
    let in_scripts = lines
        .filter(|line| line.starts_with("vnetsim "))
        .map(str::to_owned);
    let in_text = PAGE
        .split('`')
        .filter(|word| word.starts_with("vnetsim "))
        .map(str::to_owned);
    in_scripts.chain(in_text).collect()
}

#[test]
fn the_recipes_are_yaml_of_the_shape_that_their_readers_expect() {
    let recipes = blocks("yaml");
    assert_eq!(recipes.len(), 3);
    let actions = parsed(recipes[1]);
    let steps = actions
        .path(["jobs", "guard", "steps"])
        .and_then(Value::as_array)
        .expect("steps");
    for step in steps {
        assert!(
            step.get("run").is_some() != step.get("uses").is_some(),
            "{step}"
        );
    }
    for key in ["name", "on", "permissions"] {
        assert!(actions.get(key).is_some(), "{key}");
    }
    let pipeline = parsed(recipes[2]);
    let steps = pipeline
        .get("steps")
        .and_then(Value::as_array)
        .expect("steps");
    for step in steps {
        let kinds = ["script", "task", "checkout", "publish"]
            .iter()
            .filter(|kind| step.get(kind).is_some());
        assert_eq!(kinds.count(), 1, "{step}");
    }
}

#[test]
fn the_promises_of_the_page_are_promises() {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let file = sources
        .add("promises.yaml", blocks("yaml")[0], &mut diagnostics)
        .unwrap();
    let read = promises::parse(file, &sources, &mut diagnostics);
    let read = read.unwrap_or_else(|| panic!("{}", diagnostics.display(&sources)));
    assert_eq!(read.len(), 5);
}

/// Programs of a runner, which do as little as the recipes need of them.
#[cfg(unix)]
const PROGRAMS: [(&str, &str); 5] = [
    ("az", "echo '[]'"),
    ("cargo", "test \"$2 $3\" = 'install --locked'"),
    ("gh", "grep -q '^### vnetsim diff' \"${7}\""),
    ("rustup", ":"),
    ("terraform", "test \"$1\" != show || cat \"$PLAN\""),
];

/// Runs scripts one after the other as a runner does, with what it puts in for its own expressions. The code of the last one.
#[cfg(unix)]
fn run_scripts(folder: &std::path::Path, scripts: &[String], promises: &str) -> Option<i32> {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    let programs = folder.join("bin");
    fs::create_dir_all(&programs).expect("a folder");
    let vnetsim = format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_vnetsim"));
    for (name, text) in PROGRAMS.into_iter().chain([("vnetsim", vnetsim.as_str())]) {
        let program = programs.join(name);
        fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("rights");
    }
    fs::write(folder.join("promises.yaml"), promises).expect("a file");
    let plan = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/terraform/hub-and-spokes.plan.json"
    );
    let path = std::env::var("PATH").unwrap_or_default();
    let mut code = None;
    for (number, script) in scripts.iter().enumerate() {
        let mut script = script.replace("$(Build.ArtifactStagingDirectory)", ".");
        for (start, end) in [("${{", "}}"), ("$(CARGO_HOME", ")"), ("$(VNETSIM", ")")] {
            while let Some(at) = script.find(start) {
                let length = script[at..].find(end).expect("an end") + end.len();
                script.replace_range(at..at + length, "7");
            }
        }
        let output = Command::new("bash")
            .args(["-e", "-c", &script])
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("PLAN", plan)
            .env("GITHUB_STEP_SUMMARY", "summary.md")
            .env_remove("VNETSIM_STATE")
            .output()
            .expect("bash starts");
        code = output.status.code();
        let is_last = number + 1 == scripts.len();
        assert!(code == Some(0) || is_last, "{script}\n{output:#?}");
    }
    code
}

/// The scripts of the steps of a recipe.
#[cfg(unix)]
fn scripts(steps: &Value) -> Vec<String> {
    let steps = steps.as_array().expect("steps").iter();
    let scripts = steps.filter_map(|step| {
        let inline = step.path(["inputs", "inlineScript"]);
        let script = step.get("run").or(step.get("script")).or(inline)?;
        script.as_str().map(str::to_owned)
    });
    scripts.collect()
}

#[cfg(unix)]
#[test]
fn every_script_of_the_recipes_runs() {
    const KEPT: &str = "promises: [ { name: a, must: { from: all, to: all, service: icmp } } ]\n";
    const BROKEN: &str = "promises: [ { name: a, must-not: { from: all, to: all } } ]\n";
    let recipes = blocks("yaml");
    let actions = parsed(recipes[1]);
    let actions = scripts(actions.path(["jobs", "guard", "steps"]).expect("steps"));
    let pipeline = scripts(parsed(recipes[2]).get("steps").expect("steps"));
    assert_eq!((actions.len(), pipeline.len()), (5, 6));
    for (scripts, report, holds) in [
        (&actions, "vnetsim.sarif", "\"2.1.0\""),
        (&pipeline, "promises.xml", "<testsuites"),
    ] {
        for (promises, code) in [(KEPT, 0), (BROKEN, 1)] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            assert_eq!(run_scripts(folder.path(), scripts, promises), Some(code));
            let read = |name| std::fs::read_to_string(folder.path().join(name));
            assert!(read(report).expect("a report").contains(holds));
            assert!(
                read("diff.md")
                    .expect("a difference")
                    .contains("vnetsim diff")
            );
        }
    }
    // Promises that cannot be read give no report, and fail the build.
    let folder = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(
        run_scripts(folder.path(), &actions, "promises: 3\n"),
        Some(2)
    );
    assert!(!folder.path().join("vnetsim.sarif").exists());
}

#[test]
fn actions_are_pinned_to_commits() {
    let actions = parsed(blocks("yaml")[1]);
    let steps = actions.path(["jobs", "guard", "steps"]);
    let steps = steps.and_then(Value::as_array).expect("steps");
    let used = steps.iter().filter_map(|step| step.get("uses")?.as_str());
    for action in used {
        let (_, commit) = action.split_once('@').expect("a revision");
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_commit, "{action}");
    }
}

#[test]
fn every_command_of_the_page_exists_with_its_options() {
    let commands = commands();
    let of = |name: &str| {
        commands
            .iter()
            .filter(|line| line.starts_with(&format!("vnetsim {name}")))
            .count()
    };
    assert!(
        of("diff") >= 2 && of("check") >= 3 && of("collect") >= 4,
        "{commands:#?}"
    );
    for command in commands {
        let mut words = command.split_whitespace().skip(1);
        let name = words.next().expect("a command");
        let help = run(&[name, "--help"]).yes();
        for option in words.filter(|word| word.starts_with('-')) {
            let option = option.split('=').next().unwrap_or_default();
            let found = help.split([' ', ',', '\n']).any(|word| word == option);
            assert!(
                found,
                "{command}: `vnetsim {name} --help` knows no {option}"
            );
        }
    }
}
