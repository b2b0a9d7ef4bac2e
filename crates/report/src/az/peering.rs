//! A peering link (O-3).

use ipnet::Ipv4Net;
use model::table::Resource;
use model::{LinkId, Network, PeeringScope};
use serde_json::{Value, json};

use super::{guid, reference, with_etag};

/// What `az network vnet peering show` prints.
pub fn document(network: &Network, link: LinkId) -> Value {
    let peering = &network.peerings()[link];
    let local = &network.virtual_networks()[peering.virtual_network];
    let remote = network.virtual_networks().find(&peering.remote);
    // P-6: what is in force, and what the remote network has at present.
    let present = network
        .present_remote_space(link)
        .unwrap_or_else(|| peering.remote_address_space.clone());
    let mut document = json!({
        "allowForwardedTraffic": peering.flags.allow_forwarded_traffic,
        "allowGatewayTransit": peering.flags.allow_gateway_transit,
        "allowVirtualNetworkAccess": peering.flags.allow_virtual_network_access,
        "doNotVerifyRemoteGateways": peering.flags.do_not_verify_remote_gateways,
        "id": peering.id.as_str(),
        "localAddressSpace": space(&network.local_space(link)),
        "localVirtualNetworkAddressSpace": space(local.address_space.prefixes()),
        "name": peering.name(),
        "peerCompleteVnets": peering.scope == PeeringScope::CompleteVirtualNetworks,
        "peeringState": peering.state.as_str(),
        "peeringSyncLevel": network.sync_level(link).as_str(),
        "provisioningState": "Succeeded",
        "remoteAddressSpace": space(&peering.remote_address_space),
        "remoteVirtualNetwork": reference(&peering.remote),
        "remoteVirtualNetworkAddressSpace": space(&present),
        "resourceGroup": peering.id.resource_group(),
        "resourceGuid": peering.resource_guid.clone().unwrap_or_else(|| pair_guid(&local.id, &peering.remote)),
        "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "useRemoteGateways": peering.flags.use_remote_gateways,
    });
    if let PeeringScope::Subnets {
        local,
        remote,
        only_ipv6,
    } = &peering.scope
    {
        document["enableOnlyIPv6Peering"] = json!(only_ipv6);
        document["localSubnetNames"] = json!(local);
        document["remoteSubnetNames"] = json!(remote);
    }
    // Present only while the flag is set.
    if peering.flags.use_remote_gateways
        && let Some(remote) = remote
    {
        document["remoteGateways"] = network
            .gateways_of(remote)
            .map(|(_, gateway)| reference(&gateway.id))
            .collect();
    }
    with_etag(document)
}

fn space(prefixes: &[Ipv4Net]) -> Value {
    json!({ "addressPrefixes": prefixes.iter().map(ToString::to_string).collect::<Vec<_>>() })
}

/// Both links of a peering carry the same GUID.
fn pair_guid(one: &model::ResourceId, other: &model::ResourceId) -> String {
    let mut ids = [one, other].map(|id| id.as_str().to_ascii_lowercase());
    ids.sort();
    guid(&ids.join(" "))
}

#[cfg(test)]
mod tests {
    use model::{
        DeploymentModel, Location, PeeringFlags, ResourceId, SubnetRequest, VirtualNetworkRequest,
        VnetId,
    };

    use super::*;

    fn vnet(network: &mut Network, name: &str, prefix: &str) -> VnetId {
        let prefix: Ipv4Net = prefix.parse().unwrap();
        network
            .create_virtual_network(VirtualNetworkRequest {
                id: ResourceId::in_group("s", "g", "Microsoft.Network/virtualNetworks", name),
                location: Location::new("westus"),
                address_space: vec![prefix],
                subnets: vec![SubnetRequest::new("Apps", prefix)],
                deployment_model: DeploymentModel::ResourceManager,
                flow_timeout_minutes: None,
                dns_servers: Vec::new(),
            })
            .unwrap()
    }

    fn link(network: &mut Network, from: VnetId, to: VnetId) -> LinkId {
        let remote = network.virtual_networks()[to].id.clone();
        let name = format!("to-{}", remote.name());
        network
            .create_peering(
                from,
                &name,
                &remote,
                PeeringFlags::default(),
                PeeringScope::default(),
            )
            .unwrap()
    }

    #[test]
    fn the_first_link_waits_and_the_second_connects_both() {
        let mut network = Network::default();
        let (one, two) = (
            vnet(&mut network, "one", "10.1.0.0/16"),
            vnet(&mut network, "two", "10.2.0.0/16"),
        );
        let forward = link(&mut network, one, two);
        let waiting = document(&network, forward);
        assert_eq!(waiting["peeringState"], "Initiated");
        assert_eq!(waiting["peeringSyncLevel"], "RemoteNotInSync");
        let back = link(&mut network, two, one);
        let (forward, back) = (document(&network, forward), document(&network, back));
        assert_eq!(forward["peeringState"], "Connected");
        assert_eq!(back["peeringSyncLevel"], "FullyInSync");
        assert_eq!(forward["resourceGuid"], back["resourceGuid"]);
        assert_ne!(waiting["etag"], forward["etag"]);
    }

    #[test]
    fn an_unsynced_link_shows_what_is_in_force_and_what_there_is() {
        let mut network = Network::default();
        let (one, two) = (
            vnet(&mut network, "one", "10.1.0.0/16"),
            vnet(&mut network, "two", "10.2.0.0/16"),
        );
        let forward = link(&mut network, one, two);
        link(&mut network, two, one);
        let wider = ["10.2.0.0/16", "10.12.0.0/16"].map(|prefix| prefix.parse().unwrap());
        network.change_address_space(two, wider.to_vec()).unwrap();
        let document = document(&network, forward);
        assert_eq!(
            document["remoteAddressSpace"]["addressPrefixes"],
            json!(["10.2.0.0/16"])
        );
        assert_eq!(
            document["remoteVirtualNetworkAddressSpace"]["addressPrefixes"],
            json!(["10.2.0.0/16", "10.12.0.0/16"])
        );
        assert_eq!(document["peeringSyncLevel"], "LocalNotInSync");
    }
}
