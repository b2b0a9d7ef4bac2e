//! What is said about small networks with one fault each, written as scenarios.

use diagnose::explain::{Question, Service, explain};
use diagnose::explanation::{Explanation, Obstacle, Outcome, Verdict};
use diagnose::object::Object;
use model::lookup::Endpoint;
use testnet::load;

/// Two networks, peered unless `links` says otherwise.
fn pair(links: &str, rest: &str) -> String {
    format!(
        "
defaults: {{ resourceGroup: rg, location: northeurope }}
virtualNetworks:
  a: {{ addressSpace: [10.1.0.0/16], subnets: {{ s: 10.1.1.0/24 }} }}
  b: {{ addressSpace: [10.2.0.0/16], subnets: {{ s: 10.2.1.0/24 }} }}
peerings:
{links}
virtualMachines:
  avm: {{ subnet: a/s, nic: anic }}
  bvm: {{ subnet: b/s, nic: bnic }}
{rest}"
    )
}

const BOTH_LINKS: &str = "  - { name: a-b, from: a, to: b }\n  - { name: b-a, from: b, to: a }";

/// Two spokes and an appliance; `two` is the flag on the link of the second spoke, `forwarding` that of the appliance's NIC.
fn hub(two: bool, forwarding: bool) -> String {
    format!(
        "
defaults: {{ resourceGroup: rg, location: northeurope }}
virtualNetworks:
  hub: {{ addressSpace: [10.0.0.0/16], subnets: {{ s: 10.0.0.0/24 }} }}
  one: {{ addressSpace: [10.1.0.0/16], subnets: {{ s: {{ prefix: 10.1.0.0/24, routeTable: rt }} }} }}
  two: {{ addressSpace: [10.2.0.0/16], subnets: {{ s: {{ prefix: 10.2.0.0/24, routeTable: rt }} }} }}
peerings:
  - {{ name: hub-one, from: hub, to: one }}
  - {{ name: one-hub, from: one, to: hub, allowForwardedTraffic: true }}
  - {{ name: hub-two, from: hub, to: two }}
  - {{ name: two-hub, from: two, to: hub, allowForwardedTraffic: {two} }}
routeTables:
  rt: {{ routes: [ {{ name: nva, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.0.0.4 }} ] }}
virtualMachines:
  nva: {{ subnet: hub/s, nic: nvanic, ipForwarding: {forwarding} }}
  onevm: {{ subnet: one/s, nic: onenic }}
  twovm: {{ subnet: two/s, nic: twonic }}
guests:
  nva: {{ role: appliance }}
"
    )
}

fn ask(scenario: &str, from: &str, to: &str, service: Service) -> Explanation {
    let network = load(scenario);
    let end = |name: &str| match network.endpoint(name) {
        Ok(Endpoint::Nic(nic, address)) => (nic, address),
        other => panic!("{name}: {other:?}"),
    };
    let question = Question {
        source: end(from),
        destination: end(to).1,
        destination_nic: Some(end(to).0),
        service,
        source_port: None,
    };
    explain(&network, &control::compile(&network), &question)
}

fn actions(obstacle: &Obstacle) -> String {
    let actions: Vec<&str> = obstacle
        .ways_out
        .iter()
        .map(|way| way.action.as_str())
        .collect();
    actions.join("\n")
}

#[test]
fn a_peered_pair_is_reachable_without_obstacles() {
    for service in [Service::Icmp, Service::Tcp(22), Service::Udp(53)] {
        let answer = ask(&pair(BOTH_LINKS, ""), "avm", "bvm", service);
        assert_eq!(answer.verdict, Verdict::Reachable);
        assert_eq!(answer.obstacles, []);
        assert!(matches!(
            answer.back.expect("a reply").outcome,
            Outcome::Delivered { .. }
        ));
    }
}

