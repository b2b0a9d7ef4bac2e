//! Generated networks have what was asked for, counted resource by resource, and are what Azure would accept.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::OnceLock;

use generate::{Changes, GenerateError, Shape, Share, Sizes, Topology, generate};
use model::{
    Direction, FrontendAddress, Network, NetworkInterface, NicOwner, PeeringState, PowerState,
    RuleAddresses, RuleProtocol, SecurityRule, UserNextHop,
};
use proptest::prelude::*;

fn of(seed: u64, sizes: &Sizes) -> Network {
    generate(seed, sizes).unwrap_or_else(|error| panic!("{sizes}: {error}"))
}

/// Made once for all tests that only look at it.
fn subscription() -> &'static Network {
    static MADE: OnceLock<Network> = OnceLock::new();
    MADE.get_or_init(|| of(7, &Shape::Subscription.sizes()))
}

/// Everything of a network that a test could see, in order.
fn text(network: &Network) -> String {
    let mut text = String::new();
    for vnet in network.virtual_networks().values() {
        writeln!(text, "{} {:?}", vnet.id, vnet.address_space).unwrap();
    }
    for subnet in network.subnets().values() {
        let attached = (subnet.network_security_group, subnet.route_table);
        writeln!(text, "{} {:?} {attached:?}", subnet.id, subnet.prefixes).unwrap();
    }
    for link in network.peerings().values() {
        writeln!(text, "{} {} {:?}", link.id, link.remote, link.flags).unwrap();
    }
    for nic in network.nics().values() {
        writeln!(
            text,
            "{} {:?} {:?}",
            nic.id, nic.ip_configurations, nic.network_security_group
        )
        .unwrap();
    }
    for vm in network.virtual_machines().values() {
        writeln!(text, "{} {:?}", vm.id, vm.power).unwrap();
    }
    for group in network.nsgs().values() {
        writeln!(text, "{} {:?}", group.id, group.rules).unwrap();
    }
    for table in network.route_tables().values() {
        writeln!(text, "{} {:?}", table.id, table.routes).unwrap();
    }
    text
}

/// Holds every stated size against the network.
fn count(network: &Network, sizes: &Sizes) {
    assert_eq!(network.virtual_networks().len(), sizes.virtual_networks);
    assert_eq!(network.subnets().len(), sizes.subnets);
    assert_eq!(network.listed_nics().count(), sizes.nics);
    assert_eq!(network.virtual_machines().len(), sizes.nics);
    assert_eq!(network.nsgs().len(), sizes.nsgs);
    for group in network.nsgs().values() {
        assert_eq!(group.rules.len(), sizes.rules, "{}", group.id);
    }
    assert_eq!(network.route_tables().len(), sizes.route_tables);
    for table in network.route_tables().values() {
        assert_eq!(table.routes.len(), sizes.routes, "{}", table.id);
    }
    let forwarding = |nic: &&NetworkInterface| nic.is_listed() && nic.ip_forwarding;
    let appliances = network.nics().values().filter(forwarding).count();
    let firewalls = sizes.firewall_share.of(sizes.hubs);
    let balancers = sizes.load_balancer_share.of(sizes.hubs - firewalls);
    assert_eq!(appliances, sizes.hubs - firewalls + balancers);
    assert_eq!(network.firewalls().len(), firewalls);
    assert_eq!(network.load_balancers().len(), balancers);
    assert_eq!(network.gateways().len(), sizes.gateway_share.of(sizes.hubs));
    let hubs: BTreeSet<_> = { network.virtual_networks().iter() }
        .filter(|(_, vnet)| vnet.id.name().starts_with("hub-"))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(hubs.len(), sizes.hubs);
    let spoke_subnets = || {
        let subnets = network.subnets().values();
        subnets.filter(|subnet| !hubs.contains(&subnet.virtual_network))
    };
    let behind = spoke_subnets().filter(|subnet| {
        let table = subnet
            .route_table
            .map(|table| &network.route_tables()[table]);
        table.is_some_and(|table| {
            let mut hops = table.routes.iter().map(|route| route.next_hop);
            hops.any(|hop| matches!(hop, UserNextHop::VirtualAppliance(_)))
        })
    });
    assert_eq!(
        behind.count(),
        sizes.appliance_share.of(spoke_subnets().count())
    );
    for link in network.peerings().values() {
        assert_eq!(link.state, PeeringState::Connected, "{}", link.id);
    }
    let with_nat = spoke_subnets().filter(|subnet| subnet.nat_gateway.is_some());
    assert_eq!(
        with_nat.count(),
        sizes.nat_gateway_share.of(spoke_subnets().count())
    );
    let hosts: usize = network
        .on_premises()
        .values()
        .map(|site| site.hosts.len())
        .sum();
    assert_eq!(hosts, sizes.on_premises_hosts);
    count_machines(network, sizes);
}

