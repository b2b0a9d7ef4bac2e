//! Plans and states of Terraform become the networks that they describe.

use std::path::{Path, PathBuf};

use ::vnetsim::formats::arm::DeploymentContext;
use ::vnetsim::formats::load::{LoadOptions, Loaded, Loader, load};
use ::vnetsim::model::PrivateEndpointPolicies;

use crate::reading::{assert_same, described};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/terraform")
        .join(name)
}

fn loaded(name: &str, options: &LoadOptions) -> Loaded {
    load(&[fixture(name)], options).unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn a_plan_gives_the_network_of_the_template_that_says_the_same() {
    for name in ["hub-and-spokes", "services"] {
        let plan = loaded(&format!("{name}.plan.json"), &LoadOptions::default());
        let deployment = DeploymentContext {
            subscription: "11111111-2222-3333-4444-555555555555".to_owned(),
            resource_group: "net".to_owned(),
            ..DeploymentContext::default()
        };
        let options = LoadOptions {
            deployment,
            ..LoadOptions::default()
        };
        let template = loaded(&format!("{name}.arm.json"), &options);
        assert_same(
            &described(&template.network),
            &described(&plan.network),
            &format!("the plan of {name}"),
        );
        assert_eq!(warnings(&plan), warnings(&template), "{name}");
    }
}

/// A plan of resources that are to be created: each as `TYPE NAME[KEY] VALUES UNKNOWN EXPRESSIONS`, and the rest of the configuration.
fn plan(resources: &[[&str; 5]], rest: &str) -> String {
    let (mut values, mut changes, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for [kind, name, known, unknown, expressions] in resources {
        let (plain, key) = name.split_once('[').unwrap_or((name, ""));
        let address = format!("{kind}.{name}").replace('"', "\\\"");
        values.push(format!(
            r#"{{"address": "{address}", "mode": "managed", "type": "{kind}", "name": "{plain}", "values": {known}}}"#
        ));
        changes.push(format!(
            r#"{{"address": "{address}", "change": {{"actions": ["create"], "after_unknown": {unknown}}}}}"#
        ));
        if key.is_empty()
            || written
                .iter()
                .all(|other: &String| !other.contains(&format!("{kind}.{plain}\"")))
        {
            written.push(format!(
                r#"{{"address": "{kind}.{plain}", "mode": "managed", "type": "{kind}", "name": "{plain}", "expressions": {expressions}}}"#
            ));
        }
    }
    let lines = |lines: Vec<String>| lines.join(",\n  ");
    format!(
        r#"{{"format_version": "1.2", "planned_values": {{"root_module": {{"resources": [
  {}
]}}}}, "resource_changes": [
  {}
], "configuration": {{"root_module": {{"resources": [
  {}
]{rest}}}}}}}"#,
        lines(values),
        lines(changes),
        lines(written)
    )
}

fn read(name: &str, text: impl Into<String>) -> Result<Loaded, String> {
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text(name, text.into());
    loader.finish().map_err(|refused| refused.to_string())
}

fn warnings(loaded: &Loaded) -> String {
    loaded.diagnostics.display(&loaded.sources).to_string()
}

const NETWORK: [&str; 5] = [
    "azurerm_virtual_network",
    "hub",
    r#"{"name": "hub", "resource_group_name": "net", "location": "westeurope", "address_space": ["10.0.0.0/16"]}"#,
    r#"{"id": true, "subnet": true}"#,
    "{}",
];

/// A subnet of the network above.
fn subnet(number: usize) -> String {
    format!(
        r#"{{"name": "s{number}", "resource_group_name": "net", "virtual_network_name": "hub", "address_prefixes": ["10.0.{number}.0/24"]}}"#
    )
}

const NIC: &str = r#"{"name": "nic", "resource_group_name": "net", "location": "westeurope",
    "ip_configuration": [{"name": "internal", "private_ip_address_allocation": "Dynamic"}]}"#;
const NIC_UNKNOWN: &str =
    r#"{"id": true, "ip_configuration": [{"subnet_id": true, "private_ip_address": true}]}"#;

