//! Promises as teams, CI systems and code scanning get them answered.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::vnetsim::{Answer, run, run_in};

const NET: &str = "defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { nva: 10.0.0.0/24 } }
  web: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: via } } }
  db: { addressSpace: [10.2.0.0/16], subnets: { s: { prefix: 10.2.0.0/24, routeTable: via, networkSecurityGroup: guard } } }
peerings:
  - { name: hub-web, from: hub, to: web }
  - { name: web-hub, from: web, to: hub, allowForwardedTraffic: true }
  - { name: hub-db, from: hub, to: db }
  - { name: db-hub, from: db, to: hub, allowForwardedTraffic: true }
  - { name: web-away, from: web, to: /subscriptions/s9/resourceGroups/g9/providers/Microsoft.Network/virtualNetworks/away, peeringState: Connected, remoteAddressSpace: [10.50.0.0/16] }
routeTables:
  via:
    routes:
      - { name: all, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.0.4 }
      - { name: lost, prefix: 10.2.0.9/32, nextHop: VirtualAppliance 10.50.0.4 }
networkSecurityGroups:
  guard:
    securityRules:
      - { name: sql, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, source: 10.1.0.0/16, destination: '*', destinationPorts: [1433] }
      - { name: old, priority: 110, direction: Inbound, access: Allow, protocol: Tcp, source: 10.9.0.0/16, destination: '*', destinationPorts: [1433] }
      - { name: rest, priority: 200, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*', destinationPorts: ['*'] }
virtualMachines:
  nva: { subnet: hub/nva, nic: n0, ipForwarding: true }
  web1: { subnet: web/s, nic: n1 }
  web2: { subnet: web/s, nic: n2 }
  db1: { subnet: db/s, nic: n3 }
  db9: { subnet: db/s, nic: n9, address: 10.2.0.9 }
guests: { nva: { role: appliance } }
";

/// One of everything.
const PROMISES: &str = "promises:
  - name: web uses db
    must: { from: 'vnet:web', to: 'vm:db1', service: tcp/1433 }
    owner: team-a
    reason: orders
  - name: web logs in at db # odd \\ name
    must: { from: 'vnet:web', to: 'vm:db1', service: tcp/22 }
    owner: team-b
    expires: 2030-12-31
  - { name: db is closed, must-not: { from: 'vnet:web', to: 'vm:db1', service: tcp/1433 } }
  - { name: web is inspected, must-pass-through: { from: 'vm:web1', to: 'vm:web2', through: 'vm:nva', service: icmp } }
  - { name: db is not inspected, must-not-pass-through: { from: 'vm:web1', to: 'vm:db1', through: 'vm:nva', service: tcp/1433 } }
  - { name: near, max-latency: { from: 'vm:web1', to: 'vm:db1', service: tcp/1433, ms: 0.5 } }
  - { name: far, must: { from: 'vm:web1', to: 'vm:db9', service: icmp } }
  - { name: moved, must: { from: 'vm:gone', to: all, service: icmp }, allow-empty: true }
  - { name: past, must: { from: 'vnet:web', to: 'vm:db1', service: tcp/22 }, expires: 2026-01-31 }
";

fn folder(promises: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("net.yaml"), NET).expect("a file");
    fs::write(folder.path().join("p.yaml"), promises).expect("a file");
    folder
}

fn check(folder: &Path, words: &[&str]) -> Answer {
    let fixed = ["check", "p.yaml", "-t", "net.yaml", "--today", "2026-11-21"];
    run_in(folder, &[&fixed, words].concat())
}

fn one(promise: &str) -> Answer {
    let folder = folder(&format!("promises:\n  - {promise}\n"));
    check(folder.path(), &["-o", "json"])
}

