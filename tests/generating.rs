//! `vnetsim generate`, and whether what it writes is read back as the network that was made.

use std::fs;

use diagnose::explain::{Question, Service, explain_as_set};
use diagnose::explanation::Verdict;
use formats::load::{LoadOptions, Loader};
use formats::{arm::Template, az::Dumps, scenario};
use generate::{Changes, Shape, Share, Sizes, Topology, generate};
use model::{Network, PowerState};
use serde_json::Value;

use crate::command_line::examples_of;
use crate::vnetsim::{run, run_in};

/// The network that some texts describe, read without a single warning.
#[track_caller]
fn read(files: &[(&str, String)]) -> Network {
    let mut loader = Loader::new(LoadOptions {
        strict: true,
        ..LoadOptions::default()
    });
    for (name, text) in files {
        loader.add_text(name, text.as_str());
    }
    match loader.finish() {
        Ok(answer) => answer.network,
        Err(refused) => panic!("{refused}"),
    }
}

/// Everything that a scenario can say of a network; links by name, since dumps and templates have them by network.
fn everything(network: &Network) -> Value {
    let text = scenario::write_json(network);
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    let links = document["peerings"].as_array_mut().expect("links");
    links.sort_by_key(|link| (link["from"].to_string(), link["name"].to_string()));
    document
}

/// Networks of every kind, with all that is ever made.
fn networks() -> Vec<Network> {
    let sizes = |topology, gateways: &str| -> Sizes {
        Shape::Small.sizes().with(&Changes {
            topology: Some(topology),
            hubs: Some(3),
            virtual_networks: Some(24),
            nics: Some(900),
            nsgs: Some(80),
            gateway_share: Some(gateways.parse().expect("a share")),
            ..Changes::default()
        })
    };
    // Hubs of every kind: eight with a firewall, so that some have rules of their own, and some of the others with a load balancer.
    let everything = Shape::Small.sizes().with(&Changes {
        hubs: Some(12),
        virtual_networks: Some(40),
        nics: Some(400),
        gateway_share: Some(Share::percent(50)),
        firewall_share: Some(Share::percent(66)),
        load_balancer_share: Some(Share::percent(50)),
        nat_gateway_share: Some(Share::percent(40)),
        second_address_share: Some(Share::percent(20)),
        public_address_share: Some(Share::percent(10)),
        stopped_share: Some(Share::percent(30)),
        ..Changes::default()
    });
    let kinds = [
        sizes(Topology::HubSpoke, "34%"),
        sizes(Topology::Mesh, "0"),
        sizes(Topology::MultiHub, "100%"),
        Shape::Small.sizes(),
        everything,
    ];
    let networks = (1..).zip(&kinds);
    networks
        .map(|(seed, sizes)| generate(seed, sizes).expect("sizes that can be"))
        .collect()
}

#[test]
fn a_scenario_in_either_form_is_read_back_as_the_network_that_was_made() {
    for network in networks() {
        let written = scenario::write(&network);
        let again = read(&[("net.yaml", written.clone())]);
        assert_eq!(scenario::write(&again), written);
        let again = read(&[("net.json", scenario::write_json(&network))]);
        assert_eq!(scenario::write(&again), written);
    }
}

#[test]
fn dumps_of_az_are_read_back_as_the_network_that_was_made() {
    for network in networks() {
        let files = Dumps::new(&network).expect("writable").files();
        assert!(files.len() >= 7, "a file for each kind");
        let again = read(&files);
        pretty_assert(&everything(&again), &everything(&network));
    }
}

#[test]
fn a_template_is_read_back_as_the_network_that_was_made_but_for_stopped_machines() {
    for mut network in networks() {
        let mut text = Vec::new();
        let template = Template::new(&network, "somebody's [network]").expect("writable");
        template.write_to(&mut text).expect("memory");
        let again = read(&[("net.arm.json", String::from_utf8(text).expect("UTF-8"))]);
        let machines: Vec<_> = network.virtual_machines().keys().collect();
        assert!(
            machines
                .iter()
                .any(|&key| !network.virtual_machines()[key].is_running())
        );
        for machine in machines {
            network.set_power(machine, PowerState::Running);
        }
        pretty_assert(&everything(&again), &everything(&network));
    }
}

