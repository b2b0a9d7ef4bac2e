//! Linked templates, if they lie beside the one that links them. Nothing is fetched.

use std::path::{Path, PathBuf};

use super::{evaluator::Evaluator, frame::Frame};
use crate::{
    diagnostic::{Code, Diagnostic},
    json::{self, Value},
    source::FileId,
};

impl Evaluator<'_> {
    /// The template of a `templateLink`. `None`: it is not at hand, which is one warning.
    pub(super) fn linked_template(&mut self, link: &Value, frame: &Frame) -> Option<Value> {
        self.linked(link, frame, "template")
    }

    /// The parameters of a `parametersLink`.
    pub(super) fn linked_parameters(&mut self, link: &Value, frame: &Frame) -> Option<Value> {
        self.linked(link, frame, "parameter file")
            .map(|file| file.get("parameters").unwrap_or(&file).clone())
    }

    fn linked(&mut self, link: &Value, frame: &Frame, kind: &str) -> Option<Value> {
        let (relative, uri, id) = (link.get("relativePath"), link.get("uri"), link.get("id"));
        let written = relative.or(uri).or(id).unwrap_or(link);
        let evaluated = self.value(written, frame);
        let base = self.sources.path(link.span.file()).map(Path::to_owned);
        let target = evaluated.as_str().unwrap_or_default();
        let folder = base.as_deref().and_then(Path::parent);
        let found = folder.and_then(|folder| match relative {
            Some(_) => Some(folder.join(target)).filter(|path| path.is_file()),
            None => beside(folder, target, &self.files_around(frame)),
        });
        let Some(path) = found else {
            let reason = match evaluated.as_unknown() {
                Some(unknown) => format!(
                    "where the linked {kind} lies is not known: {}",
                    unknown.reason()
                ),
                None => format!(
                    "the linked {kind} does not lie beside this one; what it holds is left out"
                ),
            };
            let warning = Diagnostic::warning(Code::LinkedTemplate, reason).at(written.span);
            self.report(
                warning
                    .value(&evaluated)
                    .expected("a file in the folder of the template that links it"),
            );
            return None;
        };
        let file = self.sources.read(&path, &mut self.diagnostics)?;
        self.parsed_file(file)
    }

    /// The files of the templates around: a link to one of them would have no end.
    fn files_around(&self, frame: &Frame) -> Vec<&Path> {
        let deployments =
            std::iter::successors(Some(frame.deployment), |id| self.deployments[id.0].parent);
        let files = deployments.map(|id| self.deployments[id.0].template.span.file());
        files.filter_map(|file| self.sources.path(file)).collect()
    }

    fn parsed_file(&mut self, file: FileId) -> Option<Value> {
        if let Some(value) = self.files.get(&file) {
            return Some(value.clone());
        }
        let value = json::parse(self.sources, file, &mut self.diagnostics)?;
        self.limits.add_file(value.size().nodes);
        self.files.insert(file, value.clone());
        Some(value)
    }
}

/// The file that a link means: a path, or the end of an address as far as such a file exists. A template that was
/// published under `https://host/a/b/main.json` links `https://host/a/b/nested/vnet.json`. The end alone may mislead
/// to one of the files `around`, which have the same name but were published elsewhere.
fn beside(folder: &Path, target: &str, around: &[&Path]) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if let Some(path) = path.strip_prefix("file://") {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    if segments.contains(&"..") {
        return None;
    }
    let mut candidates =
        (0..segments.len()).map(|skipped| folder.join(segments[skipped..].join("/")));
    candidates.find(|path| path.is_file() && !around.contains(&path.as_path()))
}