#[test]
fn half_a_peering_names_its_missing_link() {
    let links = "  - { name: a-b, from: a, to: b }";
    let answer = ask(&pair(links, ""), "avm", "bvm", Service::Icmp);
    assert_eq!(answer.verdict, Verdict::Unreachable);
    let cause = &answer.obstacles[0];
    assert_eq!(cause.reason, "route-none");
    assert!(
        cause.background[0].contains("link a/a-b is Initiated"),
        "{:?}",
        cause.background
    );
    assert_eq!(actions(cause), "Create the reverse link of a/a-b.");
    assert!(cause.ways_out[0].commands[0].contains("--vnet-name b -n b-To-a --remote-vnet a"));

    // The same from the side that has no link.
    let answer = ask(&pair(links, ""), "bvm", "avm", Service::Icmp);
    let cause = &answer.obstacles[0];
    assert_eq!(actions(cause), "Create the missing link of b to a.");
}

/// V-9: the drop names the receiver's link and flag, and that reality may be more lenient.
#[test]
fn forwarded_traffic_is_blamed_on_the_flag_of_the_receivers_link() {
    let answer = ask(&hub(false, true), "onevm", "twovm", Service::Icmp);
    assert_eq!(answer.verdict, Verdict::Unreachable);
    let cause = &answer.obstacles[0];
    assert_eq!(cause.reason, "peering-forwarded-blocked");
    assert_eq!(
        cause.object.to_string(),
        "allowForwardedTraffic of link two/two-hub"
    );
    assert!(cause.background.iter().any(|text| text.contains("F-10")));
    assert_eq!(
        cause.ways_out[0].commands,
        [
            "az network vnet peering update -g rg --vnet-name two -n two-hub --set allowForwardedTraffic=true"
        ]
    );
    assert!(answer.back.is_some(), "the walk goes on in thought");

    // The other way round the probe arrives, and its reply is what dies there.
    let answer = ask(&hub(false, true), "twovm", "onevm", Service::Icmp);
    assert_eq!(answer.verdict, Verdict::ForwardOnly);
    assert_eq!(answer.obstacles[0].path, "return");
}

#[test]
fn everything_in_the_way_is_found_at_once() {
    let answer = ask(&hub(false, false), "onevm", "twovm", Service::Icmp);
    let reasons: Vec<&str> = answer
        .obstacles
        .iter()
        .map(|obstacle| obstacle.reason)
        .collect();
    // At the appliance's NIC in and out, then at the boundary; the reply meets the appliance too.
    assert_eq!(
        reasons,
        [
            "not-owner-no-forwarding",
            "spoof-source",
            "peering-forwarded-blocked",
            "not-owner-no-forwarding",
            "spoof-source"
        ]
    );
    assert!(actions(&answer.obstacles[0]).starts_with("Turn on IP forwarding of nvanic."));
}

#[test]
fn a_false_access_flag_without_security_group_names_link_and_flag() {
    let links = "  - { name: a-b, from: a, to: b, allowVirtualNetworkAccess: false }
  - { name: b-a, from: b, to: a }";
    let answer = ask(&pair(links, ""), "avm", "bvm", Service::Icmp);
    let cause = &answer.obstacles[0];
    assert_eq!(cause.reason, "vnet-access-blocked");
    assert_eq!(
        cause.object.to_string(),
        "allowVirtualNetworkAccess of link a/a-b"
    );
    assert!(actions(cause).starts_with("Set allowVirtualNetworkAccess of link a/a-b to true."));
}

#[test]
fn a_stopped_machine_is_started_by_the_way_out() {
    let scenario = pair(BOTH_LINKS, "guests:\n  bvm: { role: stopped }\n");
    let answer = ask(&scenario, "avm", "bvm", Service::Icmp);
    assert_eq!(answer.verdict, Verdict::Unreachable);
    assert_eq!(answer.obstacles[0].reason, "vm-stopped");
    assert_eq!(
        answer.obstacles[0].ways_out[0].commands,
        ["az vm start -g rg -n bvm"]
    );
}