/// Verdict and level of a lone promise, with the exit code.
fn verdict_of(promise: &str, words: &[&str]) -> (Option<i32>, String, String) {
    let folder = folder(&format!("promises:\n  - {promise}\n"));
    let answer = check(folder.path(), &[&["-o", "json"], words].concat());
    let document: Value =
        serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:#?}"));
    let text = |key: &str| {
        document["promises"][0][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (answer.code, text("verdict"), text("level"))
}

#[test]
fn the_exit_code_says_whether_all_promises_are_kept() {
    let kept = "{ name: a, must: { from: 'vnet:web', to: 'vm:db1', service: tcp/1433 } }";
    let broken = "{ name: a, must: { from: 'vnet:web', to: 'vm:db1', service: tcp/22 } }";
    let unknown = "{ name: a, must: { from: 'vm:web1', to: 'vm:db9', service: icmp } }";
    let empty = "{ name: a, must: { from: 'vm:gone', to: all, service: icmp } }";
    let may_be_empty =
        "{ name: a, must: { from: 'vm:gone', to: all, service: icmp }, allow-empty: true }";
    let past = "{ name: a, must: { from: 'vnet:web', to: 'vm:db1', service: tcp/22 }, expires: 2026-11-20 }";
    let last_day = "{ name: a, must: { from: 'vnet:web', to: 'vm:db1', service: tcp/1433 }, expires: 2026-11-21 }";
    let said =
        |code, verdict: &str, level: &str| (Some(code), verdict.to_owned(), level.to_owned());
    assert_eq!(verdict_of(kept, &[]), said(0, "kept", "pass"));
    assert_eq!(verdict_of(last_day, &[]), said(0, "kept", "pass"));
    assert_eq!(verdict_of(broken, &[]), said(1, "broken", "failure"));
    assert_eq!(verdict_of(unknown, &[]), said(0, "unknown", "warning"));
    assert_eq!(
        verdict_of(unknown, &["--fail-unknown"]),
        said(1, "unknown", "failure")
    );
    assert_eq!(verdict_of(past, &[]), said(0, "expired", "warning"));
    assert_eq!(
        verdict_of(past, &["--fail-expired"]),
        said(1, "expired", "failure")
    );
    assert_eq!(verdict_of(empty, &[]), said(2, "empty", "error"));
    assert_eq!(verdict_of(may_be_empty, &[]), said(0, "empty", "pass"));
}

#[test]
fn people_get_a_line_for_each_promise_and_an_explanation_for_each_that_is_broken() {
    let folder = folder(PROMISES);
    let answer = check(folder.path(), &[]);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    assert_eq!(answer.out, include_str!("golden/check.txt"));
    assert!(
        answer
            .err
            .ends_with("1 kept, 5 broken, 1 unknown, 1 empty, 1 expired\n"),
        "{}",
        answer.err
    );
}

/// The line of the network on which something stands, from 1.
fn line_of(text: &str) -> u64 {
    let line = NET.lines().position(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("no line with {text}")) as u64 + 1
}

#[test]
fn a_break_names_the_resource_that_decided_and_its_line() {
    let folder = folder(PROMISES);
    let answer = check(folder.path(), &["-o", "json"]);
    let document: Value = serde_json::from_str(&answer.out).expect("JSON");
    let promises = document["promises"].as_array().expect("a list");
    let decided = |index: usize| {
        let witness = &promises[index]["witness"];
        let id = witness["resource"]
            .as_str()
            .unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        (id, witness["place"]["line"].as_u64().unwrap_or_default())
    };
    assert_eq!(decided(1), ("rest".to_owned(), line_of("name: rest")));
    assert_eq!(decided(2), ("sql".to_owned(), line_of("name: sql")));
    // What Azure's own route decides stands where the machine's NIC does.
    assert_eq!(decided(3), ("n1".to_owned(), line_of("web1:")));
    assert_eq!(decided(4), ("all".to_owned(), line_of("name: all")));
    assert_eq!(decided(5), ("all".to_owned(), line_of("name: all")));
    assert_eq!(
        decided(6),
        ("web-away".to_owned(), line_of("name: web-away"))
    );
    let broken: Vec<_> = promises
        .iter()
        .map(|p| (p["pairs"].as_u64(), p["broken"].as_u64()))
        .collect();
    assert_eq!(
        broken[..3],
        [(Some(2), Some(0)), (Some(2), Some(2)), (Some(2), Some(2))]
    );
    assert_eq!(document["summary"]["broken"], 5);
    assert_eq!(
        promises[1]["witness"]["explanation"]["verdict"],
        "unreachable"
    );
    assert_eq!(promises[8]["judged"], "broken");
}

#[test]
fn tap_is_of_version_14() {
    let folder = folder(PROMISES);
    let answer = check(folder.path(), &["-o", "tap", "--coverage"]);
    assert_eq!(answer.code, Some(1));
    let lines: Vec<&str> = answer.out.lines().collect();
    assert_eq!(lines[..3], ["TAP version 14", "1..9", "ok 1 - web uses db"]);
    let points: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| line.starts_with("ok ") || line.starts_with("not ok "))
        .collect();
    assert_eq!(
        points,
        [
            "ok 1 - web uses db",
            "not ok 2 - web logs in at db",
            "not ok 3 - db is closed",
            "not ok 4 - web is inspected",
            "not ok 5 - db is not inspected",
            "not ok 6 - near",
            "not ok 7 - far # TODO unknown",
            "ok 8 - moved # SKIP empty",
            "not ok 9 - past # TODO expired",
        ]
    );
    // Blocks are indented by two, begin and end in pairs, and are YAML between.
    let starts = lines.iter().filter(|line| **line == "  ---").count();
    assert_eq!(
        (
            starts,
            lines.iter().filter(|line| **line == "  ...").count()
        ),
        (8, 8)
    );
    let blocks = answer.out.split("  ---\n").skip(1);
    for block in blocks {
        let (block, _) = block.split_once("  ...\n").expect("an end");
        let mut diagnostics = vnetsim::formats::diagnostic::Diagnostics::new();
        let mut sources = vnetsim::formats::source::Sources::new();
        let file = sources.add("block", block, &mut diagnostics).unwrap();
        let value = vnetsim::formats::yaml::parse(&sources, file, &mut diagnostics);
        assert!(
            value.is_some_and(|value| value.get("message").is_some()),
            "{block}"
        );
    }
    assert!(answer.out.contains("# touched by no promise: rule "));
}

#[test]
fn descriptions_in_tap_hold_no_directives() {
    let folder = folder(
        "promises:\n  - { name: 'a # TODO \\ b', must-not: { from: 'vm:web1', to: 'vm:db1', service: tcp/22 } }\n",
    );
    let out = check(folder.path(), &["-o", "tap"]).yes();
    assert!(out.ends_with("ok 1 - a \\# TODO \\\\ b\n"), "{out}");
}

#[test]
fn junit_is_xml_whatever_characters_names_are_made_of() {
    let folder = folder(
        "promises:\n  - { name: \"a \\uFFFF & <b>\", must-not: { from: 'vm:web1', to: 'vm:db1', service: tcp/22 } }\n",
    );
    let out = check(folder.path(), &["-o", "junit"]).yes();
    let document = roxmltree::Document::parse(&out).expect("XML");
    let mut nodes = document.descendants();
    let case = nodes.find(|node| node.has_tag_name("testcase"));
    let name = case.and_then(|case| case.attribute("name"));
    assert_eq!(name, Some("a \u{fffd} & <b>"));
}

#[test]
fn junit_counts_failures_errors_and_skipped_cases_and_can_be_read_back() {
    let more = format!(
        "{PROMISES}  - {{ name: nobody, must: {{ from: 'vm:gone', to: all, service: icmp }} }}\n"
    );
    let folder = folder(&more);
    let answer = check(folder.path(), &["-o", "junit"]);
    assert_eq!(answer.code, Some(2), "{}", answer.err);
    let report = quick_junit::Report::deserialize_from_str(&answer.out).expect("JUnit");
    assert_eq!((report.tests, report.failures, report.errors), (10, 5, 1));
    let suite = &report.test_suites[0];
    assert_eq!(suite.test_cases.len(), 10);
    // The structure that Jenkins' schema asks for, element by element.
    let document = roxmltree::Document::parse(&answer.out).expect("XML");
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let suite = root.first_element_child().expect("a suite");
    assert_eq!(suite.tag_name().name(), "testsuite");
    let cases: Vec<_> = suite
        .children()
        .filter(|node| node.has_tag_name("testcase"))
        .collect();
    for (attribute, expected) in [
        ("tests", "10"),
        ("failures", "5"),
        ("errors", "1"),
        ("skipped", "3"),
    ] {
        assert_eq!(suite.attribute(attribute), Some(expected), "{attribute}");
    }
    // What `junit-10.xsd` of Jenkins' xUnit plugin knows, and no more.
    for (node, attributes) in document.root().descendants().filter_map(|node| {
        let attributes: &[&str] = match node.tag_name().name() {
            "" => return None,
            "testsuites" => &["name", "time", "tests", "failures", "errors"],
            "testsuite" => &["name", "tests", "failures", "errors", "skipped"],
            "testcase" => &["name", "classname"],
            "failure" | "error" | "skipped" => &["type", "message"],
            "system-out" => &[],
            other => panic!("{other} is no element"),
        };
        Some((node, attributes))
    }) {
        for attribute in node.attributes() {
            assert!(attributes.contains(&attribute.name()), "{node:?}");
        }
    }
    let mut names = Vec::new();
    for case in &cases {
        let name = case.attribute("name").expect("a name");
        assert!(
            case.attribute("classname")
                .is_some_and(|class| class.starts_with("promises."))
        );
        let about = case.children().find(|node| node.has_tag_name("system-out"));
        let about = about.and_then(|node| node.text()).unwrap_or_default();
        assert!(about.starts_with("promise at p.yaml:"), "{name}: {about}");
        let outcomes = case.children().filter(|node| {
            ["failure", "error", "skipped"]
                .iter()
                .any(|tag| node.has_tag_name(*tag))
        });
        for outcome in outcomes {
            assert!(
                outcome
                    .attribute("message")
                    .is_some_and(|text| !text.is_empty()),
                "{name}"
            );
            names.push((outcome.tag_name().name(), name));
        }
    }
    assert_eq!(
        names,
        [
            ("failure", "web logs in at db"),
            ("failure", "db is closed"),
            ("failure", "web is inspected"),
            ("failure", "db is not inspected"),
            ("failure", "near"),
            ("skipped", "far"),
            ("skipped", "moved"),
            ("skipped", "past"),
            ("error", "nobody"),
        ]
    );
    assert!(
        answer.out.contains("Deny rest (200) of guard"),
        "{}",
        answer.out
    );
}

#[test]
fn sarif_fits_its_schema_and_stands_at_what_has_to_change() {
    let folder = folder(PROMISES);
    let answer = check(folder.path(), &["-o", "sarif", "--coverage"]);
    let document: Value = serde_json::from_str(&answer.out).expect("JSON");
    let mut schema: Value =
        serde_json::from_str(include_str!("fixtures/schemas/sarif-2.1.0.json")).expect("a schema");
    // The pattern of a language there is no regular expression: one bracket closes what none has opened.
    for kind in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][kind]["properties"]["language"];
        language
            .as_object_mut()
            .expect("a property")
            .remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    let mut fingerprints = std::collections::BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(
            rules[index]["help"]["text"]
                .as_str()
                .is_some_and(|help| !help.is_empty())
        );
        assert!(
            fingerprints.insert(result["partialFingerprints"].to_string()),
            "{result}"
        );
    }
    let at = |index: usize| {
        let location = &results[index]["locations"][0]["physicalLocation"];
        (
            location["artifactLocation"]["uri"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            location["region"]["startLine"].as_u64().unwrap_or_default(),
        )
    };
    let found: Vec<&str> = results
        .iter()
        .filter_map(|result| result["ruleId"].as_str())
        .collect();
    assert_eq!(
        found,
        [
            "promise-must",
            "promise-must-not",
            "promise-must-pass-through",
            "promise-must-not-pass-through",
            "promise-max-latency",
            "promise-unknown",
            "promise-expired",
            "promise-untouched",
        ]
    );
    assert_eq!(at(0), ("net.yaml".to_owned(), line_of("name: rest")));
    assert_eq!(at(1), ("net.yaml".to_owned(), line_of("name: sql")));
    let related = &results[0]["relatedLocations"][0]["physicalLocation"];
    assert_eq!(
        (
            &related["artifactLocation"]["uri"],
            &related["region"]["startLine"]
        ),
        (&"p.yaml".into(), &6.into())
    );
    // A past promise has to change itself.
    assert_eq!(at(6), ("p.yaml".to_owned(), 16));
    assert_eq!(at(7), ("net.yaml".to_owned(), line_of("name: old")));
    assert_eq!(results[7]["level"], "note");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = folder(PROMISES);
    for output in ["table", "json", "tap", "junit", "sarif"] {
        let first = check(folder.path(), &["-o", output, "--coverage"]);
        let second = check(folder.path(), &["-o", output, "--coverage"]);
        assert_eq!(first.out, second.out, "{output}");
    }
}

