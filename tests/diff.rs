//! `diff`: what a change does, as users ask for it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::vnetsim::{Answer, run, run_in};

/// Two subnets with groups, a hub with an appliance between two spokes.
const NET: &str = "
defaults: { subscription: s1, resourceGroup: net }
virtualNetworks:
  hub: { addressSpace: [10.0.0.0/16], subnets: { nva: 10.0.0.0/24 } }
  spoke1: { addressSpace: [10.1.0.0/16], subnets: { apps: { prefix: 10.1.0.0/24, routeTable: rt1 } } }
  spoke2: { addressSpace: [10.2.0.0/16], subnets: { apps: { prefix: 10.2.0.0/24, routeTable: rt2, networkSecurityGroup: web } } }
peerings:
  - { name: hub-1, from: hub, to: spoke1 }
  - { name: 1-hub, from: spoke1, to: hub, allowForwardedTraffic: true }
  - { name: hub-2, from: hub, to: spoke2 }
  - { name: 2-hub, from: spoke2, to: hub, allowForwardedTraffic: true }
routeTables:
  rt1: { routes: [ { name: to-2, prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.4 } ] }
  rt2: { routes: [ { name: to-1, prefix: 10.1.0.0/16, nextHop: VirtualAppliance 10.0.0.4 } ] }
networkSecurityGroups:
  web: { securityRules: [ { name: web, priority: 200, direction: Inbound, access: Allow, protocol: Tcp, source: '*', destination: '*', destinationPorts: [443] } ] }
virtualMachines:
  nva: { subnet: hub/nva, nic: n0, address: 10.0.0.4, ipForwarding: true }
  nva2: { subnet: hub/nva, nic: n9, address: 10.0.0.5, ipForwarding: true }
  app: { subnet: spoke1/apps, nic: n1 }
  www: { subnet: spoke2/apps, nic: n2 }
guests: { nva: { role: appliance }, nva2: { role: appliance } }
";

const NO_FORWARDING: (&str, &str) = (
    "name: 2-hub, from: spoke2, to: hub, allowForwardedTraffic: true",
    "name: 2-hub, from: spoke2, to: hub",
);

/// A folder with the network before, and after these parts were exchanged.
#[track_caller]
fn folder(changes: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut after = NET.to_owned();
    for (old, new) in changes {
        assert!(after.contains(old), "{old}");
        after = after.replace(old, new);
    }
    write(folder.path(), "a.yaml", NET);
    write(folder.path(), "b.yaml", &after);
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("the folder is ours");
}

fn diff(folder: &Path, more: &[&str]) -> Answer {
    run_in(folder, &[&["diff", "a.yaml", "b.yaml"], more].concat())
}

#[track_caller]
fn json(folder: &Path, more: &[&str]) -> Value {
    let answer = diff(folder, &[more, &["-o", "json"]].concat());
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:#?}"))
}

#[test]
fn what_is_lost_is_told_with_the_flag_and_is_a_no() {
    let folder = folder(&[NO_FORWARDING]);
    let answer = diff(folder.path(), &["--service", "tcp/443"]);
    assert_eq!(answer.code, Some(1), "{answer:#?}");
    for line in [
        "tcp/443, round trip: 4 ends, 12 pairs",
        "2 lost, 0 gained, 0 rerouted, 0 newly asymmetric",
        "  link spoke2/2-hub: allowForwardedTraffic true -> false",
        "peering-forwarded-blocked",
        "Objects: 0 added, 0 removed, 1 changed",
    ] {
        assert!(answer.out.contains(line), "{line}\n{}", answer.out);
    }
    assert_eq!(answer.err, "");
    // The other way round it is gained, which is no loss.
    let back = run_in(folder.path(), &["diff", "b.yaml", "a.yaml"]).yes();
    assert!(back.contains("0 lost, 2 gained"), "{back}");
}

