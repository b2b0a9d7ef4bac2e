//! Small random networks that hold everything a packet can meet between machines: peerings with any flags and states, spaces that overlap,
//! user routes of all kinds, appliances in a row, machines with several NICs and addresses, security groups, security admin rules, a
//! gateway, a load balancer, a firewall, options. Written as scenarios, so that what is found can be read.

mod write;

use proptest::prelude::*;
use proptest::sample::select;

/// A network as a plan; [`Plan::scenario`] writes it down.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At least two; the first is the hub.
    vnets: Vec<Vnet>,
    /// For each pair of networks, first with second and so on in order: the links, if any.
    links: Vec<Option<Pair>>,
    tables: Vec<Vec<(usize, NextHop)>>,
    groups: Vec<Vec<Rule>>,
    /// A VPN gateway in the hub, with so many instances; 0: none.
    gateway: usize,
    /// Load balancers in the first networks.
    balancers: [Option<Balancer>; 2],
    /// An Azure firewall in the hub, with this policy.
    firewall: Option<usize>,
    /// A route server in the hub, to which its first machines say the same.
    route_server: bool,
    admin: Vec<(Rule, &'static str)>,
    options: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Vnet {
    elsewhere: bool,
    /// It has the space of the network before.
    overlaps: bool,
    subnets: Vec<Subnet>,
}

#[derive(Clone, Debug)]
struct Subnet {
    table: Option<usize>,
    group: Option<usize>,
    machines: Vec<Machine>,
}

#[derive(Clone, Debug)]
struct Machine {
    forwarding: bool,
    group: Option<usize>,
    role: &'static str,
    /// In the same subnet, or the next one of the network, by a NIC of its own.
    second_nic: Option<bool>,
    second_address: bool,
}

/// Both links of a peering, or the first alone.
#[derive(Clone, Debug)]
struct Pair {
    there: Flags,
    back: Option<Flags>,
    /// The first link knows half of the other's space only.
    old: bool,
}

#[derive(Clone, Copy, Debug)]
struct Flags {
    access: bool,
    forwarded: bool,
    gateway: bool,
}

#[derive(Clone, Debug)]
struct Balancer {
    /// By machine of the network, counted through.
    members: Vec<usize>,
    /// Its rule is for one port, not for all.
    one_port: bool,
}

#[derive(Clone, Debug)]
enum NextHop {
    /// A machine of the plan, counted through.
    Machine(usize),
    /// The load balancer of the hub, or that of the second network.
    Balancer(usize),
    Firewall,
    Address(&'static str),
    Kind(&'static str),
}

#[derive(Clone, Debug)]
struct Rule {
    inbound: bool,
    allow: bool,
    protocol: &'static str,
    source: &'static str,
    destination: &'static str,
    ports: &'static str,
}

/// Prefixes of user routes; the networks are 10.1.0.0/16 and so on.
const PREFIXES: [&str; 15] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.2.0.0/16",
    "10.3.0.0/16",
    "10.2.0.0/24",
    "10.3.1.0/24",
    "10.1.0.4/32",
    "192.168.0.0/16",
    "10.4.0.0/16",
    "10.2.0.5/32",
    "10.3.0.4/31",
    "10.1.0.0/25",
    "10.1.1.0/24",
    "10.1.0.4/30",
];

/// Rule collections of firewalls.
const POLICIES: [&str; 4] = [
    "{ name: some, kind: Network, priority: 200, action: Allow, rules: [{ name: web, ipProtocols: [Tcp], sourceAddresses: [10.1.0.0/16, 10.2.0.0/24], destinationAddresses: ['*'], destinationPorts: ['443'] }, { name: echo, ipProtocols: [Icmp], sourceAddresses: ['*'], destinationAddresses: ['*'] }] }",
    "{ name: no, kind: Network, priority: 100, action: Deny, rules: [{ name: some, ipProtocols: [Any], sourceAddresses: [10.2.0.4, 10.3.0.0/31], destinationAddresses: [10.1.0.0/24, 192.168.0.0/24], destinationPorts: ['*'] }] }, { name: all, kind: Network, priority: 200, action: Allow, rules: [{ name: all, ipProtocols: [Any], sourceAddresses: ['*'], destinationAddresses: ['*'], destinationPorts: ['*'] }] }",
    "{ name: some, kind: Network, priority: 200, action: Allow, rules: [{ name: there, ipProtocols: [Any], sourceAddresses: [10.2.0.0/15], destinationAddresses: [10.1.0.0/16], destinationPorts: ['*'] }] }, { name: names, kind: Application, priority: 300, action: Allow, rules: [{ name: updates, sourceAddresses: [10.2.0.0/24], destinationPorts: ['443'], destinationFqdns: [example.com] }] }",
    "{ name: in, kind: Nat, priority: 100, rules: [{ name: web, ipProtocols: [Tcp], sourceAddresses: ['*'], destinationAddresses: [20.50.1.1], destinationPorts: ['443'], translatedAddress: 10.1.0.4, translatedPort: 443 }] }, { name: all, kind: Network, priority: 200, action: Allow, rules: [{ name: all, ipProtocols: [Any], sourceAddresses: ['10.0.0.0/8'], destinationAddresses: ['*'], destinationPorts: ['*'] }] }",
];

fn flags() -> impl Strategy<Value = Flags> {
    (prop::bool::weighted(0.85), any::<bool>(), any::<bool>()).prop_map(
        |(access, forwarded, gateway)| Flags {
            access,
            forwarded,
            gateway,
        },
    )
}

fn pair() -> impl Strategy<Value = Option<Pair>> {
    let back = prop_oneof![8 => flags().prop_map(Some), 1 => Just(None)];
    let pair = (flags(), back, prop::bool::weighted(0.1)).prop_map(|(there, back, old)| Pair {
        there,
        back,
        old,
    });
    prop_oneof![1 => Just(None), 3 => pair.prop_map(Some)]
}

fn next_hop() -> impl Strategy<Value = NextHop> {
    prop_oneof![
        4 => (0_usize..2).prop_map(NextHop::Machine),
        4 => (2_usize..8).prop_map(NextHop::Machine),
        3 => (0_usize..2).prop_map(NextHop::Balancer),
        2 => Just(NextHop::Firewall),
        1 => select(vec!["10.1.0.99", "172.20.0.4", "10.1.0.100"]).prop_map(NextHop::Address),
        2 => select(vec!["VnetLocal", "Internet", "None", "VirtualNetworkGateway"]).prop_map(NextHop::Kind),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let side = || {
        select(vec![
            "'*'",
            "'*'",
            "VirtualNetwork",
            "Internet",
            "10.1.0.0/16",
            "10.2.0.0/24",
            "10.1.0.4",
            "[10.2.0.5, 10.3.0.4, 10.1.1.4]",
            "10.3.0.4/31",
            "AzureLoadBalancer",
        ])
    };
    (
        any::<bool>(),
        any::<bool>(),
        select(vec!["'*'", "Tcp", "Icmp"]),
        side(),
        side(),
        select(vec![
            "['*']", "[443]", "[8, 22]", "[0-100]", "[49152]", "[0]",
        ]),
    )
        .prop_map(
            |(inbound, allow, protocol, source, destination, ports)| Rule {
                inbound,
                allow,
                protocol,
                source,
                destination,
                ports,
            },
        )
}

fn machine() -> impl Strategy<Value = Machine> {
    let role = prop_oneof![
        4 => Just("host"),
        3 => Just("appliance"),
        1 => Just("appliance, snat: true"),
        1 => Just("appliance, stateful: true"),
        1 => Just("stopped"),
    ];
    let second_nic = prop::option::weighted(0.15, any::<bool>());
    (
        any::<bool>(),
        prop::option::weighted(0.3, 0_usize..3),
        role,
        second_nic,
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(forwarding, group, role, second_nic, second_address)| Machine {
                // Nobody sets the flag for a host; a few appliances lack it.
                forwarding: forwarding || role == "appliance",
                group,
                role,
                second_nic,
                second_address,
            },
        )
}

fn subnet() -> impl Strategy<Value = Subnet> {
    (
        prop::option::weighted(0.6, 0_usize..3),
        prop::option::weighted(0.4, 0_usize..3),
        prop::collection::vec(machine(), 1..4),
    )
        .prop_map(|(table, group, machines)| Subnet {
            table,
            group,
            machines,
        })
}

fn options() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(
        vec![
            "forwardedTraffic: documented",
            "noneRoutes: seed",
            "icmpPorts: ignore",
            "vnetAccessWithoutNsg: literal",
            "udrInVnetTag: applianceAndGateway",
            "internetTag: minusVirtualNetwork",
            "tcpStrict: true",
        ],
        0..3,
    )
}

fn admin() -> impl Strategy<Value = Vec<(Rule, &'static str)>> {
    let access = select(vec!["Allow", "Deny", "AlwaysAllow"]);
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec((rule(), access), 1..4),
    ]
}

/// Any such network.
fn balancer() -> impl Strategy<Value = Option<Balancer>> {
    let members = prop::collection::vec(0_usize..6, 0..4);
    let balancer = (members, prop::bool::weighted(0.2))
        .prop_map(|(members, one_port)| Balancer { members, one_port });
    prop::option::weighted(0.5, balancer)
}

/// Plans of networks.
pub fn plan() -> impl Strategy<Value = Plan> {
    let vnet = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::collection::vec(subnet(), 1..3),
    )
        .prop_map(|(elsewhere, overlaps, subnets)| Vnet {
            elsewhere,
            overlaps,
            subnets,
        });
    let table = prop::collection::vec((0..PREFIXES.len(), next_hop()), 0..4);
    (
        prop::collection::vec(vnet, 2..5),
        prop::collection::vec(pair(), 6),
        prop::collection::vec(table, 3),
        prop::collection::vec(prop::collection::vec(rule(), 0..4), 3),
        select(vec![0_usize, 0, 1, 2]),
        [balancer(), balancer()],
        options(),
        prop::option::weighted(0.4, 0..POLICIES.len()),
        admin(),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(
                vnets,
                links,
                tables,
                groups,
                gateway,
                balancers,
                options,
                firewall,
                admin,
                route_server,
            )| Plan {
                vnets,
                links,
                tables,
                groups,
                gateway,
                balancers,
                firewall,
                route_server,
                admin,
                options,
            },
        )
}
