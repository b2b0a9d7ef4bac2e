//! The matrix after a change, made from the one before, is the one that is made anew: for histories of routes, links and rules, in random
//! networks and in generated ones.

use generate::{Shape, Sizes};
use model::{LinkId, Network, NsgId, RouteTableId, UserNextHop};
use proptest::prelude::*;
use reach::{Depth, Matrix, Question, Service, Watch};
use testnet::plan;

use crate::world::World;

/// One change of a network: which kind, which row, which of its parts.
type Edit = (u8, usize, usize);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    proptest::collection::vec((0..8_u8, 0..64_usize, 0..64_usize), 1..8)
}

/// Does it, if there is such a row and the network does not refuse.
fn edit(network: &mut Network, (kind, row, part): Edit) {
    let tables: Vec<RouteTableId> = network.route_tables().keys().collect();
    let links: Vec<LinkId> = network.peerings().keys().collect();
    let groups: Vec<NsgId> = network.nsgs().keys().collect();
    match kind {
        0..=2 if !tables.is_empty() => {
            let table = tables[row % tables.len()];
            let mut routes = network.route_tables()[table].routes.clone();
            if routes.is_empty() {
                return;
            }
            let part = part % routes.len();
            match kind {
                0 => drop(routes.remove(part)),
                1 => routes[part].next_hop = UserNextHop::None,
                _ => routes[part].next_hop = UserNextHop::VnetLocal,
            }
            drop(network.set_routes(table, routes));
        }
        3..=6 if !links.is_empty() => {
            let link = links[row % links.len()];
            let mut flags = network.peerings()[link].flags;
            let flag = match kind {
                3 | 4 => &mut flags.allow_forwarded_traffic,
                5 => &mut flags.allow_virtual_network_access,
                _ => &mut flags.use_remote_gateways,
            };
            *flag = !*flag;
            drop(network.update_peering(link, flags));
        }
        7 if !groups.is_empty() => {
            let group = groups[row % groups.len()];
            let mut rules = network.nsgs()[group].rules.to_vec();
            if !rules.is_empty() {
                rules.remove(part % rules.len());
                drop(network.set_security_rules(group, rules));
            }
        }
        _ => {}
    }
}

/// Holds every state of a history against one that is judged anew, or says where they differ.
fn agree(world: &World, question: Question, edits: &[Edit]) -> Result<(), String> {
    let (ends, watch) = (&world.ends, Watch::default());
    let ask = |snapshot: &control::Snapshot| -> Matrix {
        reach::matrix(snapshot, ends, ends, question, &watch).expect("nobody cancels")
    };
    let mut network = world.network.clone();
    let (mut snapshot, mut matrix) = (world.snapshot.clone(), ask(&world.snapshot));
    for &change in edits {
        edit(&mut network, change);
        let after = control::recompile(&network, &snapshot);
        let again = matrix.again(&snapshot, &after, &watch);
        let (again, changed) = again.expect("nobody cancels");
        let anew = ask(&after);
        for source in 0..ends.len() {
            let position = u32::try_from(source).expect("few ends");
            let may_differ = changed.binary_search(&position).is_ok();
            for destination in 0..ends.len() {
                let now = again.cell(source, destination);
                let was = matrix.cell(source, destination);
                if now != anew.cell(source, destination) || !may_differ && now != was {
                    let names = ends.names(&network);
                    return Err(format!(
                        "{change:?} {} -> {}: {now:?}, was {was:?}, anew {:?}",
                        names[source],
                        names[destination],
                        anew.cell(source, destination),
                    ));
                }
            }
        }
        (snapshot, matrix) = (after, again);
    }
    Ok(())
}

#[test]
fn every_kind_of_change_of_a_generated_estate_is_judged_as_if_anew() {
    let sizes = Sizes {
        nics: 240,
        virtual_networks: 12,
        subnets: 40,
        hubs: 2,
        nsgs: 12,
        rules: 12,
        ..Shape::Subscription.sizes()
    };
    let network = generate::generate(3, &sizes).expect("the sizes go together");
    let world = World::of(network);
    let all = (0..8).flat_map(|kind| (0..64).step_by(5).map(move |row| (kind, row, row / 3)));
    let all: Vec<Edit> = all.collect();
    let question = Question::about(Service::Tcp(443));
    agree(&world, question, &all).unwrap_or_else(|error| panic!("{error}"));
}

proptest! {
    #[test]
    fn a_history_of_routes_links_and_rules_ends_in_the_matrix_that_is_made_anew(
        plan in plan(),
        edits in edits(),
        is_forward in any::<bool>(),
    ) {
        let scenario = plan.scenario();
        let world = World::new(&scenario);
        let depth = if is_forward { Depth::Forward } else { Depth::RoundTrip };
        let question = Question::about(Service::Tcp(443)).with_depth(depth);
        agree(&world, question, &edits)
            .map_err(|error| TestCaseError::fail(format!("{error}\n{edits:?}\n{scenario}")))?;
    }
}
