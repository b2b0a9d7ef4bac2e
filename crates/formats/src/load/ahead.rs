//! Files that are read and parsed before their turn, side by side.
//!
//! What they say is told when their turn comes, and they get the same numbers as without: whoever reads one after the other sees no
//! difference. A number that was guessed wrongly, because a file before it named others, costs that its text is parsed again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::json::{self, Parsed};
use crate::source::{Fetched, FileId, Sources};

/// Files that are smaller together are read faster than threads are woken.
const SMALL: u64 = 1 << 20;

/// Files whose turn has not come yet.
#[derive(Debug, Default)]
pub(super) struct Ahead(HashMap<PathBuf, Early>);

/// A file before its turn.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) fetched: Fetched,
    /// What came of its text, and the number that the file would have then.
    pub(super) parsed: Option<(FileId, Parsed)>,
}

impl Ahead {
    /// Reads files that will be asked for in this order, each once. `sources` is what has been read before them.
    pub(super) fn read(&mut self, paths: &[&Path], sources: &Sources) {
        let bytes = |path: &&Path| path.metadata().map_or(0, |metadata| metadata.len());
        if paths.len() < 2 || paths.iter().map(bytes).sum::<u64>() < SMALL {
            return;
        }
        let fetched: Vec<Fetched> = paths.par_iter().map(|path| Fetched::of(path)).collect();
        let mut next = sources.len();
        let numbered: Vec<(Option<FileId>, Fetched)> = fetched
            .into_iter()
            .map(|fetched| {
                let number = FileId::numbered(next).filter(|_| fetched.gets_a_number());
                next += usize::from(number.is_some());
                (number, fetched)
            })
            .collect();
        let early = numbered.into_par_iter().map(|(number, fetched)| {
            let text = fetched.text().filter(|text| is_json(fetched.path(), text));
            let parsed = number
                .zip(text)
                .map(|(number, text)| (number, json::read(text, number)));
            (fetched.path().to_owned(), Early { fetched, parsed })
        });
        self.0.par_extend(early);
    }

    /// A file whose turn has come, if it was read.
    pub(super) fn take(&mut self, path: &Path) -> Option<Early> {
        self.0.remove(path)
    }
}

