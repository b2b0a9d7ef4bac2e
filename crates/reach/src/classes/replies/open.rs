//! Replies under way. Those that come to a NIC alike go on together, whoever has sent them.

use model::NicId;

use super::Leaving;
use crate::classes::spans::{Span, Spans};

#[derive(Default)]
pub(super) struct Open {
    leaving: Vec<Leaving>,
    entering: Vec<Entering>,
}

struct Entering {
    at: NicId,
    /// Without its columns.
    reply: Leaving,
    spans: Vec<Span>,
}

/// What is next.
pub(super) enum Next {
    Leaves(Leaving),
    Enters(NicId, Leaving),
}

impl Open {
    pub(super) fn leave(&mut self, leaving: Leaving) {
        self.leaving.push(leaving);
    }

    pub(super) fn enter(&mut self, at: NicId, leaving: Leaving) {
        let alike = |known: &&mut Entering| known.at == at && known.reply.goes_on_like(&leaving);
        match self.entering.iter_mut().find(alike) {
            Some(known) => known.spans.extend_from_slice(leaving.columns.as_slice()),
            None => self.entering.push(Entering {
                at,
                spans: leaving.columns.as_slice().to_vec(),
                reply: leaving,
            }),
        }
    }

    /// All that leave come first, so that those they meet go on with them.
    pub(super) fn next(&mut self) -> Option<Next> {
        if let Some(leaving) = self.leaving.pop() {
            return Some(Next::Leaves(leaving));
        }
        let Entering { at, reply, spans } = self.entering.pop()?;
        let columns = Spans::of(spans);
        Some(Next::Enters(at, Leaving { columns, ..reply }))
    }
}
