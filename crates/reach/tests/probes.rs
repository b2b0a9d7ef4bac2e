//! One pair, one probe.

use std::fmt::Write as _;

use reach::{Asked, Depth, Question, Service, Verdict, Watch, WayEnd};

use crate::world::World;

const HUB: &str = "
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { nva: 10.0.0.0/24 } }
  a: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: via } } }
  b: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, networkSecurityGroup: web } } }
peerings:
  - { name: hub-a, from: hub, to: a }
  - { name: a-hub, from: a, to: hub, allowForwardedTraffic: true }
  - { name: hub-b, from: hub, to: b }
  - { name: b-hub, from: b, to: hub, allowForwardedTraffic: true }
routeTables:
  via: { routes: [ { name: all, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.0.4 } ] }
networkSecurityGroups:
  web:
    securityRules:
      - { name: web, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, source: '*', destination: '*', destinationPorts: [443] }
      - { name: rest, priority: 200, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*', destinationPorts: ['*'] }
virtualMachines:
  nva: { subnet: hub/nva, nic: n0, ipForwarding: true }
  one: { subnet: a/s, nic: n1 }
  two: { subnet: b/s, nic: n2 }
guests: { nva: { role: appliance } }
";

#[test]
fn a_probe_over_an_appliance_arrives_and_its_reply_finds_no_way_back() {
    let world = World::new(HUB);
    let (one, two) = (world.end("one/n1"), world.end("two/n2"));
    let matrix = world.by_packets(Service::Tcp(443));
    assert_eq!(matrix.verdict(one, two), Some(Verdict::ForwardOnly));
    assert_eq!(matrix.verdict(one, one), None);
    let (service, answer) = matrix.reason(&world.snapshot, one, two).unwrap();
    assert_eq!(service, Service::Tcp(443));
    let workers: Vec<_> = ["one/n1", "nva/n0", "two/n2"]
        .map(|name| reach::Device::Nic(world.ends[world.end(name)].worker))
        .into();
    assert_eq!(answer.forward.passed, workers);
    let reply = answer.reply.unwrap();
    let dropped = reply.dropped().expect("the reply has no route");
    assert_eq!(dropped.reason().name(), "route-none");
}

#[test]
fn any_port_is_one_of_all_ports() {
    let world = World::new(HUB);
    let (nva, two) = (world.end("nva/n0"), world.end("two/n2"));
    let ask = |asked: &str| {
        let asked: Asked = asked.parse().unwrap();
        let question = Question {
            asked,
            ..Question::about(Service::Icmp)
        };
        let (ends, watch) = (&world.ends, Watch::default());
        let matrix = reach::by_packets(&world.snapshot, ends, ends, question, &watch).unwrap();
        let (service, _) = matrix.reason(&world.snapshot, nva, two).unwrap();
        (matrix.verdict(nva, two).unwrap(), service)
    };
    assert_eq!(ask("tcp/any"), (Verdict::Reachable, Service::Tcp(443)));
    assert_eq!(ask("tcp/all"), (Verdict::Unreachable, Service::Tcp(1)));
    assert_eq!(ask("udp/any"), (Verdict::Unreachable, Service::Udp(1)));
}

#[test]
fn what_leaves_for_the_internet_is_unknown_and_what_comes_from_there_asks_for_the_public_address() {
    let world = World::new(
        "
virtualNetworks:
  v: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24 } }
publicIPAddresses: { pip: { address: 20.0.0.1 } }
networkSecurityGroups:
  open:
    securityRules:
      - { name: web, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, source: Internet, destination: '*', destinationPorts: [443] }
virtualMachines:
  web: { subnet: v/s, nic: n1, publicIp: pip, networkSecurityGroup: open }
  db: { subnet: v/s, nic: n2 }
",
    );
    let (internet, web, db) = (
        world.end("internet"),
        world.end("web/n1"),
        world.end("db/n2"),
    );
    let matrix = world.by_packets(Service::Tcp(443));
    assert_eq!(matrix.verdict(internet, web), Some(Verdict::Reachable));
    assert_eq!(matrix.verdict(internet, db), Some(Verdict::Unreachable));
    let (_, answer) = matrix.reason(&world.snapshot, web, internet).unwrap();
    assert!(matches!(answer.forward.end, WayEnd::Arrived(_)));
}

