//! Where resources stand in the files, for those who speak about them later.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use model::ResourceId;

use crate::source::Span;

/// The place of every resource, subnets, links, routes and rules included, by id. One that several files describe stands in the first.
#[derive(Clone, Debug, Default)]
pub struct Locations(HashMap<ResourceId, Span, RandomState>);

impl Locations {
    /// Where the resource stands; one that has no place of its own (it came to be by another one) stands where its parent does.
    pub fn of(&self, id: &ResourceId) -> Option<Span> {
        let mut id = id.clone();
        loop {
            if let Some(&span) = self.0.get(&id) {
                return Some(span);
            }
            id = id.parent()?;
        }
    }

    /// With room for so many.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(
            count,
            RandomState::default(),
        ))
    }

    pub(crate) fn note(&mut self, id: &ResourceId, span: Span) {
        self.0.entry(id.clone()).or_insert(span);
    }
}
