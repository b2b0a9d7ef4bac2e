//! Copies, conditions, children, parameters, scopes.

use super::*;

#[test]
fn copies_number_resources_properties_and_variables() {
    let outcome = evaluated(
        r#"{
        "variables": {
            "copy": [{"name": "names", "count": 2, "input": "[format('s{0}', copyIndex('names', 1))]"}],
            "nested": {"copy": [{"name": "ports", "count": 2, "input": "[add(copyIndex('ports'), 80)]"}], "other": true}
        },
        "resources": [{
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2024-05-01",
            "name": "[format('vnet{0}', copyIndex(10))]",
            "copy": {"name": "vnets", "count": "[length(variables('names'))]"},
            "properties": {
                "names": "[variables('names')]", "ports": "[variables('nested').ports]",
                "copy": [
                    {"name": "subnets", "count": 2, "input": {"name": "[concat(copyIndex('vnets'), '-', copyIndex('subnets'), '-', copyIndex())]"}},
                    {"name": "none", "count": 0, "input": {}}
                ]
            }
        }]}"#,
    )
    .expect_clean();
    assert_eq!(
        outcome.ids(),
        [
            "Microsoft.Network/virtualNetworks/vnet10",
            "Microsoft.Network/virtualNetworks/vnet11"
        ]
    );
    assert_eq!(outcome.resource("vnet11").copy_index, Some(1));
    assert_eq!(
        outcome.property("vnet11", "subnets"),
        r#"[{"name":"1-0-1"},{"name":"1-1-1"}]"#
    );
    assert_eq!(outcome.property("vnet11", "none"), "[]");
    assert_eq!(outcome.property("vnet10", "names"), r#"["s1","s2"]"#);
    assert_eq!(outcome.property("vnet10", "ports"), "[80,81]");
}

#[test]
fn children_are_resources_of_their_own_with_full_type_and_name() {
    let outcome = evaluated(
        r#"{"resources": [{
            "type": "Microsoft.Network/virtualNetworks", "name": "hub", "properties": {},
            "resources": [
                {"type": "subnets", "name": "a", "properties": {}, "dependsOn": ["hub"]},
                {"type": "Microsoft.Network/virtualNetworks/subnets", "name": "hub/b", "properties": {}},
                {"type": "providers/locks", "name": "Microsoft.Authorization/keep", "properties": {}}
            ]},
            {"type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings", "name": "hub/to-spoke", "properties": {}},
            {"type": "Microsoft.Insights/diagnosticSettings", "scope": "Microsoft.Network/virtualNetworks/hub", "name": "d", "properties": {}}
        ]}"#,
    )
    .expect_clean();
    let vnet = "Microsoft.Network/virtualNetworks/hub";
    assert_eq!(
        outcome.ids(),
        [
            vnet.to_owned(),
            format!("{vnet}/subnets/a"),
            format!("{vnet}/subnets/b"),
            format!("{vnet}/providers/Microsoft.Authorization/locks/keep"),
            format!("{vnet}/virtualNetworkPeerings/to-spoke"),
            format!("{vnet}/providers/Microsoft.Insights/diagnosticSettings/d"),
        ]
    );
    let peering = &outcome.resource("to-spoke").body;
    assert_eq!(peering.get("name").unwrap().as_str(), Some("to-spoke"));
    assert_eq!(
        peering.get("type").unwrap().as_str(),
        Some("Microsoft.Network/virtualNetworks/virtualNetworkPeerings")
    );
    assert!(
        outcome.resource("hub").body.get("resources").is_none()
            && outcome.resource("a").body.get("dependsOn").is_none()
    );
}

#[test]
fn conditions_decide_also_when_written_as_strings() {
    let outcome = evaluated(
        r#"{"resources": [
            {"type": "Microsoft.Network/routeTables", "name": "yes", "condition": "True"},
            {"type": "Microsoft.Network/routeTables", "name": "no", "condition": "[equals(1, 2)]"},
            {"type": "Microsoft.Network/routeTables", "name": "[fail('not evaluated')]", "condition": false}
        ]}"#,
    )
    .expect_clean();
    assert_eq!(outcome.ids(), ["Microsoft.Network/routeTables/yes"]);
}

