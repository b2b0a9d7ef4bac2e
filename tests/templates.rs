//! Real ARM templates become networks.

use std::path::{Path, PathBuf};

use ::vnetsim::formats::load::{LoadOptions, load};

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
