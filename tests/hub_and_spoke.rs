//! The built-in hub and spoke: questions about its routes and rules.

use crate::vnetsim::run;

const HUB: [&str; 2] = ["-t", "example:hub-spoke-nva"];

fn ask(words: &[&str]) -> crate::vnetsim::Answer {
    run(&[words, &HUB].concat())
}

#[test]
fn a_user_route_takes_the_place_of_the_none_row_with_the_same_prefix() {
    // R-7, V-14.
    let routes = ask(&["effective-routes", "Spoke1VM"]).yes();
    assert_eq!(routes, include_str!("golden/hub-and-spoke-routes.txt"));
}

#[test]
fn the_hub_is_reached_directly_and_the_other_spoke_through_the_appliance() {
    // R-22, V-12.
    let hop = ask(&["next-hop", "Spoke1VM", "HubVM"]).yes();
    assert!(hop.contains("VNetPeering    System Route"), "{hop}");
    let hop = ask(&["next-hop", "Spoke1VM", "Spoke2VM", "-o", "json"]).yes();
    let hop: serde_json::Value = serde_json::from_str(&hop).expect("JSON");
    assert_eq!(hop["nextHopType"], "VirtualAppliance");
    assert_eq!(hop["nextHopIpAddress"], "10.0.0.4");
    assert!(
        hop["routeTableId"]
            .as_str()
            .is_some_and(|id| id.ends_with("/routeTables/spoke-routes")),
        "{hop}"
    );
}

#[test]
fn effective_rules_stand_group_by_group_with_the_defaults_last() {
    let rules = ask(&["effective-nsg", "Spoke1VM"]).yes();
    assert_eq!(rules, include_str!("golden/hub-and-spoke-rules.txt"));
}

#[test]
fn a_user_route_widens_the_virtual_network_tag() {
    // T-3: the route 10.0.0.0/8 to the appliance.
    let rules = ask(&["effective-nsg", "Spoke1VM", "-o", "json"]).yes();
    let rules: serde_json::Value = serde_json::from_str(&rules).expect("JSON");
    let tag = &rules["value"][0]["tagMap"]["VirtualNetwork"];
    assert_eq!(tag, &serde_json::json!(["10.0.0.0/8", "168.63.129.16/32"]));
}

#[test]
fn ip_flow_names_the_rule_and_says_no_by_its_exit_code() {
    let flow = |protocol: &'static str, local: &'static str| {
        ask(&[
            "ip-flow",
            "Spoke2VM",
            "--direction",
            "inbound",
            "--protocol",
            protocol,
            "--local",
            local,
            "--remote",
            "10.1.0.4:50000",
        ])
    };
    let allowed = flow("tcp", ":1433").yes();
    assert!(
        allowed.contains("Allow     securityRules/AllowSql  spoke-nsg  subnet"),
        "{allowed}"
    );
    let denied = flow("tcp", ":22");
    assert_eq!(denied.code, Some(1), "{denied:?}");
    assert!(
        denied.out.contains("Deny      securityRules/DenyOtherTcp"),
        "{denied:?}"
    );
    let ping = flow("icmp", "").yes();
    assert!(ping.contains("securityRules/AllowPing"), "{ping}");
}

#[test]
fn az_asks_the_same_questions_in_its_own_words() {
    let words = "az network watcher test-ip-flow -g hub-and-spoke --vm Spoke2VM --direction Inbound --protocol TCP --local 10.2.0.4:22 --remote 10.1.0.4:*";
    let answer = ask(&words.split(' ').collect::<Vec<_>>()).yes();
    assert_eq!(
        answer,
        "{\n  \"access\": \"Deny\",\n  \"ruleName\": \"securityRules/DenyOtherTcp\"\n}\n"
    );
    let words = "az network watcher show-next-hop -g hub-and-spoke --vm Spoke1VM --source-ip 10.1.0.4 --dest-ip 10.0.1.4 --query nextHopType -o tsv";
    assert_eq!(
        ask(&words.split(' ').collect::<Vec<_>>()).yes(),
        "VNetPeering\n"
    );
}

#[test]
fn a_name_that_is_almost_right_is_answered_with_the_right_one() {
    let message = ask(&["effective-routes", "Spoke1VMM"]).failed();
    assert!(message.contains("did you mean"), "{message}");
    assert!(message.contains("Spoke1VM"), "{message}");
}

#[test]
fn ip_forwarding_is_switched_in_the_words_of_az() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let state = folder.path().join("state.yaml");
    let state = ["--state", state.to_str().expect("UTF-8")];
    let line = |words: &'static str| {
        let words: Vec<&str> = words.split(' ').collect();
        run(&[&words[..], &HUB, &state].concat())
    };
    let show = "az network nic show -n NvaVMVMNic --query enableIPForwarding -o tsv";
    assert_eq!(line(show).yes(), "true\n");
    line("az network nic update -n NvaVMVMNic --ip-forwarding false").yes();
    assert_eq!(line(show).yes(), "false\n");
}