/// A NIC whose subnet comes from these references.
fn nic(references: &str) -> String {
    format!(
        r#"{{"ip_configuration": [{{"name": {{"constant_value": "internal"}}, "subnet_id": {{"references": [{references}]}}}}]}}"#
    )
}

#[test]
fn a_value_behind_a_local_is_an_error_in_terraforms_words() {
    let told = read(
        "tf.json",
        plan(
            &[
                NETWORK,
                [
                    "azurerm_network_interface",
                    "vm[\"x\"]",
                    NIC,
                    NIC_UNKNOWN,
                    &nic("\"local.subnet\""),
                ],
            ],
            "",
        ),
    )
    .unwrap_err();
    assert!(
        told.starts_with("tf.json:10:")
            && told.contains("error[unknown-value]: ip_configuration[0].subnet_id decides something here")
            && told.contains("it is known after the apply only and comes from local.subnet, which the document does not show")
            && told.contains("resource: azurerm_network_interface.vm[\"x\"]\n  property: ip_configuration[0].subnet_id\n"),
        "{told}"
    );
    assert_eq!(told.matches("error[").count(), 1, "{told}");
}

#[test]
fn a_bad_prefix_is_told_with_the_name_of_the_argument() {
    let mut network = NETWORK;
    let values = NETWORK[2].replace("10.0.0.0/16", "10.0.300.0/16");
    network[2] = &values;
    let told = read("tf.json", plan(&[network], "")).unwrap_err();
    assert!(
        told.contains("error[bad-value]: address_space[0] is \"10.0.300.0/16\"")
            && told
                .contains("resource: azurerm_virtual_network.hub\n  property: address_space[0]\n"),
        "{told}"
    );
}

#[test]
fn one_of_several_instances_is_chosen_by_its_key() {
    let (first, second) = (subnet(1), subnet(2));
    let subnets = [
        [
            "azurerm_subnet",
            "all[\"a\"]",
            first.as_str(),
            r#"{"id": true}"#,
            "{}",
        ],
        [
            "azurerm_subnet",
            "all[\"b\"]",
            second.as_str(),
            r#"{"id": true}"#,
            "{}",
        ],
    ];
    let address = |name: &str, references: &str, rest: &str| {
        let expressions = nic(references);
        let nic = [
            "azurerm_network_interface",
            name,
            NIC,
            NIC_UNKNOWN,
            &expressions,
        ];
        read(
            "tf.json",
            plan(&[NETWORK, subnets[0], subnets[1], nic], rest),
        )
        .map(|loaded| {
            loaded
                .network
                .nics()
                .values()
                .next()
                .unwrap()
                .primary_address()
                .to_string()
        })
    };
    let explicit =
        r#""azurerm_subnet.all[\"b\"].id", "azurerm_subnet.all[\"b\"]", "azurerm_subnet.all""#;
    assert_eq!(address("vm", explicit, "").as_deref(), Ok("10.0.2.4"));
    let own_key = r#""azurerm_subnet.all", "each.key""#;
    assert_eq!(address("vm[\"a\"]", own_key, "").as_deref(), Ok("10.0.1.4"));
    // Through a module that hands on a map by name.
    let module = r#", "module_calls": {"pick": {"expressions": {"subnets": {"references": ["azurerm_subnet.all"]}},
        "module": {"variables": {"subnets": {}}, "outputs": {"ids": {"expression": {"references": ["var.subnets"]}}}}}}"#;
    let output = r#""module.pick.ids[\"s2\"]", "module.pick.ids", "module.pick""#;
    let called = |text: Result<String, String>| {
        text.map_err(|told| told.lines().next().unwrap_or_default().to_owned())
    };
    // A module without resources has no instances in the document; its outputs are known from the configuration.
    assert_eq!(
        called(address("vm", output, module)).as_deref(),
        Ok("10.0.2.4")
    );
    let told = address("vm", r#""azurerm_subnet.all""#, "").unwrap_err();
    assert!(told.contains("it may be \"/subscriptions/"), "{told}");
}

