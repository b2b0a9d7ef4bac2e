//! Peering links and their life cycle (P-1 to P-8).
//!
//! A peering is two links, one in each network, each with its own flags (P-1). Deleting one leaves the other behind as
//! Disconnected: these are the API's semantics, not the portal's (P-2, C-1).
//!
//! A classic network has no link (P-9). What it knows of its peer is kept as a link all the same, one that nobody can see or change:
//! it mirrors the link on the Resource Manager side ([`Peering::mirrors`]), so that whoever asks "what does this network know of that
//! one" asks links and nothing else.

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
    /// The link that this one mirrors in a classic network (P-9); `None` for every link that Azure knows.
    pub mirrors: Option<LinkId>,
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
        /// `enableOnlyIPv6Peering`: their IPv4 prefixes take no part.
        only_ipv6: bool,
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
        Some(self.space_in_scope(remote, &forward.scope, Side::Remote))
    }

    /// Links that Azure knows: without the mirrors in classic networks (P-9).
    pub fn listed_peerings(&self) -> impl DoubleEndedIterator<Item = (LinkId, &Peering)> {
        self.peerings
            .iter()
            .filter(|(_, link)| link.mirrors.is_none())
    }

    /// Links that a virtual network holds and Azure knows, in the order of their creation.
    pub fn listed_peerings_of(&self, vnet: VnetId) -> impl Iterator<Item = LinkId> {
        self.virtual_networks[vnet]
            .peerings
            .iter()
            .copied()
            .filter(|&link| self.peerings[link].mirrors.is_none())
    }

    /// The link that a user would have to change in order to change this one: itself, unless it mirrors another.
    pub fn visible_link(&self, link: LinkId) -> LinkId {
        self.peerings[link].mirrors.unwrap_or(link)
    }

    /// The own prefixes that the link offers to the other side (P-8: only the named subnets of a subnet peering).
    pub fn local_space(&self, link: LinkId) -> Vec<Ipv4Net> {
        let forward = &self.peerings[link];
        self.space_in_scope(forward.virtual_network, &forward.scope, Side::Local)
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

    /// The prefixes of a network that take part in a peering of this scope.
    fn space_in_scope(&self, vnet: VnetId, scope: &PeeringScope, side: Side) -> Vec<Ipv4Net> {
        let network = &self.virtual_networks[vnet];
        let names = match (scope, side) {
            (PeeringScope::CompleteVirtualNetworks, _) => {
                return network.address_space.prefixes().to_vec();
            }
            (
                PeeringScope::Subnets {
                    only_ipv6: true, ..
                },
                _,
            ) => return Vec::new(),
            (PeeringScope::Subnets { local, .. }, Side::Local) => local,
            (PeeringScope::Subnets { remote, .. }, Side::Remote) => remote,
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
            remote_address_space: self.space_in_scope(remote_vnet, &scope, Side::Remote),
            scope,
            state: PeeringState::Initiated,
            resource_guid: None,
            recorded_sync_level: None,
            mirrors: None,
        };
        self.check_peering(&link, None)?;
        let key = self.peerings.add(link);
        self.links_mut(vnet).push(key);
        if self.virtual_networks[remote_vnet].is_classic() {
            self.peering_mut(key).state = PeeringState::Updating;
            self.mirror(key);
        } else if let Some(reverse) = self.reverse_link(key) {
            self.peering_mut(key).state = PeeringState::Connected;
            self.peering_mut(reverse).state = PeeringState::Connected;
        }
        Ok(key)
    }

    /// Creates a link, or changes the one of this name: what the service's PUT does. Which networks are joined and whether whole
    /// networks are is decided once (P-5); the subnets of a subnet peering may change.
    pub fn put_peering(
        &mut self,
        vnet: VnetId,
        name: &str,
        remote: &ResourceId,
        flags: PeeringFlags,
        scope: PeeringScope,
    ) -> Result<LinkId, OperationError> {
        let id = self.virtual_networks[vnet]
            .id
            .child("virtualNetworkPeerings", name);
        let Some(link) = self.peerings.find(&id) else {
            return self.create_peering(vnet, name, remote, flags, scope);
        };
        if self.peerings[link].remote != *remote {
            return Err(OperationError::PeeringPropertyFixed {
                peering: id,
                what: "the remote virtual network",
            });
        }
        let before = self.peerings[link].clone();
        self.set_peering_scope(link, scope)?;
        if let Err(error) = self.update_peering(link, flags) {
            *self.peering_mut(link) = before;
            self.mirror(link);
            return Err(error);
        }
        Ok(link)
    }

    /// Changes which subnets a subnet peering joins (P-8). Its type stays as it is (P-5). The link takes over the present prefixes of
    /// the remote subnets; the reverse link has to be changed and synced by itself.
    pub fn set_peering_scope(
        &mut self,
        link: LinkId,
        scope: PeeringScope,
    ) -> Result<(), OperationError> {
        let present = &self.peerings[link];
        if present.scope == scope {
            return Ok(());
        }
        let subnets = |scope: &PeeringScope| matches!(scope, PeeringScope::Subnets { .. });
        if !subnets(&present.scope) || !subnets(&scope) {
            return Err(OperationError::PeeringPropertyFixed {
                peering: present.id.clone(),
                what: "what is peered (whole networks or subnets)",
            });
        }
        let mut changed = Peering {
            scope,
            ..present.clone()
        };
        if let Some(remote) = self.virtual_networks.find(&changed.remote) {
            changed.remote_address_space =
                self.space_in_scope(remote, &changed.scope, Side::Remote);
        }
        self.check_scope(&changed)?;
        self.check_overlap(&changed)?;
        *self.peering_mut(link) = changed;
        self.mirror(link);
        Ok(())
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
            if self.is_classic(&changed.remote) {
                // Nobody on the other side could wait for it.
                changed.state = match self.virtual_networks.find(&changed.remote) {
                    Some(_) => PeeringState::Updating,
                    None => PeeringState::Disconnected,
                };
            } else if let Some(reverse) = reverse
                && self.peerings[reverse].state != PeeringState::Disconnected
            {
                changed.state = PeeringState::Connected;
                self.peering_mut(reverse).state = PeeringState::Connected;
            }
        }
        *self.peering_mut(link) = changed;
        self.mirror(link);
        Ok(())
    }

    /// Links to classic networks that are Updating become Connected, which in Azure happens by itself after a moment (P-9).
    pub fn finish_updating_peerings(&mut self) {
        let links: Vec<LinkId> = self
            .peerings
            .iter()
            .filter(|(_, link)| link.state == PeeringState::Updating)
            .map(|(key, _)| key)
            .collect();
        for link in links {
            self.peering_mut(link).state = PeeringState::Connected;
        }
    }

    /// Deletes a link. The reverse link stays behind as Disconnected, with its flags and its copy of our prefixes (P-2).
    pub fn delete_peering(&mut self, link: LinkId) {
        let reverse = self.reverse_link(link);
        if let Some(removed) = self.peerings.remove(link) {
            self.links_mut(removed.virtual_network)
                .retain(|&other| other != link);
        }
        match reverse {
            Some(mirror) if self.peerings[mirror].mirrors == Some(link) => {
                self.delete_peering(mirror);
            }
            Some(reverse) => self.peering_mut(reverse).state = PeeringState::Disconnected,
            None => {}
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
                self.mirror(link);
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

    /// True for the id of a classic network, whether it is in the input or not.
    pub(crate) fn is_classic(&self, vnet: &ResourceId) -> bool {
        match self.virtual_networks.find(vnet) {
            Some(vnet) => self.virtual_networks[vnet].is_classic(),
            None => vnet
                .kind()
                .eq_ignore_ascii_case("Microsoft.ClassicNetwork/virtualNetworks"),
        }
    }

    /// Makes what a classic network knows of its peer follow the one link of the pair (P-9). Nothing documented says which of the
    /// flags hold for the classic side. Assumed: access and forwarded traffic hold both ways, and a gateway that is offered is used.
    fn mirror(&mut self, link: LinkId) {
        let original = &self.peerings[link];
        let Some(classic) = self.virtual_networks.find(&original.remote) else {
            return;
        };
        if original.mirrors.is_some() || !self.virtual_networks[classic].is_classic() {
            return;
        }
        let scope = match &original.scope {
            PeeringScope::CompleteVirtualNetworks => PeeringScope::CompleteVirtualNetworks,
            PeeringScope::Subnets {
                local,
                remote,
                only_ipv6,
            } => PeeringScope::Subnets {
                local: remote.clone(),
                remote: local.clone(),
                only_ipv6: *only_ipv6,
            },
        };
        let flags = PeeringFlags {
            allow_gateway_transit: false,
            use_remote_gateways: original.flags.allow_gateway_transit,
            ..original.flags
        };
        let remote = self.virtual_networks[original.virtual_network].id.clone();
        let (state, space) = (original.state, self.local_space(link));
        if let Some(mirror) = self.reverse_link(link) {
            let mirror = self.peering_mut(mirror);
            mirror.flags = flags;
            mirror.scope = scope;
            mirror.state = state;
            mirror.remote_address_space = space;
            return;
        }
        // Azure has no such resource: the name only has to be free.
        let mut name = format!("{}~{}", remote.name(), original.id.name());
        let holder = self.virtual_networks[classic].id.clone();
        while self
            .peerings
            .find(&holder.child("virtualNetworkPeerings", &name))
            .is_some()
        {
            name.push('~');
        }
        let mirror = self.peerings.add(Peering {
            id: holder.child("virtualNetworkPeerings", &name),
            virtual_network: classic,
            remote,
            flags,
            scope,
            state,
            remote_address_space: space,
            resource_guid: None,
            recorded_sync_level: None,
            mirrors: Some(link),
        });
        self.links_mut(classic).push(mirror);
    }

    /// The links of a network whose space has changed hold it in their mirrors at once: nothing could be synced there (P-9, assumed).
    pub(crate) fn mirror_links_of(&mut self, vnet: VnetId) {
        for link in self.virtual_networks[vnet].peerings.clone() {
            self.mirror(link);
        }
    }

    /// The links that a network holds. The journal of links tells what becomes of the list.
    fn links_mut(&mut self, vnet: VnetId) -> &mut Vec<LinkId> {
        let network = self.virtual_networks.get_mut_unrecorded(vnet);
        &mut network
            .expect("a key held by a live resource names a live resource")
            .peerings
    }

    fn peering_mut(&mut self, link: LinkId) -> &mut Peering {
        self.peerings
            .get_mut(link)
            .expect("a key held by a live resource names a live resource")
    }
}

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The network that holds it.
    Local,
    /// The one it points to.
    Remote,
}

fn same_prefixes(one: &[Ipv4Net], other: &[Ipv4Net]) -> bool {
    one.len() == other.len() && one.iter().all(|prefix| other.contains(prefix))
}