#[test]
fn the_document_names_groups_by_selectors_and_causes_by_ids() {
    let folder = folder(&[NO_FORWARDING]);
    let document = json(folder.path(), &["--service", "tcp/443,icmp"]);
    assert_eq!(document["lost"], 4);
    let service = &document["services"][0];
    assert_eq!(
        (&service["service"], &service["roundTrip"]),
        (&"tcp/443".into(), &true.into())
    );
    assert_eq!(service["summary"]["lost"], 2);
    assert_eq!(service["summary"]["pairs"], 12);
    let group = &service["groups"][0];
    assert_eq!(group["change"], "lost");
    let change = &group["cause"]["changes"][0];
    assert!(
        change["id"]
            .as_str()
            .expect("an id")
            .ends_with("/spoke2/virtualNetworkPeerings/2-hub")
    );
    assert_eq!(change["properties"][0]["name"], "allowForwardedTraffic");
    assert_eq!(change["properties"][0]["before"], "true");
    assert_eq!(group["witness"]["before"]["verdict"], "reachable");
    assert_eq!(document["services"][1]["service"], "icmp");
    // A selector of one document is one of the next question.
    let from = group["from"][0].as_str().expect("a selector");
    let narrow = json(folder.path(), &["--service", "tcp/443", "--from", from]);
    assert!(
        narrow["services"][0]["summary"]["lost"].as_u64() >= Some(1),
        "{narrow:#}"
    );
}

#[test]
fn equal_networks_have_nothing_to_tell() {
    let folder = folder(&[]);
    let out = diff(folder.path(), &[]).yes();
    assert!(
        out.contains("0 lost, 0 gained, 0 rerouted, 0 newly asymmetric"),
        "{out}"
    );
    assert!(
        out.contains("Objects: 0 added, 0 removed, 0 changed"),
        "{out}"
    );
    let same = run_in(
        folder.path(),
        &["diff", "a.yaml", "a.yaml", "-o", "markdown"],
    )
    .yes();
    assert!(
        same.contains("nobody reaches anybody more or less"),
        "{same}"
    );
    assert!(same.contains("a.yaml (before) → a.yaml (after)"), "{same}");
}

#[test]
fn another_appliance_one_way_is_newly_asymmetric_and_no_loss() {
    let folder = folder(&[(
        "prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.4",
        "prefix: 10.2.0.0/16, nextHop: VirtualAppliance 10.0.0.5",
    )]);
    let out = diff(folder.path(), &["--service", "tcp/443"]).yes();
    assert!(out.contains("0 rerouted, 2 newly asymmetric"), "{out}");
    assert!(
        out.contains("route rt1/to-2: nextHopIpAddress 10.0.0.4 -> 10.0.0.5"),
        "{out}"
    );
    assert!(
        out.contains("after   way: app/n1 > nva2/n9 > www/n2; back www/n2 > nva/n0 > app/n1"),
        "{out}"
    );
    let forward = diff(folder.path(), &["--service", "tcp/443", "--forward"]).yes();
    assert!(
        forward.contains("1 rerouted, 0 newly asymmetric"),
        "{forward}"
    );
}

#[test]
fn a_group_with_another_name_needs_a_word_and_is_then_the_same() {
    let folder = folder(&[("resourceGroup: net", "resourceGroup: network")]);
    let refused = diff(folder.path(), &[]).failed();
    assert!(
        refused.contains("none of the 4 NICs and hosts of a.yaml is in b.yaml"),
        "{refused}"
    );
    assert!(
        refused.contains("for example --map net=network"),
        "{refused}"
    );
    let out = diff(folder.path(), &["--map", "net=network"]).yes();
    assert!(out.contains("icmp, round trip: 4 ends, 12 pairs"), "{out}");
    assert!(
        out.contains("Objects: 0 added, 0 removed, 0 changed"),
        "{out}"
    );
    let unused = diff(
        folder.path(),
        &["--map", "net=network", "--map", "hub=hub9"],
    );
    assert!(
        unused.err.contains("note: --map hub=hub9 matches nothing"),
        "{unused:#?}"
    );
    for (bad, why) in [
        ("net", "expected OLD=NEW"),
        (
            "nothing=net",
            "is no subscription, resource group or resource of the first network",
        ),
        ("/subscriptions/s1=net", "expected two ids"),
        ("a/b=c/d", "expected OLD=NEW"),
    ] {
        let refused = diff(folder.path(), &["--map", bad]).failed();
        assert!(refused.contains(why), "{bad}: {refused}");
    }
}

#[test]
fn another_subscription_alone_needs_no_word() {
    let folder = folder(&[("subscription: s1", "subscription: s2")]);
    let out = diff(folder.path(), &[]).yes();
    assert!(
        out.contains("Objects: 0 added, 0 removed, 0 changed"),
        "{out}"
    );
}

