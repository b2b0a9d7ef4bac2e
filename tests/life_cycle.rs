//! Peering links that come and go: states, refusals, what is written where.

use std::fs;
use std::path::Path;

use crate::vnetsim::{Answer, run, run_in};

const UNPEERED: [&str; 4] = [
    "-t",
    "example:sales-marketing-research-unpeered",
    "--state",
    "state.yaml",
];

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

/// A command line with the state, words separated by blanks.
fn on_state(folder: &Path, line: &str) -> Answer {
    let words: Vec<&str> = line.split(' ').collect();
    run_in(folder, &[&words[..], &UNPEERED].concat())
}

fn link(folder: &Path, vnet: &str, name: &str) -> serde_json::Value {
    let link = on_state(
        folder,
        &format!("peering show --vnet-name {vnet} --name {name} -o json"),
    );
    serde_json::from_str(&link.yes()).expect("the link as JSON")
}

/// Sales and Marketing peered by one command.
fn peered() -> tempfile::TempDir {
    let folder = folder();
    let line = "peering create --vnet-name SalesVNet --name s2m --remote-vnet MarketingVNet --both --remote-name m2s";
    on_state(folder.path(), line).yes();
    folder
}

#[test]
fn both_creates_two_connected_links_with_the_defaults_of_the_portal() {
    let folder = peered();
    for (vnet, name) in [("SalesVNet", "s2m"), ("MarketingVNet", "m2s")] {
        let link = link(folder.path(), vnet, name);
        assert_eq!(link["peeringState"], "Connected", "{name}");
        assert_eq!(link["allowVirtualNetworkAccess"], true, "{name}");
        assert_eq!(link["allowForwardedTraffic"], true, "{name}");
        assert_eq!(link["useRemoteGateways"], false, "{name}");
    }
}

#[test]
fn flags_that_are_not_said_are_false_in_az_and_as_in_templates_elsewhere() {
    let folder = folder();
    let az = "az network vnet peering create -g any -n s2m --vnet-name SalesVNet --remote-vnet MarketingVNet";
    // `any` is no group of this network.
    let message = on_state(folder.path(), az).failed();
    assert!(
        message.starts_with("ERROR: (ResourceNotFound)"),
        "{message}"
    );
    let az = az.replace(" -g any", "");
    on_state(folder.path(), &az).yes();
    assert_eq!(
        link(folder.path(), "SalesVNet", "s2m")["allowVirtualNetworkAccess"],
        false
    );
    on_state(
        folder.path(),
        "peering create --vnet SalesVNet -n s2r --remote-vnet ResearchVNet",
    )
    .yes();
    assert_eq!(
        link(folder.path(), "SalesVNet", "s2r")["allowVirtualNetworkAccess"],
        true
    );
}

#[test]
fn a_deleted_link_leaves_its_reverse_disconnected_and_in_the_way() {
    // V-6.
    let folder = peered();
    on_state(
        folder.path(),
        "peering delete --vnet-name SalesVNet --name s2m",
    )
    .yes();
    assert_eq!(
        link(folder.path(), "MarketingVNet", "m2s")["peeringState"],
        "Disconnected"
    );
    let message = on_state(
        folder.path(),
        "az network vnet peering create -n s2m --vnet-name SalesVNet --remote-vnet MarketingVNet --allow-vnet-access",
    )
    .failed();
    assert!(
        message.starts_with("ERROR: (RemotePeeringIsDisconnected) Cannot create or update peering"),
        "{message}"
    );
    // An update brings it back to Initiated, and then the link can be created.
    on_state(
        folder.path(),
        "peering update --vnet-name MarketingVNet --name m2s",
    )
    .yes();
    assert_eq!(
        link(folder.path(), "MarketingVNet", "m2s")["peeringState"],
        "Initiated"
    );
    on_state(
        folder.path(),
        "peering create --vnet-name SalesVNet --name s2m --remote-vnet MarketingVNet",
    )
    .yes();
    assert_eq!(
        link(folder.path(), "MarketingVNet", "m2s")["peeringState"],
        "Connected"
    );
}

