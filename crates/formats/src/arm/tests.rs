//! Templates as a whole; expressions and functions are tested beside their code.

mod expansion;
mod mistakes;
mod references;

use std::fs;

use super::*;
use crate::{
    diagnostic::{Diagnostic, Severity},
    json,
    source::Position,
};

/// What came of a template, easy to look at.
struct Outcome {
    evaluation: Evaluation,
    diagnostics: Vec<(Diagnostic, Position)>,
}

impl Outcome {
    /// The only resource with this last name.
    #[track_caller]
    fn resource(&self, name: &str) -> &ArmResource {
        let mut found = self
            .evaluation
            .resources
            .iter()
            .filter(|r| r.names.last().is_some_and(|last| last == name));
        let resource = found
            .next()
            .unwrap_or_else(|| panic!("no {name} among {:?}", self.ids()));
        assert!(found.next().is_none(), "several {name}");
        resource
    }

    /// A property of a resource, printed.
    #[track_caller]
    fn property(&self, name: &str, path: &str) -> String {
        let properties = self
            .resource(name)
            .body
            .get("properties")
            .expect("properties");
        properties
            .path(path.split('.'))
            .map_or_else(|| "missing".to_owned(), ToString::to_string)
    }

    /// Resource ids below the resource group of the deployment.
    fn ids(&self) -> Vec<&str> {
        let prefix =
            "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/";
        self.evaluation
            .resources
            .iter()
            .map(|r| r.id.strip_prefix(prefix).unwrap_or(&r.id))
            .collect()
    }

    fn of(&self, severity: Severity) -> Vec<&str> {
        let of = self
            .diagnostics
            .iter()
            .filter(|(diagnostic, _)| diagnostic.severity == severity);
        of.map(|(diagnostic, _)| diagnostic.message.as_str())
            .collect()
    }

    /// Nothing was found but notes.
    #[track_caller]
    fn expect_clean(self) -> Self {
        assert!(
            self.diagnostics
                .iter()
                .all(|(d, _)| d.severity == Severity::Note),
            "{:?}",
            self.diagnostics
        );
        self
    }

    /// The only error: its text and place.
    #[track_caller]
    fn error(&self) -> (&str, (usize, usize)) {
        let mut errors = self
            .diagnostics
            .iter()
            .filter(|(diagnostic, _)| diagnostic.severity == Severity::Error);
        let (error, position) = errors.next().expect("an error");
        assert!(errors.next().is_none(), "{:?}", self.diagnostics);
        (&error.message, (position.line, position.column))
    }
}

fn evaluated(text: &str) -> Outcome {
    evaluated_with(text, |_, _, _| Parameters::new())
}

fn evaluated_with(
    text: &str,
    given: impl FnOnce(&mut Sources, &Value, &mut Diagnostics) -> Parameters,
) -> Outcome {
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::new();
    let file = sources.add("main.json", text, &mut diagnostics).unwrap();
    let template = json::parse(&sources, file, &mut diagnostics)
        .unwrap_or_else(|| panic!("{}", diagnostics.display(&sources)));
    let parameters = given(&mut sources, &template, &mut diagnostics);
    finish(sources, &template, &parameters, diagnostics)
}

fn finish(
    mut sources: Sources,
    template: &Value,
    parameters: &Parameters,
    mut diagnostics: Diagnostics,
) -> Outcome {
    let context = DeploymentContext::default();
    let evaluation = evaluate(
        &mut sources,
        template,
        parameters,
        &context,
        &mut diagnostics,
    );
    let nowhere = Position { line: 0, column: 0 };
    let place = |d: &Diagnostic| d.span.map_or(nowhere, |span| sources.position(span));
    let diagnostics = diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.clone(), place(diagnostic)))
        .collect();
    Outcome {
        evaluation,
        diagnostics,
    }
}

/// A template in a folder with other files; the first is the template.
fn evaluated_in_folder(files: &[(&str, &str)]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::new();
    let file = sources
        .read(&folder.path().join(files[0].0), &mut diagnostics)
        .unwrap();
    let template = json::parse(&sources, file, &mut diagnostics).unwrap();
    finish(sources, &template, &Parameters::new(), diagnostics)
}
