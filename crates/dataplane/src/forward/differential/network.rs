//! The networks of the test: a hub with appliances, spokes, islands that nobody is peered with. What a seed decides about them (routes,
//! rules, groups, flags, guests) is set by changes, so that it can be left out again when a disagreement is made smaller.

use model::Network;

use super::random::Random;

/// The hub's appliances are 10.0.1.4, 10.0.2.4 and 10.0.5.4; the last one has a second NIC, 10.0.6.4. Both islands are called
/// 10.200.0.0/16 and have machines with the same addresses.
const TOPOLOGY: &str = "
publicIPAddresses:
  vm-pip: { address: 20.1.2.3, sku: Standard }
  nat-pip: { address: 20.1.2.4, sku: Standard }
natGateways: { nat: { publicIpAddresses: [nat-pip] } }
networkSecurityGroups: { calm0: {}, calm1: {}, flush0: { flushConnection: true }, flush1: { flushConnection: true }, flush2: { flushConnection: true } }
routeTables: { one: {}, two: {}, three: {}, a: {}, b: {}, c: {}, island: {} }
virtualNetworks:
  hub:
    addressSpace: [10.0.0.0/16]
    subnets:
      a: { prefix: 10.0.1.0/24, routeTable: a }
      b: { prefix: 10.0.2.0/24, routeTable: b }
      shared: 10.0.3.0/24
      front: 10.0.4.0/24
      c: { prefix: 10.0.5.0/24, routeTable: c }
      back: { prefix: 10.0.6.0/24, routeTable: c }
  one:
    addressSpace: [10.1.0.0/16]
    flowTimeoutInMinutes: ONE-TIMEOUT
    subnets: { apps: { prefix: 10.1.0.0/24, routeTable: one }, nat: { prefix: 10.1.1.0/24, routeTable: one, natGateway: nat } }
  two:
    addressSpace: [10.2.0.0/16]
    flowTimeoutInMinutes: TWO-TIMEOUT
    subnets: { apps: { prefix: 10.2.0.0/24, routeTable: two }, data: { prefix: 10.2.1.0/24, routeTable: two } }
  three:
    addressSpace: [10.3.0.0/16]
    subnets: { apps: { prefix: 10.3.0.0/24, routeTable: three } }
  island:
    addressSpace: [10.200.0.0/16]
    subnets: { x: { prefix: 10.200.0.0/24, routeTable: island }, y: 10.200.1.0/24 }
  isle:
    addressSpace: [10.200.0.0/16]
    subnets: { x: { prefix: 10.200.0.0/24 }, y: 10.200.1.0/24 }
peerings:
  - { from: hub, to: one, allowForwardedTraffic: true TRANSIT }
  - { from: one, to: hub, allowForwardedTraffic: true REMOTE }
  - { from: hub, to: two, allowForwardedTraffic: true TRANSIT }
  - { from: two, to: hub, allowForwardedTraffic: true REMOTE }
  - { from: hub, to: three, allowForwardedTraffic: true }
  - { from: three, to: hub, allowForwardedTraffic: true }
  - { from: one, to: two, allowForwardedTraffic: true }
  - { from: two, to: one, allowForwardedTraffic: true }
loadBalancers:
  nvas:
    sku: Standard
    frontends: { front: { subnet: hub/front, address: 10.0.4.100 } }
    pools: [members]
    rules: [{ name: all, frontend: front, pool: members, protocol: All, frontendPort: 0, backendPort: 0 }]
  web:
    sku: Standard
    frontends: { front: { subnet: two/apps, address: 10.2.0.100 } }
    pools: [members]
    rules: [{ name: web, frontend: front, pool: members, protocol: Tcp, frontendPort: 80, backendPort: 8080 }]
networkInterfaces:
  c-nic: { subnet: hub/c, address: 10.0.5.4, ipForwarding: true }
  back-nic: { subnet: hub/back, address: 10.0.6.4, ipForwarding: true }
  loose-nic: { subnet: one/apps, address: 10.1.0.77 }