#[test]
fn what_does_not_listen_is_remarked_and_plays_no_part() {
    let scenario = pair(BOTH_LINKS, "guests:\n  bvm: { listen: [tcp/443] }\n");
    let answer = ask(&scenario, "avm", "bvm", Service::Tcp(80));
    assert_eq!(answer.verdict, Verdict::Reachable);
    assert!(
        answer.remarks[0].starts_with("Nothing listens on tcp/80"),
        "{:?}",
        answer.remarks
    );
}

/// nobody sends from a machine that does not run, and what else would be in the way is told all the same.
#[test]
fn a_stopped_machine_sends_nothing() {
    let scenario = pair(
        "  - { name: a-b, from: a, to: b }",
        "guests:\n  avm: { role: stopped }\n",
    );
    let answer = ask(&scenario, "avm", "bvm", Service::Icmp);
    assert_eq!(answer.verdict, Verdict::Unreachable);
    let reasons: Vec<&str> = answer
        .obstacles
        .iter()
        .map(|obstacle| obstacle.reason)
        .collect();
    assert_eq!(reasons, ["vm-stopped", "route-none"]);
    assert_eq!(
        answer.cause.as_deref(),
        Some("The probe dies at avm/anic: No running machine stands behind the NIC (NIC anic).")
    );
    assert_eq!(
        answer.obstacles[0].ways_out[0].commands,
        ["az vm start -g rg -n avm"]
    );
}

/// Spoke one sends to the hub's machine through the appliance; the hub's machine answers directly.
fn lopsided(guest: &str) -> String {
    hub(true, true)
        .replace(
            "prefix: 10.0.0.0/8, nextHop",
            "prefix: 10.0.0.0/16, nextHop",
        )
        .replace(
            "subnets: { s: 10.0.0.0/24 }",
            "subnets: { s: 10.0.0.0/24, t: 10.0.1.0/24 }",
        )
        .replace(
            "  onevm:",
            "  hubvm: { subnet: hub/t, nic: hubnic }\n  onevm:",
        )
        .replace("role: appliance", guest)
}

#[test]
fn a_device_that_sees_one_direction_only_is_named() {
    let stateful = lopsided("role: appliance, stateful: true");
    let answer = ask(&stateful, "onevm", "hubvm", Service::Tcp(443));
    assert_eq!(answer.verdict, Verdict::Reachable);
    assert!(answer.asymmetric);
    assert_eq!(answer.asymmetries[0].device, "nva/nvanic");
    assert_eq!(
        (answer.asymmetries[0].forward, answer.asymmetries[0].back),
        (true, false)
    );

    // The other way round the answer meets a device that has not seen the beginning.
    let answer = ask(&stateful, "hubvm", "onevm", Service::Tcp(443));
    assert_eq!(answer.verdict, Verdict::ForwardOnly);
    assert_eq!(answer.obstacles[0].reason, "tcp-no-syn");
    assert!(answer.asymmetric);
    assert_eq!(
        (answer.asymmetries[0].forward, answer.asymmetries[0].back),
        (false, true)
    );

    // A plain router sees as little, and does not mind.
    let answer = ask(
        &lopsided("role: appliance"),
        "onevm",
        "hubvm",
        Service::Tcp(443),
    );
    assert_eq!(answer.verdict, Verdict::Reachable);
    assert!(!answer.asymmetric);
    assert!(answer.remarks[0].contains("R-34"), "{:?}", answer.remarks);

    // Both directions through it: nothing to say.
    let scenario = hub(true, true).replace("role: appliance", "role: appliance, stateful: true");
    let answer = ask(&scenario, "onevm", "twovm", Service::Tcp(443));
    assert_eq!(answer.verdict, Verdict::Reachable);
    assert!(!answer.asymmetric);
}

fn dependences(answer: &Explanation) -> Vec<String> {
    answer
        .depends_on
        .iter()
        .flat_map(diagnose::dependence::Dependence::sentences)
        .collect()
}