#[test]
fn coverage_names_what_no_promise_touches() {
    let folder = folder(
        "promises:
  - { name: sql, must: { from: 'vnet:web', to: 'vm:db1', service: tcp/1433 } }
  - { name: closed, must-not: { from: 'vnet:web', to: 'vm:db1', service: tcp/22 } }
",
    );
    let out = check(folder.path(), &["--coverage"]).yes();
    assert!(
        out.contains(
            "Coverage: 2 of 3 rules and 1 of 2 routes decide for a promise; every pair counts."
        ),
        "{out}"
    );
    let place = format!("net.yaml:{}:9", line_of("name: old"));
    let untouched: Vec<&str> = out
        .lines()
        .filter(|line| line.contains("net.yaml"))
        .collect();
    assert!(
        untouched[0].starts_with("guard/old ") && untouched[0].ends_with(&place),
        "{out}"
    );
    assert!(
        untouched[1].starts_with("via/lost ") && untouched.len() == 2,
        "{out}"
    );
    let out = check(folder.path(), &["--coverage", "-o", "json"]).yes();
    let document: Value = serde_json::from_str(&out).expect("JSON");
    let covered = |list: &str| {
        let list = document["coverage"][list]
            .as_array()
            .expect("a list")
            .clone();
        list.into_iter()
            .map(|covered| {
                let id = covered["resource"]
                    .as_str()
                    .unwrap_or_default()
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                let promises = covered["promises"].as_array().cloned().unwrap_or_default();
                (
                    id,
                    promises
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect::<Vec<_>>(),
                )
            })
            .collect::<Vec<_>>()
    };
    let entry = |name: &str, promises: &[&str]| {
        (
            name.to_owned(),
            promises
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        covered("rules"),
        [
            entry("sql", &["sql"]),
            entry("old", &[]),
            entry("rest", &["closed"])
        ]
    );
    assert_eq!(
        covered("routes"),
        [entry("all", &["sql", "closed"]), entry("lost", &[])]
    );
    assert_eq!(document["coverage"]["exact"], true);
}

#[test]
fn what_is_wrong_with_the_file_is_told_with_its_place_and_nothing_is_judged() {
    for (promise, said) in [
        (
            "{ name: a, must: { from: 'vm:web1', to: all, service: http } }",
            "p.yaml:2:59: error[bad-value]: 'http' is no service; expected icmp, tcp/PORT",
        ),
        (
            "{ name: a, must: { from: 'machine:web1', to: all, service: icmp } }",
            "p.yaml:2:30: error[bad-value]",
        ),
        (
            "{ name: a, must-pass-through: { from: all, to: all, through: 'router:x', service: icmp } }",
            "p.yaml:2:66: error[bad-value]: 'router:x' is no device",
        ),
        (
            "{ name: a, mus: { from: all, to: all, service: icmp } }",
            "did you mean 'must'?",
        ),
        (
            "{ name: a, must: { from: all, to: all, service: icmp, through: x } }",
            "p.yaml:2:59: error[unknown-key]",
        ),
        (
            "{ name: a, expires: soon, must-not: { from: all, to: all } }",
            "a day of the calendar as 2027-06-30",
        ),
    ] {
        let message = one(promise).failed();
        assert!(message.contains(said), "{promise}\n{message}");
    }
    let folder = folder(PROMISES);
    let refused = check(folder.path(), &["--max-ways", "0"]).failed();
    assert!(
        refused.contains(
            "p.yaml:11:13: error[bad-value]: web is inspected: looking at its ways takes 1 packets"
        ),
        "{refused}"
    );
    let missing = run_in(folder.path(), &["check", "no-such.yaml", "-t", "net.yaml"]).failed();
    assert!(missing.contains("cannot read no-such.yaml"), "{missing}");
    let words = ["check", "p.yaml", "-t", "net.yaml", "--today", "yesterday"];
    let usage = run_in(folder.path(), &words).failed();
    assert!(usage.contains("2027-06-30"), "{usage}");
}

#[test]
fn a_single_address_on_premises_may_be_assumed_to_answer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let branch = "defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { GatewaySubnet: 10.0.255.0/27, s: 10.0.1.0/24 } }
virtualNetworkGateways: { gw: { subnet: hub/GatewaySubnet } }
localNetworkGateways: { branch: { prefixes: [192.168.50.0/24] } }
connections: { s2s: { gateway: gw, site: branch } }
virtualMachines: { vm: { subnet: hub/s, nic: n } }
";
    let promise =
        "promises: [ { name: a, must: { from: 'vm:vm', to: 192.168.50.77, service: icmp } } ]";
    fs::write(folder.path().join("net.yaml"), branch).expect("a file");
    fs::write(folder.path().join("p.yaml"), promise).expect("a file");
    assert_eq!(check(folder.path(), &[]).code, Some(2));
    let out = check(folder.path(), &["--assume-hosts"]).yes();
    assert!(out.contains("kept       a          must    1 "), "{out}");
}

