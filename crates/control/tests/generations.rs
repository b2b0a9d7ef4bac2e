//! Snapshots after a change: what is new, and what is shared with the one before (S-22).

use std::sync::Arc;

use control::snapshot::NextHop;
use control::{Snapshot, recompile};
use model::{
    Access, Direction, NetworkSecurityGroup, NicId, NsgId, Ports, RuleAddresses, RuleProtocol,
    SecurityRule, SubnetId, UserNextHop,
};

use crate::topology::{Topology, id, nic, table};

fn rule(name: &str) -> SecurityRule {
    SecurityRule {
        name: name.to_owned(),
        description: None,
        priority: 100,
        direction: Direction::Inbound,
        access: Access::Allow,
        protocol: RuleProtocol::Any,
        source: RuleAddresses::Any,
        source_ports: Ports::all(),
        destination: RuleAddresses::Any,
        destination_ports: Ports::all(),
    }
}

/// Two networks, each with a VM; a group on the first subnet.
fn two(flush_connection: bool) -> (Topology, [SubnetId; 2], [NicId; 2], NsgId) {
    let mut topology = Topology::of_the_exercise();
    let (_, one_subnet, one) = topology.site("one", "northeurope", "10.1.0.0/16");
    let (_, other_subnet, other) = topology.site("other", "northeurope", "10.2.0.0/16");
    let group = NetworkSecurityGroup {
        id: id("networkSecurityGroups", "nsg"),
        location: model::Location::default(),
        rules: [rule("first")].into(),
        flush_connection,
    };
    let group = topology
        .network
        .create_network_security_group(group)
        .unwrap();
    topology
        .network
        .set_subnet_security_group(one_subnet, Some(group));
    (topology, [one_subnet, other_subnet], [one, other], group)
}

fn flushed_in(snapshot: &Snapshot) -> Vec<u32> {
    snapshot
        .rule_sets
        .iter()
        .map(|set| set.flushed_in)
        .collect()
}

#[test]
fn an_unchanged_network_shares_every_table() {
    let (topology, _, _, _) = two(false);
    let first = topology.compile();
    let second = recompile(&topology.network, &first);
    assert_eq!((first.generation, second.generation), (1, 2));
    assert!(
        first
            .fibs
            .iter()
            .zip(second.fibs.iter())
            .all(|(a, b)| Arc::ptr_eq(a, b))
    );
    assert!(
        first
            .tag_views
            .iter()
            .zip(second.tag_views.iter())
            .all(|(a, b)| Arc::ptr_eq(a, b))
    );
    assert!(
        first
            .rule_sets
            .iter()
            .zip(second.rule_sets.iter())
            .all(|(a, b)| Arc::ptr_eq(a, b))
    );
}

#[test]
fn a_new_route_replaces_the_tables_of_its_view_alone() {
    let (mut topology, [one, _], nics, _) = two(false);
    let first = topology.compile();
    let routes = topology.routes(one, &[("172.16.0.0/16", UserNextHop::None)]);
    let second = recompile(&topology.network, &first);
    let fib =
        |snapshot: &Snapshot, key| Arc::as_ptr(&snapshot.fibs[nic(snapshot, key).fib.0 as usize]);
    assert_ne!(fib(&first, nics[0]), fib(&second, nics[0]));
    assert_eq!(fib(&first, nics[1]), fib(&second, nics[1]));
    assert!(
        first
            .rule_sets
            .iter()
            .zip(second.rule_sets.iter())
            .all(|(a, b)| Arc::ptr_eq(a, b))
    );

    // The same view with other routes is noticed too.
    topology.network.set_routes(routes, Vec::new()).unwrap();
    let third = recompile(&topology.network, &second);
    assert_eq!(table(&third, nics[0]), table(&first, nics[0]));
}

