//! Input that nobody should have written: a clear error each time, in bounded time and memory, and never a panic.

use std::fs;
use std::path::{Path, PathBuf};

use ::vnetsim::formats::diagnostic::{Diagnostics, Severity};
use ::vnetsim::formats::json::{self, Array, Data, Member, Object, Value};
use ::vnetsim::formats::load::{LoadOptions, Loader, load};
use ::vnetsim::formats::source::Sources;

/// The errors about files, by path.
fn errors(paths: &[&Path]) -> String {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    load(&paths, &LoadOptions::default())
        .expect_err("the input is no network")
        .to_string()
}

/// Reads a text and asks only that it ends well, in whichever way.
fn survives(name: &str, text: &str) {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text(name, text);
    if let Err(refused) = loader.finish() {
        assert!(refused.diagnostics.count(Severity::Error) > 0);
    }
}

#[test]
fn files_that_hold_nothing_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(errors(&[folder.path()]).contains("holds no .json, .yaml or .yml file"));
    assert!(errors(&[&path("gone.json")]).contains("gone.json"));
    assert!(errors(&[]).contains("nothing to read"));
    for (name, bytes, expected) in [
        ("empty.json", &b""[..], "is empty"),
        ("blank.yaml", b" \n\t\n", "is empty"),
        ("latin1.json", b"[{\"id\": \"\xe9\"}]", "is not UTF-8"),
        ("half.json", b"[{\"id\": \"/subscr", "half.json:1:9"),
        ("number.json", b"42", "of no kind that is known"),
        (
            "other.json",
            b"{\"name\": \"left-pad\", \"version\": \"1.0.0\"}",
            "of no kind that is known",
        ),
        (
            "state.json",
            b"{\"version\": 4, \"terraform_version\": \"1.9.8\", \"serial\": 1, \"lineage\": \"\", \"resources\": []}",
            "is Terraform's own state",
        ),
        (
            "routes.json",
            b"{\"value\": [{\"network\": \"10.0.0.0/8\", \"asPath\": \"1\"}]}",
            "GATEWAY.learned-routes.json",
        ),
    ] {
        fs::write(path(name), bytes).unwrap();
        let text = errors(&[&path(name)]);
        assert!(
            text.contains(expected) && text.contains(name),
            "{name}: {text}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_a_folder_is_left_out_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("a.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    fs::write(
        folder.path().join("b.yaml"),
        "virtualNetworks: { v: { addressSpace: [10.0.0.0/16] } }\n",
    )
    .unwrap();
    // Read as a file it would wait for a writer for ever.
    let loaded = load(&[folder.path().to_path_buf()], &LoadOptions::default())
        .expect("the other file is a network");
    assert_eq!(loaded.network.virtual_networks().len(), 1);
    assert_eq!(loaded.diagnostics.count(Severity::Warning), 1);
}

#[test]
fn files_of_other_kinds_in_a_folder_are_warnings() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("package.json"),
        r#"{"name": "left-pad"}"#,
    )
    .unwrap();
    fs::write(
        folder.path().join("net.yaml"),
        "virtualNetworks: { v: { addressSpace: 10.0.0.0/16 } }",
    )
    .unwrap();
    let paths = [folder.path().to_path_buf()];
    let loaded =
        load(&paths, &LoadOptions::default()).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(loaded.diagnostics.count(Severity::Warning), 1);
    let strict = LoadOptions {
        strict: true,
        ..LoadOptions::default()
    };
    assert!(
        load(&paths, &strict)
            .unwrap_err()
            .to_string()
            .contains("package.json")
    );
}

#[test]
fn a_scenario_that_names_itself_or_what_is_not_there_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("self.yaml");
    fs::write(&path, "topology: [self.yaml, ./self.yaml, ., gone.json]\nvirtualNetworks: { v: { addressSpace: 10.0.0.0/16 } }").unwrap();
    let text = errors(&[&path]);
    assert!(text.contains("gone.json"), "{text}");
}

#[test]
fn deep_nesting_is_one_error() {
    let depth = 10 << 20;
    for (name, text) in [
        ("deep.json", "[".repeat(depth)),
        ("deep.json", r#"{"a":"#.repeat(depth / 5)),
        ("deep.yaml", "[".repeat(depth)),
    ] {
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text(name, text);
        let refused = loader.finish().unwrap_err();
        assert_eq!(
            refused.diagnostics.count(Severity::Error),
            1,
            "{}",
            &refused.to_string()[..200]
        );
    }
}

/// All documents of our fixtures.
fn fixtures() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut documents = Vec::new();
    for folder in ["hub-and-spoke/az-list", "hub-and-spoke/rest", "scenarios"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            documents.push((
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
    documents.sort();
    documents
}

#[test]
fn a_document_cut_anywhere_is_survived() {
    for (name, text) in fixtures() {
        // Every place in the beginning, where the kinds of documents are told apart, then some.
        let cuts = (0..text.len())
            .filter(|at| *at < 200 || at % 97 == 0)
            .filter(|at| text.is_char_boundary(*at));
        for at in cuts {
            survives(&name, &text[..at]);
        }
    }
}

/// The value with its `number`-th part, counted depth first, replaced.
fn replaced(value: &Value, number: &mut usize, by: &Data) -> Value {
    if *number == 0 {
        *number = usize::MAX;
        return Value {
            span: value.span,
            data: by.clone(),
        };
    }
    *number -= 1;
    let data = match &value.data {
        Data::Array(values) => Data::Array(Array::new(
            values
                .iter()
                .map(|value| replaced(value, number, by))
                .collect(),
        )),
        Data::Object(object) => Data::Object(Object::new(
            object
                .iter()
                .map(|member| Member {
                    value: replaced(&member.value, number, by),
                    ..member.clone()
                })
                .collect(),
        )),
        other => other.clone(),
    };
    Value {
        span: value.span,
        data,
    }
}

#[test]
fn a_value_of_the_wrong_type_anywhere_is_survived() {
    let others = [
        Data::Null,
        Data::Bool(true),
        Data::Integer(-7),
        Data::Float(1e300),
        Data::from(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/x",
        ),
        Data::from("255.255.255.255/0"),
        Data::from("::/0"),
        Data::from(Vec::<Value>::new()),
        Data::from(Vec::<Member>::new()),
    ];
    for (name, text) in fixtures() {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let file = sources.add(&*name, text, &mut diagnostics).unwrap();
        let document = match json::parse(&sources, file, &mut diagnostics) {
            Some(document) => document,
            None => ::vnetsim::formats::yaml::parse(&sources, file, &mut diagnostics).unwrap(),
        };
        let nodes = document.size().nodes as usize;
        // Each part in turn gets one of the other values; over all documents every pair comes up.
        for number in 0..nodes {
            let other = &others[number % others.len()];
            let changed = replaced(&document, &mut number.clone(), other);
            survives("changed.json", &changed.to_string());
        }
    }
}
