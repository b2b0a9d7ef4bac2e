//! Promises as people write them, and as they get them wrong.

use super::*;

fn read_text(text: &str) -> Result<Vec<Promise>, String> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let file = sources.add("p.yaml", text, &mut diagnostics).unwrap();
    parse(file, &sources, &mut diagnostics).ok_or_else(|| diagnostics.display(&sources).to_string())
}

#[test]
fn every_kind_of_promise_is_read_with_all_that_it_says() {
    let promises = read_text(
        "promises:
  - name: web reaches db
    must: { from: 'subnet:prod/web', to: [ 'vm:db1', 'vm:db2' ], service: [tcp/5432, icmp], both-ways: true }
    owner: team-payments
    reason: checkout needs it
    expires: 2027-06-30
  - { name: closed, must-not: { from: internet, to: all } }
  - { name: inspected, must-pass-through: { from: a, to: b, through: 'firewall:fw', service: tcp/any, forward: true } }
  - { name: not back, must-not-pass-through: { from: a, to: b, through: [ 'gateway:gw', 'vm:nva' ] }, allow-empty: true }
  - { name: 7, max-latency: { from: a, to: b, service: icmp, ms: 2.5 } }
",
    )
    .unwrap();
    let first = &promises[0];
    assert_eq!(
        (first.name.text.as_str(), &first.kind),
        ("web reaches db", &PromiseKind::Must)
    );
    assert_eq!(
        (first.from.text.as_str(), first.to.text.as_str()),
        ("subnet:prod/web", "vm:db1,vm:db2")
    );
    assert_eq!(first.services.len(), 2);
    assert!(first.both_ways && !first.forward && !first.allow_empty);
    assert_eq!(first.owner.as_deref(), Some("team-payments"));
    assert_eq!(first.expires.unwrap().to_string(), "2027-06-30");
    assert_eq!(
        (&promises[1].kind, promises[1].services.len()),
        (&PromiseKind::MustNot, 0)
    );
    assert!(
        matches!(&promises[2].kind, PromiseKind::MustPassThrough(devices) if devices[0].text == "firewall:fw")
    );
    assert!(promises[2].forward && promises[3].allow_empty);
    assert!(
        matches!(&promises[3].kind, PromiseKind::MustNotPassThrough(devices) if devices.len() == 2)
    );
    assert_eq!(
        (promises[4].name.text.as_str(), &promises[4].kind),
        ("7", &PromiseKind::MaxLatency(2.5))
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_with_its_place() {
    let error = read_text(
        "promises:
  - name: a
    must: { from: x, to: y, service: icmp }
    ownr: me
  - name: A
    must: { from: x, to: y, service: icmp, through: z }
    expires: 2027-02-30
  - name: c
    must: { from: x, to: y }
    must-not: { from: x, to: y }
  - name: d
  - { must-not: { from: x, to: y } }
  - { name: e, max-latency: { from: x, to: y, service: icmp, ms: 0 } }
  - { name: f, must: { from: [], to: y, service: icmp } }
  - { name: g, must: { from: x, to: y, service: [] } }
  - { name: h, must: 3 }
  - { name: '', must-not: { from: x, to: y } }
  - { name: i, must-pass-through: { from: x, to: y, service: icmp, through: [] } }
",
    )
    .unwrap_err();
    for line in [
        "p.yaml:4:5: error[unknown-key]: there is no key 'ownr' here",
        "did you mean 'owner'?",
        "p.yaml:5:11: error[duplicate-key]: two promises are named 'A'",
        "p.yaml:6:44: error[unknown-key]: there is no key 'through' here",
        "p.yaml:7:14: error[bad-value]: '2027-02-30' is no date",
        "p.yaml:10:5: error[bad-value]: must and must-not are two promises",
        "p.yaml:11:5: error[missing-property]: it is not said what is promised",
        "name is missing",
        "p.yaml:13:66: error[bad-value]: promises[5].max-latency.ms is 0",
        "promises[6].must.from names nobody",
        "promises[7].must.service names nothing",
        "p.yaml:16:22: error[wrong-type]",
        "a promise needs a name of one line",
        "promises[10].must-pass-through.through names nothing",
    ] {
        assert!(error.contains(line), "{line}\n\n{error}");
    }
}

#[test]
fn what_is_no_file_of_promises_is_one_clear_error() {
    for (text, said) in [
        ("", "promises is missing"),
        ("# nothing\n", "promises is missing"),
        ("promises:\n", "promises is missing"),
        ("promises: {}\n", "promises is an object"),
        ("promises: []\n", "there is no promise in the list"),
        ("[1, 2]\n", "the document is no object"),
        ("promises: [ 1 ]\n", "promises[0] is an integer"),
        (
            "virtualNetworks: {}\n",
            "there is no key 'virtualNetworks' here",
        ),
        ("promises: [ { name: a\n", "error[bad-yaml]"),
        ("promises: [ { name: a, name: b } ]\n", "error[bad-yaml]"),
    ] {
        let error = read_text(text).unwrap_err();
        assert!(
            error.starts_with("p.yaml:") && error.contains(said),
            "{text}\n{error}"
        );
    }
    let many = "  - { name: a, must-not: { from: x, to: y } }\n".repeat(MOST + 1);
    assert!(
        read_text(&format!("promises:\n{many}"))
            .unwrap_err()
            .contains("at most 10000")
    );
}

#[test]
fn hostile_texts_are_told_without_a_panic() {
    for text in [
        "promises: [ { name: \"\\u0000\", must-not: { from: x, to: y } } ]",
        "promises: [ { name: a, must: { from: { a: b }, to: [ [ x ] ], service: { } } } ]",
        "promises: [ { name: a, max-latency: { from: x, to: y, service: icmp, ms: .nan } } ]",
        "promises: [ { name: a, max-latency: { from: x, to: y, service: icmp, ms: -1e308 } } ]",
        "promises: [ { name: a, max-latency: { from: x, to: y, service: icmp, ms: 99999999999999999999 } } ]",
        "promises: [ { name: a, expires: 20270630, must-not: { from: x, to: y } } ]",
        "promises: &a [ *a ]",
        "promises: [ null ]",
        "\u{feff}promises: [ ~, { name: ~ } ]",
    ] {
        // Whatever it says, it says it.
        let told = read_text(text);
        assert!(
            told.is_ok() || told.is_err_and(|error| !error.is_empty()),
            "{text}"
        );
    }
    for (text, said) in [
        ("promises: [ null ]", "promises[0] is empty"),
        (
            "promises: [ { name: a, must: } ]",
            "promises[0].must is empty",
        ),
        (
            "promises: [ { name: a, must: { from: ~, to: b, service: icmp } } ]",
            "from is missing",
        ),
        (
            "promises: [ { name: ~, must: { from: a, to: b, service: icmp } } ]",
            "name is missing",
        ),
    ] {
        let error = read_text(text).unwrap_err();
        assert!(error.contains(said), "{text}\n{error}");
    }
}

#[test]
fn the_schema_describes_every_key() {
    let schema = schema();
    let promise = &schema["$defs"]["Promise"];
    let properties = promise["properties"].as_object().unwrap();
    assert_eq!(promise["additionalProperties"], false);
    for kind in KINDS {
        assert!(properties.contains_key(kind), "{kind}");
    }
    for (key, property) in properties {
        assert!(property.get("description").is_some(), "{key}: {property}");
    }
}
