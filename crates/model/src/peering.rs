//! Peering links and their life cycle (P-1 to P-8).
//!
//! A peering is two links, one in each network, each with its own flags (P-1). Deleting one leaves the other behind as
//! Disconnected: these are the API's semantics, not the portal's (P-2, C-1).

mod validation;

use ipnet::Ipv4Net;

use crate::error::OperationError;
use crate::id::ResourceId;
use crate::network::Network;
use crate::spelling::{PeeringState, PeeringSyncLevel};
use crate::table::{LinkId, Resource, VnetId};

/// One link of a peering.
#[derive(Clone, Debug)]
pub struct Peering {
    /// Full resource id; its name is unique in the network.
    pub id: ResourceId,
    /// The network that holds the link.
    pub virtual_network: VnetId,
    /// The network it points to, which need not be in the input.
    pub remote: ResourceId,
    /// What the link allows.
    pub flags: PeeringFlags,
    /// Whole networks or some subnets.
    pub scope: PeeringScope,
    /// Its state.
    pub state: PeeringState,
    /// The remote prefixes in force: a copy that only creation and sync refresh (P-6).
    pub remote_address_space: Vec<Ipv4Net>,
    /// `resourceGuid` as recorded; the same on both links.
    pub resource_guid: Option<String>,
    /// What a dump says of the sync level; used only where the remote network is not in the input.
    pub recorded_sync_level: Option<PeeringSyncLevel>,
}

/// The flags of a link, by Azure's names (F).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags of the service's own object"
)]
pub struct PeeringFlags {
    /// Whether the remote prefixes belong to this side's `VirtualNetwork` tag (F-2).
    pub allow_virtual_network_access: bool,
    /// Whether packets that did not originate in the remote network may enter this one (F-6).
    pub allow_forwarded_traffic: bool,
    /// Whether the remote network may use this network's gateway (F-11).
    pub allow_gateway_transit: bool,
    /// Whether this network uses the remote one's gateway (F-11).
    pub use_remote_gateways: bool,
    /// Skips the check that the remote network has a gateway (F-12).
    pub do_not_verify_remote_gateways: bool,
}

impl Default for PeeringFlags {
    /// As raw ARM without the properties: access true, the rest false (F-1).
    fn default() -> Self {
        Self {
            allow_virtual_network_access: true,
            allow_forwarded_traffic: false,
            allow_gateway_transit: false,
            use_remote_gateways: false,
            do_not_verify_remote_gateways: false,
        }
    }
}

/// What a link joins (P-8).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum PeeringScope {
    /// `peerCompleteVnets: true`.
    #[default]
    CompleteVirtualNetworks,
    /// Only these subnets, by name.
    Subnets {
        /// Of this network.
        local: Vec<String>,
        /// Of the remote network.
        remote: Vec<String>,
    },
}

/// What a file says of a link.
#[derive(Clone, Debug)]
pub struct PeeringRecord {
    /// Full resource id.
    pub id: ResourceId,
    /// The network that holds the link.
    pub virtual_network: VnetId,
    /// The network it points to.
    pub remote: ResourceId,
    /// Flags.
    pub flags: PeeringFlags,
    /// Whole networks or some subnets.
    pub scope: PeeringScope,
    /// `peeringState`, believed where present.
    pub state: Option<PeeringState>,
    /// `remoteAddressSpace`; missing = the remote network's address space.
    pub remote_address_space: Option<Vec<Ipv4Net>>,
    /// `resourceGuid`.
    pub resource_guid: Option<String>,
    /// `peeringSyncLevel`.
    pub sync_level: Option<PeeringSyncLevel>,
}

/// What was noticed while links were imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportNote {
    /// The recorded state is not the one that the links in the input give; the record is believed.
    StateDiffers {
        /// The link.
        peering: ResourceId,
        /// What the file says.
        recorded: PeeringState,
        /// What follows from the links.
        derived: PeeringState,
    },
    /// The remote network is not in the input and no state is recorded: assumed to be Connected.
    AssumedConnected {
        /// The link.
        peering: ResourceId,
    },
    /// Azure would have refused to create this link.
    WouldBeRefused {
        /// The link.
        peering: ResourceId,
        /// Why.
        error: OperationError,
    },
    /// The link was left out.
    LeftOut {
        /// The link.
        peering: ResourceId,
        /// Why.
        error: OperationError,
    },
}

/// What a sync did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// The link now holds the remote network's present prefixes.
    Refreshed,
    /// Nothing to do on this side. If the level is `RemoteNotInSync`, the reverse link is the one to sync.
    NothingToDo(PeeringSyncLevel),
}