#[test]
fn a_new_owner_of_an_appliances_address_is_noticed_though_the_rows_stay() {
    let (mut topology, [one, _], nics, _) = two(false);
    topology.routes(
        one,
        &[("172.16.0.0/16", crate::topology::appliance("10.1.0.5"))],
    );
    let first = topology.compile();
    let appliance = topology.vm("nva", one);
    let second = recompile(&topology.network, &first);
    assert_eq!(table(&first, nics[0]), table(&second, nics[0]));
    let hop = |snapshot| crate::topology::hop(snapshot, nics[0], "172.16.0.1").unwrap();
    assert_eq!(
        (hop(&first), hop(&second)),
        (NextHop::NobodyThere, NextHop::Nic(appliance))
    );
}

#[test]
fn a_changed_rule_flushes_flows_only_where_the_group_says_so() {
    // S-22; positions: outbound, inbound.
    for (flush, expected) in [(false, [0, 0]), (true, [1, 2])] {
        let (mut topology, _, _, group) = two(flush);
        let first = topology.compile();
        topology
            .network
            .set_security_rules(group, vec![rule("second")])
            .unwrap();
        let second = recompile(&topology.network, &first);
        assert_eq!(flushed_in(&second), expected);
        assert!(
            Arc::ptr_eq(&first.rule_sets[0], &second.rule_sets[0]),
            "outbound has not changed"
        );
        assert_eq!(second.rule_sets[1].rules[0].name, "second");
        let third = recompile(&topology.network, &second);
        assert_eq!(flushed_in(&third), expected, "no change, no flush");
    }
}

#[test]
fn a_new_member_of_an_application_security_group_changes_the_rules_that_name_it() {
    let (mut topology, [one, _], _, group) = two(false);
    let asg = model::ApplicationSecurityGroup {
        id: id("applicationSecurityGroups", "web"),
        location: model::Location::default(),
    };
    let asg = topology
        .network
        .create_application_security_group(asg)
        .unwrap();
    let named = SecurityRule {
        destination: RuleAddresses::ApplicationSecurityGroups(vec![asg]),
        ..rule("web")
    };
    topology
        .network
        .set_security_rules(group, vec![named])
        .unwrap();
    let first = topology.compile();
    topology.nic_with("member", one, |nic| {
        nic.ip_configurations[0].application_security_groups = vec![asg];
    });
    let second = recompile(&topology.network, &first);
    let listed = |snapshot: &Snapshot| {
        snapshot.rule_sets[1].table.rules()[0]
            .destination
            .listed()
            .to_string()
    };
    assert_eq!(
        (listed(&first).as_str(), listed(&second).as_str()),
        ("∅", "10.1.0.5/32")
    );
}

#[test]
fn what_does_not_depend_on_a_change_is_shared_and_not_compiled_again() {
    let (mut topology, [one, _], _, group) = two(false);
    let routes = topology.routes(one, &[("172.16.0.0/16", UserNextHop::None)]);
    let nets: Vec<_> = topology.network.virtual_networks().keys().collect();
    let (link, _) = topology.peer(nets[0], nets[1]);
    let mut previous = topology.compile();
    for change in 0..3 {
        let network = &mut topology.network;
        match change {
            0 => network.set_routes(routes, Vec::new()).unwrap(),
            1 => network
                .set_security_rules(group, vec![rule("second")])
                .unwrap(),
            _ => network.delete_peering(link),
        }
        let next = recompile(network, &previous);
        assert!(Arc::ptr_eq(&previous.nics, &next.nics));
        assert!(Arc::ptr_eq(&previous.guests, &next.guests));
        assert!(Arc::ptr_eq(&previous.policies, &next.policies));
        assert!(Arc::ptr_eq(&previous.edge, &next.edge));
        let names = |snapshot: &Snapshot| Arc::clone(&snapshot.provenance.nics);
        assert!(Arc::ptr_eq(&names(&previous), &names(&next)));
        let same = [
            Arc::ptr_eq(&previous.fibs, &next.fibs),
            Arc::ptr_eq(&previous.rule_sets, &next.rule_sets),
            Arc::ptr_eq(&previous.links, &next.links),
        ];
        let expected = [
            [false, true, true],
            [true, false, true],
            [false, true, false],
        ];
        assert_eq!(same, expected[change]);
        previous = next;
    }
}
