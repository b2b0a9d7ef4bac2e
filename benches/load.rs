//! Dumps of az become a network: JSON text in memory to `model::Network`, all checks included.
//!
//! About 3 KiB of text for each NIC: its own entry of `az network nic list` and that of its VM in `az vm list -d`.

#![expect(
    clippy::print_stderr,
    reason = "the size of the input belongs beside its time"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use formats::diagnostic::Diagnostics;
use formats::load::{LoadOptions, Loader};
use formats::source::Sources;
use formats::{json, scenario};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/landing-zone-prod-rg/providers";
/// NICs in a spoke; its subnets are /24s.
const NICS_PER_SPOKE: usize = 200;
const RULES: usize = 20;

/// Documents as `az ... list -o json` writes them: networks with their peerings, groups, tables, NICs, VMs.
fn dumps(nics: usize) -> Vec<(&'static str, String)> {
    let spokes = nics.div_ceil(NICS_PER_SPOKE);
    vec![
        ("nsgs.json", list(spokes, security_group)),
        ("route-tables.json", list(spokes, route_table)),
        (
            "vnets.json",
            list(spokes + 1, |text, number| network(text, number, spokes)),
        ),
        ("nics.json", list(nics, interface)),
        ("vms.json", list(nics, machine)),
    ]
}

fn list(count: usize, mut row: impl FnMut(&mut String, usize)) -> String {
    let mut text = String::from("[\n");
    for number in 0..count {
        row(&mut text, number);
        text.push_str(if number + 1 == count { "\n" } else { ",\n" });
    }
    text.push_str("]\n");
    text
}

fn envelope(text: &mut String, kind: &str, name: &str) {
    let namespace = if kind == "virtualMachines" {
        "Microsoft.Compute"
    } else {
        "Microsoft.Network"
    };
    write!(
        text,
        r#"  {{
    "etag": "W/\"00000000-0000-0000-0000-000000000000\"",
    "id": "{GROUP}/{namespace}/{kind}/{name}",
    "location": "northeurope",
    "name": "{name}",
    "provisioningState": "Succeeded",
    "resourceGroup": "landing-zone-prod-rg",
    "resourceGuid": "00000000-0000-0000-0000-000000000000",
    "tags": {{ "costCenter": "4711", "environment": "production", "owner": "platform-team@example.com" }},
    "type": "{namespace}/{kind}""#
    )
    .expect("a String takes everything");
}

fn security_group(text: &mut String, spoke: usize) {
    envelope(
        text,
        "networkSecurityGroups",
        &format!("spoke-{spoke:04}-nsg"),
    );
    text.push_str(",\n    \"securityRules\": [\n");
    for rule in 0..RULES {
        let comma = if rule + 1 == RULES { "" } else { "," };
        writeln!(
            text,
            r#"      {{
        "access": "Allow", "destinationAddressPrefix": "VirtualNetwork", "destinationAddressPrefixes": [],
        "destinationPortRange": "{}", "destinationPortRanges": [], "direction": "Inbound",
        "id": "{GROUP}/Microsoft.Network/networkSecurityGroups/spoke-{spoke:04}-nsg/securityRules/rule-{rule}",
        "name": "rule-{rule}", "priority": {}, "protocol": "Tcp", "provisioningState": "Succeeded",
        "sourceAddressPrefix": null, "sourceAddressPrefixes": ["10.{rule}.0.0/16", "192.168.{rule}.0/24"],
        "sourcePortRange": "*", "sourcePortRanges": []
      }}{comma}"#,
            1000 + rule,
            100 + rule
        )
        .expect("a String takes everything");
    }
    text.push_str("    ]\n  }");
}

fn route_table(text: &mut String, spoke: usize) {
    envelope(text, "routeTables", &format!("spoke-{spoke:04}-rt"));
    text.push_str(
        r#",
    "disableBgpRoutePropagation": true,
    "routes": [
      { "addressPrefix": "0.0.0.0/0", "name": "default", "nextHopIpAddress": "10.0.0.4", "nextHopType": "VirtualAppliance" }
    ]
  }"#,
    );
}

/// Number 0 is the hub, the others are spokes.
fn network(text: &mut String, number: usize, spokes: usize) {
    let name = |number: usize| {
        if number == 0 {
            "hub".to_owned()
        } else {
            format!("spoke-{:04}", number - 1)
        }
    };
    let space = |number: usize| format!("10.{}.{}.0/23", number >> 7, (number & 127) << 1);
    let link = |text: &mut String, to: usize| {
        write!(
            text,
            r#"      {{
        "allowForwardedTraffic": true, "allowGatewayTransit": false, "allowVirtualNetworkAccess": true, "name": "to-{0}",
        "peeringState": "Connected", "peeringSyncLevel": "FullyInSync", "remoteAddressSpace": {{ "addressPrefixes": ["{1}"] }},
        "remoteVirtualNetwork": {{ "id": "{GROUP}/Microsoft.Network/virtualNetworks/{0}" }}, "useRemoteGateways": false
      }}"#,
            name(to),
            space(to)
        )
        .expect("a String takes everything");
    };
    envelope(text, "virtualNetworks", &name(number));
    write!(
        text,
        ",\n    \"addressSpace\": {{ \"addressPrefixes\": [\"{}\"] }},\n    \"subnets\": [",
        space(number)
    )
    .expect("a String takes everything");
    if number > 0 {
        let spoke = number - 1;
        write!(
            text,
            r#"
      {{
        "addressPrefix": "{}", "name": "apps",
        "networkSecurityGroup": {{ "id": "{GROUP}/Microsoft.Network/networkSecurityGroups/spoke-{spoke:04}-nsg" }},
        "routeTable": {{ "id": "{GROUP}/Microsoft.Network/routeTables/spoke-{spoke:04}-rt" }}
      }}"#,
            space(number)
        )
        .expect("a String takes everything");
    }
    text.push_str("],\n    \"virtualNetworkPeerings\": [\n");
    if number == 0 {
        for to in 1..=spokes {
            link(text, to);
            text.push_str(if to == spokes { "\n" } else { ",\n" });
        }
    } else {
        link(text, 0);
    }
    text.push_str("    ]\n  }");
}