/// The shares of VMs that do not forward.
fn count_machines(network: &Network, sizes: &Sizes) {
    let nics = || {
        let nics = network.listed_nics().map(|(_, nic)| nic);
        nics.filter(|nic| !nic.ip_forwarding)
    };
    let machines = nics().count();
    let stopped = { network.virtual_machines().values() }
        .filter(|vm| !vm.is_running())
        .count();
    assert_eq!(stopped, sizes.stopped_share.at_least(machines));
    let second = nics().filter(|nic| nic.ip_configurations.len() == 2);
    assert_eq!(second.count(), sizes.second_address_share.of(machines));
    let public = nics().filter(|nic| nic.primary().public_ip.is_some());
    if let Some(share) = sizes.public_address_share {
        assert_eq!(public.count(), share.of(machines));
    }
    let addresses: BTreeSet<_> = { network.public_ips().values() }
        .map(|public| public.address)
        .collect();
    assert_eq!(
        addresses.len(),
        network.public_ips().len(),
        "no address twice"
    );
}

/// Every route to an appliance leads to an address that somebody has who forwards.
fn check_next_hops(network: &Network) {
    let mut forwarding: BTreeSet<_> = { network.nics().values() }
        .filter(|nic| nic.ip_forwarding && !matches!(nic.owner, NicOwner::GatewayInstance(..)))
        .map(NetworkInterface::primary_address)
        .collect();
    for balancer in network.load_balancers().values() {
        for frontend in &balancer.frontends {
            if let FrontendAddress::Private(_, address) = frontend.address {
                forwarding.insert(address);
            }
        }
        let members = { network.nics().values() }
            .flat_map(|nic| &nic.ip_configurations)
            .filter(|configuration| !configuration.backend_pools.is_empty());
        assert_eq!(members.count(), 2 * network.load_balancers().len());
    }
    let routes = network
        .route_tables()
        .values()
        .flat_map(|table| &table.routes);
    for route in routes {
        if let UserNextHop::VirtualAppliance(address) = route.next_hop {
            assert!(forwarding.contains(&address), "{address}");
        }
    }
}

/// The first and last number of what a side of a rule can match; a tag or group is everything.
fn ranges(addresses: &RuleAddresses) -> Vec<(u32, u32)> {
    match addresses {
        RuleAddresses::Prefixes(prefixes) => prefixes
            .iter()
            .map(|prefix| (prefix.network().into(), prefix.broadcast().into()))
            .collect(),
        RuleAddresses::Any
        | RuleAddresses::Tag(_)
        | RuleAddresses::ApplicationSecurityGroups(_) => vec![(0, u32::MAX)],
    }
}

fn meet<T: Ord + Copy>(ones: &[(T, T)], others: &[(T, T)]) -> bool {
    ones.iter().any(|one| {
        others
            .iter()
            .any(|other| one.0 <= other.1 && other.0 <= one.1)
    })
}

