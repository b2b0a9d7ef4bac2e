//! What resources and deployments tell each other.

use super::*;

#[test]
fn nested_deployments_hand_each_other_names_in_the_order_of_their_dependencies() {
    let outcome = evaluated(
        r#"{"resources": [
            {"type": "Microsoft.Resources/deployments", "name": "second", "resourceGroup": "rg2",
             "dependsOn": ["[resourceId('Microsoft.Resources/deployments', 'first')]"],
             "properties": {"expressionEvaluationOptions": {"scope": "inner"},
                "parameters": {
                    "name": {"value": "[reference(resourceId('Microsoft.Resources/deployments', 'first')).outputs.vnet.value]"},
                    "prefix": {"value": "[reference(resourceId('Microsoft.Network/virtualNetworks', 'made')).addressSpace.addressPrefixes[0]]"},
                    "fallback": {"value": "[null()]"},
                    "list": {"copy": [{"name": "value", "count": 2, "input": "[copyIndex('value')]"}]}
                },
                "template": {"parameters": {"name": {"type": "string"}, "prefix": {"type": "string"},
                        "fallback": {"type": "string", "defaultValue": "default"}, "list": {"type": "array"}},
                    "resources": [{"type": "Microsoft.Network/virtualNetworks/subnets", "name": "[format('{0}/s', parameters('name'))]",
                        "properties": {"addressPrefix": "[parameters('prefix')]", "f": "[parameters('fallback')]", "l": "[parameters('list')]"}}]}}},
            {"type": "Microsoft.Resources/deployments", "name": "first", "properties": {"template": {
                "resources": [{"type": "Microsoft.Network/virtualNetworks", "name": "made",
                    "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}],
                "outputs": {"vnet": {"type": "string", "value": "made"}}}}}
        ]}"#,
    )
    .expect_clean();
    let subnet = outcome.resource("s");
    assert!(
        subnet.id.ends_with(
            "/resourceGroups/rg2/providers/Microsoft.Network/virtualNetworks/made/subnets/s"
        ),
        "{}",
        subnet.id
    );
    assert_eq!(subnet.resource_group.as_deref(), Some("rg2"));
    assert_eq!(outcome.property("s", "addressPrefix"), "\"10.0.0.0/16\"");
    assert_eq!(outcome.property("s", "f"), "\"default\"");
    assert_eq!(outcome.property("s", "l"), "[0,1]");
}

#[test]
fn symbolic_names_stand_for_resources_and_their_copies() {
    let outcome = evaluated(
        r#"{"languageVersion": "2.0", "definitions": {"t": {"type": "string"}},
        "parameters": {"p": {"$ref": "\#/definitions/t", "nullable": true}},
        "resources": {
            "old": {"existing": true, "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2024-05-01", "name": "old"},
            "tables": {"copy": {"name": "tables", "count": 2}, "type": "Microsoft.Network/routeTables", "apiVersion": "2024-05-01",
                "name": "[format('rt{0}', copyIndex())]", "properties": {"n": "[copyIndex()]"}},
            "vnet": {"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2024-05-01", "name": "hub",
                "properties": {
                    "second": "[reference('tables[1]').n]", "all": "[map(references('tables'), lambda('t', lambdaVariables('t').n))]",
                    "id": "[resourceInfo('tables[0]').id]", "old": "[reference('old').addressSpace]",
                    "full": "[reference('tables[0]', '2024-05-01', 'full').type]", "p": "[coalesce(tryGet(parameters('p'), 'x'), 'none')]"
                }}
        }}"#.replace("\\#", "#").as_str(),
    )
    .expect_clean();
    assert_eq!(
        outcome.ids().len(),
        3,
        "an existing resource is not deployed: {:?}",
        outcome.ids()
    );
    assert_eq!(outcome.property("hub", "second"), "1");
    assert_eq!(outcome.property("hub", "all"), "[0,1]");
    assert!(outcome.property("hub", "id").ends_with("routeTables/rt0\""));
    assert!(
        outcome
            .property("hub", "old")
            .ends_with("virtualNetworks/old is not part of the input>")
    );
    assert_eq!(
        outcome.property("hub", "full"),
        "\"Microsoft.Network/routeTables\""
    );
    assert_eq!(outcome.property("hub", "p"), "\"none\"");
}

