//! Values of a template evaluated: expressions, parameters, variables, `copy` inside values.
//!
//! Evaluation never fails as a whole. An expression that is wrong is reported once, where it stands, and becomes an
//! unknown value that is marked as reported; everything around it goes on. A value that only Azure or the deployer
//! knows becomes an unknown value too, and travels.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    DeploymentContext,
    assign::Assignments,
    deployment::Deployment,
    expression::{self, Expression, Text},
    frame::{Fault, Frame},
    resources::{Node, NodeId},
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, Severity},
    json::{self, Data, Member, Object, Piece, Unknown, Value},
    source::{FileId, Sources, Span},
};

/// Largest number of copies that one `copy` makes.
/// Azure docs, "Resource iteration in ARM templates", copy limits: "The count can't exceed 800."
pub(super) const MAX_COPIES: i64 = 800;

/// Largest value that a template may build, in values. The largest public templates stay below 20,000.
const MAX_NODES: u32 = 1_000_000;

/// How far one evaluation may go. What stands in a file one by one is bounded by the file; what copies, loops and
/// nested deployments make of it is bounded here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Resources and nested deployments, deployed or not.
    pub(super) resources: usize,
    /// Values visited and handed to functions.
    steps: u64,
}

impl Limits {
    /// Far above any real template (the largest public ones take some 100,000 steps), and done within a few seconds.
    /// Azure allows 800 resources a template.
    const BEYOND_FILES: Self = Self {
        resources: 50_000,
        steps: 5_000_000,
    };
    /// Values that a resource takes at least where it is written: itself, its type, name and version.
    const VALUES_OF_A_RESOURCE: usize = 4;
    /// Steps that a value takes at most that is written out: an id as an expression takes about six.
    const STEPS_OF_A_VALUE: u64 = 16;

    /// Makes room for what another file says.
    pub(super) fn add_file(&mut self, values: u32) {
        let resources = values as usize / Self::VALUES_OF_A_RESOURCE;
        self.resources = self.resources.saturating_add(resources);
        let steps = u64::from(values) * Self::STEPS_OF_A_VALUE;
        self.steps = self.steps.saturating_add(steps);
    }
}

/// How deep values, expressions, variables, parameters and references may lead into each other. Bounds the stack.
const MAX_DEPTH: usize = 300;

/// What becomes of a mistake in the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tolerance {
    /// An error.
    None,
    /// A warning: in a resource that is nothing to a network.
    Warn,
    /// Nothing: in a resource that is not deployed. The value is unknown, and who needs it says why.
    Silent,
}

/// Everything known during one evaluation.
pub(super) struct Evaluator<'s> {
    pub(super) sources: &'s mut Sources,
    pub(super) context: &'s DeploymentContext,
    /// Linked files read so far.
    pub(super) files: HashMap<FileId, Value>,
    pub(super) diagnostics: Diagnostics,
    pub(super) deployments: Vec<Deployment>,
    pub(super) nodes: Vec<Node>,
    /// Resources by their id in lower case; several deployments may write to the same resource.
    pub(super) by_id: HashMap<String, Vec<NodeId>>,
    /// What Azure assigned, as far as an earlier evaluation found out.
    pub(super) assignments: &'s Assignments,
    /// Whether anything was asked for that is assigned when a resource exists.
    pub(super) asked_for_assigned: bool,
    /// Expressions parsed so far: the same one comes again with every copy.
    parsed: HashMap<Piece, Rc<Result<Expression, expression::SyntaxError>>>,
    reported: HashSet<(Span, String)>,
    depth: usize,
    pub(super) limits: Limits,
    steps: u64,
    gave_up: bool,
    tolerance: Tolerance,
}

impl<'s> Evaluator<'s> {
    pub(super) fn new(
        sources: &'s mut Sources,
        context: &'s DeploymentContext,
        assignments: &'s Assignments,
    ) -> Self {
        Self {
            sources,
            context,
            files: HashMap::new(),
            diagnostics: Diagnostics::new(),
            deployments: Vec::new(),
            nodes: Vec::new(),
            by_id: HashMap::new(),
            assignments,
            asked_for_assigned: false,
            parsed: HashMap::new(),
            reported: HashSet::new(),
            depth: 0,
            limits: Limits::BEYOND_FILES,
            steps: 0,
            gave_up: false,
            tolerance: Tolerance::None,
        }
    }

