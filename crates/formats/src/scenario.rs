//! Scenarios.
use crate::diagnostic::Diagnostics;
use crate::json::{Object, Value};
use crate::resources::{Additions, Collection};
use crate::source::Span;

pub(crate) fn is_scenario(_object: &Object) -> bool {
    false
}

pub(crate) struct Read {
    pub(crate) topology: Vec<(std::sync::Arc<str>, Span)>,
}

pub(crate) fn read(_: &Value, _: &mut Collection, _: &mut Additions, _: &mut Diagnostics) -> Read {
    Read {
        topology: Vec::new(),
    }
}
