//! Diagnostics drawn for a person at a terminal: the place in the file with the lines around it.

use std::fmt;
use std::sync::Arc;

use formats::diagnostic::{Diagnostic, Diagnostics, Severity};
use formats::source::Sources;
use miette::{GraphicalReportHandler, LabeledSpan, NamedSource, SourceCode};

/// Diagnostics of one run, to be printed.
pub(super) struct Drawn<'a> {
    diagnostics: &'a Diagnostics,
    sources: &'a Sources,
    handler: GraphicalReportHandler,
}

impl<'a> Drawn<'a> {
    pub(super) fn new(diagnostics: &'a Diagnostics, sources: &'a Sources) -> Self {
        Self {
            diagnostics,
            sources,
            handler: GraphicalReportHandler::new().with_links(false),
        }
    }
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.diagnostics.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            self.handler
                .render_report(f, &Picture::of(diagnostic, self.sources))?;
        }
        let found: usize = [Severity::Error, Severity::Warning, Severity::Note]
            .map(|severity| self.diagnostics.count(severity))
            .iter()
            .sum();
        match found - self.diagnostics.iter().count() {
            0 => Ok(()),
            left_out => write!(f, "and {left_out} more"),
        }
    }
}

/// One diagnostic in the words of the drawing library.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Picture {
    message: String,
    code: &'static str,
    severity: miette::Severity,
    file: Option<NamedSource<Arc<String>>>,
    span: Option<(usize, usize)>,
    label: Option<String>,
    help: String,
}

impl Picture {
    fn of(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let details = [
            ("resource", &diagnostic.resource),
            ("property", &diagnostic.property),
            ("value", &diagnostic.value),
            (
                "Azure's code",
                &diagnostic.azure_code.as_ref().map(ToString::to_string),
            ),
        ];
        let details: Vec<String> = details
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}: {}", value.as_ref()?)))
            .collect();
        Self {
            message: diagnostic.message.clone(),
            code: diagnostic.code.as_str(),
            severity: match diagnostic.severity {
                Severity::Note => miette::Severity::Advice,
                Severity::Warning => miette::Severity::Warning,
                Severity::Error => miette::Severity::Error,
            },
            file: diagnostic.span.map(|span| {
                NamedSource::new(
                    sources.name(span.file()),
                    Arc::clone(sources.text(span.file())),
                )
            }),
            span: diagnostic.span.map(|span| (span.start(), span.length())),
            label: diagnostic
                .expected
                .as_ref()
                .map(|expected| format!("expected: {expected}")),
            help: details.join("\n"),
        }
    }
}

impl miette::Diagnostic for Picture {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.file.as_ref()?)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, length) = self.span?;
        let label = LabeledSpan::new(self.label.clone(), start, length);
        Some(Box::new(std::iter::once(label)))
    }
}
