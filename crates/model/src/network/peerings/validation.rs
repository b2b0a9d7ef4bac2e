//! What the service checks before it stores a peering link (P-3, P-5, P-8, F-11, F-12).

use ipnet::Ipv4Net;

use super::Side;
use crate::address::first_overlap;
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::network::Network;
use crate::peering::{Peering, PeeringScope};
use crate::spelling::PeeringState;
use crate::table::LinkId;
use crate::virtual_network::VirtualNetwork;

/// Subnets of each side that can take part in a subnet peering (P-8).
const PEERED_SUBNETS: usize = 200;

impl Network {
    /// All that the service checks before it stores a link. `own` is the link's key if it is in the table already.
    pub(super) fn check_peering(
        &self,
        link: &Peering,
        own: Option<LinkId>,
    ) -> Result<(), OperationError> {
        let local = &self.virtual_networks[link.virtual_network];
        let remote = self.virtual_networks.find(&link.remote);
        if local.is_classic() {
            return Err(self.no_peering_in(&link.id, local, &link.remote));
        }
        if let Some(remote) = remote.map(|remote| &self.virtual_networks[remote])
            && let (Some(local_cloud), Some(remote_cloud)) =
                (local.location.cloud(), remote.location.cloud())
            && local_cloud != remote_cloud
        {
            return Err(OperationError::DifferentClouds {
                peering: link.id.clone(),
                local: local.id.clone(),
                local_cloud,
                remote: remote.id.clone(),
                remote_cloud,
            });
        }
        let others = local
            .peerings
            .iter()
            .copied()
            .filter(|&other| Some(other) != own);
        if let Some(existing) = others
            .map(|other| &self.peerings[other])
            .find(|other| other.remote == link.remote)
        {
            return Err(OperationError::AnotherPeeringAlreadyReferencesRemoteVnet {
                peering: link.id.clone(),
                existing: existing.id.clone(),
                remote: link.remote.clone(),
            });
        }
        self.check_scope(link)?;
        self.check_overlap(link)?;
        let reverse = self.links_between(link);
        if let Some(reverse) = reverse
            && own.is_none()
            && self.peerings[reverse].state == PeeringState::Disconnected
        {
            return Err(OperationError::RemotePeeringIsDisconnected {
                peering: link.id.clone(),
                reverse: self.peerings[reverse].id.clone(),
                local: local.id.clone(),
            });
        }
        self.check_remote_gateway(link, own, reverse)
    }

    /// P-9: a classic network holds no link, and two of them cannot be peered at all.
    pub(super) fn no_peering_in(
        &self,
        peering: &ResourceId,
        classic: &VirtualNetwork,
        remote: &ResourceId,
    ) -> OperationError {
        let (peering, local, remote) = (peering.clone(), classic.id.clone(), remote.clone());
        if self.is_classic(&remote) {
            OperationError::ClassicNetworks {
                peering,
                local,
                remote,
            }
        } else {
            OperationError::ClassicNetworkHoldsNoPeering {
                peering,
                local,
                remote,
            }
        }
    }

    /// The reverse of a link that may not be in the table yet.
    fn links_between(&self, link: &Peering) -> Option<LinkId> {
        let remote = self.virtual_networks.find(&link.remote)?;
        let local = &self.virtual_networks[link.virtual_network].id;
        self.virtual_networks[remote]
            .peerings
            .iter()
            .copied()
            .find(|&reverse| self.peerings[reverse].remote == *local)
    }

    /// P-8: a subnet peering names subnets that exist, and not more than the service takes.
    pub(super) fn check_scope(&self, link: &Peering) -> Result<(), OperationError> {
        let PeeringScope::Subnets { local, remote, .. } = &link.scope else {
            return Ok(());
        };
        let sides = [
            (Some(link.virtual_network), local),
            (self.virtual_networks.find(&link.remote), remote),
        ];
        for (vnet, names) in sides {
            let Some(vnet) = vnet else { continue };
            let network = &self.virtual_networks[vnet];
            if names.len() > PEERED_SUBNETS {
                return Err(OperationError::TooManyPeeredSubnets {
                    peering: link.id.clone(),
                    virtual_network: network.id.clone(),
                    count: names.len(),
                    limit: PEERED_SUBNETS,
                });
            }
            let has = |name: &String| {
                network
                    .subnets
                    .iter()
                    .any(|&subnet| self.subnets[subnet].id.name().eq_ignore_ascii_case(name))
            };
            if let Some(missing) = names.iter().find(|&name| !has(name)) {
                return Err(OperationError::PeeredSubnetNotFound {
                    peering: link.id.clone(),
                    subnet: missing.clone(),
                    virtual_network: network.id.clone(),
                });
            }
        }
        Ok(())
    }

