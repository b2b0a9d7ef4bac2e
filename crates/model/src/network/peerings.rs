//! Peering links: look-ups, and their life cycle (P-1 to P-8).

mod import;
mod mirror;
mod validation;

use ipnet::Ipv4Net;

use super::Network;
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::peering::{Peering, PeeringFlags, PeeringScope, SyncOutcome};
use crate::spelling::{PeeringState, PeeringSyncLevel};
use crate::table::{LinkId, VnetId};

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
