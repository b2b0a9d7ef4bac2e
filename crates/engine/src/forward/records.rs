//! NICs as records: what each shard has counted of them.

use control::Snapshot;
use dataplane::pipeline::{Delivery, Outcome};
use model::NicId;

/// What a NIC has done in the measured part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NicRecord {
    /// Packets that its guest has sent.
    pub sent: u64,
    /// Packets that its guest has got for itself.
    pub delivered: u64,
    /// Packets that were dropped at it.
    pub dropped: u64,
}

/// The records of one shard, by [`NicId`].
#[derive(Debug, Default)]
pub struct Records(Vec<NicRecord>);

impl Records {
    /// Makes room for all NICs of a snapshot.
    pub fn fit(&mut self, snapshot: &Snapshot) {
        let outside = snapshot.outside_hosts.last_key_value();
        let outside = outside.map_or(0, |(station, _)| station.get() as usize + 1);
        let nics = snapshot.nics.len().max(outside);
        if nics > self.0.len() {
            self.0.resize(nics, NicRecord::default());
        }
    }

    /// A guest hands a packet to this NIC.
    #[inline]
    pub fn sent(&mut self, nic: NicId) {
        if let Some(record) = self.0.get_mut(nic.get() as usize) {
            record.sent += 1;
        }
    }

    /// A packet's life is over.
    #[inline]
    pub fn settled(&mut self, outcome: Outcome) {
        let (nic, delivered) = match outcome {
            Outcome::Delivered(Delivery::Guest(nic)) => (nic, true),
            Outcome::Delivered(
                Delivery::Platform | Delivery::Internet | Delivery::AzureService,
            ) => return,
            Outcome::Dropped { nic, .. } => (nic, false),
        };
        if let Some(record) = self.0.get_mut(nic.get() as usize) {
            record.delivered += u64::from(delivered);
            record.dropped += u64::from(!delivered);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(NicRecord::default());
    }

    /// Adds those of another shard.
    pub(super) fn add(&mut self, other: &Self) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), NicRecord::default());
        }
        for (sum, one) in self.0.iter_mut().zip(&other.0) {
            sum.sent += one.sent;
            sum.delivered += one.delivered;
            sum.dropped += one.dropped;
        }
    }

    /// Those of NICs that have met a packet.
    pub fn met(self) -> Vec<(NicId, NicRecord)> {
        let numbered = (0..).map(NicId::new).zip(self.0);
        numbered
            .filter(|(_, record)| *record != NicRecord::default())
            .collect()
    }
}
