//! Peering links as files record them.

use super::Side;
use crate::error::OperationError;
use crate::network::Network;
use crate::peering::{ImportNote, Peering, PeeringRecord};
use crate::spelling::PeeringState;

impl Network {
    /// Takes over links as files record them: all at once, since the state of one depends on whether the other is there.
    ///
    /// A recorded state is believed; without one it is derived from which links exist. A link that Azure would have refused is
    /// taken over and noted, so that people can look at a broken design; only a link without a place is left out.
    pub fn import_peerings(&mut self, records: Vec<PeeringRecord>) -> Vec<ImportNote> {
        let mut notes = Vec::new();
        let mut imported = Vec::with_capacity(records.len());
        for record in records {
            let local = &self.virtual_networks[record.virtual_network];
            if local.is_classic() {
                let error = self.no_peering_in(&record.id, local, &record.remote);
                notes.push(ImportNote::LeftOut {
                    peering: record.id,
                    error,
                });
                continue;
            }
            if self.peerings.find(&record.id).is_some() {
                notes.push(ImportNote::LeftOut {
                    peering: record.id.clone(),
                    error: OperationError::DuplicateId(record.id),
                });
                continue;
            }
            if local.id == record.remote {
                notes.push(ImportNote::LeftOut {
                    peering: record.id,
                    error: OperationError::PeeringWithItself(local.id.clone()),
                });
                continue;
            }
            let remote_space = record
                .remote_address_space
                .filter(|space| !space.is_empty())
                .or_else(|| {
                    let remote = self.virtual_networks.find(&record.remote)?;
                    Some(self.space_in_scope(remote, &record.scope, Side::Remote))
                });
            let key = self.peerings.add(Peering {
                id: record.id,
                virtual_network: record.virtual_network,
                remote: record.remote,
                flags: record.flags,
                scope: record.scope,
                state: PeeringState::Initiated,
                remote_address_space: remote_space.unwrap_or_default(),
                resource_guid: record.resource_guid,
                recorded_sync_level: record.sync_level,
                mirrors: None,
            });
            self.links_mut(record.virtual_network).push(key);
            imported.push((key, record.state));
        }
        for &(key, _) in &imported {
            self.mirror(key);
        }
        for &(key, recorded) in &imported {
            let peering = &self.peerings[key];
            let known = self.virtual_networks.find(&peering.remote).is_some();
            let derived = if !known || self.reverse_link(key).is_some() {
                PeeringState::Connected
            } else {
                PeeringState::Initiated
            };
            match recorded {
                // Without a reverse link both are right: it has not come yet, or it was deleted (P-2).
                Some(PeeringState::Disconnected) if derived == PeeringState::Initiated => {}
                // The reverse link lies in a network that was not loaded: nothing to compare with.
                Some(recorded) if known && recorded != derived => {
                    notes.push(ImportNote::StateDiffers {
                        peering: peering.id.clone(),
                        recorded,
                        derived,
                    });
                }
                None if !known => notes.push(ImportNote::AssumedConnected {
                    peering: peering.id.clone(),
                }),
                Some(_) | None => {}
            }
            self.peering_mut(key).state = recorded.unwrap_or(derived);
            self.mirror(key);
        }
        for &(key, _) in &imported {
            if let Err(error) = self.check_peering(&self.peerings[key], Some(key)) {
                let peering = self.peerings[key].id.clone();
                notes.push(ImportNote::WouldBeRefused { peering, error });
            }
        }
        notes
    }
}
