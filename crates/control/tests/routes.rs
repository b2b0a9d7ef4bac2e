//! Effective routes: the tables of the exercise and the rules.

use crate::topology::{Topology, table};

/// Sales and Marketing in one region, Research in another; Marketing is peered with both.
fn exercise() -> (Topology, [model::NicId; 3]) {
    let mut topology = Topology::of_the_exercise();
    let (sales, _, sales_nic) = topology.site("SalesVNet", "northeurope", "10.1.0.0/16");
    let (marketing, _, marketing_nic) =
        topology.site("MarketingVNet", "northeurope", "10.2.0.0/16");
    let (research, _, research_nic) = topology.site("ResearchVNet", "westeurope", "10.3.0.0/16");
    topology.peer(sales, marketing);
    topology.peer(marketing, research);
    (topology, [sales_nic, marketing_nic, research_nic])
}

#[test]
fn the_exercise_prints_its_three_tables() {
    // V-1, V-2
    let (topology, [sales, marketing, research]) = exercise();
    let snapshot = topology.compile();
    assert_eq!(
        table(&snapshot, sales),
        [
            "Default Active 10.1.0.0/16 VnetLocal",
            "Default Active 10.2.0.0/16 VNetPeering",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active 10.0.0.0/8 None",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
        ]
    );
    assert_eq!(
        table(&snapshot, marketing),
        [
            "Default Active 10.2.0.0/16 VnetLocal",
            "Default Active 10.1.0.0/16 VNetPeering",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active 10.0.0.0/8 None",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
            "Default Active 10.3.0.0/16 VNetGlobalPeering",
        ]
    );
    assert_eq!(
        table(&snapshot, research),
        [
            "Default Active 10.3.0.0/16 VnetLocal",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active 10.0.0.0/8 None",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
            "Default Active 10.2.0.0/16 VNetGlobalPeering",
        ]
    );
}
