//! The case files of a folder.

use std::path::Path;

use serde_json::Value;

use crate::reading::{Odd, list, same, short, text, texts, without_unknown};

/// All files of a folder, in the order of their names.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) cases: Vec<Case>,
    /// Recorded tag expansions that lie beside the cases: file name and prefixes.
    pub(crate) tag_lists: Vec<(String, Vec<String>)>,
    /// Such expansions of our own folder.
    remembered: Vec<(String, Vec<String>)>,
}

/// One recorded case.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) evidence: String,
    pub(crate) tags: Vec<String>,
    pub(crate) unknown: Vec<String>,
    pub(crate) completeness: Value,
    pub(crate) topology: Value,
    pub(crate) observed: Value,
    /// What stands in the file and is not understood.
    pub(crate) odd: Odd,
}

const KNOWN: &[&str] = &[
    "id",
    "title",
    "evidence",
    "tags",
    "source",
    "topology",
    "observed",
    "table_completeness",
    "notes",
    "unknown",
];

impl Folder {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let entries = std::fs::read_dir(path)
            .map_err(|error| format!("cannot read the folder {}: {error}", path.display()))?;
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| {
            file.extension()
                .is_some_and(|extension| extension == "json")
        });
        files.sort();
        let mut folder = Self {
            cases: Vec::new(),
            tag_lists: Vec::new(),
            remembered: Vec::new(),
        };
        for file in files {
            let name = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            let parsed = std::fs::read_to_string(&file)
                .map_err(|error| error.to_string())
                .and_then(|text| {
                    let text = text.trim_start_matches('\u{feff}');
                    serde_json::from_str::<Value>(text).map_err(|error| error.to_string())
                });
            match parsed {
                Ok(value) if value.get("prefixes").is_some() && value.get("topology").is_none() => {
                    let prefixes = texts(&value, &["prefixes"]);
                    folder
                        .tag_lists
                        .push((name, prefixes.into_iter().map(str::to_owned).collect()));
                }
                Ok(value) => folder.cases.push(Case::of(&name, &value)),
                Err(error) => folder.cases.push(Case::unreadable(&name, &error)),
            }
        }
        Ok(folder)
    }

    /// Cases elsewhere point to the expansions that lie beside our own; these are not compared once more.
    pub(crate) fn with_tag_lists_of(mut self, own: &Path) -> Result<Self, String> {
        if self.tag_lists.is_empty() {
            self.remembered = Self::read(own)?.tag_lists;
        }
        Ok(self)
    }

    /// The tag expansion that a remark such as `see internet-tag-2021.json` means.
    pub(crate) fn tag_list(&self, remark: &str) -> Option<&[String]> {
        let (_, prefixes) = self
            .tag_lists
            .iter()
            .chain(&self.remembered)
            .find(|(name, _)| remark.contains(name.as_str()))?;
        Some(prefixes)
    }
}

impl Case {
    fn of(file: &str, value: &Value) -> Self {
        let mut odd = Odd::new();
        let mut part = |key: &str| match value.get(key) {
            Some(Value::Object(members)) => Value::Object(members.clone()),
            None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
            Some(other) => {
                odd.push(format!("{key}: {} is no object", short(other)));
                Value::Object(serde_json::Map::new())
            }
        };
        let (topology, observed) = (part("topology"), part("observed"));
        let observed = without_unknown(&observed, "observed", &mut odd);
        for key in value
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::keys)
        {
            if !KNOWN.contains(&key.as_str()) {
                odd.push(format!("{key}: not understood"));
            }
        }
        let owned = |keys: &[&str]| -> Vec<String> {
            texts(value, keys).into_iter().map(str::to_owned).collect()
        };
        if !value.is_object() {
            odd.push("the file holds no object".to_owned());
        }
        Self {
            id: text(value, &["id"])
                .map_or_else(|| file.trim_end_matches(".json").to_owned(), str::to_owned),
            evidence: text(value, &["evidence"]).unwrap_or("not said").to_owned(),
            tags: owned(&["tags"]),
            unknown: list(value, &["unknown"])
                .into_iter()
                .map(|entry| {
                    entry
                        .as_str()
                        .map_or_else(|| entry.to_string(), str::to_owned)
                })
                .collect(),
            completeness: value.get("table_completeness").cloned().unwrap_or_default(),
            topology,
            observed,
            odd,
        }
    }

    fn unreadable(file: &str, error: &str) -> Self {
        let mut case = Self::of(file, &Value::Object(serde_json::Map::new()));
        case.odd.push(format!("cannot be read: {error}"));
        case
    }

    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| same(own, tag))
    }

    /// What is said of a table: for this NIC, or for all.
    pub(crate) fn completeness_of(&self, nic: &str) -> &str {
        let said = |key: &str| self.completeness.get(key).and_then(Value::as_str);
        said(nic)
            .or_else(|| said("*"))
            .or_else(|| self.completeness.as_str())
            .unwrap_or_default()
    }

    /// Rows are missing at the end, or somebody chose which to print.
    pub(crate) fn is_excerpt(&self, nic: &str) -> bool {
        let said = self.completeness_of(nic).to_ascii_lowercase();
        [
            "excerpt",
            "ellipsis",
            "filtered",
            "partial",
            "truncated",
            "incomplete",
            "selected",
            "cut",
        ]
        .iter()
        .any(|word| said.contains(word))
    }

    /// Weaker than a recorded output: a document, a guide, a report.
    pub(crate) fn is_weak(&self) -> bool {
        let evidence = self.evidence.to_ascii_lowercase();
        ![
            "observed",
            "measured",
            "api example",
            "api output",
            "api recording",
            "recorded",
        ]
        .iter()
        .any(|strong| evidence.starts_with(strong))
    }

    /// Why a difference in these things is no fault: weak evidence, or the author's own doubt about one of them.
    pub(crate) fn excuse(&self, subjects: &[&str]) -> Option<String> {
        if self.is_weak() {
            return Some(format!("evidence weaker than observed: {}", self.evidence));
        }
        let doubt = self.unknown.iter().find(|doubt| {
            let doubt = doubt.to_ascii_lowercase();
            subjects
                .iter()
                .any(|subject| !subject.is_empty() && doubt.contains(&subject.to_ascii_lowercase()))
        });
        doubt.map(|doubt| format!("unknown to the author: {doubt}"))
    }
}
