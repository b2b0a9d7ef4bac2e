//! Networks for tests, written as scenarios.

use std::sync::Arc;

use control::Snapshot;
use model::Network;
use reach::{Addresses, Ends, Matrix, Question, Service, Watch};
use testnet::load;

/// A network with its snapshot and all of its ends.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) snapshot: Snapshot,
    pub(crate) ends: Arc<Ends>,
}

impl World {
    pub(crate) fn new(scenario: &str) -> Self {
        Self::of(load(scenario))
    }

    pub(crate) fn of(network: Network) -> Self {
        let snapshot = control::compile(&network);
        let nics = Ends::of_nics(&network, Addresses::All);
        let outside = Ends::outside(&network).and(&Ends::internet(&network));
        Self {
            ends: Arc::new(nics.and(&outside)),
            network,
            snapshot,
        }
    }

    pub(crate) fn by_packets(&self, service: Service) -> Matrix {
        let question = Question::about(service);
        reach::by_packets(
            &self.snapshot,
            &self.ends,
            &self.ends,
            question,
            &Watch::default(),
        )
        .expect("nobody cancels")
    }

    /// Position of an end by its name.
    pub(crate) fn end(&self, name: &str) -> usize {
        let names = self.ends.names(&self.network);
        names
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| panic!("no {name} among {names:?}"))
    }
}
