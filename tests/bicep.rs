//! A template in the manner of what Bicep compiles: evaluated resource by resource, and loaded.

use std::path::{Path, PathBuf};

use ::vnetsim::formats::{
    arm::{self, DeploymentContext, Evaluation, Parameters},
    diagnostic::Diagnostics,
    json::{self, Value},
    load::{LoadOptions, load},
    source::Sources,
};

/// A hub with a firewall, and two spokes that reach each other through it.
fn hub_and_spokes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/arm/hub-spoke/main.json")
}

/// A template evaluated with the parameter file beside it.
fn evaluated(template: &Path) -> (Evaluation, Diagnostics, Sources) {
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::new();
    let read = |path: &Path, sources: &mut Sources, diagnostics: &mut Diagnostics| {
        let file = sources.read(path, diagnostics)?;
        json::parse(sources, file, diagnostics)
    };
    let template_document = read(template, &mut sources, &mut diagnostics).expect("a template");
    let values = read(
        &template.with_extension("parameters.json"),
        &mut sources,
        &mut diagnostics,
    );
    let mut parameters = Parameters::new();
    parameters.add_file(&values.expect("a parameter file"), &mut diagnostics);
    let context = DeploymentContext::default();
    let evaluation = arm::evaluate(
        &mut sources,
        &template_document,
        &parameters,
        &context,
        &mut diagnostics,
    );
    (evaluation, diagnostics, sources)
}

#[test]
fn a_hub_and_its_spokes_come_out_as_bicep_would_deploy_them() {
    let template = hub_and_spokes();
    let (evaluation, diagnostics, sources) = evaluated(&template);
    assert!(diagnostics.is_empty(), "{}", diagnostics.display(&sources));

    let short = |resource: &arm::ArmResource| {
        let kind = resource
            .resource_type
            .rsplit('/')
            .next()
            .unwrap_or_default();
        format!("{kind} {}", resource.names.join("/"))
    };
    let resources: Vec<String> = evaluation.resources.iter().map(short).collect();
    assert_eq!(
        resources,
        [
            "virtualNetworks vnet-hub-northeurope",
            "publicIPAddresses pip-fw-wddnlijnhus3g",
            "azureFirewalls fw-northeurope",
            "routeTables rt-spokes",
            "networkSecurityGroups nsg-spokes",
            "virtualNetworks vnet-sales-northeurope",
            "networkInterfaces vnet-sales-northeurope-nic-01",
            "networkInterfaces vnet-sales-northeurope-nic-02",
            "virtualMachines vnet-sales-northeurope-vm-01",
            "virtualMachines vnet-sales-northeurope-vm-02",
            "virtualNetworks vnet-research-northeurope",
            "networkInterfaces vnet-research-northeurope-nic-01",
            "virtualMachines vnet-research-northeurope-vm-01",
            "virtualNetworkPeerings vnet-hub-northeurope/to-vnet-sales-northeurope",
            "virtualNetworkPeerings vnet-hub-northeurope/to-vnet-research-northeurope",
            "virtualNetworkPeerings vnet-sales-northeurope/to-hub",
            "virtualNetworkPeerings vnet-research-northeurope/to-hub",
        ]
    );

    let property = |resource: &str, path: &[&str]| {
        let resource = &evaluation.resources[resources
            .iter()
            .position(|short| short == resource)
            .expect(resource)];
        let value = resource
            .body
            .get("properties")
            .and_then(|properties| properties.path(path.iter().copied()));
        value.map(ToString::to_string).unwrap_or_default()
    };
    let routes = property("routeTables rt-spokes", &["routes"]);
    assert!(routes.contains(r#""name":"to-10-0-0-0-8""#), "{routes}");
    assert_eq!(
        routes.matches(r#""nextHopIpAddress":"10.0.0.4""#).count(),
        2,
        "{routes}"
    );
    let subnets = property("virtualNetworks vnet-hub-northeurope", &["subnets"]);
    assert!(
        subnets
            .contains(r#"{"name":"GatewaySubnet","properties":{"addressPrefix":"10.0.0.128/27"}}"#),
        "{subnets}"
    );
    let rules = property("networkSecurityGroups nsg-spokes", &["securityRules"]);
    assert!(
        rules.contains(r#""name":"allow-443","properties":{"priority":110"#),
        "{rules}"
    );
    // Written as a string in the template; the reader of resources accepts that.
    let peering = "virtualNetworkPeerings vnet-sales-northeurope/to-hub";
    assert_eq!(property(peering, &["allowForwardedTraffic"]), "\"true\"");
    assert!(
        property(peering, &["remoteVirtualNetwork", "id"])
            .ends_with("virtualNetworks/vnet-hub-northeurope\"")
    );
    let machine = "virtualMachines vnet-sales-northeurope-vm-01";
    assert!(property(machine, &["osProfile", "adminPassword"]).contains("is in a key vault"));
    let assumed: Vec<String> = evaluation
        .assumed
        .iter()
        .map(|assumed| assumed.value.to_string())
        .collect();
    assert_eq!(
        assumed,
        [
            "\"203.0.113.1\"",
            "\"10.0.0.4\"",
            "\"10.1.0.4\"",
            "\"10.1.0.5\"",
            "\"10.2.0.4\""
        ]
    );
    let output = |name: &str| {
        evaluation
            .outputs
            .get(name)
            .and_then(|output| output.get("value"))
            .map(Value::to_string)
    };
    assert_eq!(output("firewallAddress").as_deref(), Some("\"10.0.0.4\""));
    assert_eq!(
        output("machineAddresses").as_deref(),
        Some(r#"["10.1.0.4","10.2.0.4"]"#)
    );
}

#[test]
fn a_hub_and_its_spokes_make_a_network() {
    let template = hub_and_spokes();
    let paths = [template.with_extension("parameters.json"), template];
    let loaded =
        load(&paths, &LoadOptions::default()).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(loaded.network.virtual_networks().values().count(), 3);
    assert_eq!(loaded.network.peerings().values().count(), 4);
    // Three machines and the firewall, which is an appliance.
    assert_eq!(loaded.network.nics().values().count(), 4);
}
