//! Who is meant by a few words.

use reach::{Addresses, Everyone, Selector, SelectorError};

use crate::world::World;

const ESTATE: &str = "
defaults: { resourceGroup: rg, location: northeurope }
virtualNetworks:
  hub:
    addressSpace: [10.0.0.0/16]
    subnets: { GatewaySubnet: 10.0.255.0/27, Apps: 10.0.1.0/24, nva: 10.0.2.0/24, spare: 10.0.3.0/24 }
  spoke: { addressSpace: [10.1.0.0/16], subnets: { Apps: 10.1.1.0/24, db: 10.1.2.0/24 } }
applicationSecurityGroups: { web: {} }
virtualMachines:
  web-1: { subnet: spoke/Apps, nic: web-1-nic, applicationSecurityGroups: [web] }
  web-2: { subnet: spoke/Apps, nic: web-2-nic, applicationSecurityGroups: [web] }
  sql: { subnet: spoke/db, nic: sql-nic }
  tool: { subnet: hub/Apps, nic: tool-nic }
virtualNetworkGateways:
  hub-gw: { gatewayType: Vpn, subnet: hub/GatewaySubnet }
onPremises:
  branch: { gateway: hub-gw, prefixes: [192.168.50.0/24], hosts: { pc: 192.168.50.10, printer: 192.168.50.11 } }
serviceTags: { Partner: [10.1.2.0/24, 203.0.113.0/24] }
";

fn ask(text: &str) -> Result<Vec<String>, SelectorError> {
    let world = World::new(ESTATE);
    let everyone = Everyone::of(&world.network, &world.snapshot, Addresses::Primary);
    let ends = everyone.meant_by(&text.parse::<Selector>()?)?;
    let mut names = ends.names(&world.network);
    names.sort();
    Ok(names)
}

#[track_caller]
fn selects(text: &str, names: &[&str]) {
    match ask(text) {
        Ok(found) => assert_eq!(found, names, "{text}"),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[track_caller]
fn refuses(text: &str, words: &[&str]) {
    let error = ask(text).expect_err(text).to_string();
    for word in words {
        assert!(error.contains(word), "{text}: {error}");
    }
}

const ALL: [&str; 4] = [
    "sql/sql-nic",
    "tool/tool-nic",
    "web-1/web-1-nic",
    "web-2/web-2-nic",
];
const WEB: [&str; 2] = ["web-1/web-1-nic", "web-2/web-2-nic"];

#[test]
fn every_kind_of_word_selects_its_ends() {
    selects("all", &ALL);
    selects("*", &ALL);
    selects("vm:sql", &["sql/sql-nic"]);
    selects("VM:WEB-*", &WEB);
    selects("nic:web-?-nic", &WEB);
    selects("vnet:hub", &["tool/tool-nic"]);
    selects("subnet:spoke/Apps", &WEB);
    selects("subnet:db", &["sql/sql-nic"]);
    selects(
        "subnet:*/Apps",
        &["tool/tool-nic", "web-1/web-1-nic", "web-2/web-2-nic"],
    );
    selects("asg:web", &WEB);
    selects("group:RG", &ALL);
    selects("10.1.1.0/24", &WEB);
    selects("10.1.2.4", &["sql/sql-nic"]);
    selects("site:branch", &["branch/pc", "branch/printer"]);
    selects("site:*/pc", &["branch/pc"]);
    selects("on-premises", &["branch/pc", "branch/printer"]);
    selects("192.168.0.0/16", &["branch/pc", "branch/printer"]);
    selects("internet", &["internet"]);
    selects("tag:Internet", &["internet"]);
    selects("internet:8.8.8.8", &["internet:8.8.8.8"]);
    selects("203.0.113.7", &["internet:203.0.113.7"]);
    selects("tag:partner", &["internet:203.0.113.0", "sql/sql-nic"]);
}

#[test]
fn a_bare_name_is_what_other_commands_take_it_for() {
    selects("sql", &["sql/sql-nic"]);
    selects("web-1-nic", &["web-1/web-1-nic"]);
    selects("web-1/web-1-nic", &["web-1/web-1-nic"]);
    selects("pc", &["branch/pc"]);
    selects("branch/pc", &["branch/pc"]);
    selects("*p*", &["branch/pc", "branch/printer"]);
    let world = World::new(ESTATE);
    let (_, hub) = world.network.virtual_networks().iter().next().unwrap();
    let id = hub.id.to_string();
    selects(&id, &["tool/tool-nic"]);
    selects(&format!("{id}/subnets/Apps"), &["tool/tool-nic"]);
}

#[test]
fn words_add_up_and_take_away() {
    selects(
        "vm:sql,asg:web",
        &["sql/sql-nic", "web-1/web-1-nic", "web-2/web-2-nic"],
    );
    selects("all,!asg:web", &["sql/sql-nic", "tool/tool-nic"]);
    selects("not asg:web", &["sql/sql-nic", "tool/tool-nic"]);
    selects("!vnet:hub, vnet:spoke, not subnet:spoke/db", &WEB);
    refuses("asg:web,!vm:web-*", &["excludes all"]);
}

#[test]
fn a_word_that_means_nobody_says_what_there_is() {
    refuses(
        "vnet:spok",
        &["no virtual network 'spok'", "did you mean spoke?"],
    );
    refuses("subnet:spoke/Ap", &["did you mean spoke/Apps"]);
    refuses("asg:frontends-of-the-shop", &["it holds web"]);
    refuses("tag:Sql", &["no service tag 'Sql'", "partner"]);
    refuses("tag:VirtualNetwork", &["differs from NIC to NIC"]);
    refuses("subnet:hub/spare", &["no NIC is in this subnet"]);
    refuses("site:office", &["branch/pc"]);
    refuses(
        "hub",
        &["there is no VM, NIC or on-premises host 'hub'", "vnet:hub"],
    );
    refuses("web-9", &["did you mean web-1"]);
    refuses("172.16.0.0/12", &["10.0.1.4 and 10.1.2.4"]);
    refuses("all,!vm:nobody-of-this-name", &["no VM"]);
    refuses("group:other", &["rg"]);
}

#[test]
fn a_name_of_several_resources_is_an_error_with_the_candidates() {
    refuses(
        "subnet:Apps",
        &[
            "'subnet:Apps' is not unique",
            "virtualNetworks/hub/subnets/Apps",
            "virtualNetworks/spoke/subnets/Apps",
        ],
    );
}
