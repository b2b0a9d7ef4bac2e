//! What was loaded, what a collected folder lacks, schemas.

use std::fs;

use crate::vnetsim::{run, run_in};

#[test]
fn show_counts_and_names_the_options_that_are_not_as_by_default() {
    let shown = run(&["show", "-t", "example:sales-marketing-research"]).yes();
    assert!(shown.contains("peering links       4\n"), "{shown}");
    assert!(
        shown.contains("noneRoutes=seed  (default doc4, R-4)"),
        "{shown}"
    );
}

#[test]
fn show_lists_warnings_as_data_and_strict_makes_them_errors() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let dump = r#"[
  {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualWans/h", "type": "Microsoft.Network/virtualWans", "name": "h"}
]"#;
    fs::write(folder.path().join("dump.json"), dump).expect("the folder is ours");
    let shown = run_in(folder.path(), &["show", "-t", "dump.json", "-o", "json"]);
    assert_eq!(shown.err, "", "{shown:?}");
    let shown: serde_json::Value = serde_json::from_str(&shown.yes()).expect("JSON");
    assert_eq!(shown["unsupported"]["Microsoft.Network/virtualWans"], 1);
    let warning = &shown["warnings"][0];
    assert_eq!(warning["code"], "unsupported");
    assert_eq!(
        warning["place"],
        serde_json::json!({"file": "dump.json", "line": 2, "column": 3})
    );
    let message = run_in(folder.path(), &["show", "-t", "dump.json", "--strict"]).failed();
    assert!(
        message.starts_with("dump.json:2:3: error[unsupported]: "),
        "{message}"
    );
}

#[test]
fn without_a_topology_the_message_says_where_to_get_one() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let message = run_in(folder.path(), &["show"]).failed();
    assert!(message.contains("-t example:NAME"), "{message}");
}

#[test]
fn a_parameter_of_the_template_is_given_by_name() {
    let line = [
        "az",
        "network",
        "vnet",
        "show",
        "-n",
        "ResearchVNet",
        "--query",
        "location",
        "-o",
        "tsv",
    ];
    let moved = [
        "-t",
        "example:sales-marketing-research",
        "--parameters",
        "researchLocation=westus",
    ];
    assert_eq!(run(&[&line[..], &moved].concat()).yes(), "westus\n");
    // In the region of the others the peering is no global one any more.
    let routes = run(&[
        &[
            "effective-routes",
            "ResearchVM",
            "-t",
            "example:sales-marketing-research",
        ][..],
        &["--parameters", "researchLocation=northeurope"],
    ]
    .concat())
    .yes();
    assert!(
        routes.contains("VNetPeering") && !routes.contains("Global"),
        "{routes}"
    );
}

