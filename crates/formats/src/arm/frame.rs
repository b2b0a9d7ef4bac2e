//! What the names in an expression mean, and what is known of them.

use std::{rc::Rc, sync::Arc};

use super::deployment::DeploymentId;
use crate::{
    diagnostic::Code,
    json::{Piece, Value},
};

/// Why an expression has no value.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: String,
    /// Where in the expression, and how long: bytes.
    pub(super) at: Option<(usize, usize)>,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            at: None,
        }
    }

    /// A function called with arguments it does not take.
    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new(Code::BadArgument, message)
    }

    pub(super) fn in_expression(mut self, at: usize, length: usize) -> Self {
        self.at.get_or_insert((at, length));
        self
    }
}

/// What the names in an expression mean.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Whose parameters, variables and functions.
    pub(super) deployment: DeploymentId,
    /// The `copy` loops around, innermost first.
    pub(super) copy: Option<Rc<CopyLoop>>,
    /// The lambda variables around, innermost first.
    locals: Option<Rc<Local>>,
    /// The arguments of a user-defined function, which hide the parameters of the template.
    pub(super) arguments: Option<Rc<[Argument]>>,
}

/// An argument of a user-defined function.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: Arc<str>,
    pub(super) value: Value,
}

/// One turn of a `copy` loop.
#[derive(Debug)]
pub(super) struct CopyLoop {
    pub(super) name: Arc<str>,
    pub(super) index: i64,
    /// A loop of a resource, which `copyIndex()` without a name means even inside a loop of a property.
    pub(super) of_resource: bool,
    outer: Option<Rc<CopyLoop>>,
}

#[derive(Debug)]
struct Local {
    name: Piece,
    value: Value,
    outer: Option<Rc<Local>>,
}

impl Frame {
    /// At the top level of a deployment's template.
    pub(super) fn of(deployment: DeploymentId) -> Self {
        Self {
            deployment,
            copy: None,
            locals: None,
            arguments: None,
        }
    }

    /// Inside a user-defined function of the same template.
    pub(super) fn in_function(&self, arguments: Rc<[Argument]>) -> Self {
        Self {
            arguments: Some(arguments),
            ..Self::of(self.deployment)
        }
    }

    /// Inside one more turn of a loop.
    pub(super) fn in_copy(&self, name: &str, index: i64, of_resource: bool) -> Self {
        let copy = CopyLoop {
            name: name.into(),
            index,
            of_resource,
            outer: self.copy.clone(),
        };
        Self {
            copy: Some(Rc::new(copy)),
            ..self.clone()
        }
    }

    /// Inside a lambda, with one more variable.
    pub(super) fn with_local(&self, name: &Piece, value: Value) -> Self {
        let local = Local {
            name: name.clone(),
            value,
            outer: self.locals.clone(),
        };
        Self {
            locals: Some(Rc::new(local)),
            ..self.clone()
        }
    }

    pub(super) fn copies(&self) -> impl Iterator<Item = &CopyLoop> {
        std::iter::successors(self.copy.as_deref(), |copy| copy.outer.as_deref())
    }

    pub(super) fn local(&self, name: &str) -> Option<&Value> {
        std::iter::successors(self.locals.as_deref(), |local| local.outer.as_deref())
            .find(|local| local.name.eq_ignore_ascii_case(name))
            .map(|local| &local.value)
    }
}

/// A parameter or a variable: evaluated when it is first asked for.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    /// As it stands in the template, and where its names have their meaning.
    Pending(Value, Frame),
    /// An entry of the `copy` of all variables.
    PendingCopy(Value, Frame),
    /// A parameter as a deployment hands it over, `{"value": ...}`, and what it is without one: null is no value.
    Given(Value, Frame, Option<Box<Slot>>),
    /// Being evaluated: whoever asks now asks in a circle.
    Busy,
    /// Evaluated.
    Done(Value),
}
