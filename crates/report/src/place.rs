//! Where things stand in files, for reports that name a line.

use formats::locations::Locations;
use formats::source::{Sources, Span};
use model::ResourceId;
use serde::Serialize;

/// A place in a file; line and column are counted from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The path as it was given.
    pub file: String,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Place {
    /// The place of a span.
    pub fn at(span: Span, sources: &Sources) -> Self {
        let position = sources.position(span);
        Self {
            file: sources.name(span.file()).to_owned(),
            line: position.line,
            column: position.column,
        }
    }

    /// The place of a resource, or of the one that it is a part of; `None` if it stands in no file.
    pub fn of(id: &ResourceId, locations: &Locations, sources: &Sources) -> Option<Self> {
        Some(Self::at(locations.of(id)?, sources))
    }
}

/// `net.yaml:12:9`.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
