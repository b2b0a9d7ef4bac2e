//! Real ARM templates become networks.

use std::path::PathBuf;

use ::vnetsim::formats::load::{LoadOptions, load};

/// Every template of a folder that the environment names, each for itself, with its parameter file where one stands beside it.
///
/// The folder is no part of the repository: whoever has templates can point at them.
#[test]
fn every_template_of_the_named_folder_loads() {
    let Some(folder) = std::env::var_os("VNETSIM_TEMPLATES") else {
        return;
    };
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut templates: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    templates.retain(|path| {
        let name = path.to_string_lossy().to_ascii_lowercase();
        name.ends_with(".json") && !name.ends_with(".parameters.json")
    });
    templates.sort();
    assert!(!templates.is_empty(), "{} holds no template", folder.display());
    let mut failures = Vec::new();
    for template in templates {
        let parameters = template.with_extension("parameters.json");
        let mut paths = vec![template.clone()];
        paths.extend(parameters.exists().then_some(parameters));
        match load(&paths, &LoadOptions::default()) {
            Ok(loaded) if loaded.network.virtual_networks().is_empty() => {
                failures.push(format!("{} holds no virtual network", template.display()));
            }
            Ok(_) => {}
            Err(refused) => failures.push(format!("{}\n{refused}", template.display())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