fn interface(text: &mut String, number: usize) {
    let (spoke, place) = (number / NICS_PER_SPOKE, number % NICS_PER_SPOKE);
    let vnet = spoke + 1;
    let address = format!("10.{}.{}.{}", vnet >> 7, (vnet & 127) << 1, place + 4);
    envelope(text, "networkInterfaces", &format!("vm-{number:05}-nic"));
    write!(
        text,
        r#",
    "auxiliaryMode": "None",
    "auxiliarySku": "None",
    "disableTcpStateTracking": false,
    "dnsSettings": {{
      "appliedDnsServers": [],
      "dnsServers": [],
      "internalDomainNameSuffix": "abcdefghijklmnopqrstuvwxyz.bx.internal.cloudapp.net"
    }},
    "enableAcceleratedNetworking": true,
    "enableIPForwarding": false,
    "hostedWorkloads": [],
    "ipConfigurations": [
      {{
        "etag": "W/\"00000000-0000-0000-0000-000000000000\"",
        "id": "{GROUP}/Microsoft.Network/networkInterfaces/vm-{number:05}-nic/ipConfigurations/ipconfig1",
        "name": "ipconfig1",
        "primary": true,
        "privateIPAddress": "{address}",
        "privateIPAddressVersion": "IPv4",
        "privateIPAllocationMethod": "Dynamic",
        "provisioningState": "Succeeded",
        "resourceGroup": "landing-zone-prod-rg",
        "subnet": {{
          "id": "{GROUP}/Microsoft.Network/virtualNetworks/spoke-{spoke:04}/subnets/apps",
          "resourceGroup": "landing-zone-prod-rg"
        }},
        "type": "Microsoft.Network/networkInterfaces/ipConfigurations"
      }}
    ],
    "macAddress": "00-0D-3A-{:02X}-{:02X}-{:02X}",
    "nicType": "Standard",
    "primary": true,
    "tapConfigurations": [],
    "virtualMachine": {{
      "id": "{GROUP}/Microsoft.Compute/virtualMachines/vm-{number:05}",
      "resourceGroup": "landing-zone-prod-rg"
    }},
    "vnetEncryptionSupported": false
  }}"#,
        number >> 16 & 255,
        number >> 8 & 255,
        number & 255
    )
    .expect("a String takes everything");
}

fn machine(text: &mut String, number: usize) {
    envelope(text, "virtualMachines", &format!("vm-{number:05}"));
    write!(
        text,
        r#",
    "hardwareProfile": {{ "vmSize": "Standard_D2s_v5" }},
    "networkProfile": {{
      "networkInterfaces": [
        {{
          "deleteOption": "Delete",
          "id": "{GROUP}/Microsoft.Network/networkInterfaces/vm-{number:05}-nic",
          "primary": true,
          "resourceGroup": "landing-zone-prod-rg"
        }}
      ]
    }},
    "powerState": "VM running",
    "zones": ["{}"]
  }}"#,
        1 + number % 3
    )
    .expect("a String takes everything");
}

fn loaded(dumps: &[(&'static str, String)]) -> model::Network {
    let mut loader = Loader::new(LoadOptions::default());
    for (name, text) in dumps {
        loader.add_text(name, text.as_str());
    }
    loader
        .finish()
        .expect("the generated dumps are sound")
        .network
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for nics in [1_000, 10_000] {
        let dumps = dumps(nics);
        let bytes: usize = dumps.iter().map(|(_, text)| text.len()).sum();
        eprintln!(
            "load: {nics} NICs, {bytes} bytes of JSON, {} a NIC",
            bytes / nics
        );
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::new("json", nics), &dumps, |bencher, dumps| {
            bencher.iter(|| {
                let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
                for (name, text) in dumps {
                    let file = sources
                        .add(*name, text.as_str(), &mut diagnostics)
                        .expect("few files");
                    black_box(json::parse(&sources, file, &mut diagnostics));
                }
            });
        });
        let network = loaded(&dumps);
        assert_eq!(network.virtual_machines().len(), nics);
        group.bench_with_input(BenchmarkId::new("dumps", nics), &dumps, |bencher, dumps| {
            bencher.iter(|| black_box(loaded(dumps)));
        });
        let state = scenario::write(&network);
        group.throughput(Throughput::Bytes(state.len() as u64));
        group.bench_with_input(BenchmarkId::new("state", nics), &state, |bencher, state| {
            bencher.iter(|| {
                let mut loader = Loader::new(LoadOptions::default());
                loader.add_text("state.yaml", state.as_str());
                black_box(loader.finish().expect("what was written is sound").network)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