#[test]
fn a_programming_delay_is_said_and_answers_are_as_after_it() {
    // P-11.
    let folder = folder();
    let line = "peering create --vnet-name SalesVNet --name s2m --remote-vnet MarketingVNet --both --remote-name m2s --set programmingDelay=30000";
    let answer = on_state(folder.path(), line);
    assert!(
        answer
            .err
            .contains("NICs obey this change 30000 ms later (programmingDelay)"),
        "{}",
        answer.err
    );
    let ping = ["ping", "SalesVM", "MarketingVM", "-c", "1"];
    run_in(folder.path(), &[&ping[..], &["-t", "state.yaml"]].concat()).yes();
}

#[test]
fn a_deleted_network_leaves_the_links_to_it_disconnected() {
    // P-2.
    let folder = peered();
    let delete = "az network vnet delete -n MarketingVNet";
    let message = on_state(folder.path(), delete).failed();
    assert!(message.contains("is in use by"), "{message}");
    let state = fs::read_to_string(folder.path().join("state.yaml")).expect("the state");
    let without = folder.path().join("without.yaml");
    let lines = state.lines();
    // The scenario without the machine that uses the network.
    let kept: Vec<&str> = drop_entries(lines, &["MarketingVM:", "MarketingVMVMNic:"]);
    fs::write(&without, kept.join("\n")).expect("the scenario");
    let words = ["az", "network", "vnet", "delete", "-n", "MarketingVNet"];
    let state = ["-t", "without.yaml", "--state", "after.yaml"];
    run_in(folder.path(), &[&words[..], &state].concat()).yes();
    let listed = run_in(folder.path(), &["peering", "list", "-t", "after.yaml"]).yes();
    assert!(
        listed.contains("Disconnected") && listed.lines().count() == 3,
        "{listed}"
    );
}

/// Lines of a YAML map without the entries of these keys.
fn drop_entries<'a>(lines: impl Iterator<Item = &'a str>, keys: &[&str]) -> Vec<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut dropping = None;
    let mut kept = Vec::new();
    for line in lines {
        if dropping.is_some_and(|depth| indent(line) > depth) {
            continue;
        }
        dropping = keys.contains(&line.trim()).then(|| indent(line));
        if dropping.is_none() {
            kept.push(line);
        }
    }
    kept
}

#[test]
fn a_refusal_names_the_code_of_azure_and_writes_nothing() {
    let folder = peered();
    let before = fs::read_to_string(folder.path().join("state.yaml")).expect("the state");
    let message = on_state(
        folder.path(),
        "peering create --vnet-name SalesVNet --name again --remote-vnet MarketingVNet",
    )
    .failed();
    assert!(
        message.starts_with("error: (AnotherPeeringAlreadyReferencesRemoteVnet) "),
        "{message}"
    );
    let after = fs::read_to_string(folder.path().join("state.yaml")).expect("the state");
    assert_eq!(before, after);
}

#[test]
fn a_changed_address_space_waits_for_its_sync() {
    // V-7.
    let folder = peered();
    let path = folder.path();
    on_state(
        path,
        "az network vnet update -n MarketingVNet --address-prefixes 10.2.0.0/16 10.11.0.0/16",
    )
    .yes();
    assert_eq!(
        link(path, "MarketingVNet", "m2s")["peeringSyncLevel"],
        "RemoteNotInSync"
    );
    assert_eq!(
        link(path, "SalesVNet", "s2m")["peeringSyncLevel"],
        "LocalNotInSync"
    );
    let hop = on_state_question(path, "next-hop SalesVM 10.11.0.4");
    assert_eq!(hop.code, Some(1), "{hop:?}");

    let wrong_side = on_state(path, "peering sync --vnet-name MarketingVNet --name m2s");
    assert_eq!(wrong_side.code, Some(0), "{wrong_side:?}");
    assert!(
        wrong_side
            .err
            .contains("sync its reverse link 's2m' of SalesVNet instead"),
        "{wrong_side:?}"
    );

    on_state(
        path,
        "az network vnet peering sync --vnet-name SalesVNet --name s2m",
    )
    .yes();
    assert_eq!(
        link(path, "SalesVNet", "s2m")["peeringSyncLevel"],
        "FullyInSync"
    );
    on_state_question(path, "next-hop SalesVM 10.11.0.4").yes();
}

