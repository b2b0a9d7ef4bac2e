//! Security as users meet it: admin rules, service tags, refusals, and the answers of Network Watcher.

use ::vnetsim::formats::load::{LoadOptions, Loaded, Loader};
use serde_json::{Value, json};

use crate::reading::{assert_same, described};
use crate::vnetsim::run_in;

const NETWORK: &str = "
defaults: { resourceGroup: g, location: northeurope }
virtualNetworks:
  hub: { addressSpace: 10.0.0.0/16, subnets: { work: { prefix: 10.0.0.0/24, networkSecurityGroup: shut } } }
  spoke: { addressSpace: 10.1.0.0/16, subnets: { work: 10.1.0.0/24 } }
peerings: [{ from: hub, to: spoke, name: a }, { from: spoke, to: hub, name: b }]
networkSecurityGroups:
  shut: { securityRules: [{ name: no, priority: 100, direction: Inbound, access: Deny }] }
virtualMachines: { hubvm: { subnet: hub/work }, spokevm: { subnet: spoke/work } }
";

const MANAGER: &str = "
networkManagers:
  avnm:
    subscriptions: [/subscriptions/00000000-0000-0000-0000-000000000000]
    networkGroups: { hubs: [hub] }
    securityAdminConfigurations:
      base:
        ruleCollections:
          rules:
            appliesTo: [hubs]
            rules:
              - { name: https, priority: 10, direction: Inbound, access: AlwaysAllow, protocol: Tcp, source: 10.0.0.0/8, destinationPorts: 443 }
              - { name: no-telnet, priority: 20, direction: Inbound, access: Deny, protocol: Tcp, destinationPorts: 23 }
";

fn load(texts: &[(&str, &str)]) -> Loaded {
    let mut loader = Loader::new(LoadOptions::default());
    for (name, text) in texts {
        loader.add_text(name, *text);
    }
    loader
        .finish()
        .unwrap_or_else(|refused| panic!("{refused}"))
}

/// A folder with one scenario in it.
fn folder(scenario: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("net.yaml"), scenario).expect("a file");
    folder
}

/// What the binary says as JSON about the scenario of a folder.
fn ask(folder: &tempfile::TempDir, words: &[&str]) -> Value {
    let answer = run_in(folder.path(), &[words, &["-t", "net.yaml"]].concat());
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:#?}"))
}

#[test]
fn a_network_manager_is_the_same_in_rest_in_az_and_in_a_scenario() {
    // S-13
    let scenario = described(&load(&[("net.yaml", &format!("{NETWORK}{MANAGER}"))]).network);
    let group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Network";
    let manager = format!("{group}/networkManagers/avnm");
    let rules = format!("{manager}/securityAdminConfigurations/base/ruleCollections/rules");
    let resource = |id: &str, properties: Value, nested: bool| {
        let name = id.rsplit('/').next().unwrap_or_default();
        let mut document = json!({ "id": id, "name": name, "resourceGroup": "g" });
        if id.ends_with("avnm") {
            document["location"] = json!("northeurope");
        }
        if nested {
            document["properties"] = properties;
        } else {
            let fields = properties.as_object().expect("an object").clone();
            document.as_object_mut().expect("an object").extend(fields);
        }
        document
    };
    for nested in [true, false] {
        let dump = json!([
            resource(
                &manager,
                json!({ "networkManagerScopes": { "managementGroups": [], "subscriptions": ["/subscriptions/00000000-0000-0000-0000-000000000000"] } }),
                nested
            ),
            resource(
                &format!("{manager}/networkGroups/hubs"),
                json!({ "memberType": "VirtualNetwork" }),
                nested
            ),
            resource(
                &format!("{manager}/networkGroups/hubs/staticMembers/m1"),
                json!({ "resourceId": format!("{group}/virtualNetworks/hub") }),
                nested
            ),
            resource(
                &format!("{manager}/securityAdminConfigurations/base"),
                json!({ "applyOnNetworkIntentPolicyBasedServices": ["None"] }),
                nested
            ),
            resource(
                &rules,
                json!({ "appliesToGroups": [{ "networkGroupId": format!("{manager}/networkGroups/hubs") }] }),
                nested
            ),
            resource(
                &format!("{rules}/rules/https"),
                json!({ "priority": 10, "direction": "Inbound", "access": "AlwaysAllow", "protocol": "Tcp",
                "sources": [{ "addressPrefix": "10.0.0.0/8", "addressPrefixType": "IPPrefix" }], "destinations": [{ "addressPrefix": "*", "addressPrefixType": "IPPrefix" }],
                "sourcePortRanges": ["0-65535"], "destinationPortRanges": ["443"] }),
                nested
            ),
            resource(
                &format!("{rules}/rules/no-telnet"),
                json!({ "priority": 20, "direction": "Inbound", "access": "Deny", "protocol": "Tcp",
                "sources": [], "destinations": [], "sourcePortRanges": [], "destinationPortRanges": ["23"] }),
                nested
            ),
        ]);
        let read = load(&[("net.yaml", NETWORK), ("dump.json", &dump.to_string())]);
        assert_same(&scenario, &described(&read.network), "the dump");
    }
}