/// Whether a packet can match both rules.
fn overlap(one: &SecurityRule, other: &SecurityRule) -> bool {
    let protocol = one.protocol == other.protocol
        || [one.protocol, other.protocol].contains(&RuleProtocol::Any);
    protocol
        && meet(
            one.destination_ports.ranges(),
            other.destination_ports.ranges(),
        )
        && meet(&ranges(&one.source), &ranges(&other.source))
        && meet(&ranges(&one.destination), &ranges(&other.destination))
}

/// Of how many rules, how many overlap an earlier one of their direction.
fn overlapping(rules: &[SecurityRule], direction: Direction) -> (usize, usize) {
    let mut rules: Vec<&SecurityRule> = rules
        .iter()
        .filter(|rule| rule.direction == direction)
        .collect();
    rules.sort_by_key(|rule| rule.priority);
    let later = (0..rules.len()).filter(|&number| {
        rules[..number]
            .iter()
            .any(|earlier| overlap(earlier, rules[number]))
    });
    (rules.len(), later.count())
}

fn check_overlaps(network: &Network, share: Share) {
    for group in network.nsgs().values() {
        for direction in [Direction::Inbound, Direction::Outbound] {
            let (rules, overlapping) = overlapping(&group.rules, direction);
            let wanted = share.of(rules).min(rules.saturating_sub(1));
            assert_eq!(
                overlapping, wanted,
                "{direction} of {rules} in {}",
                group.id
            );
        }
    }
}

#[test]
fn every_shape_has_the_sizes_that_its_name_stands_for() {
    for shape in Shape::ALL {
        let sizes = shape.sizes();
        match shape {
            Shape::Subscription => count(subscription(), &sizes),
            _ => count(&of(7, &sizes), &sizes),
        }
    }
}

#[test]
fn the_documented_figures_of_the_shapes_stay() {
    let subscription = Shape::Subscription.sizes();
    assert_eq!(
        (
            subscription.nics,
            subscription.virtual_networks,
            subscription.nsgs,
            subscription.rules,
            subscription.hubs,
            subscription.appliance_share
        ),
        (65_536, 1_000, 1_000, 100, 20, Share::percent(5))
    );
    let enterprise = Shape::Enterprise.sizes();
    assert_eq!(
        (enterprise.nics, enterprise.nsgs, enterprise.rules),
        (64_000, 4_000, 200)
    );
    let hero = Shape::DashBabyHero.sizes();
    assert_eq!(hero.nsgs * hero.rules, 320_000);
    assert_eq!(hero.route_tables * hero.routes, 160_000);
}