#[test]
fn what_a_form_cannot_say_is_told() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let words = ["generate", "--on-premises-hosts", "9", "--format"];
    let with = |rest: &[&str]| run_in(folder.path(), &[&words[..], rest].concat());
    let told = with(&["arm", "-o", "net.json"]);
    assert_eq!(told.code, Some(0));
    assert_eq!(told.err.lines().count(), 2, "{}", told.err);
    assert!(told.err.contains("2 that are run in it"), "{}", told.err);
    assert!(told.err.contains("9 are left out"), "{}", told.err);
    let told = with(&["az", "-o", "dump"]);
    assert!(
        told.err.contains("dumps of az cannot hold hosts"),
        "{}",
        told.err
    );
    assert_eq!(with(&["scenario", "-o", "net.yaml"]).err, "");
}

/// Says which part differs.
#[track_caller]
fn pretty_assert(one: &Value, other: &Value) {
    for (key, value) in other.as_object().expect("a scenario") {
        assert_eq!(one[key], *value, "{key}");
    }
    assert_eq!(one, other);
}

#[test]
fn what_only_a_scenario_says_is_not_written_in_part() {
    let vnet = "virtualNetworks: {v: {addressSpace: 10.0.0.0/16, subnets: {s: 10.0.0.0/24}}}";
    let text = format!("{vnet}\nprivateEndpoints: {{e: {{subnet: v/s}}}}\n");
    let network = read(&[("net.yaml", text)]);
    let error = Dumps::new(&network).expect_err("a private endpoint is not written");
    assert!(error.to_string().contains("privateEndpoints/e"), "{error}");
    assert!(Template::new(&network, "").is_err());
    let rules = "rules: [{name: r, destinationFqdns: [example.com]}]";
    let collection = format!("{{name: c, kind: Network, priority: 200, action: Allow, {rules}}}");
    let group = format!("{{g: {{priority: 100, ruleCollections: [{collection}]}}}}");
    let text = format!("{vnet}\nfirewallPolicies: {{p: {{ruleCollectionGroups: {group}}}}}\n");
    let network = read(&[("net.yaml", text)]);
    let error = Template::new(&network, "").expect_err("what the names are is not known");
    assert!(
        error.to_string().contains("hosts, tags or categories"),
        "{error}"
    );
    let text = "virtualNetworks: {v: {addressSpace: 10.0.0.0/16}, w: {resourceGroup: rg2, addressSpace: 10.1.0.0/16}}\n";
    let network = read(&[("net.yaml", text.to_owned())]);
    assert!(Dumps::new(&network).is_ok());
    let error = Template::new(&network, "").expect_err("two groups");
    assert!(
        error.to_string().contains("another resource group"),
        "{error}"
    );
}

#[test]
fn the_same_seed_writes_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let write = |seed: &str, name: &str| {
        run_in(
            folder.path(),
            &["generate", "--shape", "small", "--seed", seed, "-o", name],
        )
        .yes();
        fs::read_to_string(folder.path().join(name)).expect("written")
    };
    let first = write("7", "net.yaml");
    assert_eq!(first, write("7", "again.yaml"));
    assert_ne!(first, write("8", "other.yaml"));
    // Without a file the same goes to standard output.
    assert_eq!(
        first,
        run(&["generate", "--shape", "small", "--seed", "7"]).yes()
    );
    // The second line is the command that makes it again.
    let command = first.lines().nth(1).expect("a comment");
    let words: Vec<&str> = command
        .trim_start_matches("# vnetsim ")
        .split(' ')
        .collect();
    assert!(
        words.contains(&"--nics") && words.contains(&"60"),
        "{command}"
    );
    assert_eq!(first, run(&words).yes());
}

#[test]
fn every_format_is_taken_by_the_other_commands() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (format, path) in [
        ("scenario", "net.yaml"),
        ("scenario", "net.json"),
        ("arm", "net.arm.json"),
        ("az", "dump"),
    ] {
        run_in(folder.path(), &["generate", "--format", format, "-o", path]).yes();
        let shown = run_in(
            folder.path(),
            &["show", "-t", path, "--strict", "-o", "json"],
        )
        .yes();
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        assert!(shown.to_string().contains("60"), "{format}: {shown:#}");
        let ping = run_in(
            folder.path(),
            &[
                "ping",
                "hub-01-appliance",
                "hub-02-appliance",
                "-c",
                "1",
                "-t",
                path,
            ],
        );
        assert!(ping.yes().contains("1 received"), "{format}");
    }
}

#[test]
fn examples_in_help_can_be_typed_as_they_stand() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for example in examples_of(&["generate"]) {
        if example.iter().any(|word| word == "subscription") {
            continue; // takes long where nothing is optimised
        }
        let words: Vec<&str> = example.iter().map(String::as_str).collect();
        let answer = run_in(folder.path(), &words);
        assert_eq!(answer.code, Some(0), "{example:?}: {answer:#?}");
    }
}