    /// A value of the template with all expressions in it evaluated.
    pub(super) fn value(&mut self, value: &Value, frame: &Frame) -> Value {
        let evaluated = self.nested(1, |this| Ok(this.value_unchecked(value, frame)));
        match evaluated.and_then(checked) {
            Ok(evaluated) => evaluated,
            Err(fault) => self.fail(fault, value.span, None),
        }
    }

    fn value_unchecked(&mut self, value: &Value, frame: &Frame) -> Value {
        let data = match &value.data {
            Data::String(text) => match expression::classify(text) {
                Text::Expression(_) => return self.expression(text, value.span, frame),
                Text::Plain(plain) if plain.len() == text.len() => return value.clone(),
                Text::Plain(plain) => Data::from(plain),
            },
            Data::Array(values) => Data::from(
                values
                    .iter()
                    .map(|value| self.value(value, frame))
                    .collect::<Vec<_>>(),
            ),
            Data::Object(object) => Data::from(self.object(object, frame)),
            Data::Null | Data::Bool(_) | Data::Integer(_) | Data::Float(_) | Data::Unknown(_) => {
                return value.clone();
            }
        };
        Value {
            span: value.span,
            data,
        }
    }

    fn object(&mut self, object: &Object, frame: &Frame) -> Vec<Member> {
        let mut members = Vec::with_capacity(object.len());
        for member in object.iter() {
            if let Some(copies) = property_copies(member) {
                members.extend(
                    copies
                        .iter()
                        .filter_map(|copy| self.copied_member(copy, frame)),
                );
                continue;
            }
            let mut key = member.key.clone();
            if matches!(expression::classify(&key), Text::Expression(_)) {
                match self.expression(&key, member.key_span, frame).data {
                    Data::String(evaluated) => key = evaluated,
                    // A key that is not known cannot stand in an object. It names identities and tags, nothing
                    // that forwards packets.
                    _ => continue,
                }
            }
            members.push(Member {
                key,
                key_span: member.key_span,
                value: self.value(&member.value, frame),
            });
        }
        members
    }

    /// One entry of the `copy` of an object or of all variables: an array named after the loop.
    fn copied_member(&mut self, copy: &Value, frame: &Frame) -> Option<Member> {
        let name = self.value(copy.get("name")?, frame);
        let Some(text) = name.as_str() else {
            let message = format!("the name of this copy loop is {}", name.kind());
            self.report(
                Diagnostic::error(Code::WrongType, message)
                    .at(name.span)
                    .expected("a string"),
            );
            return None;
        };
        let value = self.copied(copy, text, frame);
        Some(Member {
            key: text.into(),
            key_span: name.span,
            value,
        })
    }

    /// The array that a `copy` of a property, a variable or an output makes.
    pub(super) fn copied(&mut self, copy: &Value, name: &str, frame: &Frame) -> Value {
        let Some(input) = copy.get("input") else {
            let message = format!("the copy loop {name} has no input");
            self.report(
                Diagnostic::error(Code::MissingProperty, message)
                    .at(copy.span)
                    .azure("InvalidTemplate"),
            );
            return Value::new(copy.span, Unknown::reported("the copy loop has no input"));
        };
        let Some(count) = self.copy_count(copy, frame) else {
            return Value::new(
                copy.span,
                Unknown::reported("the count of the copy loop is not known"),
            );
        };
        let values = (0..count)
            .map(|index| self.value(input, &frame.in_copy(name, index, false)))
            .collect::<Vec<_>>();
        Value::new(input.span, values)
    }