#[test]
fn what_a_balancer_or_a_firewall_leads_in_from_the_internet_is_reached_from_there() {
    let world = World::new(
        "
virtualNetworks:
  v:
    addressSpace: [10.0.0.0/16]
    subnets: { s: { prefix: 10.0.0.0/24, networkSecurityGroup: open }, t: { prefix: 10.0.1.0/24, networkSecurityGroup: open }, AzureFirewallSubnet: 10.0.9.0/26 }
publicIPAddresses: { lb-ip: { address: 20.0.0.1, sku: Standard }, fw-ip: { address: 20.0.0.2, sku: Standard } }
networkSecurityGroups:
  open: { securityRules: [{ name: all, priority: 100, direction: Inbound, access: Allow, protocol: '*', source: '*', destination: '*', destinationPorts: '*' }] }
loadBalancers:
  lb:
    sku: Standard
    frontends: { front: { publicIp: lb-ip } }
    pools: [pool]
    probes: [{ name: alive, protocol: Tcp, port: 8080 }]
    rules: [{ name: web, frontend: front, pool: pool, protocol: Tcp, frontendPort: 80, backendPort: 8080, probe: alive }]
azureFirewalls: { fw: { subnet: v/AzureFirewallSubnet, publicIp: fw-ip, policy: p } }
firewallPolicies:
  p:
    ruleCollectionGroups:
      g:
        priority: 100
        ruleCollections: [{ name: in, kind: Nat, priority: 100, rules: [{ name: site, ipProtocols: [Tcp], destinationAddresses: [20.0.0.2], destinationPorts: ['2222'], translatedAddress: 10.0.1.4, translatedPort: 22 }] }]
virtualMachines:
  one: { subnet: v/s, address: 10.0.0.4, nic: n1, backendPools: [lb/pool] }
  two: { subnet: v/s, address: 10.0.0.5, nic: n2, backendPools: [lb/pool] }
  behind: { subnet: v/t, address: 10.0.1.4, nic: n3 }
",
    );
    let internet = world.end("internet");
    let reached = |asked: &str| -> Vec<&str> {
        let question = Question {
            asked: asked.parse().unwrap(),
            ..Question::about(Service::Icmp)
        };
        let (ends, watch) = (&world.ends, &Watch::default());
        let quick = reach::matrix(&world.snapshot, ends, ends, question, watch).unwrap();
        let slow = reach::by_packets(&world.snapshot, ends, ends, question, watch).unwrap();
        let machines = ["one/n1", "two/n2", "behind/n3"];
        let is_reached = |name: &&str| {
            let pair = (internet, world.end(name));
            let verdicts = [&quick, &slow].map(|matrix| matrix.verdict(pair.0, pair.1));
            assert_eq!(verdicts[0], verdicts[1], "{asked} {name}");
            let (_, answer) = quick.reason(&world.snapshot, pair.0, pair.1).unwrap();
            assert_eq!(Some(answer.verdict), verdicts[0], "{asked} {name}");
            verdicts[0] == Some(Verdict::Reachable)
        };
        machines.into_iter().filter(is_reached).collect()
    };
    assert_eq!(reached("tcp/80"), ["one/n1", "two/n2"]);
    assert_eq!(reached("tcp/2222"), ["behind/n3"]);
    assert_eq!(reached("tcp/8080"), <[&str; 0]>::default());
    assert_eq!(reached("tcp/any"), ["one/n1", "two/n2", "behind/n3"]);
    assert_eq!(reached("tcp/all"), <[&str; 0]>::default());
}