    /// Overlap with the remote network, with those it is peered with, and with those we are peered with. The second is the rule
    /// that users forget: two spokes of one hub must not overlap, although they never talk.
    pub(super) fn check_overlap(&self, link: &Peering) -> Result<(), OperationError> {
        let local = &self.virtual_networks[link.virtual_network];
        let local_space = self.space_in_scope(link.virtual_network, &link.scope, Side::Local);
        if let Some((local_prefix, remote_prefix)) =
            first_overlap(&local_space, &link.remote_address_space)
        {
            return Err(OperationError::VnetAddressSpacesOverlap {
                peering: link.id.clone(),
                local: local.id.clone(),
                remote: link.remote.clone(),
                local_prefix,
                remote_prefix,
            });
        }
        let Some(remote) = self.virtual_networks.find(&link.remote) else {
            return Ok(());
        };
        let refuse = |already: &Peering, (local_prefix, other_prefix)| {
            OperationError::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
                peering: link.id.clone(),
                local: local.id.clone(),
                remote: link.remote.clone(),
                already: already.remote.clone(),
                local_prefix,
                other_prefix,
            }
        };
        // O1, three reports: a Disconnected link still holds its prefixes and counts.
        for &other in &self.virtual_networks[remote].peerings {
            let other = &self.peerings[other];
            if other.remote != local.id
                && let Some(pair) = first_overlap(&local_space, &other.remote_address_space)
            {
                return Err(refuse(other, pair));
            }
        }
        // Assumed: the hub's side is checked in the same way when its link comes first. A recording of that order would settle it.
        for &other in &local.peerings {
            let other = &self.peerings[other];
            if other.remote != link.remote
                && let Some(pair) =
                    first_overlap(&link.remote_address_space, &other.remote_address_space)
            {
                return Err(refuse(other, pair));
            }
        }
        Ok(())
    }

    /// A changed address space must not overlap with any peer's, nor with the peers of peers (P-6).
    pub(crate) fn check_spaces_of_peers(
        &self,
        link: LinkId,
        space: &[Ipv4Net],
    ) -> Result<(), OperationError> {
        let visible = &self.peerings[self.visible_link(link)].id;
        let link = &self.peerings[link];
        if matches!(link.scope, PeeringScope::Subnets { .. }) {
            return Ok(()); // P-8: only the named subnets count, and they stay where they are.
        }
        let local = &self.virtual_networks[link.virtual_network];
        if let Some((local_prefix, remote_prefix)) =
            first_overlap(space, &link.remote_address_space)
        {
            return Err(OperationError::VnetAddressSpacesOverlap {
                peering: visible.clone(),
                local: local.id.clone(),
                remote: link.remote.clone(),
                local_prefix,
                remote_prefix,
            });
        }
        let Some(remote) = self.virtual_networks.find(&link.remote) else {
            return Ok(());
        };
        for &other in &self.virtual_networks[remote].peerings {
            let other = &self.peerings[other];
            if other.remote != local.id
                && let Some((local_prefix, other_prefix)) =
                    first_overlap(space, &other.remote_address_space)
            {
                return Err(
                    OperationError::VnetAddressSpaceOverlapsWithAlreadyPeeredVnet {
                        peering: visible.clone(),
                        local: local.id.clone(),
                        remote: link.remote.clone(),
                        already: other.remote.clone(),
                        local_prefix,
                        other_prefix,
                    },
                );
            }
        }
        Ok(())
    }

    /// The conditions of `useRemoteGateways` (P-3, F-11, F-12).
    pub(super) fn check_remote_gateway(
        &self,
        link: &Peering,
        own: Option<LinkId>,
        reverse: Option<LinkId>,
    ) -> Result<(), OperationError> {
        if !link.flags.use_remote_gateways {
            return Ok(());
        }
        let local = &self.virtual_networks[link.virtual_network];
        if self.is_classic(&link.remote) {
            return Err(OperationError::ClassicRemoteGateway {
                peering: link.id.clone(),
                remote: link.remote.clone(),
            });
        }
        if let Some((_, gateway)) = self.gateways_of(link.virtual_network).next() {
            return Err(OperationError::OwnGatewayPresent {
                peering: link.id.clone(),
                local: local.id.clone(),
                gateway: gateway.id.clone(),
            });
        }
        if let Some((_, server)) = self.route_server_of(link.virtual_network) {
            return Err(OperationError::OwnGatewayPresent {
                peering: link.id.clone(),
                local: local.id.clone(),
                gateway: server.id.clone(),
            });
        }
        let others = local
            .peerings
            .iter()
            .copied()
            .filter(|&other| Some(other) != own);
        if let Some(existing) = others
            .map(|other| &self.peerings[other])
            .find(|other| other.flags.use_remote_gateways)
        {
            return Err(OperationError::AnotherPeeringUsesRemoteGateways {
                peering: link.id.clone(),
                existing: existing.id.clone(),
            });
        }
        let Some(remote) = self.virtual_networks.find(&link.remote) else {
            return Ok(());
        };
        if let Some(reverse) = reverse {
            let reverse = &self.peerings[reverse];
            if reverse.flags.use_remote_gateways {
                return Err(OperationError::MutualGatewayUse {
                    peering: link.id.clone(),
                    reverse: reverse.id.clone(),
                });
            }
            if !reverse.flags.allow_gateway_transit {
                return Err(OperationError::RemoteAllowsNoTransit {
                    peering: link.id.clone(),
                    reverse: reverse.id.clone(),
                });
            }
        }
        // F-11: a route server counts as well.
        let shares_routes =
            self.gateways_of(remote).next().is_some() || self.route_server_of(remote).is_some();
        if !link.flags.do_not_verify_remote_gateways && !shares_routes {
            return Err(OperationError::RemoteVnetHasNoGateways {
                peering: link.id.clone(),
                remote: link.remote.clone(),
            });
        }
        Ok(())
    }
}
