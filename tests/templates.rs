//! Real ARM templates become networks.

use std::path::{Path, PathBuf};

use ::vnetsim::formats::diagnostic::Severity;
use ::vnetsim::formats::load::{LoadOptions, load};

use crate::reading::{assert_same, described};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/templates")
        .join(name)
}

#[test]
fn a_template_gives_the_network_that_a_person_would_write_down() {
    let read = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| fixture(name)).collect();
        load(&paths, &LoadOptions::default()).unwrap_or_else(|refused| panic!("{refused}"))
    };
    let template = read(&["spokes.json", "spokes.parameters.json"]);
    assert_same(
        &described(&template.network),
        &described(&read(&["spokes.yaml"]).network),
        "the template",
    );
    // The password is not known, and nothing depends on it.
    assert_eq!(template.diagnostics.count(Severity::Warning), 0);
    let one = read(&["spokes.json"]);
    assert_eq!(one.network.virtual_networks().len(), 2);
}

#[test]
fn parameters_given_by_hand_go_before_those_of_files() {
    let options = LoadOptions {
        parameters: vec!["spokes=3".to_owned()],
        ..LoadOptions::default()
    };
    let loaded = load(
        &[fixture("spokes.json"), fixture("spokes.parameters.json")],
        &options,
    );
    let loaded = loaded.unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(loaded.network.virtual_networks().len(), 4);
}

#[test]
fn an_unknown_value_that_decides_something_is_an_error_at_its_place() {
    let options = LoadOptions {
        parameters: vec!["spokes=0".to_owned(), "forwarding=perhaps".to_owned()],
        ..LoadOptions::default()
    };
    let none =
        load(&[fixture("spokes.json")], &options).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(none.network.peerings().len(), 0);
    let options = LoadOptions {
        parameters: vec!["forwarding=perhaps".to_owned()],
        ..LoadOptions::default()
    };
    let text = load(&[fixture("spokes.json")], &options)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("error[bad-value]: properties.allowForwardedTraffic is \"perhaps\""),
        "{text}"
    );
}

/// Every template of a folder that the environment names, each for itself, with its parameter file where one stands beside it.
///
/// The folder is no part of the repository: whoever has templates can point at them.
#[test]
fn every_template_of_the_named_folder_loads() {
    let Some(folder) = std::env::var_os("VNETSIM_TEMPLATES") else {
        return;
    };
    let mut templates = Vec::new();
    find(Path::new(&folder), &mut templates);
    assert!(
        !templates.is_empty(),
        "{} holds no template",
        folder.display()
    );
    let mut failures = Vec::new();
    for template in templates {
        let parameters = template.with_extension("parameters.json");
        let mut paths = vec![template.clone()];
        paths.extend(parameters.exists().then_some(parameters));
        if let Err(refused) = load(&paths, &LoadOptions::default()) {
            failures.push(format!("{}\n{refused}", template.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn find(folder: &Path, templates: &mut Vec<PathBuf>) {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let is_json = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let is_parameters = path.file_stem().is_some_and(|stem| {
            Path::new(stem)
                .extension()
                .is_some_and(|part| part == "parameters")
        });
        if path.is_dir() {
            find(&path, templates);
        } else if is_json && !is_parameters {
            templates.push(path);
        }
    }
}