virtualMachines:
  a: { subnet: hub/a, address: 10.0.1.4, ipForwarding: true, backendPools: [nvas/members] }
  b: { subnet: hub/b, address: 10.0.2.4, ipForwarding: true, backendPools: [nvas/members] }
  c: { nics: [c-nic, back-nic] }
  hubvm: { subnet: hub/shared }
  one0: { subnet: one/apps }
  one1: { subnet: one/apps, publicIp: vm-pip }
  one2: { subnet: one/nat }
  two0: { subnet: two/apps, backendPools: [web/members] }
  two1: { subnet: two/data, backendPools: [web/members] }
  three0: { subnet: three/apps }
  island0: { subnet: island/x, address: 10.200.0.4 }
  island1: { subnet: island/y, address: 10.200.1.4 }
  isle0: { subnet: isle/x, address: 10.200.0.4 }
  isle1: { subnet: isle/y, address: 10.200.1.4 }
privateEndpoints:
  blob: { subnet: hub/shared, addresses: 10.0.3.50, service: /subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a }
guests: { a: { role: appliance }, b: { role: appliance }, c: { role: appliance } }
";

const ADMIN_RULES: &str = "
securityAdminRules:
  - { name: always, priority: 10, direction: Inbound, access: AlwaysAllow, protocol: Udp, destinationPorts: 53, virtualNetworks: [two, isle] }
  - { name: deny, priority: 20, direction: Inbound, access: Deny, protocol: Tcp, destinationPorts: 22, virtualNetworks: [two, hub] }
  - { name: allow, priority: 30, direction: Outbound, access: Allow, protocol: Tcp, destinationPorts: 80, virtualNetworks: [one, island] }
  - { name: out, priority: 40, direction: Outbound, access: Deny, protocol: Icmp, destination: 10.3.0.0/16, virtualNetworks: [one] }
";

const GATEWAY: &str = "
virtualNetworkGateways: { gateway: { subnet: hub/GatewaySubnet } }
localNetworkGateways: { site: { prefixes: [192.168.50.0/24], gatewayAddress: 198.51.100.1 } }
connections: { to-site: { gateway: gateway, site: site } }
onPremises: { branch: { gateway: gateway, prefixes: [192.168.50.0/24], hosts: { pc: 192.168.50.10 } } }
";

/// One of the networks, before its first changes.
pub(super) fn load(random: &mut Random) -> Network {
    let gateway = random.percent(20);
    let timeouts = ["null", "4", "5", "30"];
    let mut text = TOPOLOGY
        .replace("ONE-TIMEOUT", random.pick(&timeouts))
        .replace("TWO-TIMEOUT", random.pick(&timeouts))
        .replace(
            "TRANSIT",
            if gateway {
                ", allowGatewayTransit: true"
            } else {
                ""
            },
        )
        .replace(
            "REMOTE",
            if gateway {
                ", useRemoteGateways: true"
            } else {
                ""
            },
        );
    if gateway {
        text = text.replace(
            "      shared: 10.0.3.0/24",
            "      shared: 10.0.3.0/24\n      GatewaySubnet: 10.0.7.0/27",
        );
        text.push_str(GATEWAY);
    }
    if random.percent(40) {
        text.push_str(ADMIN_RULES);
    }
    let mut network = testnet::load(&text);
    for (name, value, percent) in [
        ("tcpStrict", "true", 15),
        ("icmpRelated", "false", 20),
        ("fabricIcmp", "fragNeeded", 30),
        ("vnetAccessWithoutNsg", "literal", 20),
        ("forwardedTraffic", "lenient", 10),
        ("icmpPorts", "ignore", 20),
    ] {
        if random.percent(percent) {
            network.options.set(name, value).expect("a known option");
        }
    }
    network
}
