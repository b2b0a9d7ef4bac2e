//! Real ARM templates become networks.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ::vnetsim::control;
use ::vnetsim::formats::diagnostic::{Code, Diagnostic, Severity};
use ::vnetsim::formats::load::{LoadOptions, load};
use ::vnetsim::model::{Network, NicId};
use ::vnetsim::report::az::effective;

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

/// Problems that say exactly what is missing or wrong, and where: a template with one of them need not become a network.
fn names_what_is_wrong(problem: &Diagnostic) -> bool {
    let what = problem.property.is_some()
        || problem.resource.is_some()
        || problem.value.is_some()
        || problem.code == Code::BadJson;
    let instead = problem.expected.is_some() || problem.azure_code.is_some();
    problem.span.is_some() && what && instead
}

/// Every template of a folder that the environment names, each for itself, with its parameter file where one stands beside it: it
/// loads, or everything that keeps it from loading is named with its place and what was expected there. Of what loads, the effective
/// routes of every NIC are computed.
///
/// The folder is no part of the repository: whoever has templates can point at them. `VNETSIM_TEMPLATES_REPORT` names a file for
/// what was said about each.
#[test]
fn every_template_of_the_named_folder_loads_or_names_what_it_lacks() {
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
    let (mut failures, mut report) = (Vec::new(), String::new());
    let (mut read, mut refusals, mut tables) = (0, 0, 0);
    for template in templates {
        let parameters = template.with_extension("parameters.json");
        let mut paths = vec![template.clone()];
        paths.extend(parameters.exists().then_some(parameters));
        let outcome = std::panic::catch_unwind(|| match load(&paths, &LoadOptions::default()) {
            Ok(loaded) => Ok((routes_of_every_nic(&loaded.network), loaded)),
            Err(refused) => Err(refused),
        });
        let name = template.display();
        match outcome {
            Err(_) => failures.push(format!("{name}: panics")),
            Ok(Err(refused)) => {
                refusals += 1;
                let _ = writeln!(report, "== {name}: refused\n{refused}");
                let bad = refused.diagnostics.iter().find(|problem| {
                    problem.severity == Severity::Error && !names_what_is_wrong(problem)
                });
                if let Some(problem) = bad {
                    failures.push(format!("{name}\n{}", problem.display(&refused.sources)));
                }
            }
            Ok(Ok((nics, loaded))) => {
                read += 1;
                tables += nics;
                let said = loaded.diagnostics.display(&loaded.sources);
                let _ = writeln!(report, "== {name}: {nics} NICs\n{said}");
                if nics != loaded.network.nics().len() {
                    failures.push(format!("{name}: a NIC has no effective routes"));
                }
            }
        }
    }
    if let Some(path) = std::env::var_os("VNETSIM_TEMPLATES_REPORT") {
        std::fs::write(path, report).unwrap();
    }
    let counted = format!("{read} templates read, {refusals} refused, routes of {tables} NICs");
    assert!(failures.is_empty(), "{counted}\n{}", failures.join("\n"));
    writeln!(std::io::stdout(), "{counted}").unwrap();
}

/// The number of NICs whose table has at least one row.
fn routes_of_every_nic(network: &Network) -> usize {
    let snapshot = control::compile(network);
    let has_rows = |nic: &NicId| {
        let routes = effective::routes(network, &snapshot, *nic);
        routes["value"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
    };
    network.nics().keys().filter(has_rows).count()
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