#[test]
fn parameters_and_variables_are_found_in_any_letter_case_and_order() {
    let outcome = evaluated_with(
        r#"{
        "parameters": {
            "VNetDC0": {"type": "string", "defaultValue": "[concat(parameters('prefix'), variables('SUFFIX'))]"},
            "prefix": {"type": "string"}, "plain": {"type": "int"}, "list": {"type": "array"}, "key": {"type": "securestring"}
        },
        "variables": {"suffix": "[concat('-', variables('last'))]", "last": "x"},
        "resources": [{"type": "Microsoft.Network/routeTables", "name": "[Parameters('vnetdc0')]",
            "properties": {"sum": "[add(parameters('plain'), length(parameters('list')))]", "key": "[parameters('key')]"}}]}"#,
        |sources, _, diagnostics| {
            let mut parameters = Parameters::new();
            let azure = r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
                "parameters": {"PREFIX": {"value": "hub"}, "key": {"reference": {"secretName": "s"}}}}"#;
            for text in [azure, r#"{"plain": 40}"#] {
                let file = sources.add("p.json", text, diagnostics).unwrap();
                parameters.add_file(&json::parse(sources, file, diagnostics).unwrap(), diagnostics);
            }
            parameters.add_text("list=[1, 2]", sources, diagnostics);
            parameters
        },
    )
    .expect_clean();
    assert_eq!(outcome.property("hub-x", "sum"), "42");
    assert_eq!(
        outcome.property("hub-x", "key"),
        "<unknown: the value of the parameter 'key' is in a key vault>"
    );
}

#[test]
fn values_that_a_template_does_not_allow_are_warnings() {
    let outcome = evaluated_with(
        r#"{"parameters": {"n": {"type": "int"}, "s": {"type": "string", "allowedValues": ["a", "b"]}}}"#,
        |sources, _, diagnostics| {
            let mut parameters = Parameters::new();
            for text in ["n=[1]", "s=c", "other=1", "S=A"] {
                parameters.add_text(text, sources, diagnostics);
            }
            parameters
        },
    );
    assert_eq!(
        outcome.of(Severity::Warning),
        [
            "the parameter 'n' is declared as int, but given an array",
            "the template does not allow this value for the parameter 's'",
            "the template declares no parameter 'other'",
        ]
    );
}

#[test]
fn nested_templates_see_the_scope_they_ask_for() {
    let nested = |scope: &str| {
        evaluated(&format!(
            r#"{{"variables": {{"v": "outer"}},
            "resources": [{{"type": "Microsoft.Resources/deployments", "name": "n", "properties": {{
                "expressionEvaluationOptions": {{"scope": "{scope}"}},
                "parameters": {{"p": {{"value": "[concat(variables('v'), '-given')]"}}}},
                "template": {{
                    "parameters": {{"p": {{"type": "string"}}}}, "variables": {{"v": "inner"}},
                    "resources": [{{"type": "Microsoft.Network/routeTables", "name": "[variables('v')]"}}],
                    "outputs": {{"o": {{"type": "string", "value": "[concat(variables('v'), '!')]"}}}}
                }} }} }},
                {{"type": "Microsoft.Network/routeTables", "name": "[concat('after-', reference('n').outputs.o.value)]"}}]}}"#
        ))
    };
    assert_eq!(
        nested("Inner").ids(),
        [
            "Microsoft.Network/routeTables/inner",
            "Microsoft.Network/routeTables/after-inner!"
        ]
    );
    assert_eq!(
        nested("outer").ids(),
        [
            "Microsoft.Network/routeTables/outer",
            "Microsoft.Network/routeTables/after-outer!"
        ]
    );
}

#[test]
fn functions_of_the_template_see_their_own_parameters() {
    let outcome = evaluated(
        r#"{"functions": [{"namespace": "contoso", "members": {"name": {
            "parameters": [{"name": "kind", "type": "string"}],
            "output": {"type": "string", "value": "[toLower(concat(parameters('kind'), '-x'))]"}}}}],
        "resources": [{"type": "Microsoft.Network/routeTables", "name": "[Contoso.Name('RT')]"}]}"#,
    )
    .expect_clean();
    assert_eq!(outcome.ids(), ["Microsoft.Network/routeTables/rt-x"]);
    let wrong = evaluated(
        r#"{"resources": [{"type": "Microsoft.Network/routeTables", "name": "[contoso.name('RT')]"}]}"#,
    );
    assert_eq!(
        wrong.error().0,
        "the template declares no function contoso.name()"
    );
}

#[test]
fn templates_of_a_subscription_place_groups_and_what_is_in_them() {
    let outcome = evaluated(
        r#"{"$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
        "resources": [
            {"type": "Microsoft.Resources/resourceGroups", "name": "net", "location": "westeurope"},
            {"type": "Microsoft.Resources/deployments", "name": "in-net", "resourceGroup": "net", "dependsOn": ["net"],
             "properties": {"expressionEvaluationOptions": {"scope": "inner"}, "template": {"resources": [
                {"type": "Microsoft.Network/virtualNetworks", "name": "hub", "location": "[resourceGroup().location]", "properties": {}}]}}}
        ]}"#,
    )
    .expect_clean();
    let sub = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/net";
    assert_eq!(
        outcome.ids(),
        [
            sub.to_owned(),
            format!("{sub}/providers/Microsoft.Network/virtualNetworks/hub")
        ]
    );
    assert_eq!(
        outcome.resource("hub").location.as_ref().unwrap().as_str(),
        Some("westeurope")
    );
}