#[test]
fn options_change_the_sizes_of_a_shape() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let words = [
        "generate",
        "--topology",
        "mesh",
        "--hubs",
        "2",
        "--vnets",
        "8",
        "--subnets",
        "30",
        "--nics",
        "90",
        "--nsgs",
        "9",
        "--rules",
        "5",
        "--route-tables",
        "7",
        "--routes",
        "3",
        "--appliance-share",
        "40%",
        "--gateway-share",
        "0.5",
        "--firewall-share",
        "50%",
        "--load-balancer-share",
        "100%",
        "--nat-gateway-share",
        "10%",
        "--on-premises-hosts",
        "5",
        "--stopped-share",
        "0",
        "--second-address-share",
        "10%",
        "--public-address-share",
        "10%",
        "--rule-overlap",
        "0",
        "-o",
        "net.json",
    ];
    run_in(folder.path(), &words).yes();
    let text = fs::read_to_string(folder.path().join("net.json")).expect("written");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let count = |section: &str| document[section].as_object().expect("a section").len();
    assert_eq!(
        [
            "virtualNetworks",
            "networkInterfaces",
            "networkSecurityGroups",
            "routeTables",
            "virtualNetworkGateways",
            "azureFirewalls",
            "loadBalancers",
            "onPremises"
        ]
        .map(count),
        [8, 90, 9, 7, 1, 1, 1, 1]
    );
    // Of 88 machines: nine.
    let addresses = document["networkInterfaces"].as_object().expect("NICs");
    let several = addresses.values().filter(|nic| {
        let configurations = nic["ipConfigurations"].as_array();
        configurations.is_some_and(|configurations| configurations.len() == 2)
    });
    assert_eq!(several.count(), 9);
    assert!(!text.contains("powerState"));
    assert_eq!(text.matches("\"natGateway\":").count(), 3); // of 25 subnets
    // Two groups of four, everybody with everybody.
    assert_eq!(
        document["peerings"].as_array().expect("links").len(),
        2 * 4 * 3
    );
}

#[test]
fn reachability_is_neither_everything_nor_nothing() {
    let network = generate(7, &Shape::Small.sizes()).expect("a shape");
    let snapshot = control::compile(&network);
    let machines: Vec<_> = network.listed_nics().map(|(key, _)| key).collect();
    let mut reached = 0;
    for &from in &machines {
        for &to in machines.iter().filter(|&&to| to != from) {
            let question = Question {
                source: (from, network.nics()[from].primary_address()),
                destination: network.nics()[to].primary_address(),
                destination_nic: Some(to),
                service: Service::Icmp,
                source_port: None,
            };
            let answer = explain_as_set(&network, &snapshot, &question);
            reached += usize::from(answer.verdict == Verdict::Reachable);
        }
    }
    let pairs = machines.len() * (machines.len() - 1);
    assert!(
        (pairs / 20..pairs * 3 / 4).contains(&reached),
        "{reached} of {pairs}"
    );
}

#[test]
fn what_cannot_be_made_is_refused_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let refused = |words: &[&str]| run_in(folder.path(), words).failed();
    let message = refused(&["generate", "--routes", "401", "-o", "net.yaml"]);
    assert!(message.contains("Azure allows 400"), "{message}");
    let message = refused(&["generate", "--shape", "huge", "-o", "net.yaml"]);
    assert!(message.contains("dash-baby-hero"), "{message}");
    let message = refused(&["generate", "--appliance-share", "5", "-o", "net.yaml"]);
    assert!(message.contains("expected 0% to 100%"), "{message}");
    let message = refused(&["generate", "--format", "az"]);
    assert!(message.contains("-o DIR"), "{message}");
    let message = refused(&["generate", "--nics", "20000000", "-o", "net.yaml"]);
    assert!(message.contains("room for 16777216"), "{message}");
    let message = refused(&["generate", "--vnets", "65537", "-o", "net.yaml"]);
    assert!(message.contains("at least 13108 are needed"), "{message}");
    let message = refused(&["generate", "-o", "missing/net.yaml"]);
    assert!(message.contains("there is no folder missing"), "{message}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    fs::create_dir(folder.path().join("dump")).expect("a folder");
    fs::write(folder.path().join("dump/notes.txt"), "mine").expect("a file");
    let message = refused(&["generate", "--format", "az", "-o", "dump"]);
    assert!(message.contains("holds files"), "{message}");
}
