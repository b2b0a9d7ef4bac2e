//! Names: Azure's own, private DNS zones, DNS servers in machines.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::vnetsim::{Answer, run, run_in};

/// A hub with a DNS server, a spoke that uses it, a spoke without link, and two zones.
const NETWORKS: &str = "
virtualNetworks:
  Hub: { addressSpace: 10.0.0.0/16, subnets: { Apps: 10.0.1.0/24 } }
  Spoke: { addressSpace: 10.1.0.0/16, subnets: { Apps: 10.1.1.0/24 }, dnsServers: [10.0.1.4] }
  Far: { addressSpace: 10.2.0.0/16, subnets: { Apps: 10.2.1.0/24 }, dnsServers: [10.0.1.4, 168.63.129.16] }
peerings:
  - { name: h2s, from: Hub, to: Spoke }
  - { name: s2h, from: Spoke, to: Hub }
networkSecurityGroups:
  nodns:
    securityRules:
      - { name: deny, priority: 100, direction: Inbound, access: Deny, protocol: Udp, destinationPorts: 53 }
  noplatform:
    securityRules:
      - { name: deny, priority: 100, direction: Outbound, access: Deny, destination: AzurePlatformDNS }
virtualMachines:
  dns: { subnet: Hub/Apps, address: 10.0.1.4 }
  web: { subnet: Hub/Apps, address: 10.0.1.10 }
  app: { subnet: Spoke/Apps, address: 10.1.1.4 }
  lone: { subnet: Far/Apps, address: 10.2.1.4 }
guests:
  dns:
    dns:
      zones:
        corp.example: { intranet: www.corp.example, store: db.lab.example, www: 10.1.1.4, '@': 10.0.1.4, '*.apps': [10.1.1.4, 10.0.1.10] }
      forwarders: [168.63.129.16]
privateDnsZones:
  lab.example:
    records: { db: 10.0.1.10, app: 10.9.9.9, data: db.lab.example, out: www.example.com, ring: ring.lab.example }
    virtualNetworkLinks:
      hub: { virtualNetwork: Hub, registrationEnabled: true }
      far: Far
  deep.lab.example:
    records: { '*': 10.0.1.10 }
    virtualNetworkLinks: { hub: Hub }
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("vnetsim.yaml"), NETWORKS).expect("the scenario");
    folder
}

fn resolve(folder: &Path, from: &str, name: &str) -> Answer {
    run_in(folder, &["resolve", from, name, "-o", "json"])
}

fn addresses(answer: Answer) -> Vec<String> {
    let document: Value = serde_json::from_str(&answer.yes()).expect("JSON");
    let addresses = document["answer"]["addresses"].as_array();
    let texts = addresses.expect("addresses").iter();
    texts
        .map(|address| address.as_str().expect("a text").to_owned())
        .collect()
}

#[track_caller]
fn no(answer: &Answer) -> String {
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    let document: Value = serde_json::from_str(&answer.out).expect("JSON");
    format!(
        "{}: {}",
        document["answer"]["result"].as_str().expect("a result"),
        document["answer"]["why"].as_str().expect("a reason")
    )
}

#[test]
fn default_names_resolve_inside_one_network_only() {
    let exercise = ["-t", "example:sales-marketing-research"];
    let resolve = |name: &str| run(&[&["resolve", "SalesVM", name][..], &exercise].concat());
    let own = resolve("salesvm.internal.cloudapp.net").yes();
    assert!(own.ends_with("\n10.1.1.4\n"), "{own}");
    resolve("SalesVM.abc123.ax.internal.cloudapp.net.").yes();
    resolve("SalesVM").yes();
    let peer = resolve("MarketingVM.internal.cloudapp.net");
    assert_eq!(peer.code, Some(1));
    assert!(
        peer.out
            .contains("default names resolve inside one virtual network only"),
        "{}",
        peer.out
    );
    // The networks are peered: the address works where the name does not.
    let ping = |name: &str| run(&[&["ping", "SalesVM", name, "-c", "1"][..], &exercise].concat());
    ping("10.2.1.4").yes();
    ping("MarketingVM").yes();
    let answer = ping("MarketingVM.internal.cloudapp.net");
    assert_eq!((answer.code, answer.out.as_str()), (Some(1), ""));
    assert!(
        answer.err.contains("Name or service not known"),
        "{}",
        answer.err
    );
}