#[test]
fn admin_rules_in_short_reach_the_networks_that_each_names() {
    let short = "
securityAdminRules:
  - { name: https, priority: 10, direction: Inbound, access: AlwaysAllow, protocol: Tcp, destinationPorts: 443, virtualNetworks: [hub] }
  - { name: no-dns, priority: 10, direction: Outbound, access: Deny, protocol: Udp, destinationPorts: 53, virtualNetworks: [hub, spoke] }
";
    let folder = folder(&format!("{NETWORK}{short}"));
    let rules = |vm: &str| {
        let groups = ask(&folder, &["effective-nsg", vm, "-o", "json"]);
        let block = &groups["value"][0];
        assert!(
            block["association"]["networkManager"]["id"]
                .as_str()
                .is_some_and(|id| id.ends_with("/networkManagers/security-admin-rules")),
            "{block}"
        );
        let names = block["effectiveSecurityRules"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        names
            .iter()
            .map(|rule| {
                format!(
                    "{} {}",
                    rule["access"].as_str().unwrap_or(""),
                    rule["name"].as_str().unwrap_or("")
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(rules("hubvm"), ["AlwaysAllow https", "Deny no-dns"]);
    assert_eq!(rules("spokevm"), ["Deny no-dns"]);
}

#[test]
fn an_admin_rule_is_blamed_and_named_with_its_manager() {
    // S-13: 443 passes the group that denies all, 23 dies at the admin rule, 22 at the group.
    let folder = folder(&format!("{NETWORK}{MANAGER}"));
    let flow = |port: &str| {
        let local = format!("10.0.0.4:{port}");
        ask(
            &folder,
            &[
                "ip-flow",
                "hubvm",
                "--direction",
                "inbound",
                "--protocol",
                "tcp",
                "--local",
                &local,
                "--remote",
                "10.1.0.4:50000",
                "-o",
                "json",
            ],
        )
    };
    let answer = flow("443");
    assert_eq!(
        (&answer["access"], &answer["ruleName"]),
        (&json!("Allow"), &json!("https"))
    );
    assert!(answer["ruleId"].as_str().is_some_and(|id| id.ends_with("/networkManagers/avnm/securityAdminConfigurations/base/ruleCollections/rules/rules/https")), "{answer}");
    assert_eq!(flow("22")["ruleName"], "securityRules/no");
    let answer = flow("23");
    assert_eq!(
        (&answer["access"], &answer["ruleName"], &answer["level"]),
        (
            &json!("Deny"),
            &json!("no-telnet"),
            &json!("network manager")
        )
    );

    let explained = run_in(
        folder.path(),
        &[
            "explain", "spokevm", "hubvm", "--tcp", "23", "-t", "net.yaml",
        ],
    );
    assert_eq!(explained.code, Some(1), "{explained:#?}");
    let text = explained.out;
    assert!(
        text.contains(
            "admin-deny at hubvm/hubvmVMNic: Deny no-telnet (20), a security admin rule of avnm"
        ),
        "{text}"
    );
    assert!(
        text.contains("Also in the way (forward): nsg-deny"),
        "{text}"
    );
    assert!(text.contains("AlwaysAllow"), "{text}");
}

#[test]
fn mistakes_in_admin_rules_are_told_with_their_place() {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text("net.yaml", format!("{NETWORK}
networkManagers:
  avnm:
    networkGroups: {{ hubs: [hib] }}
    securityAdminConfigurations:
      base:
        ruleCollections:
          rules:
            appliesTo: [spokes]
            rules:
              - {{ name: a, priority: 0, direction: Inbound, access: Deny, source: [Internet, 10.0.0.0/8] }}
              - {{ name: b, priority: 5, direction: Inbound, access: Deny, source: 10.0.0.1/8 }}
"));
    let refused = loader.finish().expect_err("mistakes").to_string();
    for part in [
        "resourceId names 'hib', and there is no such resource",
        "appliesToGroups[0].networkGroupId refers to a resource that is not in the input",
        "the priority of a security admin rule is 0",
        "is a service tag of several",
        "SecurityRuleInvalidAddressPrefix",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
}

/// A list as Microsoft publishes it.
fn tags(values: &[(&str, &[&str])]) -> Value {
    let values: Vec<Value> = values
        .iter()
        .map(|(name, prefixes)| {
            let region = name.split_once('.').map_or("", |(_, region)| region);
            json!({ "name": name, "id": name, "properties": { "changeNumber": 7, "region": region, "regionId": 0, "platform": "Azure",
                "systemService": name.split('.').next(), "addressPrefixes": prefixes, "networkFeatures": ["API", "NSG"] } })
        })
        .collect();
    json!({ "changeNumber": 300, "cloud": "Public", "values": values })
}

const TAGGED: &str = "
virtualNetworks: { v: { addressSpace: 10.0.0.0/16, subnets: { work: { prefix: 10.0.0.0/24, networkSecurityGroup: n } } } }
networkSecurityGroups:
  n:
    securityRules:
      - { name: storage, priority: 100, direction: Outbound, access: Allow, destination: storage.westus }
      - { name: legacy, priority: 200, direction: Outbound, access: Deny, destination: INTERNET }
virtualMachines: { vm: { subnet: v/work } }
";

#[test]
fn the_list_of_service_tags_is_read_by_its_content_and_counts_ipv6() {
    // T-8: regional form in any letter case, a legacy alias, the file and the answer of REST.
    let list = tags(&[
        ("Storage", &["198.51.100.0/24"]),
        ("Storage.WestUS", &["198.51.100.0/25", "2603:1000::/40"]),
    ]);
    let mut rest = list.clone();
    rest["id"] = json!("/subscriptions/s/providers/Microsoft.Network/serviceTags/westus");
    rest["type"] = json!("Microsoft.Network/serviceTags");
    for list in [list, rest] {
        let read = load(&[("net.yaml", TAGGED), ("tags.json", &list.to_string())]);
        let told = read.diagnostics.display(&read.sources).to_string();
        assert!(
            told.contains("1 IPv6 prefixes or addresses were left out"),
            "{told}"
        );
        let folder = folder(TAGGED);
        std::fs::write(
            folder.path().join("ServiceTags_Public_20261116.json"),
            list.to_string(),
        )
        .expect("a file");
        let flow = |remote: &str| {
            let words = [
                "ip-flow",
                "vm",
                "--direction",
                "outbound",
                "--protocol",
                "tcp",
                "--local",
                "10.0.0.4:50000",
                "--remote",
                remote,
                "-o",
                "json",
                "-t",
                "net.yaml",
                "-t",
                "ServiceTags_Public_20261116.json",
            ];
            let answer = run_in(folder.path(), &words);
            serde_json::from_str::<Value>(&answer.out)
                .unwrap_or_else(|error| panic!("{error}: {answer:#?}"))["ruleName"]
                .clone()
        };
        assert_eq!(flow("198.51.100.9:443"), "securityRules/storage");
        assert_eq!(flow("198.51.100.200:443"), "securityRules/legacy");
    }
}

#[test]
fn a_tag_that_the_given_list_does_not_have_is_refused_in_what_a_person_wrote() {
    // T-8: without a list nobody can tell, and what is recorded is never refused.
    let list = tags(&[("Sql", &["203.0.113.0/24"])]).to_string();
    let read = |scenario: &str, with_list: bool| {
        let mut loader = Loader::new(LoadOptions::default());
        loader.add_text("net.yaml", scenario);
        if with_list {
            loader.add_text("tags.json", list.as_str());
        }
        match loader.finish() {
            Ok(read) => (true, read.diagnostics.display(&read.sources).to_string()),
            Err(refused) => (false, refused.to_string()),
        }
    };
    let (sound, told) = read(TAGGED, true);
    assert!(
        !sound && told.contains("SecurityRuleInvalidAddressPrefix"),
        "{told}"
    );
    assert!(told.contains("Value provided: storage.westus"), "{told}");
    assert!(read(TAGGED, false).0);
    let (sound, told) = read(&format!("recorded: true{TAGGED}"), true);
    assert!(
        sound && told.contains("Value provided: storage.westus"),
        "{told}"
    );
}

#[test]
fn a_list_of_the_size_of_microsofts_is_read_whole_and_written_again() {
    let prefixes: Vec<Vec<String>> = (0..2_100_u32)
        .map(|tag| {
            (0..25_u32)
                .map(|prefix| {
                    format!(
                        "{}/32",
                        std::net::Ipv4Addr::from(0x1400_0000 + tag * 64 + prefix * 2)
                    )
                })
                .collect()
        })
        .collect();
    let names: Vec<String> = (0..prefixes.len())
        .map(|tag| format!("Service{tag}.Region{}", tag % 60))
        .collect();
    let slices: Vec<Vec<&str>> = prefixes
        .iter()
        .map(|list| list.iter().map(String::as_str).collect())
        .collect();
    let values: Vec<(&str, &[&str])> = names
        .iter()
        .map(String::as_str)
        .zip(slices.iter().map(Vec::as_slice))
        .collect();
    let read = load(&[
        (
            "net.yaml",
            TAGGED
                .replace("storage.westus", "service77.region17")
                .as_str(),
        ),
        ("tags.json", &tags(&values).to_string()),
    ]);
    assert_eq!(read.network.service_tags().count(), 2_100);
    assert_eq!(
        read.network
            .service_tag("SERVICE77.REGION17")
            .map(<[_]>::len),
        Some(25)
    );
    let again = load(&[(
        "state.yaml",
        &::vnetsim::formats::scenario::write(&read.network),
    )]);
    assert_same(
        &described(&read.network),
        &described(&again.network),
        "what was written",
    );
}

/// Reads a text: whether it is accepted, and what is said.
fn told(text: &str) -> (bool, String) {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text("net.yaml", text);
    match loader.finish() {
        Ok(read) => (true, read.diagnostics.display(&read.sources).to_string()),
        Err(refused) => (false, refused.to_string()),
    }
}

#[test]
fn mistakes_in_rules_have_azures_codes_and_are_warnings_in_what_azure_returned() {
    // S-1, S-2, S-4, S-5
    let rules = |rows: &[&str]| {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| format!("    - {{ direction: Inbound, access: Allow, {row} }}"))
            .collect();
        let rows = rows.join("\n");
        format!("networkSecurityGroups:\n  n:\n    securityRules:\n{rows}\n")
    };
    let lenient = [
        (
            "name: low, priority: 50",
            "SecurityRuleInvalidPriority",
            "Value provided: 50 Allowed range 100-4096",
        ),
        (
            "name: -odd, priority: 101",
            "InvalidResourceName",
            "It must begin with a word character",
        ),
        (
            "name: twice, priority: 102, source: [149.173.0.0/16, 149.173.8.27/32]",
            "OverlappingSubnetsNotPermittedInSecurityRule",
            "contains overlapping subnets [149.173.0.0/16, 149.173.8.27/32]",
        ),
    ];
    let never = [
        (
            "name: mixed, priority: 103, destination: [VirtualNetwork, 10.0.0.0/8]",
            "SecurityRuleParameterContainsUnsupportedValue",
            "Unsupported value used: VirtualNetwork",
        ),
        (
            "name: bits, priority: 104, source: 20.20.20.20/300",
            "SecurityRuleInvalidAddressPrefix",
            "Value provided: 20.20.20.20/300",
        ),
        (
            "name: ports, priority: 105, destinationPorts: '80,443'",
            "SecurityRuleInvalidPortRange",
            "Value provided: 80,443.",
        ),
    ];
    for (row, code, words) in lenient.into_iter().chain(never) {
        let (accepted, said) = told(&rules(&[row]));
        assert!(
            !accepted && said.contains(code) && said.contains(words),
            "{row}: {said}"
        );
        assert!(said.contains("net.yaml:4:"), "{row}: {said}");
    }
    for (row, code, _) in lenient {
        let (accepted, said) = told(&format!("recorded: true\n{}", rules(&[row])));
        assert!(accepted && said.contains(code), "{row}: {said}");
    }
    let host_bits = rules(&["name: bits, priority: 104, source: 20.20.20.20/16"]);
    assert!(!told(&host_bits).0);
    assert!(told(&format!("recorded: true\n{host_bits}")).0);
    let (accepted, said) = told(&rules(&[
        "name: a, priority: 110",
        "name: b, priority: 110",
    ]));
    assert!(!accepted && said.contains("SecurityRuleConflict"), "{said}");
    assert!(
        said.contains("Rules cannot have the same Priority and Direction"),
        "{said}"
    );
}

#[test]
fn a_group_of_another_region_is_not_found() {
    // S-9
    let network = |region: &str| {
        format!("
virtualNetworks: {{ v: {{ location: northeurope, addressSpace: 10.0.0.0/16, subnets: {{ work: {{ prefix: 10.0.0.0/24, networkSecurityGroup: n }} }} }} }}
networkSecurityGroups: {{ n: {{ location: {region} }} }}
networkInterfaces: {{ nic: {{ location: northeurope, subnet: v/work, networkSecurityGroup: n }} }}
")
    };
    assert_eq!(told(&network("North Europe")), (true, String::new()));
    let (accepted, said) = told(&network("westus"));
    assert!(!accepted, "{said}");
    assert_eq!(
        said.matches("Azure's code: InvalidResourceReference")
            .count(),
        2,
        "{said}"
    );
    assert!(
        said.contains("both resources are in the same region (westus and northeurope)"),
        "{said}"
    );
    let (accepted, said) = told(&format!("recorded: true\n{}", network("westus")));
    assert!(
        accepted && said.contains("InvalidResourceReference"),
        "{said}"
    );
}

#[test]
fn application_security_groups_stay_in_one_network() {
    // S-30, S-31, S-34
    let network = "
virtualNetworks:
  a: { addressSpace: 10.0.0.0/16, subnets: { work: 10.0.0.0/24 } }
  b: { addressSpace: 10.1.0.0/16, subnets: { work: 10.1.0.0/24 } }
applicationSecurityGroups: { web: {}, db: {}, wide: {} }
networkInterfaces:
  one: { subnet: a/work, applicationSecurityGroups: [web, wide] }
  two: { subnet: b/work, applicationSecurityGroups: [db, wide] }
networkSecurityGroups:
  n:
    securityRules:
    - { name: across, priority: 100, direction: Inbound, access: Allow, source: { applicationSecurityGroups: [web] }, destination: { applicationSecurityGroups: [db] } }
    - { name: many, priority: 110, direction: Inbound, access: Allow, source: { applicationSecurityGroups: [web, web, web, web, web, web, web, web, web, web, web] } }
";
    let (accepted, said) = told(network);
    assert!(!accepted, "{said}");
    for part in [
        "two is a member of application security group wide, whose first member is in another virtual network, a",
        "AllApplicationSecurityGroupsInSecurityRuleMustBeFromSameVnet",
        "their members are in a and b",
        "NumberOfApplicationSecurityGroupsReferencedInSecurityRuleLimitReached",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(told(&format!("recorded: true\n{network}")).0);
}

#[test]
fn the_deploy_status_says_where_a_configuration_is_in_force() {
    // S-13
    let configuration = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g/providers/Microsoft.Network/networkManagers/avnm/securityAdminConfigurations/base";
    let reaches = |region: &str, status: &str| {
        let rows = json!({ "value": [{ "commitTime": "2026-11-01T00:00:00Z", "configurationIds": [configuration], "deploymentStatus": status,
            "deploymentType": "SecurityAdmin", "errorMessage": "", "region": region }] });
        let folder = folder(&format!("{NETWORK}{MANAGER}"));
        std::fs::write(folder.path().join("status.json"), rows.to_string()).expect("a file");
        let words = [
            "az",
            "network",
            "manager",
            "list-effective-security-admin-rule",
            "--virtual-network-name",
            "hub",
            "-g",
            "g",
            "-t",
            "net.yaml",
            "-t",
            "status.json",
            "--query",
            "value[].access",
        ];
        run_in(folder.path(), &words)
            .yes()
            .split_whitespace()
            .collect::<String>()
    };
    assert_eq!(
        reaches("North Europe", "Deployed"),
        r#"["AlwaysAllow","Deny"]"#
    );
    assert_eq!(reaches("westus", "Deployed"), "[]");
    assert_eq!(reaches("northeurope", "Failed"), "[]");
}
