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
        let kinds = ["script", "task", "checkout"]
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