#[test]
fn an_answer_says_with_which_options_it_would_be_another_one() {
    let answer = ask(&hub(false, true), "onevm", "twovm", Service::Icmp);
    assert_eq!(
        dependences(&answer),
        ["With forwardedTraffic=lenient this would be reachable (F-6, F-9a, F-10)."]
    );
    assert_eq!(answer.assumptions[0].rule, "F-7");

    let links = "  - { name: a-b, from: a, to: b, allowVirtualNetworkAccess: false }
  - { name: b-a, from: b, to: a }";
    let answer = ask(&pair(links, ""), "avm", "bvm", Service::Icmp);
    assert_eq!(
        dependences(&answer),
        ["With vnetAccessWithoutNsg=literal this would be reachable (F-4)."]
    );
    let literal = pair(links, "options: { vnetAccessWithoutNsg: literal }\n");
    let answer = ask(&literal, "avm", "bvm", Service::Icmp);
    assert_eq!(
        dependences(&answer),
        [
            "With vnetAccessWithoutNsg=defaultRules this would be unreachable, vnet-access-blocked (F-4)."
        ]
    );

    let rules = "networkSecurityGroups:
  nsg:
    securityRules:
      - { name: web, priority: 100, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*', destinationPorts: [443] }
";
    let scenario = pair(BOTH_LINKS, rules).replace("nic: bnic", "nic: bnic, nsg: nsg");
    let answer = ask(&scenario, "avm", "bvm", Service::Icmp);
    assert_eq!(
        dependences(&answer),
        ["With icmpPorts=ignore this would be unreachable, nsg-deny (S-6)."]
    );
    assert_eq!(
        dependences(&ask(&scenario, "avm", "bvm", Service::Tcp(80))),
        [""; 0]
    );

    // 172.16.0.0/12 is a None row of some profiles only.
    let scenario = pair("  - { name: a-b, from: a, to: b }", "")
        .replace("[10.2.0.0/16]", "[172.20.0.0/16]")
        .replace("10.2.1.0/24", "172.20.1.0/24");
    let answer = ask(&scenario, "avm", "bvm", Service::Icmp);
    assert_eq!(answer.verdict, Verdict::Unreachable);
    assert!(
        dependences(&answer)
            .iter()
            .any(|text| text.starts_with("With noneRoutes=seed")),
        "{:?}",
        dependences(&answer)
    );
}

#[test]
fn a_link_in_the_evidence_says_its_flag_and_whose_it_is() {
    let answer = ask(&hub(true, true), "onevm", "twovm", Service::Icmp);
    let link = answer
        .forward
        .steps
        .iter()
        .find_map(|step| match &step.object {
            Some(Object::Link {
                id,
                flag: flag @ Some(_),
                side,
            }) => Some((id.clone(), *flag, *side)),
            _ => None,
        });
    let (id, flag, side) = link.expect("the way crosses a link");
    assert!(id.ends_with("/two-hub"), "{id}");
    assert_eq!(
        (flag, side),
        (Some("allowForwardedTraffic"), Some("receiver"))
    );
}

/// Behind a missing route the walk goes on at the destination: its rules would be the next obstacle.
#[test]
fn what_would_be_in_the_way_behind_a_missing_route_is_told() {
    let rules = "networkSecurityGroups:
  nsg:
    securityRules:
      - { name: none, priority: 100, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' }
";
    let scenario = pair("  - { name: a-b, from: a, to: b }", rules)
        .replace("nic: bnic", "nic: bnic, nsg: nsg");
    let answer = ask(&scenario, "avm", "bvm", Service::Tcp(80));
    assert_eq!(answer.verdict, Verdict::Unreachable);
    let reasons: Vec<(&str, &str)> = answer
        .obstacles
        .iter()
        .map(|obstacle| (obstacle.path, obstacle.reason))
        .collect();
    // What the networks lack between them is told once, for both directions.
    assert_eq!(
        reasons,
        [("forward", "route-none"), ("forward", "nsg-deny")]
    );
    assert!(matches!(
        answer.forward.outcome,
        Outcome::Dropped {
            reason: "route-none",
            ..
        }
    ));
}
