//! Peering with networks of the classic deployment model (P-9), and of other clouds and subscriptions (P-3).

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::vnetsim::world::{World, row};
use crate::vnetsim::{Answer, run_in};

/// One new network and two classic ones, each with a VM.
const NETWORKS: &str = "
defaults: { location: westeurope }
virtualNetworks:
  New: { addressSpace: 10.1.0.0/16, subnets: { Apps: 10.1.1.0/24 } }
  Old: { addressSpace: 10.2.0.0/16, deploymentModel: Classic, subnets: { Apps: 10.2.1.0/24 } }
  Older: { addressSpace: 10.3.0.0/16, deploymentModel: Classic, subnets: { Apps: 10.3.1.0/24 } }
  Beijing: { addressSpace: 10.4.0.0/16, location: chinanorth }
  Other: { addressSpace: 10.5.0.0/16, subscription: sub2, resourceGroup: theirs, subnets: { Apps: 10.5.1.0/24 } }
virtualMachines:
  new: { subnet: New/Apps }
  old: { subnet: Old/Apps }
  other: { subnet: Other/Apps }
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("net.yaml"), NETWORKS).expect("the scenario");
    folder
}

fn on_state(folder: &Path, line: &str) -> Answer {
    let words: Vec<&str> = line.split(' ').collect();
    run_in(
        folder,
        &[&words[..], &["-t", "net.yaml", "--state", "state.yaml"]].concat(),
    )
}

const CREATE: &str = "az network vnet peering create --name new-to-old --vnet-name New --remote-vnet Old --allow-vnet-access";

#[test]
fn a_link_to_a_classic_network_is_updating_and_then_connected_and_packets_pass() {
    let folder = folder();
    let path = folder.path();
    let created: Value = serde_json::from_str(&on_state(path, CREATE).yes()).expect("JSON");
    assert_eq!(created["peeringState"], "Updating");
    let shown = on_state(path, "az network vnet peering list --vnet-name New");
    let shown: Value = serde_json::from_str(&shown.yes()).expect("JSON");
    assert_eq!(shown[0]["peeringState"], "Connected");
    assert_eq!(shown[0]["peeringSyncLevel"], "FullyInSync");

    // The classic side has no link to list, and knows the way back all the same.
    let listed = on_state(path, "peering list -o json").yes();
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    let routes = run_in(path, &["effective-routes", "old", "-t", "state.yaml"]).yes();
    assert!(routes.contains("10.1.0.0/16       VNetPeering"), "{routes}");
    for (from, to) in [("new", "old"), ("old", "new")] {
        run_in(path, &["ping", from, to, "-c", "1", "-t", "state.yaml"]).yes();
    }

    // One deletion is enough.
    on_state(
        path,
        "az network vnet peering delete --name new-to-old --vnet-name New",
    )
    .yes();
    assert_eq!(on_state(path, "peering list -o json").yes(), "[]\n");
}

#[test]
fn the_flags_of_the_one_link_hold_for_the_classic_side_too() {
    let folder = folder();
    let path = folder.path();
    on_state(path, CREATE).yes();
    on_state(
        path,
        "peering update --vnet-name New --name new-to-old --allow-vnet-access false",
    )
    .yes();
    // F-4: no group anywhere; each side drops by the link that can be changed.
    let answer = run_in(path, &["explain", "old", "new", "-t", "state.yaml"]);
    assert_eq!(answer.code, Some(1));
    assert!(
        answer.out.contains("vnet-access-blocked at old") && answer.out.contains("new-to-old"),
        "{}",
        answer.out
    );
    assert!(
        answer.out.contains(
            "az network vnet peering update -g rg1 --vnet-name New -n new-to-old --set allowVirtualNetworkAccess=true"
        ),
        "{}",
        answer.out
    );
}