impl Resource for Peering {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

/// Look-ups.
impl Network {
    /// The link of the remote network that points back, if the input has it.
    pub fn reverse_link(&self, link: LinkId) -> Option<LinkId> {
        let forward = &self.peerings[link];
        let remote = self.virtual_networks.find(&forward.remote)?;
        let local = &self.virtual_networks[forward.virtual_network].id;
        self.virtual_networks[remote]
            .peerings
            .iter()
            .copied()
            .find(|&reverse| self.peerings[reverse].remote == *local)
    }

    /// The remote network's present prefixes as far as the link's scope reaches; `None` if it is not in the input.
    pub fn present_remote_space(&self, link: LinkId) -> Option<Vec<Ipv4Net>> {
        let forward = &self.peerings[link];
        let remote = self.virtual_networks.find(&forward.remote)?;
        Some(self.space_in_scope(remote, remote_names(&forward.scope)))
    }

    /// The own prefixes that the link offers to the other side (P-8: only the named subnets of a subnet peering).
    pub fn local_space(&self, link: LinkId) -> Vec<Ipv4Net> {
        let forward = &self.peerings[link];
        self.space_in_scope(forward.virtual_network, local_names(&forward.scope))
    }

    /// How far both links know each other's address space (P-6): derived, never stored.
    pub fn sync_level(&self, link: LinkId) -> PeeringSyncLevel {
        let Some(present) = self.present_remote_space(link) else {
            return self.peerings[link]
                .recorded_sync_level
                .unwrap_or(PeeringSyncLevel::FullyInSync);
        };
        let local_old = !same_prefixes(&self.peerings[link].remote_address_space, &present);
        let remote_old = match self.reverse_link(link) {
            None => true,
            Some(reverse) => !same_prefixes(
                &self.peerings[reverse].remote_address_space,
                &self.local_space(link),
            ),
        };
        match (local_old, remote_old) {
            (false, false) => PeeringSyncLevel::FullyInSync,
            (false, true) => PeeringSyncLevel::RemoteNotInSync,
            (true, false) => PeeringSyncLevel::LocalNotInSync,
            (true, true) => PeeringSyncLevel::LocalAndRemoteNotInSync,
        }
    }

    fn space_in_scope(&self, vnet: VnetId, subnets: Option<&[String]>) -> Vec<Ipv4Net> {
        let network = &self.virtual_networks[vnet];
        let Some(names) = subnets else {
            return network.address_space.prefixes().to_vec();
        };
        names
            .iter()
            .filter_map(|name| {
                network
                    .subnets
                    .iter()
                    .map(|&subnet| &self.subnets[subnet])
                    .find(|subnet| subnet.id.name().eq_ignore_ascii_case(name))
            })
            .flat_map(|subnet| subnet.prefixes.iter().copied())
            .collect()
    }
}

/// The life cycle.
impl Network {
    /// Creates a link (P-2, P-3). The first of a pair is Initiated; with the second both become Connected.
    pub fn create_peering(
        &mut self,
        vnet: VnetId,
        name: &str,
        remote: &ResourceId,
        flags: PeeringFlags,
        scope: PeeringScope,
    ) -> Result<LinkId, OperationError> {
        let local = &self.virtual_networks[vnet];
        let id = local.id.child("virtualNetworkPeerings", name);
        if self.peerings.find(&id).is_some() {
            return Err(OperationError::DuplicateId(id));
        }
        if local.id == *remote {
            return Err(OperationError::PeeringWithItself(local.id.clone()));
        }
        let Some(remote_vnet) = self.virtual_networks.find(remote) else {
            return Err(OperationError::NotFound(remote.clone()));
        };
        let link = Peering {
            id,
            virtual_network: vnet,
            remote: self.virtual_networks[remote_vnet].id.clone(),
            flags,
            remote_address_space: self.space_in_scope(remote_vnet, remote_names(&scope)),
            scope,
            state: PeeringState::Initiated,
            resource_guid: None,
            recorded_sync_level: None,
        };
        self.check_peering(&link, None)?;
        let key = self.peerings.add(link);
        self.virtual_network_mut(vnet).peerings.push(key);
        if let Some(reverse) = self.reverse_link(key) {
            self.peering_mut(key).state = PeeringState::Connected;
            self.peering_mut(reverse).state = PeeringState::Connected;
        }
        Ok(key)
    }