#[test]
fn private_zones_hold_where_they_are_linked_and_register_machines_where_that_is_enabled() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(
        addresses(resolve(path, "web", "DB.lab.example.")),
        ["10.0.1.10"]
    );
    assert_eq!(
        addresses(resolve(path, "web", "dns.lab.example")),
        ["10.0.1.4"]
    );
    // A record that somebody made goes before one that would be registered, and the nearest zone decides.
    assert_eq!(
        addresses(resolve(path, "web", "app.lab.example")),
        ["10.9.9.9"]
    );
    assert_eq!(
        addresses(resolve(path, "web", "x.deep.lab.example")),
        ["10.0.1.10"]
    );
    assert_eq!(
        no(&resolve(path, "web", "gone.lab.example")),
        "noSuchName: private DNS zone lab.example holds no such name"
    );
    // Linked without registration: what the other network registers is seen, own machines are not registered.
    let far = run_in(path, &["resolve", "lone", "web.lab.example", "-o", "json"]);
    assert_eq!(addresses(far), ["10.0.1.10"]);
    assert!(no(&resolve(path, "lone", "lone.lab.example")).starts_with("noSuchName"));
    assert!(no(&resolve(path, "web", "www.example.com")).starts_with("unknown"));
}

#[test]
fn a_custom_server_is_asked_through_the_network_and_forwards_in_its_own() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(
        addresses(resolve(path, "app", "www.corp.example")),
        ["10.1.1.4"]
    );
    assert_eq!(
        addresses(resolve(path, "app", "corp.example")),
        ["10.0.1.4"]
    );
    assert_eq!(
        addresses(resolve(path, "app", "x.apps.corp.example")),
        ["10.1.1.4", "10.0.1.10"]
    );
    assert!(
        no(&resolve(path, "app", "gone.corp.example"))
            .starts_with("noSuchName: zone corp.example of dns/")
    );
    // The zone is linked to the hub alone: the spoke sees it through the server that forwards from there.
    let text = run_in(path, &["resolve", "app", "db.lab.example"]).yes();
    assert_eq!(
        text,
        "app/appVMNic asks 10.0.1.4 (dns/dnsVMNic) for db.lab.example\n  \
         dns/dnsVMNic asks 168.63.129.16 (Azure) for db.lab.example\n  \
         = 10.0.1.10: private DNS zone lab.example\n\
         = 10.0.1.10: private DNS zone lab.example\n\
         10.0.1.10\n"
    );
    run_in(path, &["ping", "app", "db.lab.example", "-c", "1"]).yes();
    run_in(path, &["traceroute", "app", "db.lab.example"]).yes();
    let explained = run_in(path, &["explain", "app", "www.corp.example", "--tcp", "80"]);
    explained.yes();
    // The server knows the machines of its own network, not those of the network that asks.
    assert_eq!(
        addresses(resolve(path, "app", "web.internal.cloudapp.net")),
        ["10.0.1.10"]
    );
    assert!(no(&resolve(path, "app", "app.internal.cloudapp.net")).starts_with("noSuchName"));
}

#[test]
fn aliases_are_followed_to_where_they_lead() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(
        addresses(resolve(path, "web", "data.lab.example")),
        ["10.0.1.10"]
    );
    assert!(no(&resolve(path, "web", "out.lab.example")).starts_with("unknown"));
    assert!(no(&resolve(path, "web", "ring.lab.example")).ends_with("lead in a circle"));
    assert_eq!(
        addresses(resolve(path, "app", "intranet.corp.example")),
        ["10.1.1.4"]
    );
    assert_eq!(
        addresses(resolve(path, "app", "store.corp.example")),
        ["10.0.1.10"]
    );
}