#[test]
fn counts_leave_out_an_end_with_itself_and_add_up() {
    let world = World::new(HUB);
    for depth in [Depth::Forward, Depth::RoundTrip] {
        let question = Question::about(Service::Icmp).with_depth(depth);
        let (ends, watch) = (&world.ends, Watch::default());
        let matrix = reach::by_packets(&world.snapshot, ends, ends, question, &watch).unwrap();
        let counts = matrix.counts();
        let len = ends.len() as u64;
        assert_eq!(counts.pairs, len * (len - 1));
        let sum = counts.reachable + counts.forward_only + counts.unreachable + counts.unknown;
        assert_eq!(sum, counts.pairs);
        let mut slow = 0;
        for source in 0..ends.len() {
            for destination in 0..ends.len() {
                slow += u64::from(matrix.verdict(source, destination) == Some(Verdict::Reachable));
            }
        }
        assert_eq!(slow, counts.reachable);
        let classes = matrix.classes();
        for members in &classes.destinations {
            for source in 0..ends.len() {
                let cell = |&to: &u32| matrix.row(source).cell(to as usize);
                assert!(members.iter().all(|to| cell(to) == cell(&members[0])));
            }
        }
    }
}

/// A client, and a server behind a pool of these guests.
fn pool_of(roles: &[&str]) -> World {
    let (mut machines, mut guests) = (String::new(), String::new());
    for (number, role) in roles.iter().enumerate() {
        let _ = writeln!(
            machines,
            "  a{number}: {{ subnet: v/appliances, ipForwarding: true, backendPools: [lb/pool] }}"
        );
        let _ = writeln!(guests, "  a{number}: {{ role: {role} }}");
    }
    World::new(&format!(
        "
virtualNetworks:
  v:
    addressSpace: [10.0.0.0/16]
    subnets:
      clients: {{ prefix: 10.0.0.0/24, routeTable: via }}
      appliances: 10.0.1.0/24
      servers: 10.0.2.0/24
routeTables:
  via: {{ routes: [ {{ name: r, prefix: 10.0.2.0/24, nextHop: VirtualAppliance 10.0.1.100 }} ] }}
loadBalancers:
  lb:
    sku: Standard
    frontends: {{ front: {{ subnet: v/appliances, address: 10.0.1.100 }} }}
    pools: [pool]
    rules: [ {{ name: ha, frontend: front, pool: pool, protocol: All, frontendPort: 0, backendPort: 0 }} ]
virtualMachines:
  client: {{ subnet: v/clients, nic: n1 }}
  server: {{ subnet: v/servers, nic: n2 }}
{machines}guests:
{guests}"
    ))
}

#[test]
fn one_of_many_that_would_change_the_verdict_is_enough_to_mark_it() {
    let mut roles = ["appliance"; 30];
    roles[29] = "host";
    let world = pool_of(&roles);
    let (client, server) = (world.end("client/n1"), world.end("server/n2"));
    for port in 440..460 {
        let (ends, watch) = (&world.ends, &Watch::default());
        let question = Question::about(Service::Tcp(port));
        let quick = reach::matrix(&world.snapshot, ends, ends, question, watch).unwrap();
        let marked = quick.cell(client, server).unwrap().depends_on_hash;
        assert!(marked, "tcp/{port}");
    }
}

#[test]
fn a_verdict_that_another_hash_would_change_is_marked() {
    for (second, marked) in [("appliance", false), ("host", true)] {
        let world = pool_of(&["appliance", second]);
        let (client, server) = (world.end("client/n1"), world.end("server/n2"));
        for service in [Service::Icmp, Service::Tcp(443)] {
            let cell = world.by_packets(service).cell(client, server).unwrap();
            assert_eq!(cell.depends_on_hash, marked, "{service} {second}");
        }
    }
}
