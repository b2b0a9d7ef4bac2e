//! The two questions of Network Watcher.

use control::snapshot::{EffectiveRoute, RouteOrigin};
use model::table::Resource;
use model::{Access, Network, NsgId, SecurityRule};
use serde_json::{Value, json};

use super::effective::{is_default, rule_name};
use crate::table::Table;

/// What `az network watcher show-next-hop` prints (O-4, D-4), in the spelling of effective routes. `None`: no route at all.
pub fn next_hop(network: &Network, row: Option<&EffectiveRoute>) -> Value {
    let address = row.and_then(|row| row.next_hop_ips.first());
    let route_table = match row.map(|row| &row.origin) {
        Some(&RouteOrigin::User(table, _)) => network.route_tables()[table].id.as_str(),
        Some(RouteOrigin::System | RouteOrigin::Peering(_) | RouteOrigin::Gateway(_)) | None => {
            "System Route"
        }
    };
    json!({
        "nextHopIpAddress": address.map(ToString::to_string),
        "nextHopType": row.map_or("None", |row| row.next_hop_type.as_str()),
        "routeTableId": route_table,
    })
}

/// What `az network watcher test-ip-flow` prints (D-3). `None`: no group is asked, everything passes.
pub fn ip_flow(
    network: &Network,
    access: Access,
    decided: Option<(NsgId, &SecurityRule)>,
) -> Value {
    let rule_id = match decided {
        Some((group, rule)) if !is_default(rule) => network.nsgs()[group]
            .id()
            .child("securityRules", &rule.name)
            .to_string(),
        Some(_) | None => String::new(),
    };
    json!({
        "access": access.as_str(),
        "ruleId": rule_id,
        "ruleName": decided.map(|(_, rule)| rule_name(rule)),
    })
}

/// An answer of either question as a table of one row.
pub fn table(answer: &Value) -> Table {
    super::output::table(answer, &super::output::KeyOrders::default())
}
