//! `compare`: Azure's answers, as a user would save them, beside ours.

use std::path::Path;

use serde_json::{Value, json};

use crate::vnetsim::{Answer, run, run_in};

const HUB: [&str; 2] = ["-t", "example:hub-spoke-nva"];

fn answer_of(words: &[&str]) -> Value {
    let text = run(&[words, &["-o", "json"], &HUB].concat());
    serde_json::from_str(&text.out).expect("an answer is JSON")
}

fn save(folder: &Path, name: &str, answer: &Value) {
    std::fs::write(folder.join(name), answer.to_string()).expect("a file in the test's folder");
}

fn compare(folder: &Path, words: &[&str]) -> Answer {
    run_in(folder, &[&["compare"], words, &HUB].concat())
}

#[test]
fn our_own_answers_agree_with_us_whatever_kind_they_are() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let at = folder.path();
    save(
        at,
        "Spoke1VM.routes.json",
        &answer_of(&["effective-routes", "Spoke1VM"]),
    );
    save(
        at,
        "groups.json",
        &answer_of(&["effective-nsg", "Spoke1VM"]),
    );
    save(at, "links.json", &answer_of(&["peering", "list"]));
    save(
        at,
        "hop.json",
        &answer_of(&["next-hop", "Spoke1VM", "10.2.0.4"]),
    );
    let flow = [
        "--direction",
        "inbound",
        "--protocol",
        "tcp",
        "--local",
        ":1433",
        "--remote",
        "10.1.0.4:50000",
    ];
    save(
        at,
        "flow.json",
        &answer_of(&[&["ip-flow", "Spoke2VM"], &flow[..]].concat()),
    );
    let dumps = [
        "Spoke1VM.routes.json",
        "Spoke1VM=groups.json",
        "links.json",
        "Spoke1VM=hop.json",
        "Spoke2VM=flow.json",
    ];
    let answer = compare(
        at,
        &[&dumps[..], &flow, &["--destination", "10.2.0.4"]].concat(),
    );
    assert!(answer.out.contains(", different: 0"), "{answer:#?}");
    answer.yes();
}

#[test]
fn a_different_row_is_shown_beside_ours_with_what_made_it() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut azure = answer_of(&["effective-routes", "Spoke1VM"]);
    let rows = azure["value"].as_array_mut().expect("rows");
    let user = rows
        .iter_mut()
        .find(|row| row["source"] == "User")
        .expect("the example has a user route");
    user["nextHopIpAddress"] = json!(["10.0.9.9"]);
    rows.push(json!({
        "source": "Default", "state": "Active", "addressPrefix": ["10.77.0.0/16"], "nextHopType": "VNetPeering", "nextHopIpAddress": [],
    }));
    save(folder.path(), "routes.json", &azure);
    let answer = compare(folder.path(), &["Spoke1VM=routes.json", "-o", "json"]);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    let document: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(document["different"], 2, "{document:#}");
    let differences = document["dumps"][0]["differences"]
        .as_array()
        .expect("a list");
    let made = differences
        .iter()
        .find(|row| row["madeBy"].is_string())
        .expect("ours was made by something");
    assert!(
        made["madeBy"]
            .as_str()
            .expect("text")
            .contains("routeTables"),
        "{made:#}"
    );
    assert!(
        differences
            .iter()
            .any(|row| row["vnetsim"].is_null() && row["key"] == "10.77.0.0/16")
    );
    let table = compare(folder.path(), &["Spoke1VM=routes.json"]);
    assert!(table.out.contains("10.0.9.9"), "{table:#?}");
}

#[test]
fn none_routes_do_not_count_and_the_list_they_come_from_is_named() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let example = ["-t", "example:sales-marketing-research"];
    let routes = run(&[
        "effective-routes",
        "SalesVM",
        "-o",
        "json",
        example[0],
        example[1],
    ])
    .yes();
    std::fs::write(folder.path().join("SalesVM.json"), routes).expect("a file");
    let words = ["compare", "SalesVM.json", "--set", "noneRoutes=doc4"];
    let answer = run_in(folder.path(), &[&words[..], &example].concat());
    assert!(
        answer
            .out
            .contains("different: 0, apart from 1 with next hop None"),
        "{answer:#?}"
    );
    assert!(answer.err.contains("--set noneRoutes=seed"), "{answer:#?}");
    answer.yes();
}

#[test]
fn links_in_the_form_of_the_rest_api_are_told_apart_by_their_ids() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let listed = answer_of(&["peering", "list"]);
    let nested: Vec<Value> = listed
        .as_array()
        .expect("links")
        .iter()
        .map(|link| {
            json!({ "id": link["id"], "name": link["name"], "properties": {
                "peeringState": "Disconnected", "allowForwardedTraffic": link["allowForwardedTraffic"],
            } })
        })
        .collect();
    let count = nested.len();
    save(folder.path(), "links.json", &json!({ "value": nested }));
    let answer = compare(folder.path(), &["links.json", "-o", "json"]);
    let document: Value = serde_json::from_str(&answer.out).expect("JSON");
    assert_eq!(document["different"], count, "{document:#}");
    assert_eq!(
        document["dumps"][0]["differences"][0]["key"],
        "peeringState"
    );
}

#[test]
fn questions_come_from_a_file_by_the_name_of_the_dump() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let denied = json!({ "access": "Deny", "ruleName": "UserRule_DenyOtherTcp" });
    let question = json!({
        "nic": "Spoke2VM", "direction": "Inbound", "protocol": "TCP", "local": ":23", "remote": "10.1.0.4:50000",
    });
    save(folder.path(), "telnet.json", &denied);
    save(
        folder.path(),
        "questions.json",
        &json!({ "telnet.json": question }),
    );
    let answer = compare(
        folder.path(),
        &["telnet.json", "--question", "questions.json"],
    );
    assert!(
        answer.yes().contains("rows compared: 1, different: 0"),
        "the rule has a prefix in Network Watcher's answers"
    );
}

#[test]
fn what_cannot_be_compared_is_bad_input() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    save(
        folder.path(),
        "nobody.json",
        &json!([{ "addressPrefix": ["0.0.0.0/0"], "nextHopType": "Internet" }]),
    );
    save(
        folder.path(),
        "flow.json",
        &json!({ "access": "Allow", "ruleName": "ssh" }),
    );
    save(folder.path(), "other.json", &json!({ "hello": 1 }));
    std::fs::write(folder.path().join("broken.json"), "{").expect("a file");
    for (words, message) in [
        (&["nobody.json"][..], "say NIC=nobody.json"),
        (&["Spoke1VM=flow.json"], "say --direction"),
        (&["other.json"], "none of the answers"),
        (&["broken.json"], "is no JSON"),
        (&["missing.json"], "cannot read missing.json"),
    ] {
        let answer = compare(folder.path(), words).failed();
        assert!(answer.contains(message), "{words:?}: {answer}");
    }
}