    /// How often a `copy` repeats. `None`: it cannot be told, which is reported.
    pub(super) fn copy_count(&mut self, copy: &Value, frame: &Frame) -> Option<i64> {
        let Some(written) = copy.get("count") else {
            let message = "the copy loop has no count";
            self.report(
                Diagnostic::error(Code::MissingProperty, message)
                    .at(copy.span)
                    .azure("InvalidTemplate"),
            );
            return None;
        };
        let count = self.value(written, frame);
        let number = match &count.data {
            Data::Integer(number) => Some(*number),
            Data::String(text) => text.trim().parse().ok(),
            Data::Unknown(unknown) => {
                if !unknown.is_reported() {
                    let message = format!(
                        "how often this is copied is not known: {}",
                        unknown.reason()
                    );
                    let diagnostic = match self.tolerance {
                        Tolerance::None => Diagnostic::error(Code::UnknownValue, message),
                        Tolerance::Warn | Tolerance::Silent => {
                            Diagnostic::note(Code::UnknownValue, message)
                        }
                    };
                    let diagnostic = diagnostic.at(written.span).property("copy.count");
                    self.report(diagnostic.expected("a number of copies"));
                }
                return None;
            }
            _ => None,
        };
        match number {
            Some(number) if (0..=MAX_COPIES).contains(&number) => Some(number),
            Some(number) => {
                let message = format!("{number} copies are out of range");
                let error = Diagnostic::error(Code::TemplateLimit, message)
                    .at(written.span)
                    .azure("InvalidTemplate");
                self.report(
                    error.expected(format!("0 to {MAX_COPIES} copies, as Azure makes them")),
                );
                None
            }
            None => {
                let message = format!("the count of a copy loop is {}", count.kind());
                let error = Diagnostic::error(Code::WrongType, message)
                    .at(written.span)
                    .azure("InvalidTemplate");
                self.report(error.value(&count).expected("an integer"));
                None
            }
        }
    }

    /// The value of a text in brackets that stands at `span`.
    fn expression(&mut self, text: &Piece, span: Span, frame: &Frame) -> Value {
        let parsed = if let Some(parsed) = self.parsed.get(text) {
            Rc::clone(parsed)
        } else {
            let parsed = Rc::new(expression::parse(text));
            self.parsed.insert(text.clone(), Rc::clone(&parsed));
            parsed
        };
        let value = match &*parsed {
            Ok(expression) => self.eval(expression, frame, span),
            Err(error) => Err(Fault {
                code: Code::BadExpression,
                message: error.message.clone(),
                at: Some((error.at, 1)),
            }),
        };
        match value.and_then(checked) {
            Ok(value) => value,
            Err(fault) => self.fail(fault, span, Some(text)),
        }
    }

    /// The value of an expression in the string that stands at `span`.
    pub(super) fn eval(
        &mut self,
        expression: &Expression,
        frame: &Frame,
        span: Span,
    ) -> Result<Value, Fault> {
        self.nested(1, |this| match expression {
            Expression::Literal(data) => Ok(Value::new(span, data.clone())),
            Expression::Call {
                name,
                arguments,
                at,
            } => this
                .call(name, arguments, frame, span)
                .map_err(|fault| fault.in_expression(*at, name.len())),
            Expression::Property {
                base,
                name,
                safe,
                at,
            } => {
                let base = this.eval(base, frame, span)?;
                this.property(base, name, *safe, span)
                    .map_err(|fault| fault.in_expression(*at, name.len() + 1))
            }
            Expression::Index {
                base,
                index,
                safe,
                at,
            } => {
                let base = this.eval(base, frame, span)?;
                let index = this.eval(index, frame, span)?;
                this.element(base, &index, *safe, span)
                    .map_err(|fault| fault.in_expression(*at, 1))
            }
        })
    }

    /// `base.name`.
    pub(super) fn property(
        &mut self,
        base: Value,
        name: &str,
        safe: bool,
        span: Span,
    ) -> Result<Value, Fault> {
        let object = match &base.data {
            Data::Unknown(_) => return Ok(base),
            Data::Object(object) => object,
            Data::Null if safe => return Ok(Value::null(span)),
            _ => {
                let message = format!("the property `{name}` is asked of {}", base.kind());
                return Err(Fault::argument(message));
            }
        };
        match object.get(name) {
            Some(value) => Ok(value.clone()),
            None if object.is_open() => {
                self.asked_for_assigned = true;
                Ok(Value::unknown(
                    span,
                    format!("`{name}` is set by Azure when the resource exists"),
                ))
            }
            None if safe => Ok(Value::null(span)),
            None => {
                let keys = object
                    .iter()
                    .take(12)
                    .map(|member| &*member.key)
                    .collect::<Vec<_>>()
                    .join(", ");
                let has = if keys.is_empty() {
                    "is empty".to_owned()
                } else {
                    format!("has {keys}")
                };
                Err(Fault::argument(format!(
                    "the object has no property `{name}`; it {has}"
                )))
            }
        }
    }