#[test]
fn the_promises_of_the_built_in_network_are_kept_until_somebody_changes_it() {
    let out = run(&["check", "example:hub-spoke-nva", "--coverage"]).yes();
    assert!(
        !out.contains("broken:") && !out.contains("unknown"),
        "{out}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    run_in(
        folder.path(),
        &["examples", "--write", ".", "hub-spoke-nva"],
    )
    .yes();
    let net = folder.path().join("hub-spoke-nva.yaml");
    let text = fs::read_to_string(&net).expect("the example");
    let link = "name: Spoke2-To-Hub, from: Spoke2VNet, to: HubVNet, allowForwardedTraffic: ";
    let changed = text.replace(&format!("{link}true"), &format!("{link}false"));
    assert_ne!(text, changed);
    fs::write(&net, changed).expect("a file");
    let words = [
        "check",
        "hub-spoke-nva.promises.yaml",
        "-t",
        "hub-spoke-nva.yaml",
    ];
    let answer = run_in(folder.path(), &words);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    assert!(
        answer.out.contains(
            "decided by allowForwardedTraffic of link Spoke2VNet/Spoke2-To-Hub, hub-spoke-nva.yaml:"
        ),
        "{}",
        answer.out
    );
    // A folder with both is read as the network that it holds.
    run_in(folder.path(), &["show", "-t", ".", "--strict"]).yes();
    assert!(
        run(&["check", "example:sales-marketing-research"])
            .failed()
            .contains("nobody has promised")
    );
}

#[test]
fn the_published_schema_takes_what_the_reader_takes() {
    let schema: Value = serde_json::from_str(&run(&["schema", "promises"]).yes()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let fits = |promise: Value| validator.is_valid(&serde_json::json!({ "promises": [promise] }));
    let must = serde_json::json!({ "from": "a", "to": ["b", "c"], "service": "icmp" });
    assert!(fits(
        serde_json::json!({ "name": "a", "must": must, "owner": "me", "expires": "2027-06-30" })
    ));
    assert!(fits(
        serde_json::json!({ "name": "a", "max-latency": { "from": "a", "to": "b", "service": ["icmp"], "ms": 1.5, "forward": true } })
    ));
    assert!(!fits(serde_json::json!({ "name": "a" })));
    assert!(!fits(
        serde_json::json!({ "name": "a", "must": must, "must-not": { "from": "a", "to": "b" } })
    ));
    assert!(!fits(
        serde_json::json!({ "name": "a", "must": must, "ownr": "me" })
    ));
    assert!(!fits(serde_json::json!({ "must": must })));
}