#[test]
fn the_check_of_a_collected_folder_names_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let page = r#"{"count": 2, "total_records": 2, "skip_token": null, "data": [
  {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a", "type": "microsoft.network/virtualnetworks",
   "name": "a", "location": "westus", "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
   "subnets": [{"name": "x", "properties": {"addressPrefix": "10.1.0.0/24"}}],
   "virtualNetworkPeerings": [{"name": "p", "properties": {"peeringState": "Connected",
     "remoteVirtualNetwork": {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/b"},
     "remoteAddressSpace": {"addressPrefixes": ["10.2.0.0/16"]}}}]}},
  {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n", "type": "microsoft.network/networkinterfaces",
   "name": "n", "location": "westus", "properties": {"ipConfigurations": [{"name": "i", "properties": {"privateIPAddress": "10.1.0.4",
     "subnet": {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a/subnets/x"}}}],
     "virtualMachine": {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm"}}}
]}"#;
    fs::write(folder.path().join("resources.1.json"), page).expect("the folder is ours");
    let answer = run(&[
        "collect",
        "--check",
        folder.path().to_str().expect("UTF-8"),
        "-o",
        "json",
    ]);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let missing: serde_json::Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(missing[0]["missing"], "virtual network");
    assert!(
        missing[0]["resource"]
            .as_str()
            .is_some_and(|id| id.ends_with("/b")),
        "{missing}"
    );
    assert_eq!(missing[1]["missing"], "power state");
    assert_eq!(missing.as_array().map(Vec::len), Some(2), "{missing}");

    let machine = r#"[{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm", "name": "vm",
      "type": "Microsoft.Compute/virtualMachines", "location": "westus", "powerState": "VM deallocated"}]"#;
    fs::write(folder.path().join("machines.json"), machine).expect("the folder is ours");
    let answer = run(&[
        "effective-routes",
        "vm",
        "-t",
        folder.path().to_str().expect("UTF-8"),
    ]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    // R-14: one note where Azure would refuse, one for the option behind the None rows.
    let notes: Vec<&str> = answer.err.lines().collect();
    assert_eq!(
        notes[0],
        "note: vm is deallocated; Azure would refuse (NicMustBeAttachedToRunningVmToGetEffectiveRoutes)"
    );
    assert!(
        notes[1].starts_with("note: this depends on noneRoutes=doc4;") && notes.len() == 2,
        "{notes:?}"
    );
    let answer = run(&["collect", "--check", folder.path().to_str().expect("UTF-8")]);
    assert!(!answer.out.contains("power state"), "{answer:?}");
}

#[test]
fn the_script_that_collects_is_a_shell_script() {
    let script = run(&["collect", "--subscription", "0000-1111"]).yes();
    assert!(script.starts_with("#!/bin/sh\n"), "{script}");
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("collect.sh"), &script).expect("the folder is ours");
    let shell = std::process::Command::new("sh")
        .args(["-n", "collect.sh"])
        .current_dir(folder.path())
        .output();
    let shell = shell.expect("a POSIX shell");
    assert!(shell.status.success(), "{shell:?}");
}

/// A stand-in for az that answers as the real one does, one page at a time.
const AZ: &str = r#"#!/bin/sh
case "$*" in
*"account show"*) exit 0 ;;
*"graph query"*"--skip-token page2"*) printf '{\n  "count": 1,\n  "data": [\n    {\n      "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworkGateways/gw",\n      "name": "gw",\n      "type": "microsoft.network/virtualnetworkgateways"\n    },\n    {\n      "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualHubs/rs"\n    },\n    {\n      "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/firewallPolicies/p"\n    },\n    {\n      "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/corp.example"\n    }\n  ],\n  "skip_token": null,\n  "total_records": 2\n}\n' ;;
*"graph query"*) printf '{\n  "count": 1,\n  "data": [\n    {\n      "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/a"\n    }\n  ],\n  "skip_token": "page2",\n  "total_records": 2\n}\n' ;;
*"vnet-gateway list-learned-routes --name gw --subscription s --resource-group g"*) printf '{"value": []}\n' ;;
*"routeserver peering list --routeserver rs --subscription s --resource-group g --output json"*) printf '[\n  {\n    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualHubs/rs/bgpConnections/nva",\n    "name": "nva"\n  }\n]\n' ;;
*"peering list-learned-routes --routeserver rs --name nva --subscription s --resource-group g"*) printf '{"RouteServiceRole_IN_0": []}\n' ;;
*"firewall policy rule-collection-group list --policy-name p --subscription s --resource-group g"*) printf '[]\n' ;;
*"private-dns record-set list --zone-name corp.example --subscription s --resource-group g"*) printf '[]\n' ;;
*) echo "unexpected: $*" >&2; exit 9 ;;
esac
"#;

#[cfg(unix)]
#[test]
fn the_script_follows_pages_and_asks_gateways() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path();
    fs::write(path.join("collect.sh"), run(&["collect"]).yes()).expect("the folder is ours");
    fs::write(path.join("az"), AZ).expect("the folder is ours");
    fs::set_permissions(path.join("az"), fs::Permissions::from_mode(0o755)).expect("our file");
    let search = format!(
        "{}:{}",
        path.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let shell = std::process::Command::new("sh")
        .args(["collect.sh", "dump"])
        .current_dir(path)
        .env("PATH", search)
        .output()
        .expect("a POSIX shell");
    assert!(shell.status.success(), "{shell:?}");
    let mut files: Vec<String> = fs::read_dir(path.join("dump"))
        .expect("the dump")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "g.corp.example.records.json",
            "g.p.rules.json",
            "gw.learned-routes.json",
            "resources.1.json",
            "resources.2.json",
            "rs.nva.learned-routes.json",
            "rs.peerings.json"
        ]
    );
}

#[test]
fn the_schema_is_json() {
    let schema = run(&["schema"]).yes();
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    assert!(schema["properties"]["virtualNetworks"].is_object());
}
