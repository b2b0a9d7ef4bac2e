//! Findings as users and code scanning get them.

use std::fs;

use serde_json::Value;

use crate::vnetsim::{run, run_in};

/// A link without its other half, and a rule behind one that takes everything.
const BROKEN: &str = "defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  a:
    addressSpace: [10.1.0.0/16]
    subnets:
      s: { prefix: 10.1.1.0/24, networkSecurityGroup: nsg }
  b: { addressSpace: [10.2.0.0/16], subnets: { s: 10.2.1.0/24 } }
peerings:
  - { name: a-b, from: a, to: b }
networkSecurityGroups:
  nsg:
    securityRules:
      - { name: all, priority: 100, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' }
      - { name: web, priority: 200, direction: Inbound, access: Allow, protocol: Tcp, source: '*', destination: '*', destinationPorts: [80] }
virtualMachines:
  vm: { subnet: a/s, nic: nic }
";

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("net.yaml"), text).expect("a file");
    folder
}

#[test]
fn findings_stand_at_the_line_of_their_resource_and_an_error_says_no() {
    let folder = folder(BROKEN);
    let answer = run_in(folder.path(), &["lint", "-t", "net.yaml"]);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    assert_eq!(answer.out, include_str!("golden/lint.txt"));
    assert!(
        answer.err.ends_with("1 errors, 1 warnings, 0 notes\n"),
        "{}",
        answer.err
    );
}

#[test]
fn checks_are_chosen_by_id_and_by_severity() {
    let folder = folder(BROKEN);
    let ask = |words: &[&str]| {
        let words = [&["lint", "-t", "net.yaml", "-o", "json"], words].concat();
        let answer = run_in(folder.path(), &words);
        let document: Value = serde_json::from_str(&answer.out).expect("JSON");
        let findings = document["findings"].as_array().expect("a list").clone();
        let ids: Vec<String> = findings
            .iter()
            .map(|finding| finding["id"].as_str().unwrap_or_default().to_owned())
            .collect();
        (answer.code, ids)
    };
    let shadowed = "security-rule-shadowed";
    let half = "peering-half-made";
    assert_eq!(ask(&["--skip", half]), (Some(0), vec![shadowed.to_owned()]));
    assert_eq!(
        ask(&["--only", shadowed]),
        (Some(0), vec![shadowed.to_owned()])
    );
    assert_eq!(
        ask(&["--severity", "error"]),
        (Some(1), vec![half.to_owned()])
    );
    let unknown = run_in(
        folder.path(),
        &["lint", "-t", "net.yaml", "--only", "no-such"],
    );
    assert!(unknown.failed().contains("there is no check 'no-such'"));
}

#[test]
fn limits_come_from_a_table_and_from_the_command_line() {
    let folder = folder(BROKEN);
    let ask = |limit: &str| {
        run_in(
            folder.path(),
            &[
                "lint",
                "-t",
                "net.yaml",
                "--only",
                "limit-exceeded",
                "--limit",
                limit,
            ],
        )
    };
    let out = ask("rulesPerNetworkSecurityGroup=1").yes();
    assert!(
        out.contains("nsg has 2 rules; the limit is 1 (azure-2022)."),
        "{out}"
    );
    assert_eq!(ask("rulesPerNetworkSecurityGroup=2").yes(), "");
    assert!(
        ask("noSuch=2")
            .failed()
            .contains("known limits: virtualNetworks")
    );
}

#[test]
fn sarif_names_each_rule_and_place_once() {
    let folder = folder(BROKEN);
    let answer = run_in(folder.path(), &["lint", "-t", "net.yaml", "-o", "sarif"]);
    assert_eq!(answer.code, Some(1));
    let document: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    let driver = &document["runs"][0]["tool"]["driver"];
    let results = document["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).unwrap();
        assert_eq!(driver["rules"][index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "net.yaml");
    }
    let region = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 9, "the line of the link");
    let region = &results[1]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 14, "the line of the rule");
}

/// Resources of a template stand where its text describes them.
#[test]
fn findings_in_a_template_stand_in_the_template() {
    let template = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [
    {
      "type": "Microsoft.Network/routeTables",
      "apiVersion": "2024-05-01",
      "name": "[concat('r', 't')]",
      "location": "westeurope",
      "properties": {}
    }
  ]
}"#;
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("main.json"), template).expect("a file");
    let answer = run_in(folder.path(), &["lint", "-t", "main.json"]);
    assert!(
        answer
            .yes()
            .starts_with("main.json:5:5: note: route-table-unused (R-28): rt\n")
    );
}

#[test]
fn the_list_of_checks_names_every_rule() {
    let list = run(&["lint", "--list"]).yes();
    assert!(list.contains("open-public-ip"), "{list}");
    assert!(list.lines().count() > 40, "{list}");
}

#[test]
fn the_built_in_networks_have_no_errors() {
    for example in ["sales-marketing-research", "hub-spoke-nva"] {
        let topology = format!("example:{example}");
        run(&["lint", "-t", &topology]).yes();
    }
}