#[test]
fn a_state_is_read_with_the_ids_and_addresses_that_it_has() {
    let text = r#"{"format_version": "1.0", "terraform_version": "1.9.8", "values": {"root_module": {"resources": [
      {"address": "azurerm_network_interface.vm", "mode": "managed", "type": "azurerm_network_interface", "name": "vm", "values": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/vm-nic", "name": "vm-nic", "location": "westeurope",
        "enable_ip_forwarding": true, "ip_configuration": [{"name": "i", "private_ip_address": "10.0.1.9", "private_ip_address_allocation": "Dynamic",
          "subnet_id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/a"}]}},
      {"address": "azurerm_virtual_network.v", "mode": "managed", "type": "azurerm_virtual_network", "name": "v", "values": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v", "name": "v", "resource_group_name": "g",
        "address_space": ["10.0.0.0/16"], "subnet": [{"name": "a", "address_prefix": "10.0.1.0/24", "security_group": ""}]}},
      {"address": "azurerm_subnet.a", "mode": "managed", "type": "azurerm_subnet", "name": "a", "values": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/a", "name": "a", "address_prefixes": ["10.0.1.0/24"],
        "private_endpoint_network_policies_enabled": true}}
    ]}}}"#;
    let loaded = read("state.json", text).unwrap();
    let nic = loaded.network.nics().values().next().unwrap();
    assert_eq!(
        (
            nic.primary_address().to_string().as_str(),
            nic.ip_forwarding
        ),
        ("10.0.1.9", true)
    );
    assert_eq!(loaded.network.subnets().len(), 1);
    let subnet = loaded.network.subnets().values().next().unwrap();
    assert_eq!(
        subnet.private_endpoint_policies,
        PrivateEndpointPolicies::Enabled,
        "a flag in older versions of the provider"
    );
    assert_eq!(warnings(&loaded), "");
    let raw = read(
        "terraform.tfstate",
        r#"{"version": 4, "terraform_version": "1.9.8", "serial": 3, "lineage": "x", "resources": []}"#,
    );
    let told = raw.unwrap_err();
    assert!(
        told.contains("what `terraform show -json` prints"),
        "{told}"
    );
}