#[test]
fn what_is_neither_an_address_nor_a_name_is_refused_with_its_place() {
    let folder = folder();
    let path = folder.path();
    let wrong = NETWORKS
        .replace("db: 10.0.1.10", "db: 10.0.1.300")
        .replace("www: 10.1.1.4", "www: 10.1.1.4.5");
    fs::write(path.join("vnetsim.yaml"), wrong).expect("the scenario");
    let message = run_in(path, &["show"]).failed();
    for expected in ["10.0.1.300", "10.1.1.4.5", "vnetsim.yaml:"] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn the_servers_of_a_nic_go_before_those_of_its_network() {
    let own = NETWORKS.replace(
        "  app: { subnet: Spoke/Apps, address: 10.1.1.4 }",
        "  app: { nics: [appNic] }",
    );
    let own = format!(
        "{own}networkInterfaces:\n  appNic: {{ subnet: Spoke/Apps, address: 10.1.1.4, dnsServers: [168.63.129.16] }}\n"
    );
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("vnetsim.yaml"), own).expect("the scenario");
    // Its network would ask a server that knows the name.
    assert!(no(&resolve(path, "app", "www.corp.example")).starts_with("unknown"));
    assert_eq!(
        addresses(resolve(path, "app", "app.internal.cloudapp.net")),
        ["10.1.1.4"]
    );
    let create = "az network vnet peering create -n f2h --vnet-name Far --remote-vnet Hub --state state.yaml";
    let words: Vec<&str> = create.split(' ').collect();
    run_in(path, &words).yes();
    let state = [
        "resolve",
        "app",
        "app.internal.cloudapp.net",
        "-t",
        "state.yaml",
    ];
    run_in(path, &state).yes();
}

#[test]
fn a_server_out_of_reach_is_passed_over_and_the_next_one_asked() {
    let folder = folder();
    let path = folder.path();
    // Far is not peered with Hub.
    let text = run_in(path, &["resolve", "lone", "db.lab.example"]).yes();
    assert!(
        text.contains("no answer: the question is lost at lone/loneVMNic: dropped: route-none"),
        "{text}"
    );
    assert!(text.contains("asks 168.63.129.16 (Azure)"), "{text}");

    let change = |text: &str, to: &str| {
        assert!(NETWORKS.contains(text), "{text}");
        let changed = NETWORKS.replacen(text, to, 1);
        fs::write(path.join("vnetsim.yaml"), changed).expect("the scenario");
    };
    change(
        "dns: { subnet: Hub/Apps, address: 10.0.1.4 }",
        "dns: { subnet: Hub/Apps, address: 10.0.1.4, nsg: nodns }",
    );
    let why = no(&resolve(path, "app", "www.corp.example"));
    assert_eq!(why, "noAnswer: no server answers");
    let text = run_in(path, &["resolve", "app", "www.corp.example"]).out;
    assert!(text.contains("nsg-deny"), "{text}");

    change(
        "    dns:\n      zones:",
        "    listen: [tcp/80]\n    dns:\n      zones:",
    );
    let text = run_in(path, &["resolve", "app", "www.corp.example"]).out;
    assert!(
        text.contains("nothing listens on udp/53 at dns/dnsVMNic"),
        "{text}"
    );

    change(
        "web: { subnet: Hub/Apps, address: 10.0.1.10 }",
        "web: { subnet: Hub/Apps, address: 10.0.1.10, nsg: noplatform }",
    );
    // S-26: Azure's own server obeys rules that name it, and no other.
    let text = run_in(path, &["resolve", "web", "db.lab.example"]).out;
    assert!(text.contains("nsg-deny"), "{text}");

    change("forwarders: [168.63.129.16]", "forwarders: [10.0.1.4]");
    let why = run_in(path, &["resolve", "app", "db.lab.example"]);
    assert_eq!(why.code, Some(1));
    assert!(why.out.contains("in a circle"), "{}", why.out);

    change(
        "    dns:\n      zones:",
        "    stateful: false\n  web:\n    dns:\n      zones:",
    );
    assert_eq!(
        no(&resolve(path, "app", "www.corp.example")),
        "unknown: whether a DNS server runs at dns/dnsVMNic is not in the input"
    );
}