/// Networks that have been measured and written about stay what they were. Another number here, unless only `Debug` of a type has
/// changed, changes what every figure means.
#[test]
fn the_networks_of_the_shapes_stay_what_they_were() {
    let print = |network: &Network| {
        let text = text(network);
        // FNV-1a: the same everywhere.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    };
    assert_eq!(print(&of(7, &Shape::Small.sizes())), "5e2e28eab0944177");
    assert_eq!(print(subscription()), "00b13f6c0eecaa2c");
}

#[test]
fn a_seed_gives_one_network_and_another_seed_another() {
    let sizes = Shape::Small.sizes();
    let first = text(&of(7, &sizes));
    assert_eq!(first, text(&of(7, &sizes)));
    assert_ne!(first, text(&of(8, &sizes)));
}

#[test]
fn more_groups_of_rules_change_neither_addresses_nor_machines() {
    let sizes = Shape::Small.sizes();
    let more = sizes.with(&Changes {
        nsgs: Some(20),
        ..Changes::default()
    });
    let addresses = |network: &Network| -> Vec<_> {
        let nics = network.nics().values();
        nics.map(|nic| (nic.id.to_string(), nic.primary_address()))
            .collect()
    };
    assert_eq!(addresses(&of(7, &sizes)), addresses(&of(7, &more)));
}

#[test]
fn the_share_of_overlapping_rules_is_exact() {
    for percent in [0, 10, 30, 75, 100] {
        let sizes = Shape::Small.sizes().with(&Changes {
            rules: Some(60),
            rule_overlap: Some(Share::percent(percent)),
            ..Changes::default()
        });
        check_overlaps(&of(3, &sizes), Share::percent(percent));
    }
}

#[test]
fn nsgs_of_a_thousand_rules_keep_the_share_too() {
    let sizes = Shape::Small.sizes().with(&Changes {
        nsgs: Some(3),
        rules: Some(1_000),
        ..Changes::default()
    });
    check_overlaps(&of(1, &sizes), sizes.rule_overlap);
}

#[test]
fn rules_are_of_every_kind() {
    let network = subscription();
    let rules = || network.nsgs().values().flat_map(|group| group.rules.iter());
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    for side in rules().flat_map(|rule| [&rule.source, &rule.destination]) {
        let kind = match side {
            RuleAddresses::Any => "any",
            RuleAddresses::Tag(_) => "tag",
            RuleAddresses::ApplicationSecurityGroups(_) => "groups",
            RuleAddresses::Prefixes(prefixes) if prefixes.len() > 1 => "several",
            RuleAddresses::Prefixes(prefixes) if prefixes[0].prefix_len() == 32 => "host",
            RuleAddresses::Prefixes(_) => "prefix",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    assert!(kinds.values().all(|&count| count > 500), "{kinds:?}");
    let denied = rules().filter(|rule| rule.access == model::Access::Deny);
    let share = denied.count() * 100 / rules().count();
    assert!((30..45).contains(&share), "{share} % deny");
}

#[test]
fn links_and_machines_differ_as_they_do_in_life() {
    let network = subscription();
    let links = || network.peerings().values().map(|link| link.flags);
    for (what, count) in [
        (
            "forwarded",
            links()
                .filter(|flags| flags.allow_forwarded_traffic)
                .count(),
        ),
        (
            "not forwarded",
            links()
                .filter(|flags| !flags.allow_forwarded_traffic)
                .count(),
        ),
        (
            "transit",
            links().filter(|flags| flags.allow_gateway_transit).count(),
        ),
        (
            "remote gateway",
            links().filter(|flags| flags.use_remote_gateways).count(),
        ),
        (
            "no access",
            links()
                .filter(|flags| !flags.allow_virtual_network_access)
                .count(),
        ),
        (
            "stopped",
            network
                .virtual_machines()
                .values()
                .filter(|vm| vm.power == PowerState::Stopped)
                .count(),
        ),
        (
            "deallocated",
            network
                .virtual_machines()
                .values()
                .filter(|vm| vm.power == PowerState::Deallocated)
                .count(),
        ),
        (
            "nsg at a nic",
            network
                .nics()
                .values()
                .filter(|nic| nic.network_security_group.is_some())
                .count(),
        ),
        ("public address", network.public_ips().len()),
        (
            "subnet without nsg",
            network
                .subnets()
                .values()
                .filter(|subnet| subnet.network_security_group.is_none())
                .count(),
        ),
    ] {
        assert!(count >= 10, "{what}: {count}");
    }
    let stopped = network
        .virtual_machines()
        .values()
        .filter(|vm| !vm.is_running())
        .count();
    assert_eq!(stopped, (65_536_usize - 20) * 2 / 100 + 1);
}

#[test]
fn the_least_of_everything_can_be_had() {
    let least = Changes {
        hubs: Some(1),
        virtual_networks: Some(1),
        subnets: Some(2),
        nics: Some(1),
        nsgs: Some(0),
        rules: Some(0),
        route_tables: Some(0),
        routes: Some(0),
        gateway_share: Some(Share::NONE),
        ..Changes::default()
    };
    let one = Shape::Small.sizes().with(&least);
    let without_machines = one.with(&Changes {
        hubs: Some(1),
        nics: Some(0),
        firewall_share: Some(Share::ALL),
        ..Changes::default()
    });
    let one_of_all = one.with(&Changes {
        hubs: Some(1),
        virtual_networks: Some(2),
        subnets: Some(4),
        nics: Some(3),
        nsgs: Some(1),
        rules: Some(1),
        route_tables: Some(1),
        routes: Some(1),
        appliance_share: Some(Share::ALL),
        gateway_share: Some(Share::ALL),
        load_balancer_share: Some(Share::ALL),
        nat_gateway_share: Some(Share::ALL),
        on_premises_hosts: Some(1),
        stopped_share: Some(Share::ALL),
        second_address_share: Some(Share::ALL),
        public_address_share: Some(Share::ALL),
        ..Changes::default()
    });
    for sizes in [one, without_machines, one_of_all] {
        for seed in [0, u64::MAX] {
            let network = of(seed, &sizes);
            count(&network, &sizes);
            check_next_hops(&network);
        }
    }
}

/// Why a small network cannot be changed like this.
#[track_caller]
fn refused(changes: &Changes) -> String {
    match generate(1, &Shape::Small.sizes().with(changes)) {
        Err(GenerateError::Sizes(error)) => error.to_string(),
        other => panic!("{changes:?}: {other:?}"),
    }
}

#[test]
fn sizes_that_cannot_be_are_refused_with_what_would_do() {
    assert_eq!(
        refused(&Changes {
            subnets: Some(9),
            ..Changes::default()
        }),
        "9 subnets are too few: a spoke has one, a hub two, a hub with a gateway three, so at least 13 are needed"
    );
    assert_eq!(
        refused(&Changes {
            nics: Some(1),
            ..Changes::default()
        }),
        "1 NICs are too few: the appliances of the hubs have one each, so at least 2 are needed"
    );
    assert_eq!(
        refused(&Changes {
            routes: Some(401),
            ..Changes::default()
        }),
        "401 routes a table are too many: Azure allows 400; more tables hold more"
    );
    assert_eq!(
        refused(&Changes {
            virtual_networks: Some(2_000),
            hubs: Some(2),
            ..Changes::default()
        }),
        "1000 peering links of a VNet are too many: Azure allows 500; more hubs make smaller groups"
    );
    assert_eq!(
        refused(&Changes {
            nics: Some(20_000_000),
            topology: Some(Topology::HubSpoke),
            virtual_networks: Some(20_000),
            ..Changes::default()
        }),
        "20000000 NICs are too many: there is room for 16777216 in 10.0.0.0/8"
    );
    let message = refused(&Changes {
        virtual_networks: Some(65_537),
        nics: Some(65_537),
        ..Changes::default()
    });
    assert!(message.contains("13111 peering links"), "{message}");
    assert!(message.contains("fewer hubs have fewer"), "{message}");
    let message = refused(&Changes {
        nics: Some(10_000_000),
        topology: Some(Topology::HubSpoke),
        virtual_networks: Some(20_000),
        ..Changes::default()
    });
    assert!(
        message.contains("fewer NICs, subnets or VNets take less"),
        "{message}"
    );
    assert_eq!(
        refused(&Changes {
            on_premises_hosts: Some(300),
            ..Changes::default()
        }),
        "1 hubs with a gateway are too few: the site behind a gateway has up to 254 hosts, so at least 2 are needed"
    );
    assert_eq!(
        refused(&Changes {
            nics: Some(200_000),
            hubs: Some(10),
            virtual_networks: Some(100),
            public_address_share: Some(Share::ALL),
            ..Changes::default()
        }),
        "199990 public addresses are too many: there is room for 131070 in 198.18.0.0/15; smaller shares of NAT gateways and public addresses need fewer"
    );
}

#[test]
fn sizes_at_the_ends_of_what_can_be_written_are_refused() {
    for changes in [
        Changes {
            hubs: Some(0),
            ..Changes::default()
        },
        Changes {
            virtual_networks: Some(0),
            ..Changes::default()
        },
        Changes {
            routes: Some(0),
            ..Changes::default()
        },
        Changes {
            rules: Some(1_001),
            ..Changes::default()
        },
        Changes {
            route_tables: Some(1),
            ..Changes::default()
        },
        Changes {
            nics: Some(1_000_000),
            ..Changes::default()
        },
        Changes {
            nics: Some(usize::MAX),
            ..Changes::default()
        },
        Changes {
            virtual_networks: Some(usize::MAX),
            ..Changes::default()
        },
        Changes {
            hubs: Some(usize::MAX),
            ..Changes::default()
        },
        Changes {
            subnets: Some(usize::MAX),
            ..Changes::default()
        },
        Changes {
            nsgs: Some(usize::MAX),
            ..Changes::default()
        },
        Changes {
            route_tables: Some(usize::MAX),
            ..Changes::default()
        },
        Changes {
            on_premises_hosts: Some(usize::MAX),
            ..Changes::default()
        },
        Changes {
            nics: Some(usize::MAX),
            second_address_share: Some(Share::ALL),
            public_address_share: Some(Share::ALL),
            stopped_share: Some(Share::ALL),
            ..Changes::default()
        },
    ] {
        refused(&changes);
    }
}

#[test]
fn sizes_of_large_estates_can_be_had() {
    for (nics, nsgs, rules) in [
        (10_000, 1_000, 5),
        (65_536, 5_000, 1),
        (100_000, 500, 1_000),
    ] {
        let changes = Changes {
            nics: Some(nics),
            nsgs: Some(nsgs),
            rules: Some(rules),
            ..Changes::default()
        };
        let sizes = Shape::Subscription.sizes().with(&changes);
        assert_eq!(sizes.check(), Ok(()));
        // Rules are made alike whatever their number.
        let few = Sizes {
            rules: rules.min(5),
            ..sizes
        };
        count(&of(1, &few), &few);
    }
}

fn sizes() -> impl Strategy<Value = Sizes> {
    let share = || (0_u32..=100).prop_map(Share::percent);
    let places = (
        0_usize..3,
        1_usize..5,
        0_usize..12,
        0_usize..30,
        0_usize..200,
    );
    let tables = (0_usize..60, 0_usize..40, 0_usize..20, 1_usize..12);
    let of_hubs = (share(), share(), share(), 0_usize..40);
    let of_machines = (share(), share(), prop::option::of(share()));
    let others = (share(), share(), share());
    (places, tables, of_hubs, of_machines, others).prop_map(
        |(places, tables, of_hubs, of_machines, others)| {
            let (gateway_share, firewall_share, load_balancer_share, on_premises_hosts) = of_hubs;
            let (stopped_share, second_address_share, public_address_share) = of_machines;
            let (appliance_share, nat_gateway_share, rule_overlap) = others;
            let (topology, hubs, spokes, subnets, nics) = places;
            let (nsgs, rules, route_tables, routes) = tables;
            let mut sizes = Sizes {
                topology: Topology::ALL[topology],
                hubs,
                virtual_networks: hubs + spokes,
                subnets: 3 * hubs + spokes,
                nics: 2 * hubs + nics,
                nsgs,
                rules,
                route_tables: 2 * hubs + route_tables,
                routes,
                appliance_share,
                gateway_share,
                firewall_share,
                load_balancer_share,
                nat_gateway_share,
                on_premises_hosts: 0,
                stopped_share,
                second_address_share,
                public_address_share,
                rule_overlap,
            };
            if sizes.gateways() > 0 {
                sizes.on_premises_hosts = on_premises_hosts;
            }
            sizes.subnets = if spokes == 0 {
                sizes.hub_subnets()
            } else {
                sizes.subnets + subnets
            };
            sizes
        },
    )
}

proptest! {
    #[test]
    fn any_sizes_are_met_to_the_last_resource(seed: u64, sizes in sizes()) {
        let network = of(seed, &sizes);
        count(&network, &sizes);
        check_next_hops(&network);
        check_overlaps(&network, sizes.rule_overlap);
    }
}
