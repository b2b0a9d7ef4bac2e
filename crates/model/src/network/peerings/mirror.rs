//! What classic networks know of their peers (P-9): links that mirror the one of the Resource Manager side.

use crate::network::Network;
use crate::peering::{Peering, PeeringFlags, PeeringScope};
use crate::table::{LinkId, VnetId};

impl Network {
    /// Makes what a classic network knows of its peer follow the one link of the pair (P-9). Nothing documented says which of the
    /// flags hold for the classic side. Assumed: access and forwarded traffic hold both ways, and a gateway that is offered is used.
    pub(super) fn mirror(&mut self, link: LinkId) {
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
}
