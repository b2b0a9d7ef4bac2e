//! The two questions of Network Watcher.

use control::questions::{Decision, NextHopAnswer};
use model::table::Resource;
use model::{Access, Network};
use serde_json::{Value, json};

use super::effective::{is_default, rule_name};
use super::output::KeyOrders;
use crate::table::Table;

/// What `az network watcher show-next-hop` prints (O-4, D-4), in the spelling of effective routes.
pub fn next_hop(answer: &NextHopAnswer<'_>) -> Value {
    let route_table = answer
        .route_table
        .map_or("System Route", |(_, id)| id.as_str());
    json!({
        "nextHopIpAddress": answer.address.map(|address| address.to_string()),
        "nextHopType": answer.next_hop_type.as_str(),
        "routeTableId": route_table,
    })
}

/// What `az network watcher test-ip-flow` prints (D-3): the first rule that denies, else the last that allows.
pub fn ip_flow(decision: &Decision<'_>) -> Value {
    let access = if decision.allows() {
        Access::Allow
    } else {
        Access::Deny
    };
    let rule = match decision.settled_by_admin() {
        Some(admin) => Some(admin.rule.name.clone()), // bare, as flow logs and diagnostics have it (D-7, D-8)
        None => decision.decisive().map(|verdict| rule_name(verdict.rule)),
    };
    json!({ "access": access.as_str(), "ruleName": rule })
}

/// The same with the full id of the rule, as the service answers (D-21); empty for a default rule, which has none.
pub fn ip_flow_with_rule_id(network: &Network, decision: &Decision<'_>) -> Value {
    let mut document = ip_flow(decision);
    if let Some(admin) = decision.settled_by_admin() {
        document["ruleId"] = json!(admin.id.as_str());
        return document;
    }
    let user_rule = decision
        .decisive()
        .and_then(|verdict| Some((verdict.group?, verdict.rule)))
        .filter(|(_, rule)| !is_default(rule));
    document["ruleId"] = json!(user_rule.map_or_else(String::new, |(group, rule)| {
        let group = network.nsgs()[group].id();
        group.child("securityRules", &rule.name).to_string()
    }));
    document
}

/// An answer of either question as a table of one row.
pub fn table(answer: &Value) -> Table {
    super::output::table(answer, &KeyOrders::default())
}