/// A hub with a firewall and a spoke whose route leads to it.
const ROUTE_TO_FIREWALL: &str = r#"{"resources": [
    {"type": "Microsoft.Network/virtualNetworks", "name": "hub", "properties": {"subnets": [
        {"name": "AzureFirewallSubnet", "properties": {"addressPrefix": "10.0.0.0/26"}},
        {"name": "vms", "properties": {"addressPrefixes": ["fd00::/64", "10.0.1.0/29"]}},
        {"name": "GatewaySubnet", "properties": {"addressPrefix": "10.0.2.0/27"}}]}},
    {"type": "Microsoft.Network/routeTables", "name": "rt", "properties": {"routes": [{"name": "r", "properties": {
        "nextHopIpAddress": "[reference(resourceId('Microsoft.Network/azureFirewalls', 'fw')).ipConfigurations[0].properties.privateIPAddress]"}}]}},
    {"type": "Microsoft.Network/azureFirewalls", "name": "fw", "properties": {"ipConfigurations": [{"name": "c", "properties": {
        "subnet": {"id": "[reference('hub').subnets[0].id]"}, "publicIPAddress": {"id": "x"}}}]}},
    {"type": "Microsoft.Network/networkInterfaces", "name": "[format('nic{0}', copyIndex())]", "copy": {"name": "n", "count": 2},
     "properties": {"ipConfigurations": [{"name": "c", "properties": {
        "privateIPAllocationMethod": "Dynamic", "subnet": {"id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'HUB', 'VMS')]"}}}]}},
    {"type": "Microsoft.Network/networkInterfaces", "name": "static", "properties": {"ipConfigurations": [{"name": "c", "properties": {
        "privateIPAddress": "10.0.1.4", "subnet": {"id": "[reference('hub').subnets[1].id]"}}}]}},
    {"type": "Microsoft.Network/publicIPAddresses", "name": "pip", "properties": {}},
    {"type": "Microsoft.Network/publicIPAddresses", "name": "taken", "properties": {"ipAddress": "203.0.113.1"}},
    {"type": "Microsoft.Network/publicIPAddresses", "name": "pip6", "properties": {"publicIPAddressVersion": "IPv6"}},
    {"type": "Microsoft.Network/virtualNetworkGateways", "name": "gw", "properties": {"ipConfigurations": [{"name": "c", "properties": {
        "subnet": {"id": "[reference('hub').subnets[2].id]"}}}]}},
    {"type": "Microsoft.Network/localNetworkGateways", "name": "lgw", "properties": {
        "gatewayIpAddress": "[reference('pip').ipAddress]", "bgp": "[reference('gw').bgpSettings.bgpPeeringAddress]",
        "fqdn": "[reference('pip').dnsSettings.fqdn]"}}
]}"#;

#[test]
fn a_route_leads_to_the_address_that_azure_would_give_to_the_firewall() {
    let outcome = evaluated(ROUTE_TO_FIREWALL).expect_clean();
    assert_eq!(
        outcome.property("rt", "routes"),
        r#"[{"name":"r","properties":{"nextHopIpAddress":"10.0.0.4"}}]"#
    );
    assert_eq!(
        outcome.property("lgw", "gatewayIpAddress"),
        "\"203.0.113.2\""
    );
    assert_eq!(outcome.property("lgw", "bgp"), "\"10.0.2.30\"");
    assert_eq!(
        outcome.property("lgw", "fqdn"),
        "<unknown: `dnsSettings` is set by Azure when the resource exists>"
    );
    assert_eq!(outcome.property("pip6", "ipAddress"), "\"2001:db8::1\"");
    let assumed: Vec<_> = outcome
        .evaluation
        .assumed
        .iter()
        .map(|a| (a.property.as_str(), a.value.to_string(), a.rule))
        .collect();
    let address = "properties.ipConfigurations[0].properties.privateIPAddress";
    assert_eq!(
        assumed,
        [
            (address, "\"10.0.0.4\"".to_owned(), AssumedRule::FirstFree),
            // .4 is static; a /29 has .4, .5 and .6.
            (address, "\"10.0.1.5\"".to_owned(), AssumedRule::FirstFree),
            (address, "\"10.0.1.6\"".to_owned(), AssumedRule::FirstFree),
            (
                "properties.ipAddress",
                "\"203.0.113.2\"".to_owned(),
                AssumedRule::Documentation
            ),
            (
                "properties.ipAddress",
                "\"2001:db8::1\"".to_owned(),
                AssumedRule::Documentation
            ),
            (address, "\"10.0.2.4\"".to_owned(), AssumedRule::FirstFree),
            (
                "properties.bgpSettings.asn",
                "65515".to_owned(),
                AssumedRule::AzureAsn
            ),
            (
                "properties.bgpSettings.bgpPeeringAddress",
                "\"10.0.2.30\"".to_owned(),
                AssumedRule::BgpPeering
            ),
        ]
    );
}

#[test]
fn a_route_server_has_two_addresses() {
    let outcome = evaluated(
        r#"{"resources": [
        {"type": "Microsoft.Network/virtualNetworks", "name": "hub", "properties": {}},
        {"type": "Microsoft.Network/virtualNetworks/subnets", "name": "hub/RouteServerSubnet", "properties": {"addressPrefix": "10.0.3.0/27"}},
        {"type": "Microsoft.Network/virtualHubs", "name": "rs", "properties": {"sku": "Standard"}},
        {"type": "Microsoft.Network/virtualHubs/ipConfigurations", "name": "rs/c", "properties": {
            "subnet": {"id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'hub', 'RouteServerSubnet')]"}}},
        {"type": "Microsoft.Network/routeTables", "name": "rt", "properties": {"peers": "[reference('rs').virtualRouterIps]"}}
        ]}"#,
    )
    .expect_clean();
    assert_eq!(
        outcome.property("rt", "peers"),
        r#"["10.0.3.4","10.0.3.5"]"#
    );
}