#[test]
fn what_a_plan_deletes_is_absent_and_what_it_only_reads_is_there() {
    let text = r#"{"format_version": "1.2", "planned_values": {"root_module": {"resources": [
      {"address": "azurerm_virtual_network.v", "mode": "managed", "type": "azurerm_virtual_network", "name": "v", "values": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v", "name": "v", "resource_group_name": "g",
        "address_space": ["10.0.0.0/16"], "subnet": [{"name": "old", "address_prefixes": ["10.0.1.0/24"]}, {"name": "kept", "address_prefixes": ["10.0.2.0/24"]}]}},
      {"address": "azurerm_subnet.new", "mode": "managed", "type": "azurerm_subnet", "name": "new", "values": {
        "name": "new", "resource_group_name": "far", "virtual_network_name": "other", "address_prefixes": ["10.9.1.0/24"]}},
      {"address": "azurerm_subnet_route_table_association.far", "mode": "managed", "type": "azurerm_subnet_route_table_association", "name": "far", "values": {
        "subnet_id": "/subscriptions/s/resourceGroups/far/providers/Microsoft.Network/virtualNetworks/third/subnets/x"}},
      {"address": "azurerm_vpn_gateway.w", "mode": "managed", "type": "azurerm_vpn_gateway", "name": "w", "values": {"name": "w"}}
    ]}},
    "resource_changes": [
      {"address": "azurerm_virtual_network.v", "change": {"actions": ["no-op"], "after_unknown": {}}},
      {"address": "azurerm_subnet.old", "change": {"actions": ["delete"],
        "before": {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/old"}, "after": null}}
    ],
    "prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": [
      {"address": "data.azurerm_network_security_group.g", "mode": "data", "type": "azurerm_network_security_group", "name": "g", "values": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/g", "name": "g", "location": "westeurope", "security_rule": []}},
      {"address": "azurerm_subnet.old", "mode": "managed", "type": "azurerm_subnet", "name": "old", "values": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/old", "address_prefixes": ["10.0.1.0/24"]}}
    ]}}}}"#;
    let loaded = read("plan.json", text).unwrap();
    let subnets: Vec<&str> = loaded
        .network
        .subnets()
        .values()
        .map(|subnet| subnet.id.name())
        .collect();
    assert_eq!(subnets, ["kept", "new"]);
    assert_eq!(loaded.network.nsgs().len(), 1);
    let told = warnings(&loaded);
    for said in [
        "warning[assumed-value]: the virtual network 'other' is not in the input; its address space counts as that of its subnets here",
        "warning[dangling-reference]: azurerm_subnet_route_table_association.far belongs to a resource that is not in the input; it is left out",
        "warning[unsupported]: azurerm_vpn_gateway.w is not simulated",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
    assert_eq!(told.matches("warning[").count(), 3, "{told}");
}

#[test]
fn a_resource_of_azapi_is_arm_already() {
    let azapi = |body: &str| {
        let values = format!(
            r#"{{"type": "Microsoft.Network/virtualNetworks@2024-05-01", "name": "hub", "location": "westeurope",
              "parent_id": "/subscriptions/s/resourceGroups/g", "body": {body}}}"#
        );
        let text = plan(
            &[["azapi_resource", "hub", &values, r#"{"id": true}"#, "{}"]],
            "",
        );
        described(&read("tf.json", text).unwrap().network)
    };
    let body = r#"{"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.1.0/24"}}]}}"#;
    let text = format!("\"{}\"", body.replace('"', "\\\""));
    assert_same(&azapi(body), &azapi(&text), "the text");
    assert!(azapi(body).contains("10.0.1.0/24"));
}

#[test]
fn a_plan_of_another_major_version_is_refused() {
    let told = read(
        "tf.json",
        r#"{"format_version": "2.0", "planned_values": {}}"#,
    )
    .unwrap_err();
    assert!(
        told.contains("format_version 2.0 of Terraform's output is not known"),
        "{told}"
    );
}

#[test]
fn a_plan_goes_before_a_dump_of_what_it_changes() {
    const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";
    let dump = format!(
        r#"[
  {{"id": "{GROUP}/virtualNetworks/hub", "addressSpace": {{"addressPrefixes": ["10.0.0.0/16"]}}}},
  {{"id": "{GROUP}/virtualNetworks/spoke", "addressSpace": {{"addressPrefixes": ["10.1.0.0/16"]}}, "virtualNetworkPeerings": [
    {{"name": "up", "id": "{GROUP}/virtualNetworks/spoke/virtualNetworkPeerings/up", "allowForwardedTraffic": false,
      "peeringState": "Initiated", "remoteVirtualNetwork": {{"id": "{GROUP}/virtualNetworks/hub"}}}}]}},
  {{"id": "{GROUP}/routeTables/old"}}
]"#
    );
    let plan = format!(
        r#"{{"format_version": "1.2", "planned_values": {{"root_module": {{"resources": [
      {{"address": "azurerm_virtual_network_peering.up", "mode": "managed", "type": "azurerm_virtual_network_peering", "name": "up", "values": {{
        "id": "{GROUP}/virtualNetworks/spoke/virtualNetworkPeerings/up", "name": "up", "allow_forwarded_traffic": true,
        "remote_virtual_network_id": "{GROUP}/virtualNetworks/hub"}}}}
    ]}}}}, "resource_changes": [
      {{"address": "azurerm_virtual_network_peering.up", "change": {{"actions": ["update"], "after_unknown": {{}}}}}},
      {{"address": "azurerm_route_table.old", "change": {{"actions": ["delete"], "before": {{"id": "{GROUP}/routeTables/old"}}}}}}
    ]}}"#
    );
    for plan_first in [false, true] {
        let mut loader = Loader::new(LoadOptions::default());
        let mut files = [("dump.json", &dump), ("plan.json", &plan)];
        if plan_first {
            files.reverse();
        }
        for (name, text) in files {
            loader.add_text(name, text.clone());
        }
        let read = loader
            .finish()
            .unwrap_or_else(|refused| panic!("{refused}"));
        let link = read.network.peerings().values().next().unwrap();
        assert!(link.flags.allow_forwarded_traffic, "{plan_first}");
        assert!(read.network.route_tables().is_empty());
    }
}
