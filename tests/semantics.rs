//! `docs/SEMANTICS.md` names code and tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of every Rust file under a folder.
fn sources(folder: &Path, into: &mut String) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// Rows of the tables of rules: number, sentence, certainty, decision, code, test.
fn rules(document: &str) -> Vec<[&str; 6]> {
    let rows = document
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let rules = cells.filter_map(|cells| <[&str; 6]>::try_from(cells).ok());
    rules
        .filter(|cells| cells[0].contains('-') && !cells[0].starts_with('-'))
        .collect()
}

#[test]
fn every_rule_of_the_list_names_code_and_tests_that_exist() {
    let document = fs::read_to_string(root().join("docs/SEMANTICS.md")).unwrap();
    let mut written = String::new();
    sources(&root().join("crates"), &mut written);
    sources(&root().join("tests"), &mut written);
    let rules = rules(&document);
    assert!(rules.len() > 70, "only {} rules found", rules.len());
    for [number, sentence, _, _, code, test] in rules {
        assert!(sentence.ends_with('.'), "{number} is no sentence");
        for file in code.split(", ").filter(|file| !file.is_empty()) {
            let (package, file) = file
                .split_once('/')
                .unwrap_or_else(|| panic!("{number}: {file}"));
            let path: PathBuf = ["crates", package, "src", file].iter().collect();
            assert!(
                root().join(&path).is_file(),
                "{number}: there is no {}",
                path.display()
            );
        }
        for name in test
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains('_'))
        {
            assert!(
                written.contains(&format!("fn {name}(")),
                "{number}: there is no test {name}"
            );
        }
    }
}
