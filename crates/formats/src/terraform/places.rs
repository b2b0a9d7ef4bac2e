//! What Terraform calls the resources and properties about which the reader of ARM complains.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// Addresses and arguments by id and place.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Addresses by id in lower case.
    resources: HashMap<String, String>,
    /// Address and argument by the place of a value; no address where several instances share a place.
    values: HashMap<Span, (Option<String>, String)>,
}

impl Places {
    pub(super) fn resource(&mut self, id: &str, address: &str) {
        self.resources
            .entry(id.to_ascii_lowercase())
            .or_insert_with(|| address.to_owned());
    }

    pub(super) fn value(&mut self, span: Span, address: &str, argument: &str) {
        let entry = self
            .values
            .entry(span)
            .or_insert_with(|| (Some(address.to_owned()), argument.to_owned()));
        if entry.0.as_deref() != Some(address) {
            entry.0 = None;
        }
    }

    /// Adds the places of another document.
    pub(crate) fn extend(&mut self, other: Self) {
        self.resources.extend(other.resources);
        self.values.extend(other.values);
    }

    /// Says of every problem in a plan where it is in Terraform's words.
    pub(crate) fn rename(&self, diagnostics: &mut Diagnostics) {
        if self.resources.is_empty() {
            return;
        }
        diagnostics.change_each(|problem| self.rename_one(problem));
    }

    fn rename_one(&self, problem: &mut Diagnostic) {
        let of_template = "; give the parameter a value";
        let place = problem.span.and_then(|span| self.values.get(&span));
        let by_id = problem
            .resource
            .as_ref()
            .and_then(|id| self.resources.get(&id.to_ascii_lowercase()));
        if let Some((address, argument)) = place {
            if let Some(address) = address.as_ref().or(by_id) {
                problem.resource = Some(address.clone());
            }
            if let Some(property) = problem.property.replace(argument.clone()) {
                problem.message = problem.message.replace(&property, argument);
            }
            if let Some(expected) = problem.expected.as_mut()
                && expected.ends_with(of_template)
            {
                *expected = expected.replace(of_template, ", known before the apply");
            }
        } else if let Some(address) = by_id {
            problem.resource = Some(address.clone());
        }
    }
}