/// A question on the state, named by -t like any other scenario.
fn on_state_question(folder: &Path, line: &str) -> Answer {
    let words: Vec<&str> = line.split(' ').collect();
    run_in(folder, &[&words[..], &["-t", "state.yaml"]].concat())
}

#[test]
fn the_state_can_be_named_once_for_all_commands() {
    let folder = peered();
    let answer = crate::vnetsim::vnetsim(&["next-hop", "SalesVM", "MarketingVM"])
        .current_dir(folder.path())
        .env("VNETSIM_STATE", "state.yaml")
        .output()
        .expect("the binary starts");
    assert_eq!(answer.status.code(), Some(0), "{answer:?}");
}

#[test]
fn az_sets_a_property_of_a_link_where_the_name_is_one() {
    let folder = peered();
    let line = "az network vnet peering update --vnet-name SalesVNet -n s2m --set allowForwardedTraffic=false --set noneRoutes=doc8";
    on_state(folder.path(), line).yes();
    assert_eq!(
        link(folder.path(), "SalesVNet", "s2m")["allowForwardedTraffic"],
        false
    );
}

#[test]
fn a_change_without_a_place_to_go_is_refused() {
    let folder = folder();
    let line = [
        "peering",
        "create",
        "--vnet-name",
        "SalesVNet",
        "--name",
        "x",
        "--remote-vnet",
        "MarketingVNet",
    ];
    let built_in = ["-t", "example:sales-marketing-research-unpeered"];
    let message = run_in(folder.path(), &[&line[..], &built_in].concat()).failed();
    assert!(message.contains("--state FILE"), "{message}");
    let message = run_in(
        folder.path(),
        &[&line[..], &built_in, &["--in-place"]].concat(),
    )
    .failed();
    assert!(message.contains("is built in"), "{message}");
}

#[test]
fn only_a_scenario_changes_in_place() {
    let folder = folder();
    let path = folder.path();
    run_in(
        path,
        &[
            "examples",
            "--write",
            ".",
            "sales-marketing-research-unpeered",
        ],
    )
    .yes();
    let line =
        "peering create --vnet-name SalesVNet --name s2m --remote-vnet MarketingVNet --in-place -t";
    let change = |file: &str| {
        let words: Vec<&str> = line.split(' ').chain([file]).collect();
        run_in(path, &words)
    };
    change("sales-marketing-research-unpeered.yaml").yes();
    let links = run_in(
        path,
        &[
            "peering",
            "list",
            "-t",
            "sales-marketing-research-unpeered.yaml",
        ],
    )
    .yes();
    assert!(links.contains("Initiated"), "{links}");

    let dump = r#"[{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/SalesVNet",
        "type": "Microsoft.Network/virtualNetworks", "name": "SalesVNet", "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}}]"#;
    fs::write(path.join("dump.json"), dump).expect("the folder is ours");
    let message = change("dump.json").failed();
    assert!(
        message.contains("is no scenario and stays as it is"),
        "{message}"
    );
    assert_eq!(
        fs::read_to_string(path.join("dump.json")).expect("the dump"),
        dump
    );
}

#[test]
fn misspelled_networks_and_links_are_answered_with_the_nearest_names() {
    let show = |vnet: &str, link: &str| {
        let words = ["peering", "show", "-t", "example:hub-spoke-nva"];
        run(&[&words[..], &["--vnet-name", vnet, "--name", link]].concat()).failed()
    };
    let message = show("HubVNt", "Hub-To-Spoke1");
    assert!(message.ends_with("\ndid you mean HubVNet?\n"), "{message}");
    let message = show("HubVNet", "Hub-To-Spoke");
    assert!(
        message.ends_with("\ndid you mean Hub-To-Spoke1 or Hub-To-Spoke2?\n"),
        "{message}"
    );
    let message = show("HubVNet", "x");
    assert!(!message.contains("did you mean"), "{message}");
}