    /// Changes the flags of a link. A Disconnected link is stored anew: it takes over the remote network's present prefixes and goes
    /// back to Initiated (P-2), or to Connected if the reverse link waits.
    pub fn update_peering(
        &mut self,
        link: LinkId,
        flags: PeeringFlags,
    ) -> Result<(), OperationError> {
        let present = &self.peerings[link];
        let reverse = self.reverse_link(link);
        let mut changed = Peering {
            flags,
            ..present.clone()
        };
        if flags.use_remote_gateways && !present.flags.use_remote_gateways {
            self.check_remote_gateway(&changed, Some(link), reverse)?;
        }
        if present.state == PeeringState::Disconnected {
            changed.state = PeeringState::Initiated;
            if let Some(space) = self.present_remote_space(link) {
                changed.remote_address_space = space;
            }
            self.check_overlap(&changed)?;
            if let Some(reverse) = reverse
                && self.peerings[reverse].state != PeeringState::Disconnected
            {
                changed.state = PeeringState::Connected;
                self.peering_mut(reverse).state = PeeringState::Connected;
            }
        }
        *self.peering_mut(link) = changed;
        Ok(())
    }

    /// Deletes a link. The reverse link stays behind as Disconnected, with its flags and its copy of our prefixes (P-2).
    pub fn delete_peering(&mut self, link: LinkId) {
        let reverse = self.reverse_link(link);
        if let Some(removed) = self.peerings.remove(link) {
            self.virtual_network_mut(removed.virtual_network)
                .peerings
                .retain(|&other| other != link);
        }
        if let Some(reverse) = reverse {
            self.peering_mut(reverse).state = PeeringState::Disconnected;
        }
    }

    /// Refreshes a link's copy of the remote address space (P-6). On a link that is `RemoteNotInSync` it changes nothing, as in Azure.
    pub fn sync_peering(&mut self, link: LinkId) -> Result<SyncOutcome, OperationError> {
        let level = self.sync_level(link);
        match level {
            PeeringSyncLevel::FullyInSync | PeeringSyncLevel::RemoteNotInSync => {
                Ok(SyncOutcome::NothingToDo(level))
            }
            PeeringSyncLevel::LocalNotInSync | PeeringSyncLevel::LocalAndRemoteNotInSync => {
                let Some(space) = self.present_remote_space(link) else {
                    return Err(OperationError::NotFound(self.peerings[link].remote.clone()));
                };
                let refreshed = Peering {
                    remote_address_space: space,
                    ..self.peerings[link].clone()
                };
                self.check_overlap(&refreshed)?;
                *self.peering_mut(link) = refreshed;
                Ok(SyncOutcome::Refreshed)
            }
        }
    }

    /// Takes over links as files record them: all at once, since the state of one depends on whether the other is there.
    ///
    /// A recorded state is believed; without one it is derived from which links exist. A link that Azure would have refused is
    /// taken over and noted, so that people can look at a broken design; only a link without a place is left out.
    pub fn import_peerings(&mut self, records: Vec<PeeringRecord>) -> Vec<ImportNote> {
        let mut notes = Vec::new();
        let mut imported = Vec::with_capacity(records.len());
        for record in records {
            let local = &self.virtual_networks[record.virtual_network];
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
                    Some(self.space_in_scope(remote, remote_names(&record.scope)))
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
            });
            self.virtual_network_mut(record.virtual_network)
                .peerings
                .push(key);
            imported.push((key, record.state));
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
        }
        for &(key, _) in &imported {
            if let Err(error) = self.check_peering(&self.peerings[key], Some(key)) {
                let peering = self.peerings[key].id.clone();
                notes.push(ImportNote::WouldBeRefused { peering, error });
            }
        }
        notes
    }

    /// Links of other networks to a deleted one become Disconnected (P-2).
    pub(crate) fn disconnect_links_to(&mut self, remote: &ResourceId) {
        let links: Vec<LinkId> = self
            .peerings
            .iter()
            .filter(|(_, link)| link.remote == *remote)
            .map(|(key, _)| key)
            .collect();
        for link in links {
            self.peering_mut(link).state = PeeringState::Disconnected;
        }
    }

    fn peering_mut(&mut self, link: LinkId) -> &mut Peering {
        self.peerings
            .get_mut(link)
            .expect("a key held by a live resource names a live resource")
    }
}

fn local_names(scope: &PeeringScope) -> Option<&[String]> {
    match scope {
        PeeringScope::CompleteVirtualNetworks => None,
        PeeringScope::Subnets { local, .. } => Some(local),
    }
}

fn remote_names(scope: &PeeringScope) -> Option<&[String]> {
    match scope {
        PeeringScope::CompleteVirtualNetworks => None,
        PeeringScope::Subnets { remote, .. } => Some(remote),
    }
}

fn same_prefixes(one: &[Ipv4Net], other: &[Ipv4Net]) -> bool {
    one.len() == other.len() && one.iter().all(|prefix| other.contains(prefix))
}