#[test]
fn a_subnet_written_again_keeps_what_it_refers_to() {
    let outcome = evaluated(
        r#"{"resources": [
        {"type": "Microsoft.Network/virtualNetworks", "name": "hub", "properties": {"subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}]}},
        {"type": "Microsoft.Resources/deployments", "name": "update", "dependsOn": ["hub"], "properties": {"template": {"resources": [
            {"type": "Microsoft.Network/virtualNetworks/subnets", "name": "hub/a",
             "properties": "[union(reference(resourceId('Microsoft.Network/virtualNetworks/subnets', 'hub', 'a')), createObject('routeTable', 'rt'))]"}]}}}
        ]}"#,
    )
    .expect_clean();
    assert_eq!(outcome.property("a", "addressPrefix"), "\"10.0.0.0/24\"");
    assert_eq!(outcome.property("a", "routeTable"), "\"rt\"");
}

#[test]
fn linked_templates_beside_the_template_are_evaluated_and_others_are_one_warning() {
    let spoke = r#"{"parameters": {"n": {"type": "string"}}, "resources": [{"type": "Microsoft.Network/virtualNetworks", "name": "[parameters('n')]", "properties": {}}]}"#;
    let link = |name: &str, link: &str| {
        format!(
            r#"{{"type": "Microsoft.Resources/deployments", "name": "{name}", "properties": {{"templateLink": {link}, "parameters": {{"n": {{"value": "{name}"}}}}}}}}"#
        )
    };
    let main = format!(
        r#"{{"parameters": {{"base": {{"type": "string", "defaultValue": "https://example.org/repo/hub/"}}}}, "resources": [{}]}}"#,
        [
            link("relative", r#"{"relativePath": "nested/spoke.json"}"#),
            link(
                "address",
                r#"{"uri": "[uri(parameters('base'), 'nested/spoke.json?sas=1')]"}"#
            ),
            link(
                "own",
                r#"{"uri": "[uri(deployment().properties.templateLink.uri, 'nested/spoke.json')]"}"#
            ),
            link(
                "missing",
                r#"{"uri": "[concat(parameters('base'), 'elsewhere.json')]"}"#
            ),
            link(
                "itself",
                r#"{"uri": "https://example.org/other/main.json"}"#
            ),
        ]
        .join(",")
    );
    let outcome = evaluated_in_folder(&[("main.json", &main), ("nested/spoke.json", spoke)]);
    let vnet = |name: &str| format!("Microsoft.Network/virtualNetworks/{name}");
    assert_eq!(
        outcome.ids(),
        [vnet("relative"), vnet("address"), vnet("own")]
    );
    assert_eq!(
        outcome.of(Severity::Warning),
        ["the linked template does not lie beside this one; what it holds is left out"; 2]
    );
    assert!(outcome.of(Severity::Error).is_empty());
}

#[test]
fn an_address_that_a_second_deployment_makes_static_is_the_one_that_the_first_got() {
    let nic = |method: &str, address: &str| {
        format!(
            r#"{{"type": "Microsoft.Network/networkInterfaces", "name": "nic", "properties": {{"ipConfigurations": [{{"name": "c", "properties": {{
            "privateIPAllocationMethod": "{method}" {address}, "subnet": {{"id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 's')]"}} }} }}]}}}}"#
        )
    };
    let kept = r#", "privateIPAddress": "[reference('nic').ipConfigurations[0].properties.privateIPAddress]""#;
    let outcome = evaluated(&format!(
        r#"{{"resources": [
        {{"type": "Microsoft.Network/virtualNetworks", "name": "v", "properties": {{"subnets": [{{"name": "s", "properties": {{"addressPrefix": "10.0.0.0/24"}}}}]}}}},
        {},
        {{"type": "Microsoft.Resources/deployments", "name": "static", "dependsOn": ["nic"], "properties": {{"template": {{"resources": [{}]}}}}}},
        {{"type": "Microsoft.Network/loadBalancers", "name": "lb", "properties": {{"backendAddressPools": [{{"name": "pool"}}]}}}},
        {{"type": "Microsoft.Network/routeTables", "name": "rt", "properties": {{"pool": "[reference('lb').backendAddressPools[0].id]"}}}}]}}"#,
        nic("Dynamic", ""),
        nic("Static", kept)
    ))
    .expect_clean();
    let configuration = outcome.property("nic", "ipConfigurations");
    assert!(
        configuration
            .contains(r#""privateIPAllocationMethod":"Static","privateIPAddress":"10.0.0.4""#),
        "{configuration}"
    );
    assert!(
        outcome
            .property("rt", "pool")
            .ends_with("loadBalancers/lb/backendAddressPools/pool\"")
    );
}