/// Whether a text is read as JSON, by the name of the file, else by the first character that is no blank.
pub(super) fn is_json(path: &Path, text: &str) -> bool {
    match super::extension(path).as_deref() {
        Some("yaml" | "yml") => false,
        Some("json" | "jsonc") => true,
        _ => super::first_character(text).is_some_and(|first| matches!(first, '{' | '[' | '/')),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Asked, LoadOptions, Loaded, Loader, Refused};
    use super::*;
    use crate::diagnostic::{Code, Diagnostics};
    use crate::scenario;

    const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";

    fn vnet(name: &str, second: u8) -> String {
        format!(
            r#"{{"id": "{GROUP}/virtualNetworks/{name}", "name": "{name}", "location": "northeurope",
            "addressSpace": {{"addressPrefixes": ["10.{second}.0.0/16"]}},
            "subnets": [{{"name": "apps", "addressPrefix": "10.{second}.0.0/24"}}]}}"#
        )
    }

    fn nic(name: &str, vnet: &str) -> String {
        format!(
            r#"{{"id": "{GROUP}/networkInterfaces/{name}", "name": "{name}", "location": "northeurope",
            "ipConfigurations": [{{"name": "one", "subnet": {{"id": "{GROUP}/virtualNetworks/{vnet}/subnets/apps"}}}}]}}"#
        )
    }

    /// So much that it is worth to be read side by side.
    fn padding() -> String {
        format!(
            r#"[{{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/big", "name": "big", "text": "{}"}}]"#,
            "x".repeat(1 << 20)
        )
    }

    fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    /// What comes of the files of a folder.
    fn loaded(folder: &Path, ahead: bool) -> Result<Loaded, Box<Refused>> {
        let mut loader = Loader::new(LoadOptions::default());
        let mut files = Vec::new();
        loader.walk(folder, 0, &mut files);
        if ahead {
            loader.read_ahead(&files);
            assert_eq!(loader.ahead.0.len(), files.len());
        }
        for file in &files {
            loader.add_file(file, Asked::InFolder);
        }
        assert!(loader.ahead.0.is_empty());
        loader.finish()
    }

    fn told(diagnostics: &Diagnostics, sources: &Sources) -> (Vec<String>, String) {
        let names = sources.ids().map(|id| sources.name(id).to_owned());
        (names.collect(), diagnostics.display(sources).to_string())
    }

    #[test]
    fn files_that_are_read_side_by_side_make_the_same_network() {
        let dir = folder(&[
            ("a.json", padding().into_bytes()),
            (
                "nics.json",
                format!("[{}, {}]", nic("n2", "v2"), nic("n1", "v1")).into_bytes(),
            ),
            ("more.json", nic("n0", "v1").into_bytes()),
            (
                "vnets.json",
                format!("[{},\n{}]", vnet("v1", 1), vnet("v2", 2)).into_bytes(),
            ),
            (
                "net.yaml",
                b"defaults: {location: northeurope}\nguests: {}\n".to_vec(),
            ),
        ]);
        let [early, late] = [true, false].map(|ahead| loaded(dir.path(), ahead).unwrap());
        assert_eq!(early.network.nics().len(), 3);
        let written = |loaded: &Loaded| scenario::write(&loaded.network);
        assert_eq!(written(&early), written(&late));
        assert_eq!(
            told(&early.diagnostics, &early.sources),
            told(&late.diagnostics, &late.sources)
        );
        assert_eq!(early.summary, late.summary);
        for nic in early.network.nics().values() {
            let [early, late] = [&early, &late].map(|loaded| loaded.locations.of(&nic.id));
            assert!(early.is_some());
            assert_eq!(early, late);
        }
    }

    #[test]
    fn what_is_wrong_with_files_is_told_in_their_order_whoever_reads_them() {
        let dir = folder(&[
            ("a.json", padding().into_bytes()),
            ("b.json", b"[{\"id\": ]".to_vec()),
            ("c.json", b"\xff\xfe\x00".to_vec()),
            // Names a file that nobody has read ahead: those behind it get other numbers.
            ("d.yaml", b"topology: [.hidden/named.json]\n".to_vec()),
            (".hidden/named.json", vnet("v1", 1).into_bytes()),
            ("e.json", b"{\n \"id\": \"\xff\"}".to_vec()),
            ("f.json", Vec::new()),
            (
                "g.json",
                format!("{{\"NAME\": 1, {}", &nic("n1", "v3")[1..]).into_bytes(),
            ),
            ("h.json", vnet("v2", 2).into_bytes()),
        ]);
        let [early, late] = [true, false].map(|ahead| loaded(dir.path(), ahead).unwrap_err());
        let codes = |refused: &Refused| {
            let all = refused.diagnostics.iter();
            all.map(|problem| problem.code).collect::<Vec<_>>()
        };
        for code in [
            Code::BadJson,
            Code::NotText,
            Code::UnknownFormat,
            Code::DuplicateKey,
            Code::DanglingReference,
        ] {
            assert!(codes(&early).contains(&code), "{code}");
        }
        assert_eq!(
            told(&early.diagnostics, &early.sources),
            told(&late.diagnostics, &late.sources)
        );
        assert!(early.diagnostics.iter().eq(late.diagnostics.iter()));
    }

    #[test]
    fn a_file_gets_the_number_under_which_it_was_parsed_ahead() {
        let dir = folder(&[
            ("a.json", padding().into_bytes()),
            ("b.json", b"\xff\xfe\x00".to_vec()),
            ("c.json", vnet("v1", 1).into_bytes()),
        ]);
        let mut loader = Loader::new(LoadOptions::default());
        let paths = ["a.json", "b.json", "c.json"].map(|name| dir.path().join(name));
        loader.read_ahead(&paths);
        let number = |name: usize| Some(loader.ahead.0[&paths[name]].parsed.as_ref()?.0);
        assert_eq!(
            [number(0), number(1), number(2)],
            [FileId::numbered(0), None, FileId::numbered(1)]
        );
    }
}