#[test]
fn zones_are_read_from_dumps_and_written_back() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let dump = r#"[
      { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/Hub",
        "name": "Hub", "type": "Microsoft.Network/virtualNetworks", "location": "westeurope",
        "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
        "subnets": [{ "name": "Apps", "addressPrefix": "10.0.1.0/24" }] },
      { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/nic",
        "name": "nic", "type": "Microsoft.Network/networkInterfaces", "location": "westeurope",
        "ipConfigurations": [{ "name": "c", "primary": true, "privateIPAddress": "10.0.1.4", "privateIPAllocationMethod": "Dynamic",
          "subnet": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/Hub/subnets/Apps" } }] },
      { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/lab.example",
        "name": "lab.example", "type": "Microsoft.Network/privateDnsZones", "location": "global", "numberOfRecordSets": 2 },
      { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/lab.example/A/db",
        "name": "db", "type": "Microsoft.Network/privateDnsZones/A", "ttl": 3600,
        "aRecords": [{ "ipv4Address": "10.0.1.4" }, { "ipv4Address": "10.0.1.5" }] },
      { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/lab.example/CNAME/data",
        "name": "data", "type": "Microsoft.Network/privateDnsZones/CNAME", "properties": { "ttl": 60, "cnameRecord": { "cname": "db.lab.example." } } },
      { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/lab.example/virtualNetworkLinks/hub",
        "name": "hub", "type": "Microsoft.Network/privateDnsZones/virtualNetworkLinks", "location": "global",
        "properties": { "registrationEnabled": false,
          "virtualNetwork": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/Hub" } } },
      { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/gone.example/virtualNetworkLinks/hub",
        "name": "hub", "type": "Microsoft.Network/privateDnsZones/virtualNetworkLinks", "location": "global",
        "properties": { "virtualNetwork": { "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/Hub" } } }
    ]"#;
    fs::write(folder.path().join("dump.json"), dump).expect("the dump");
    let from_dump = run_in(
        folder.path(),
        &[
            "resolve",
            "nic",
            "db.lab.example",
            "-o",
            "json",
            "-t",
            "dump.json",
        ],
    );
    assert!(from_dump.err.contains("gone.example"), "{}", from_dump.err);
    assert_eq!(addresses(from_dump), ["10.0.1.4", "10.0.1.5"]);
    let alias = [
        "resolve",
        "nic",
        "data.lab.example",
        "-o",
        "json",
        "-t",
        "dump.json",
    ];
    assert_eq!(
        addresses(run_in(folder.path(), &alias)),
        ["10.0.1.4", "10.0.1.5"]
    );

    let folder = self::folder();
    let create = "az network vnet peering create -n f2h --vnet-name Far --remote-vnet Hub --state state.yaml";
    let words: Vec<&str> = create.split(' ').collect();
    run_in(folder.path(), &words).yes();
    for name in [
        "db.lab.example",
        "dns.lab.example",
        "www.corp.example",
        "store.corp.example",
        "data.lab.example",
    ] {
        let [before, after] = ["vnetsim.yaml", "state.yaml"].map(|file| {
            let words = ["resolve", "app", name, "-o", "json", "-t", file];
            addresses(run_in(folder.path(), &words))
        });
        assert_eq!(before, after, "{name}");
    }
}
