//! `explain` as programs read it, and what it says beside its verdict.

use std::fs;

use serde_json::Value;

use crate::vnetsim::{run, run_in};

/// Two spokes, an appliance that remembers connections, and a machine in the hub that answers round it.
const LOPSIDED: &str = "defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { s: 10.0.0.0/24, t: 10.0.1.0/24 } }
  one: { addressSpace: [10.1.0.0/16], subnets: { s: { prefix: 10.1.0.0/24, routeTable: rt } } }
peerings:
  - { name: hub-one, from: hub, to: one }
  - { name: one-hub, from: one, to: hub }
routeTables:
  rt: { routes: [ { name: nva, prefix: 10.0.1.0/24, nextHop: VirtualAppliance 10.0.0.4 } ] }
virtualMachines:
  nva: { subnet: hub/s, nic: nvanic, ipForwarding: true }
  hubvm: { subnet: hub/t, nic: hubnic }
  onevm: { subnet: one/s, nic: onenic }
  off: { subnet: one/s, nic: offnic }
guests:
  nva: { role: appliance, stateful: true }
  off: { role: stopped }
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("net.yaml"), LOPSIDED).expect("a file");
    folder
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn explanations_obey_the_published_schema() {
    let schema = json(&run(&["schema", "explain"]).yes());
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let folder = folder();
    let learn = ["-t", "example:sales-marketing-research"];
    let spokes = ["-t", "example:hub-spoke-nva"];
    let own = ["-t", "net.yaml"];
    let questions: [(&[&str], [&str; 2]); 9] = [
        (&["SalesVM", "ResearchVM"], learn),
        (&["SalesVM", "MarketingVM"], learn),
        (&["SalesVM", "8.8.8.8"], learn),
        (&["Spoke1VM", "Spoke2VM"], spokes),
        (&["Spoke1VM", "Spoke2VM", "--tcp", "23"], spokes),
        (
            &[
                "Spoke1VM",
                "Spoke2VM",
                "--tcp",
                "1433",
                "--set",
                "forwardedTraffic=documented",
            ],
            spokes,
        ),
        (&["onevm", "hubvm", "--tcp", "443"], own),
        (&["hubvm", "onevm", "--tcp", "443"], own),
        (&["off", "onevm", "--udp", "53"], own),
    ];
    for (question, topology) in questions {
        let words = [&["explain"], question, &topology, &["-o", "json"]].concat();
        let answer = run_in(folder.path(), &words);
        let document = json(&answer.out);
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{question:?}: {document:#}");
    }
    // A schema that admits everything would prove nothing.
    assert!(!validator.is_valid(&serde_json::json!({"verdict": "reachable"})));
    assert!(!validator.is_valid(&serde_json::json!([])));
}

#[test]
fn an_asymmetric_way_has_a_line_and_a_field_of_its_own() {
    let folder = folder();
    let ask = |words: &[&str]| {
        run_in(
            folder.path(),
            &[
                &[
                    "explain", "onevm", "hubvm", "-t", "net.yaml", "--tcp", "443",
                ],
                words,
            ]
            .concat(),
        )
    };
    let text = ask(&[]).yes();
    assert!(text.contains("Verdict: reachable\nAsymmetric at nva/nvanic: The probe passes nva/nvanic, which remembers connections; the reply goes round it."), "{text}");
    let document = json(&ask(&["-o", "json"]).yes());
    assert_eq!(document["verdict"], "reachable");
    assert_eq!(document["asymmetric"], true);
    assert_eq!(document["asymmetries"][0]["device"], "nva/nvanic");
}

#[test]
fn a_run_for_programs_carries_the_explanation_that_was_asked_for() {
    let folder = folder();
    let words = [
        "ping",
        "hubvm",
        "onevm",
        "--tcp",
        "443",
        "-c",
        "1",
        "-t",
        "net.yaml",
        "-o",
        "json",
        "--explain",
    ];
    let answer = run_in(folder.path(), &words);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    let document = json(&answer.out);
    assert_eq!(document["explanation"]["verdict"], "forward-only");
    assert_eq!(document["lost"][0]["reason"], "tcp-no-syn");
    let without = run_in(folder.path(), &words[..words.len() - 1]);
    assert_eq!(json(&without.out).get("explanation"), None);
}

#[test]
fn a_stopped_machine_sends_no_ping_and_explain_says_the_same() {
    let folder = folder();
    let ping = run_in(
        folder.path(),
        &["ping", "off", "onevm", "-c", "2", "-t", "net.yaml"],
    );
    assert_eq!(ping.code, Some(1), "{ping:#?}");
    assert!(
        ping.err
            .contains("From off/offnic: dropped 2 packets: vm-stopped"),
        "{}",
        ping.err
    );
    let explain = run_in(
        folder.path(),
        &["explain", "off", "onevm", "-t", "net.yaml"],
    );
    assert_eq!(explain.code, Some(1));
    assert!(
        explain
            .out
            .contains("Verdict: unreachable, vm-stopped at off/offnic"),
        "{}",
        explain.out
    );
}

#[test]
fn an_answer_names_the_option_that_would_change_it() {
    let folder = folder();
    let shut = LOPSIDED.replace(
        "from: hub, to: one",
        "from: hub, to: one, allowVirtualNetworkAccess: false",
    );
    fs::write(folder.path().join("shut.yaml"), shut).expect("a file");
    let answer = run_in(
        folder.path(),
        &["explain", "onevm", "hubvm", "-t", "shut.yaml"],
    );
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    let note = "Note: With vnetAccessWithoutNsg=literal this would be reachable (F-4).";
    assert!(answer.out.contains(note), "{}", answer.out);
}