#[test]
fn machines_that_come_and_go_are_listed_and_hinted_at_if_they_are_many() {
    let folder = folder(&[
        ("  app: {", "  app2: {"),
        ("nic: n1", "nic: m1"),
        ("  www: {", "  www2: {"),
        ("nic: n2", "nic: m2"),
        ("nic: n9", "nic: m9"),
    ]);
    let answer = diff(folder.path(), &[]);
    assert_eq!(answer.code, Some(0), "{answer:#?}");
    assert!(
        answer
            .out
            .contains("3 ends were removed: pairs with them are not counted"),
        "{}",
        answer.out
    );
    assert!(answer.out.contains("  + VM app2"), "{}", answer.out);
    assert!(
        answer.out.contains("  - NIC n2 removed (10.2.0.4)"),
        "{}",
        answer.out
    );
    assert!(
        answer
            .err
            .contains("note: only 1 of 4 NICs of a.yaml are in b.yaml"),
        "{}",
        answer.err
    );
}

#[test]
fn both_sides_take_files_and_options_of_their_own() {
    let folder = folder(&[]);
    let rule = "
networkSecurityGroups:
  more: { securityRules: [ { name: x, priority: 200, direction: Inbound, access: Deny, protocol: '*', source: '*', destination: '*' } ] }
";
    write(
        folder.path(),
        "more.yaml",
        &format!("defaults: {{ subscription: s1, resourceGroup: net }}{rule}"),
    );
    let out = diff(folder.path(), &["--after", "more.yaml"]).yes();
    assert!(out.contains("  + NSG more added"), "{out}");
    assert!(
        !out.contains("rule more/x"),
        "a part of what is new is not listed: {out}"
    );
    let out = diff(folder.path(), &["-t", "more.yaml"]).yes();
    assert!(
        out.contains("Objects: 0 added, 0 removed, 0 changed"),
        "{out}"
    );
    let out = diff(folder.path(), &["--set-after", "noneRoutes=seed"]).yes();
    assert!(out.contains("option noneRoutes: value"), "{out}");
    let refused = diff(folder.path(), &["--set-before", "nothing=1"]).failed();
    assert!(refused.contains("nothing"), "{refused}");
}

#[test]
fn markdown_is_short_first_folds_the_rest_and_takes_no_name_for_markup() {
    let folder = folder(&[NO_FORWARDING]);
    let answer = diff(folder.path(), &["-o", "markdown", "--service", "tcp/443"]);
    assert_eq!(answer.code, Some(1));
    let text = answer.out;
    assert!(
        text.starts_with("### vnetsim diff: 2 pairs lost\n"),
        "{text}"
    );
    let opened = text.matches("<details>").count();
    assert_eq!(opened, text.matches("</details>").count());
    assert_eq!(opened, 2, "{text}");
    let (head, _) = text.split_once("<details>").expect("a fold");
    assert!(
        head.contains("link spoke2/2-hub: allowForwardedTraffic true -&gt; false"),
        "{head}"
    );
    // As many groups as there are machines, and names that want to be more than names.
    let mut many = String::from(
        "
defaults: { subscription: s1, resourceGroup: net }
virtualNetworks: { v: { addressSpace: [10.0.0.0/8], subnets: { s: 10.0.0.0/16 } } }
virtualMachines:
",
    );
    for number in 0..120 {
        let _ = writeln!(
            many,
            "  'vm{number}<b>|x': {{ subnet: v/s, nic: n{number}, networkSecurityGroup: g{number} }}"
        );
    }
    let groups = |access: &str| {
        let mut text = String::from("networkSecurityGroups:\n");
        for number in 0..120 {
            let _ = writeln!(
                text,
                "  g{number}: {{ securityRules: [ {{ name: rule-with-a-long-name-{number}, priority: 200, direction: Inbound, access: {access}, protocol: '*', source: '*', destination: '*' }} ] }}"
            );
        }
        text
    };
    write(
        folder.path(),
        "a.yaml",
        &format!("{many}{}", groups("Allow")),
    );
    write(
        folder.path(),
        "b.yaml",
        &format!("{many}{}", groups("Deny")),
    );
    let text = diff(folder.path(), &["-o", "markdown"]).out;
    assert!(text.contains("14,280 pairs lost"), "{text}");
    assert!(text.len() <= 60_000, "{}", text.len());
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
    assert!(text.contains("more causes"), "{text}");
    assert!(!text.contains("<b>"), "{text}");
}

