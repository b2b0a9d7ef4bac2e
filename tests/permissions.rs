//! Who may peer what: roles, actions, tenants (P-9, permissions of peering).

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::vnetsim::{Answer, run_in};

const HUB: &str =
    "/subscriptions/s1/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/Hub";
const SPOKE: &str =
    "/subscriptions/s2/resourceGroups/spoke/providers/Microsoft.Network/virtualNetworks/Spoke";

const NETWORKS: &str = "
virtualNetworks:
  Hub: { addressSpace: 10.0.0.0/16, subscription: s1, resourceGroup: hub }
  Spoke: { addressSpace: 10.1.0.0/16, subscription: s2, resourceGroup: spoke }
  Old: { addressSpace: 10.2.0.0/16, subscription: s1, resourceGroup: hub, deploymentModel: Classic }
subscriptions:
  s1: { tenant: contoso }
  s2: { tenant: fabrikam }
principals:
  ann: { tenant: contoso, guestOf: [fabrikam] }
  ben: { tenant: contoso }
roleAssignments:
  - { principal: ann, role: Network Contributor, scope: /subscriptions/s1 }
  - { principal: ann, actions: [Microsoft.Network/virtualNetworks/peer/action], scope: Spoke }
  - { principal: ben, role: owner, scope: / }
  - { principal: cat, role: Network Contributor, scope: Hub }
  - { principal: dan, role: Reader, scope: /subscriptions/s1/resourceGroups/hub }
  - { principal: eve, actions: ['*'], notActions: ['*/delete'], scope: / }
  - { principal: fay, role: Network Contributor, scope: Hub }
  - { principal: fay, role: Classic Network Contributor, scope: Old }
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("net.yaml"), NETWORKS).expect("the scenario");
    folder
}

fn on_state(folder: &Path, line: &str) -> Answer {
    let words: Vec<&str> = line.split(' ').collect();
    run_in(
        folder,
        &[&words[..], &["-t", "net.yaml", "--state", "state.yaml"]].concat(),
    )
}

const CREATE: &str =
    "az network vnet peering create --name h2s --vnet-name Hub --remote-vnet Spoke";

#[test]
fn permissions_are_printed_for_each_operation_and_nothing_is_done() {
    let folder = folder();
    let path = folder.path();
    let line = format!("{CREATE} --permissions --query [].[action,scope]");
    let printed: Value = serde_json::from_str(&on_state(path, &line).yes()).expect("JSON");
    assert_eq!(
        printed,
        serde_json::json!([
            [
                "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write",
                format!("{HUB}/virtualNetworkPeerings/h2s")
            ],
            ["Microsoft.Network/virtualNetworks/peer/action", SPOKE],
        ])
    );
    assert!(!path.join("state.yaml").exists());
    let line = "peering create --vnet-name Hub --name h2o --remote-vnet Old --permissions --as cat";
    let table = on_state(path, line).yes();
    assert!(
        table.contains("Microsoft.ClassicNetwork/virtualNetworks/peer/action")
            && table.contains("Classic Network Contributor"),
        "{table}"
    );
    let granted: Vec<&str> = table
        .lines()
        .skip(2)
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert_eq!(granted, ["true", "false"]);
}

#[test]
fn a_role_on_both_networks_is_enough_and_one_on_the_own_network_is_not() {
    let folder = folder();
    let path = folder.path();
    on_state(path, &format!("{CREATE} --as ann")).yes();
    let message = on_state(path, &format!("{CREATE} --as cat")).failed();
    assert!(
        message.starts_with("ERROR: (LinkedAuthorizationFailed) The client 'cat'")
            && message.contains(
                "it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/peer/action' on the linked scope(s)"
            ),
        "{message}"
    );
    let message = on_state(path, &format!("{CREATE} --as dan")).failed();
    assert!(
        message.starts_with("ERROR: (AuthorizationFailed) The client 'dan'")
            && message.contains("virtualNetworkPeerings/write' over scope"),
        "{message}"
    );
    on_state(path, "peering list --vnet-name Hub --as dan").yes();
    on_state(path, "peering show --vnet-name Hub --name h2s --as dan").yes();
    let both =
        "peering create --vnet-name Hub --name h2s --remote-vnet Spoke --both --remote-name s2h";
    let message = on_state(path, &format!("{both} --as ann")).failed();
    assert!(message.contains("(AuthorizationFailed)"), "{message}");
}

#[test]
fn a_stranger_to_the_other_tenant_is_refused_whatever_the_role() {
    let folder = folder();
    let message = on_state(folder.path(), &format!("{CREATE} --as ben")).failed();
    assert!(
        message.contains("(LinkedAuthorizationFailed)")
            && message.contains(
                "however the current tenant 'contoso' is not authorized to access linked subscription 's2'."
            ),
        "{message}"
    );
}

#[test]
fn a_custom_role_may_leave_actions_out() {
    let folder = folder();
    let path = folder.path();
    on_state(path, &format!("{CREATE} --as EVE")).yes();
    on_state(path, "peering update --vnet-name Hub --name h2s --as eve").yes();
    let before = fs::read_to_string(path.join("state.yaml")).expect("the state");
    let message = on_state(path, "peering delete --vnet-name Hub --name h2s --as eve").failed();
    assert!(
        message.contains("virtualNetworkPeerings/delete' over scope"),
        "{message}"
    );
    let after = fs::read_to_string(path.join("state.yaml")).expect("the state");
    assert_eq!(before, after);
}

#[test]
fn a_classic_network_asks_for_the_classic_action() {
    let folder = folder();
    let create = "peering create --vnet-name Hub --name h2o --remote-vnet Old";
    let message = on_state(folder.path(), &format!("{create} --as cat")).failed();
    assert!(
        message.contains("Microsoft.ClassicNetwork/virtualNetworks/peer/action"),
        "{message}"
    );
    on_state(folder.path(), &format!("{create} --as fay")).yes();
}

#[test]
fn rights_are_read_with_their_mistakes_and_written_back() {
    let folder = folder();
    let path = folder.path();
    on_state(path, CREATE).yes();
    let state = fs::read_to_string(path.join("state.yaml")).expect("the state");
    assert!(state.contains("Classic Network Contributor") && state.contains("guestOf"));
    // What is written means the same.
    let again = run_in(
        path,
        &["peering", "list", "--as", "dan", "-t", "state.yaml"],
    );
    assert_eq!(again.code, Some(2), "dan may not read Spoke: {again:?}");

    let wrong = "
virtualNetworks: { Hub: { addressSpace: 10.0.0.0/16 } }
roleAssignments:
  - { principal: ann, role: Gardener, scope: Hub }
  - { principal: ben, scope: /subscriptions }
  - { role: Owner, scope: Nowhere }
";
    fs::write(path.join("wrong.yaml"), wrong).expect("the scenario");
    let message = run_in(path, &["show", "-t", "wrong.yaml"]).failed();
    for expected in ["Gardener", "/subscriptions", "Nowhere", "principal"] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    let bare = run_in(
        path,
        &[
            "peering",
            "list",
            "--as",
            "ann",
            "-t",
            "example:sales-marketing-research",
        ],
    );
    assert!(bare.failed().contains("holds no roleAssignments"));
}
