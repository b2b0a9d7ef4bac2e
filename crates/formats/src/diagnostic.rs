//! What is wrong with the input: where, what was found, what was expected.
//!
//! A reader does not stop at the first problem. It puts each one into [`Diagnostics`] and goes on, so that one run
//! tells everything; whether the whole was good is asked at the end.

use std::{borrow::Cow, fmt};

use crate::source::{Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing: an assumption, an unknown value that changes nothing.
    Note,
    /// Something was not understood that could change a verdict. `--strict` makes it an error.
    Warning,
    /// The input cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Declares [`Code`] together with its printed names, so that neither can miss in the other.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What kind of problem it is. The printed name is stable: scripts and CI filters may rely on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, in the order of the alphabet of its groups.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable printed name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    // Files and text.
    /// A file could not be read, is too large, or is one too many.
    UnreadableFile = "unreadable-file",
    /// Bytes that are not a text.
    NotText = "not-text",
    /// The text is not JSON.
    BadJson = "bad-json",
    /// The text is not YAML.
    BadYaml = "bad-yaml",
    /// Arrays and objects nested too deeply.
    TooDeep = "too-deep",
    /// A key twice in one object.
    DuplicateKey = "duplicate-key",
    /// A value of another type than the one expected.
    WrongType = "wrong-type",
    /// A property that must be there is missing.
    MissingProperty = "missing-property",

    // Templates.
    /// A template expression that does not follow the grammar.
    BadExpression = "bad-expression",
    /// A template function was called with arguments it does not take.
    BadArgument = "bad-argument",
    /// A parameter, variable, function or deployment that the template does not declare.
    UndefinedName = "undefined-name",
    /// Values that are defined by each other.
    TemplateCycle = "template-cycle",
    /// A template beyond the limits of evaluation: copies, size of values, depth, steps.
    TemplateLimit = "template-limit",
    /// A parameter value that the template does not allow or declare.
    BadParameter = "bad-parameter",
    /// A value that only Azure or the deployer knows, where it decides something.
    UnknownValue = "unknown-value",
    /// A linked template that is not at hand.
    LinkedTemplate = "linked-template",
    /// Two resources with the same id.
    DuplicateResource = "duplicate-resource",
    /// A resource name or type that cannot be put together to an id.
    BadResourceName = "bad-resource-name",
    /// A value that Azure would assign was assumed.
    AssumedValue = "assumed-value",

    // Resources.
    /// A file of no kind that is read, or nothing to read at all.
    UnknownFormat = "unknown-format",
    /// An address, prefix, port or word that is none.
    BadValue = "bad-value",
    /// A reference to a resource that is not in the input.
    DanglingReference = "dangling-reference",
    /// A short name that several resources have.
    AmbiguousName = "ambiguous-name",
    /// A key that a scenario does not have.
    UnknownKey = "unknown-key",
    /// The resources together are no network that Azure would accept.
    Refused = "refused",
    /// A resource or property that is not simulated and could change a verdict.
    Unsupported = "unsupported",
    /// What a recording says differs from what follows from the other resources.
    Contradiction = "contradiction",
    /// Something that was left out because it cannot change a verdict.
    LeftOut = "left-out",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One problem. `message` says it in one sentence; the other fields repeat its parts for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of problem it is, in our words.
    pub code: Code,
    /// The code with which Azure refuses the same input, where it has one.
    pub azure_code: Option<Cow<'static, str>>,
    /// One sentence, without a full stop.
    pub message: String,
    /// Where it stands, if in a file.
    pub span: Option<Span>,
    /// Resource id or name.
    pub resource: Option<String>,
    /// Path of the property inside the resource, as `properties.subnets[0].name`.
    pub property: Option<String>,
    /// The offending value, as JSON, cut to a readable length.
    pub value: Option<String>,
    /// What would have been right.
    pub expected: Option<String>,
}

/// Longest value that is shown, in characters.
const VALUE_SHOWN: usize = 160;

impl Diagnostic {
    /// A problem of the given severity.
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            azure_code: None,
            message: message.into(),
            span: None,
            resource: None,
            property: None,
            value: None,
            expected: None,
        }
    }

    /// Input that cannot be used.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// Input that was not fully understood.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Something worth knowing.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Names the resource.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Names the property inside the resource.
    #[must_use]
    pub fn property(mut self, path: impl Into<String>) -> Self {
        self.property = Some(path.into());
        self
    }

    /// Shows the offending value; long ones are cut.
    #[must_use]
    pub fn value(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(cut(value));
        self
    }

    /// Says what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Azure's code for the same refusal.
    #[must_use]
    pub fn azure(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.azure_code = Some(code.into());
        self
    }

    /// The problem as plain text: `file:line:column: error[code]: message`, then a line for each known detail.
    pub fn display<'a>(&'a self, sources: &'a Sources) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            if let Some(span) = self.span {
                write!(
                    f,
                    "{}:{}: ",
                    sources.name(span.file()),
                    sources.position(span)
                )?;
            }
            write!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
            let details = [
                ("resource", self.resource.as_deref()),
                ("property", self.property.as_deref()),
                ("value", self.value.as_deref()),
                ("expected", self.expected.as_deref()),
                ("Azure's code", self.azure_code.as_deref()),
            ];
            for (label, text) in details {
                if let Some(text) = text {
                    write!(f, "\n  {label}: {text}")?;
                }
            }
            Ok(())
        })
    }
}