#[test]
fn a_classic_network_uses_the_gateway_that_its_peer_offers() {
    let networks = "
virtualNetworks:
  New: { addressSpace: 10.1.0.0/16, subnets: { GatewaySubnet: 10.1.255.0/27 } }
  Old: { addressSpace: 10.2.0.0/16, deploymentModel: Classic, subnets: { Apps: 10.2.1.0/24 } }
publicIPAddresses: { gw-ip: 20.0.0.1 }
virtualNetworkGateways: { gw: { subnet: New/GatewaySubnet, publicIp: gw-ip } }
localNetworkGateways: { branch: { prefixes: [192.168.50.0/24], gatewayAddress: 203.0.113.9 } }
connections: { tunnel: { gateway: gw, site: branch } }
peerings: [ { name: new-to-old, from: New, to: Old, allowGatewayTransit: true } ]
virtualMachines: { old: { subnet: Old/Apps } }
";
    let world = World::of(networks);
    let site = row("Active", "192.168.50.0/24", "VirtualNetworkGateway");
    assert!(world.rows("old").contains(&site));
    world.change("peering update --vnet-name New --name new-to-old --allow-gateway-transit false");
    assert!(!world.rows("old").contains(&site));
}

#[test]
fn classic_networks_hold_no_links_and_clouds_stay_apart() {
    let folder = folder();
    let refused = |vnet: &str, remote: &str, more: &str| {
        let line = format!(
            "az network vnet peering create --name p --vnet-name {vnet} --remote-vnet {remote}{more}"
        );
        on_state(folder.path(), &line).failed()
    };
    let message = refused("Old", "New", "");
    assert!(
        message.contains("create the one link of the pair in"),
        "{message}"
    );
    let message = refused("Old", "Older", "");
    assert!(
        message.contains("connect them by a VPN gateway"),
        "{message}"
    );
    let message = refused("New", "Old", " --use-remote-gateways");
    assert!(
        message.contains(
            "the gateway has to be in the virtual network deployed through Resource Manager"
        ),
        "{message}"
    );
    let message = refused("New", "Beijing", "");
    assert!(
        message.contains("(AzureCloud)") && message.contains("(AzureChinaCloud)"),
        "{message}"
    );
}

#[test]
fn networks_of_other_subscriptions_are_peered_by_their_full_id() {
    let folder = folder();
    let path = folder.path();
    let other = "/subscriptions/sub2/resourceGroups/theirs/providers/Microsoft.Network/virtualNetworks/Other";
    let line = format!(
        "peering create --vnet-name New --name n2o --remote-vnet {other} --both --remote-name o2n"
    );
    on_state(path, &line).yes();
    run_in(
        path,
        &["ping", "new", "other", "-c", "1", "-t", "state.yaml"],
    )
    .yes();
    // By its name alone it is looked for in the subscription that is said.
    let list = |subscription: &str| {
        on_state(
            path,
            &format!(
                "az network vnet peering list --vnet-name Other --subscription {subscription}"
            ),
        )
    };
    list("SUB2").yes();
    let message = list("sub1").failed();
    assert!(
        message.contains("under subscription 'sub1' was not found"),
        "{message}"
    );
    let stranger = other.replace("sub2", "sub3");
    let message = on_state(
        path,
        &format!("peering create --vnet-name New --name n2s --remote-vnet {stranger}"),
    )
    .failed();
    assert!(
        message.contains("(ResourceNotFound)") && message.contains("a further -t"),
        "{message}"
    );
}

#[test]
fn a_classic_network_is_read_from_a_dump() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let classic = r#"[{
      "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ClassicNetwork/virtualNetworks/Old",
      "name": "Old", "type": "Microsoft.ClassicNetwork/virtualNetworks", "location": "westeurope",
      "properties": {
        "addressSpace": { "addressPrefixes": ["10.2.0.0/16"] },
        "subnets": [{ "name": "Apps", "addressPrefix": "10.2.1.0/24" }]
      }
    }, {
      "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/New",
      "name": "New", "type": "Microsoft.Network/virtualNetworks", "location": "westeurope",
      "properties": {
        "addressSpace": { "addressPrefixes": ["10.1.0.0/16"] },
        "virtualNetworkPeerings": [{ "name": "n2o", "properties": {
          "peeringState": "Updating",
          "remoteVirtualNetwork": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ClassicNetwork/virtualNetworks/Old" }
        } }]
      }
    }]"#;
    fs::write(folder.path().join("networks.json"), classic).expect("the dump");
    let listed = run_in(folder.path(), &["peering", "list", "-o", "json", "-t", "."]).yes();
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["peeringState"], "Connected");
    assert_eq!(
        listed[0]["remoteAddressSpace"]["addressPrefixes"],
        serde_json::json!(["10.2.0.0/16"])
    );
}