#[test]
fn who_was_renamed_is_selected_by_either_name_and_who_is_new_by_its_own() {
    let renamed = ("  www: { subnet", "  site: { subnet");
    let closed = (
        "access: Allow, protocol: Tcp",
        "access: Deny, protocol: Tcp",
    );
    let folder = folder(&[renamed, closed]);
    let lost = |to: &str| {
        let words = ["--service", "tcp/443", "--map", "www=site", "--to", to];
        let document = json(folder.path(), &words);
        document["services"][0]["summary"]["lost"]
            .as_u64()
            .expect("a count")
    };
    assert_eq!(lost("vm:www"), lost("vm:site"));
    assert!(lost("vm:www") > 0);
    // Without a word about it, it is another machine with the same NIC.
    diff(folder.path(), &["--to", "vm:site"]).yes();
    let refused = diff(folder.path(), &["--to", "vm:nobody"]).failed();
    assert!(refused.contains("in a.yaml: there is no VM"), "{refused}");
}

#[test]
fn bad_input_is_refused_with_its_place_and_leaves_no_data() {
    let folder = folder(&[]);
    write(folder.path(), "b.yaml", "virtualNetworks: [");
    let refused = diff(folder.path(), &[]).failed();
    assert!(refused.contains("b.yaml"), "{refused}");
    let refused = run_in(folder.path(), &["diff", "a.yaml", "missing.yaml"]).failed();
    assert!(refused.contains("missing.yaml"), "{refused}");
    let refused = run_in(folder.path(), &["diff", "a.yaml", "example:nothing"]).failed();
    assert!(refused.contains("nothing"), "{refused}");
    let refused = run_in(folder.path(), &["diff", "a.yaml"]).failed();
    assert!(refused.contains("AFTER"), "{refused}");
    for words in [
        &["--port", "443"][..],
        &["--protocol", "tcp"],
        &["--protocol", "tcp", "--port", "x"],
        &["--protocol", "icmp", "--port", "1"],
        &["--service", "sctp/1"],
        &["--from", "vm:nobody"],
        &["--to", "vnet:"],
    ] {
        let line = [&["diff", "a.yaml", "a.yaml"], words].concat();
        run_in(folder.path(), &line).failed();
    }
    // A network without machines: nothing to lose on one side, nothing in common on the other.
    write(
        folder.path(),
        "b.yaml",
        "virtualNetworks: { v: { addressSpace: [10.0.0.0/8] } }",
    );
    run_in(folder.path(), &["diff", "b.yaml", "a.yaml"]).yes();
    run_in(folder.path(), &["diff", "b.yaml", "b.yaml"]).yes();
    let refused = run_in(folder.path(), &["diff", "a.yaml", "b.yaml"]).failed();
    assert!(refused.contains("none of the 4 NICs"), "{refused}");
}

#[test]
fn two_built_in_networks_are_compared_by_the_links_that_are_missing() {
    let before = "example:sales-marketing-research";
    let after = "example:sales-marketing-research-unpeered";
    let answer = run(&["diff", before, after]);
    assert_eq!(answer.code, Some(1));
    let removed = answer.out.matches("\n  link ").count();
    assert_eq!(
        removed, 4,
        "each link is told with its own pairs: {}",
        answer.out
    );
}

#[test]
fn what_only_a_running_network_knows_is_kept_if_that_is_said() {
    let folder = folder(&[("app: { subnet", "app: { powerState: deallocated, subnet")]);
    // A further subnet in the file without the state: not just an edit of rules.
    let plan = NET.replace("nva: 10.0.0.0/24", "nva: 10.0.0.0/24, new: 10.0.9.0/24");
    write(folder.path(), "plan.yaml", &plan);
    let ask = |more: &[&str]| {
        let words = [
            &["diff", "b.yaml", "plan.yaml", "--service", "tcp/443"],
            more,
        ]
        .concat();
        run_in(folder.path(), &words)
    };
    let unsaid = ask(&[]);
    assert!(unsaid.out.contains("VM app: powerState"), "{unsaid:#?}");
    assert!(!unsaid.out.contains("0 gained"), "{unsaid:#?}");
    assert!(
        unsaid.err.contains("in b.yaml 1 VM is not running") && unsaid.err.contains("--keep-state"),
        "{}",
        unsaid.err
    );
    let kept = ask(&["--keep-state"]);
    assert_eq!((kept.code, kept.err.as_str()), (Some(0), ""));
    assert!(kept.out.contains("0 lost, 0 gained"), "{}", kept.out);
    assert!(!kept.out.contains("powerState"), "{}", kept.out);
}
