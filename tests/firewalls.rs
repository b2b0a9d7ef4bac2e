//! An Azure firewall between spokes: its rules decide (S-35).

use serde_json::Value;

use crate::vnetsim::run;

const NETWORK: [&str; 2] = ["-t", "tests/fixtures/scenarios/hub-firewall.yaml"];

fn explained(words: &[&str]) -> Value {
    let answer = run(&[&["explain"], words, &["-o", "json"], &NETWORK].concat());
    serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:#?}"))
}

fn obstacle(words: &[&str]) -> (String, String, Value) {
    let explained = explained(words);
    let first = &explained["obstacles"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&explained["verdict"]),
        text(&first["reason"]),
        first["object"]["rule"]["rule"].clone(),
    )
}

#[test]
fn a_network_rule_lets_a_connection_pass_and_its_answers_come_back() {
    for service in [&["--tcp", "1433"][..], &[]] {
        let answer = run(&[&["ping", "app", "db", "-c", "2"], service, &NETWORK].concat()).yes();
        assert!(answer.contains("0% packet loss"), "{answer}");
    }
    let echo = run(&[&["ping", "app", "db", "-c", "1"][..], &NETWORK].concat()).yes();
    assert!(echo.contains("ttl=63"), "{echo}"); // the firewall is a router
}

#[test]
fn what_no_rule_allows_is_denied_in_both_directions_by_who_asks_first() {
    assert_eq!(
        obstacle(&["app", "db", "--tcp", "22"]),
        (
            "unreachable".into(),
            "guest-not-forwarding".into(),
            Value::Null
        )
    );
    // The rules name the spoke that may ask: the other one may only answer.
    assert_eq!(obstacle(&["db", "app"]).1, "guest-not-forwarding");
}

#[test]
fn a_parents_rules_go_first_and_then_the_lower_number_of_a_collection() {
    let (verdict, reason, rule) = obstacle(&["app", "db", "--tcp", "23"]);
    assert_eq!(
        (verdict.as_str(), reason.as_str()),
        ("unreachable", "guest-not-forwarding")
    );
    assert_eq!(
        rule, "telnet",
        "although the child allows it in a group of higher priority"
    );
    assert_eq!(
        explained(&["app", "db", "--tcp", "1433"])["verdict"],
        "reachable"
    );
}

#[test]
fn a_rule_by_name_is_never_yes_but_unknown_with_the_rule_named() {
    assert_eq!(
        obstacle(&["app", "db", "--tcp", "443"]),
        ("unknown".into(), "outside-input".into(), "updates".into())
    );
    assert_eq!(
        obstacle(&["app", "db", "--udp", "123"]),
        ("unknown".into(), "outside-input".into(), "by-name".into())
    );
    // Whoever the rule does not name as a source is denied, not unknown.
    assert_eq!(obstacle(&["db", "app", "--tcp", "443"]).0, "unreachable");
}

#[test]
fn the_internet_reaches_what_a_rule_publishes_and_is_reached_in_the_firewalls_name() {
    let published = ["ping", "internet", "20.50.1.1", "--tcp", "8080", "-c", "1"];
    let answer = run(&[&published[..], &NETWORK].concat()).yes();
    assert!(answer.contains("port open"), "{answer}");
    let closed = explained(&["internet", "20.50.1.1", "--tcp", "8081"]);
    assert_eq!(closed["obstacles"][0]["reason"], "guest-not-forwarding");

    let answer = run(&[&["ping", "app", "8.8.8.8", "-c", "1"][..], &NETWORK].concat()).yes();
    assert!(answer.contains("64 bytes from 8.8.8.8"), "{answer}");
}