/// Writes at most [`VALUE_SHOWN`] characters of a value that may be huge, without building the rest.
fn cut(value: impl fmt::Display) -> String {
    struct Cut {
        text: String,
        left: usize,
    }
    impl fmt::Write for Cut {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            for character in piece.chars() {
                self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
                self.text.push(character);
            }
            Ok(())
        }
    }
    let mut cut = Cut {
        text: String::new(),
        left: VALUE_SHOWN,
    };
    if fmt::write(&mut cut, format_args!("{value}")).is_err() {
        cut.text.push('…');
    }
    cut.text
}

/// Problems of one severity that are kept; further ones are only counted.
const KEPT: usize = 1_000;

/// The problems of one run, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    /// Found, by severity, kept or not.
    found: [usize; 3],
    strict: bool,
}

impl Diagnostics {
    /// No problems so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on, and for what is already here, a warning counts as an error (`--strict`).
    pub fn set_strict(&mut self) {
        self.strict = true;
        self.found = [self.found[0], 0, self.found[1] + self.found[2]];
        for diagnostic in &mut self.kept {
            if diagnostic.severity == Severity::Warning {
                diagnostic.severity = Severity::Error;
            }
        }
    }

    /// Adds a problem. Of each severity the first thousand are kept and the rest counted, so that a hostile file
    /// cannot fill the memory with complaints about it.
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        if self.strict && diagnostic.severity == Severity::Warning {
            diagnostic.severity = Severity::Error;
        }
        let found = &mut self.found[diagnostic.severity as usize];
        *found += 1;
        if *found <= KEPT {
            self.kept.push(diagnostic);
        }
    }

    /// Adds all problems of another collection.
    pub fn extend(&mut self, other: Self) {
        let mut added = [0; 3];
        for diagnostic in other.kept {
            added[diagnostic.severity as usize] += 1;
            self.push(diagnostic);
        }
        for severity in [Severity::Note, Severity::Warning, Severity::Error] {
            let as_counted = if self.strict && severity == Severity::Warning {
                Severity::Error
            } else {
                severity
            };
            self.found[as_counted as usize] +=
                other.found[severity as usize] - added[severity as usize];
        }
    }

    /// The problems that were kept, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.kept.iter()
    }

    /// Changes every problem that was kept: for whoever knows better names for places.
    pub(crate) fn change_each(&mut self, change: impl FnMut(&mut Diagnostic)) {
        self.kept.iter_mut().for_each(change);
    }

    /// How many problems of this severity were found, kept or not.
    pub fn count(&self, severity: Severity) -> usize {
        self.found[severity as usize]
    }

    /// Whether anything makes the input unusable.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Whether nothing at all was found.
    pub fn is_empty(&self) -> bool {
        self.found == [0; 3]
    }

    /// All problems as plain text, one after the other, each ending in a line break.
    pub fn display<'a>(&'a self, sources: &'a Sources) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            for diagnostic in &self.kept {
                writeln!(f, "{}", diagnostic.display(sources))?;
            }
            let left_out = self.found.iter().sum::<usize>() - self.kept.len();
            if left_out > 0 {
                writeln!(f, "and {left_out} more")?;
            }
            Ok(())
        })
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_file_line_column_and_every_known_detail() {
        let mut sources = Sources::new();
        let file = sources
            .add(
                "hub.json",
                "{\n  \"addressPrefix\": \"10.0.0.300/8\"\n}",
                &mut Diagnostics::new(),
            )
            .unwrap();
        let error = Diagnostic::error(Code::WrongType, "the address prefix is none")
            .at(Span::new(file, 21, 14))
            .resource("hub")
            .property("properties.addressPrefix")
            .value("\"10.0.0.300/8\"")
            .expected("an IPv4 prefix as 10.0.0.0/8")
            .azure("InvalidAddressPrefixFormat");
        let text = error.display(&sources).to_string();
        assert_eq!(
            text,
            "hub.json:2:20: error[wrong-type]: the address prefix is none\n  resource: hub\n  \
             property: properties.addressPrefix\n  value: \"10.0.0.300/8\"\n  expected: an IPv4 prefix as 10.0.0.0/8\n  \
             Azure's code: InvalidAddressPrefixFormat"
        );
    }

    #[test]
    fn strict_makes_errors_of_warnings_before_and_after() {
        let mut all = Diagnostics::new();
        all.push(Diagnostic::warning(Code::LinkedTemplate, "one"));
        all.push(Diagnostic::note(Code::AssumedValue, "two"));
        assert!(!all.has_errors());
        all.set_strict();
        all.push(Diagnostic::warning(Code::LinkedTemplate, "three"));
        assert_eq!(
            (
                all.count(Severity::Note),
                all.count(Severity::Warning),
                all.count(Severity::Error)
            ),
            (1, 0, 2)
        );
        assert!(all.iter().all(|d| d.severity != Severity::Warning));
    }

    #[test]
    fn a_flood_of_problems_is_counted_but_not_kept() {
        let mut all = Diagnostics::new();
        for n in 0..5_000 {
            all.push(Diagnostic::error(Code::BadJson, format!("{n}")));
        }
        all.push(Diagnostic::note(
            Code::AssumedValue,
            "kept although it came late",
        ));
        let mut merged = Diagnostics::new();
        merged.extend(all);
        assert_eq!(merged.count(Severity::Error), 5_000);
        assert_eq!(merged.iter().count(), KEPT + 1);
        assert!(
            merged
                .display(&Sources::new())
                .to_string()
                .ends_with("and 4000 more\n")
        );
    }

    #[test]
    fn long_values_are_cut_and_printed_codes_are_distinct_kebab_case() {
        let error = Diagnostic::error(Code::BadJson, "x").value("y".repeat(1 << 20));
        assert_eq!(error.value.unwrap().chars().count(), VALUE_SHOWN + 1);
        let names: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
    }
}
