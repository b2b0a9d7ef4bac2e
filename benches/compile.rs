//! From a network to its snapshot: hubs with appliances, spokes with user routes and security groups, as large estates have them. And from
//! one snapshot to the next after a change: `whole` is what it takes without knowing what has changed.

mod estate;

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use control::Snapshot;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::{
    Access, Network, PeeringFlags, PeeringScope, Route, RouteDestination, RouteTableId,
    UserNextHop, VnetId,
};

use estate::{estate, prefix, route_table, subnet, virtual_network, vm};

fn compile(criterion: &mut Criterion) {
    for (nics, samples) in [(1_000, 50), (10_000, 20), (65_536, 10)] {
        let network = estate(nics);
        let mut group = criterion.benchmark_group(format!("compile/{nics}_nics"));
        group
            .sample_size(samples)
            .throughput(Throughput::Elements(nics as u64));
        group.bench_function("new", |bencher| {
            bencher.iter_with_large_drop(|| control::compile(black_box(&network)));
        });
        let previous = control::compile(&network);
        group.bench_function("unchanged", |bencher| {
            bencher.iter_with_large_drop(|| control::recompile(black_box(&network), &previous));
        });
    }
}

/// How a snapshot is made from the one before.
type Recompile = fn(&Network, &Snapshot) -> Snapshot;

/// Changes the network over and over, in turns with an even and an odd number, and takes the time until the next snapshot is there.
fn change(
    criterion: &mut Criterion,
    name: &str,
    network: &mut Network,
    mut apply: impl FnMut(&mut Network, bool),
) {
    let mut group = criterion.benchmark_group(format!("change/{name}"));
    group.sample_size(20);
    let ways: [(&str, Recompile); 2] = [
        ("parts", control::recompile),
        ("whole", control::recompile_whole),
    ];
    for (way, recompile) in ways {
        group.bench_function(way, |bencher| {
            bencher.iter_custom(|times| {
                let mut snapshot = control::compile(network);
                let mut elapsed = Duration::ZERO;
                for time in 0..times {
                    apply(network, time % 2 == 0);
                    let start = Instant::now();
                    let next = recompile(black_box(network), &snapshot);
                    elapsed += start.elapsed();
                    snapshot = next;
                }
                elapsed
            });
        });
    }
}

/// Two networks of 100 subnets, each with a VM and a table of its own with 40 routes, peered.
fn two_wide_networks() -> (Network, [VnetId; 2], Vec<RouteTableId>) {
    let mut network = Network::default();
    let mut tables = Vec::new();
    let vnets = [1_u8, 2].map(|second| {
        let name = format!("wide{second}");
        let vnet = virtual_network(&mut network, &name, prefix([10, second, 0, 0], 16));
        for third in 0..100 {
            let name = format!("{name}-{third}");
            let table = route_table(&mut network, &name);
            let place = prefix([10, second, third, 0], 24);
            let place = subnet(&mut network, vnet, &name, place, None, Some(table));
            vm(&mut network, &name, place, false);
            tables.push(table);
        }
        vnet
    });
    for [from, to] in [vnets, [vnets[1], vnets[0]]] {
        link(&mut network, from, to);
    }
    (network, vnets, tables)
}

fn link(network: &mut Network, from: VnetId, to: VnetId) {
    let remote = network.virtual_networks()[to].id.clone();
    let name = format!("to-{}", remote.name());
    let (flags, scope) = (PeeringFlags::default(), PeeringScope::default());
    network
        .create_peering(from, &name, &remote, flags, scope)
        .expect("spaces do not overlap");
}

/// 400 routes, of which the first leads to one of two places, or of which the last is missing.
fn routes_of_400(first_hop: u8, count: u16) -> Vec<Route> {
    let route = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let hop = if number == 0 { first_hop } else { 4 };
        Route {
            name: format!("to-{number}"),
            destination: RouteDestination::Prefix(prefix([172, 16 + high, low, 0], 24)),
            next_hop: UserNextHop::VirtualAppliance(Ipv4Addr::new(10, 1, 0, hop)),
        }
    };
    (0..count).map(route).collect()
}

fn changes(criterion: &mut Criterion) {
    let (mut network, vnets, tables) = two_wide_networks();
    change(
        criterion,
        "next_hop_of_400_routes",
        &mut network,
        |network, even| {
            let hop = if even { 4 } else { 5 };
            network
                .set_routes(tables[0], routes_of_400(hop, 400))
                .expect("distinct destinations");
        },
    );
    change(
        criterion,
        "one_of_400_routes",
        &mut network,
        |network, even| {
            let count = if even { 399 } else { 400 };
            network
                .set_routes(tables[0], routes_of_400(4, count))
                .expect("distinct destinations");
        },
    );
    let (mut network, _, _) = two_wide_networks();
    change(
        criterion,
        "link_between_200_subnets",
        &mut network,
        |network, _| {
            let own = |network: &Network, vnet| network.virtual_networks()[vnet].peerings.clone();
            if own(network, vnets[0]).is_empty() {
                link(network, vnets[0], vnets[1]);
                link(network, vnets[1], vnets[0]);
            } else {
                // What is left behind at the other end is deleted, too: no link could be made beside it.
                let links = own(network, vnets[0])
                    .into_iter()
                    .chain(own(network, vnets[1]));
                links.for_each(|link| network.delete_peering(link));
            }
        },
    );
    let (mut network, _, _) = two_wide_networks();
    change(
        criterion,
        "flag_between_200_subnets",
        &mut network,
        |network, even| {
            let link = network.virtual_networks()[vnets[0]].peerings[0];
            let flags = PeeringFlags {
                allow_virtual_network_access: even,
                ..PeeringFlags::default()
            };
            network
                .update_peering(link, flags)
                .expect("the flag is free");
        },
    );
    let mut network = estate(65_536);
    let (table, _) = network
        .route_tables()
        .iter()
        .next()
        .expect("spokes have one");
    change(
        criterion,
        "next_hop_among_65536_nics",
        &mut network,
        |network, even| {
            let hop = if even { 4 } else { 5 };
            network
                .set_routes(table, routes_of_400(hop, 400))
                .expect("distinct destinations");
        },
    );
    let (group, _) = network.nsgs().iter().next().expect("spokes have one");
    let rules = network.nsgs()[group].rules.to_vec();
    change(
        criterion,
        "rule_among_65536_nics",
        &mut network,
        |network, even| {
            let mut rules = rules.clone();
            if even {
                rules[0].access = Access::Deny;
            }
            network
                .set_security_rules(group, rules)
                .expect("as they were");
        },
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = changes, compile
}
criterion_main!(benches);