    /// `base[index]`.
    pub(super) fn element(
        &mut self,
        base: Value,
        index: &Value,
        safe: bool,
        span: Span,
    ) -> Result<Value, Fault> {
        match (&base.data, &index.data) {
            (Data::Unknown(_), _) => Ok(base),
            (_, Data::Unknown(_)) => Ok(index.clone()),
            (Data::Object(_) | Data::Null, Data::String(name)) => {
                self.property(base.clone(), name, safe, span)
            }
            (Data::Array(values), Data::Integer(index)) => {
                match usize::try_from(*index)
                    .ok()
                    .and_then(|index| values.get(index))
                {
                    Some(value) => Ok(value.clone()),
                    None if safe => Ok(Value::null(span)),
                    None => Err(Fault::argument(format!(
                        "there is no element {index} in an array of {}",
                        values.len()
                    ))),
                }
            }
            (Data::Null, _) if safe => Ok(base),
            _ => Err(Fault::argument(format!(
                "{} cannot be indexed with {}",
                base.kind(),
                index.kind()
            ))),
        }
    }

    /// Runs something that may lead back here, unless that has happened too often already.
    pub(super) fn nested<T>(
        &mut self,
        steps: u64,
        run: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.count_steps(steps)?;
        if self.depth == MAX_DEPTH {
            let message = "values lead into each other too deeply: variables, references or nested calls without end";
            return Err(Fault::new(Code::TemplateLimit, message));
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    pub(super) fn count_steps(&mut self, steps: u64) -> Result<(), Fault> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.limits.steps {
            let message = format!("the template needs more than {} steps", self.limits.steps);
            return Err(Fault::new(Code::TemplateLimit, message));
        }
        Ok(())
    }

    /// Evaluates something in which mistakes are tolerated.
    pub(super) fn tolerating<T>(
        &mut self,
        tolerance: Tolerance,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.tolerance;
        self.tolerance = before.max(tolerance);
        let result = run(self);
        self.tolerance = before;
        result
    }

    /// Reports why an expression has no value; the value that stands for it.
    pub(super) fn fail(&mut self, fault: Fault, span: Span, text: Option<&str>) -> Value {
        let mut place = span;
        if let (Some((at, length)), Some(text)) = (fault.at, text) {
            // A string without escapes stands in the file as it is, between two quotes: point into it.
            if span.length() == text.len() + 2 {
                place = Span::new(span.file(), span.start() + 1 + at, length);
            }
        }
        let unknown = match self.tolerance {
            Tolerance::None => Unknown::reported(fault.message.clone()),
            Tolerance::Warn | Tolerance::Silent => Unknown::new(fault.message.clone()),
        };
        let diagnostic = Diagnostic::error(fault.code, fault.message)
            .at(place)
            .azure("InvalidTemplate");
        self.report(match text {
            Some(text) => diagnostic.value(text),
            None => diagnostic,
        });
        Value::new(span, unknown)
    }

    /// Adds a diagnostic, unless the same was said of the same place: an expression is evaluated with every copy.
    pub(super) fn report(&mut self, mut diagnostic: Diagnostic) {
        match self.tolerance {
            Tolerance::None => {}
            Tolerance::Warn => diagnostic.severity = diagnostic.severity.min(Severity::Warning),
            Tolerance::Silent => return,
        }
        // Once the evaluation has been given up, nothing has a value; that was said.
        if self.gave_up {
            return;
        }
        self.gave_up = self.steps > self.limits.steps;
        let place = diagnostic.span;
        if place.is_none_or(|span| self.reported.insert((span, diagnostic.message.clone()))) {
            self.diagnostics.push(diagnostic);
        }
    }
}

/// Stops a value from growing beyond what can be walked.
pub(super) fn checked(value: Value) -> Result<Value, Fault> {
    let size = value.size();
    if size.nodes <= MAX_NODES && size.depth <= json::MAX_DEPTH {
        return Ok(value);
    }
    let message = format!(
        "the value is too large: {} values, {} deep; up to {MAX_NODES} and {} are evaluated",
        size.nodes,
        size.depth,
        json::MAX_DEPTH
    );
    Err(Fault::new(Code::TemplateLimit, message))
}

/// The entries of a `copy` of properties or variables. A property that happens to be called `copy` is none.
fn property_copies(member: &Member) -> Option<&[Value]> {
    let copies = member
        .key
        .eq_ignore_ascii_case("copy")
        .then(|| member.value.as_array())
        .flatten()?;
    let is_copy = |copy: &Value| copy.get("name").is_some() && copy.get("count").is_some();
    (!copies.is_empty() && copies.iter().all(is_copy)).then_some(copies)
}
