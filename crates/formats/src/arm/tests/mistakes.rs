//! Unknown values, errors, and templates that mean harm.

use proptest::prelude::*;

use super::*;

#[test]
fn unknown_values_travel_and_are_errors_only_where_the_evaluation_needs_them() {
    let outcome = evaluated(
        r#"{"parameters": {"secret": {"type": "securestring"}, "count": {"type": "int"}},
        "resources": [
            {"type": "Microsoft.Network/routeTables", "name": "ok", "properties": {"a": "[concat('x', parameters('secret'))]", "b": [1, "[brandNew()]"]}},
            {"type": "Microsoft.Network/routeTables", "name": "[parameters('secret')]"},
            {"type": "Microsoft.Network/routeTables", "name": "c", "condition": "[equals(parameters('secret'), 1)]"},
            {"type": "Microsoft.Network/routeTables", "name": "[copyIndex()]", "copy": {"name": "l", "count": "[parameters('count')]"}},
            {"type": "Microsoft.Storage/storageAccounts", "name": "[parameters('secret')]"}
        ]}"#,
    );
    assert_eq!(outcome.ids(), ["Microsoft.Network/routeTables/ok"]);
    assert_eq!(
        outcome.property("ok", "a"),
        "<unknown: the parameter 'secret' has no value and no default>"
    );
    assert_eq!(
        outcome.property("ok", "b"),
        "[1,<unknown: brandNew() is not a template function that is known here>]"
    );
    let errors = outcome.of(Severity::Error);
    assert_eq!(
        errors,
        [
            "the name of this resource is not known: the parameter 'secret' has no value and no default",
            "whether this resource is deployed is not known: the parameter 'secret' has no value and no default",
            "how often this is copied is not known: the parameter 'count' has no value and no default",
        ]
    );
    assert_eq!(
        outcome.of(Severity::Note).len(),
        1,
        "the name of a storage account is nothing to a network"
    );
}

#[test]
fn an_error_points_into_the_expression() {
    let outcome = evaluated(
        "{\"variables\": {\n  \"a\": \"[concat('x', variables('b'))]\",\n  \"b\": \"[variables('A')]\"},\n\
         \"resources\": [{\"type\": \"Microsoft.Network/routeTables\", \"name\": \"rt\", \"properties\": {\"a\": \"[variables('a')]\"}}]}",
    );
    assert_eq!(
        outcome.error(),
        ("the variable 'A' is defined by itself", (3, 10))
    );
    assert!(
        outcome
            .resource("rt")
            .body
            .path(["properties", "a"])
            .unwrap()
            .as_unknown()
            .unwrap()
            .is_reported()
    );

    let wrong = |expression: &str| {
        let text = format!(
            "{{\"resources\": [{{\"type\": \"Microsoft.Network/routeTables\", \"name\": \"rt\",\n\"tags\": \"{expression}\"}}]}}"
        );
        let outcome = evaluated(&text);
        let (message, (_, column)) = outcome.error();
        (message.to_owned(), column)
    };
    assert_eq!(
        wrong("[variables('none')]"),
        ("the template declares no variable 'none'".to_owned(), 11)
    );
    assert_eq!(
        wrong("[concat('a', createObject('b', 1).c)]"),
        ("the object has no property `c`; it has b".to_owned(), 43)
    );
}

#[test]
fn mistakes_in_resources_that_are_nothing_to_a_network_are_warnings() {
    let outcome = evaluated(
        r#"{"resources": [{"type": "Microsoft.Storage/storageAccounts", "name": "sa", "properties": {"x": "[div(1, 0)]"}}],
        "outputs": {"o": {"type": "int", "value": "[int('x')]"}}}"#,
    );
    assert!(outcome.of(Severity::Error).is_empty());
    assert_eq!(
        outcome.of(Severity::Warning).len(),
        2,
        "{:?}",
        outcome.diagnostics
    );
}

#[test]
fn the_same_resource_twice_in_a_template_is_an_error_and_in_two_deployments_the_last_one_counts() {
    let table = |n: i64| {
        format!(
            r#"{{"type": "Microsoft.Network/routeTables", "name": "rt", "properties": {{"n": {n}}}}}"#
        )
    };
    let twice = evaluated(&format!(r#"{{"resources": [{}, {}]}}"#, table(1), table(2)));
    assert!(
        twice
            .error()
            .0
            .starts_with("the resource is declared twice in this template; first at 1:"),
        "{}",
        twice.error().0
    );
    let nested = format!(
        r#"{{"type": "Microsoft.Resources/deployments", "name": "d", "properties": {{"template": {{"resources": [{}]}}}}}}"#,
        table(2)
    );
    let updated =
        evaluated(&format!(r#"{{"resources": [{}, {nested}]}}"#, table(1))).expect_clean();
    assert_eq!(updated.property("rt", "n"), "2");
}

#[test]
fn hostile_templates_end_soon_with_a_clear_error() {
    let in_a_resource = |expression: &str, rest: &str| {
        format!(
            r#"{{"resources": [{{"type": "Microsoft.Network/routeTables", "name": "rt", "properties": "{expression}"}}] {rest}}}"#
        )
    };
    // Doubling thirty times: a value of 2^30 entries.
    let doubling: Vec<String> = (0..30)
        .map(|n| {
            format!(
                r#""v{n}": ["[variables('v{0}')]", "[variables('v{0}')]"]"#,
                n + 1
            )
        })
        .collect();
    let laughs = in_a_resource(
        "[variables('v0')]",
        &format!(r#", "variables": {{{}, "v30": "ha"}}"#, doubling.join(",")),
    );
    // A chain of variables that is longer than any stack.
    let chain: Vec<String> = (0..10_000)
        .map(|n| format!(r#""v{n}": "[variables('v{}')]""#, n + 1))
        .collect();
    let chain = in_a_resource(
        "[variables('v0')]",
        &format!(r#", "variables": {{{}, "v10000": 1}}"#, chain.join(",")),
    );
    let lambdas: Vec<String> = (0..1_000)
        .map(|n| {
            format!(
                r#""v{n}": "[map(createArray(1), lambda('x', variables('v{}')))]""#,
                n + 1
            )
        })
        .collect();
    let lambdas = in_a_resource(
        "[variables('v0')]",
        &format!(r#", "variables": {{{}, "v1000": 1}}"#, lambdas.join(",")),
    );
    // Resources that ask each other, each from deep inside its properties.
    let asking = |n: i64| {
        let deep = format!(
            "{}\"[reference('rt{}').a]\"{}",
            "[".repeat(20),
            n + 1,
            "]".repeat(20)
        );
        format!(
            r#"{{"type": "Microsoft.Network/routeTables", "name": "rt{n}", "properties": {{"a": {deep}}}}}"#
        )
    };
    let references = format!(
        r#"{{"resources": [{}]}}"#,
        (0..500).map(asking).collect::<Vec<_>>().join(",")
    );
    let recursion = r#"{"functions": [{"namespace": "a", "members": {"b": {"parameters": [], "output": {"type": "int", "value": "[a.b()]"}}}}],
        "resources": [{"type": "Microsoft.Network/routeTables", "name": "[a.b()]"}]}"#;
    let myself = r#"{"resources": [{"type": "Microsoft.Network/routeTables", "name": "rt", "properties": {"a": "[reference('rt').a]"}}]}"#;
    let copies = r#"{"resources": [{"type": "Microsoft.Network/routeTables", "name": "[copyIndex()]", "copy": {"name": "c", "count": 1000000000}}]}"#;
    let steps = in_a_resource(
        "[length(map(range(0, 9999), lambda('a', length(map(range(0, 9999), lambda('b', 1))))))]",
        "",
    );
    for (template, part) in [
        (
            in_a_resource(&format!("[{}]", "f(".repeat(1 << 18)), ""),
            "nests more than 100",
        ),
        (
            in_a_resource(
                &format!("[{}1{}]", "add(1,".repeat(5_000), ")".repeat(5_000)),
                "",
            ),
            "nests more than 100",
        ),
        (laughs, "too large"),
        (chain, "too deeply"),
        (lambdas, "too deeply"),
        (references, "too deeply"),
        (recursion.to_owned(), "too deeply"),
        (
            myself.to_owned(),
            "the resource rt refers to itself through reference()",
        ),
        (copies.to_owned(), "1000000000 copies are out of range"),
        (steps, "steps"),
        (in_a_resource("[range(0, 2000000000)]", ""), "0 to 10000"),
    ] {
        let outcome = evaluated(&template);
        let first = outcome.of(Severity::Error).first().copied();
        assert!(
            first.is_some_and(|message| message.contains(part)),
            "{part}: {first:?}"
        );
    }
}

#[test]
fn what_is_written_one_by_one_is_bounded_by_its_file_and_what_is_copied_by_a_number() {
    let table = |name: &str, rest: &str| {
        format!(
            r#"{{"type": "Microsoft.Network/routeTables", "apiVersion": "2024-05-01", "name": "{name}"{rest}}}"#
        )
    };
    let all = |resources: Vec<String>| format!(r#"{{"resources": [{}]}}"#, resources.join(","));
    let written = all((0..50_100).map(|n| table(&format!("rt{n}"), "")).collect());
    let outcome = evaluated(&written).expect_clean();
    assert_eq!(outcome.evaluation.resources.len(), 50_100);
    let copied = (0..63).map(|n| {
        let copy = r#", "copy": {"name": "c", "count": 800}"#;
        table(&format!("[concat('rt{n}-', copyIndex())]"), copy)
    });
    let outcome = evaluated(&all(copied.collect()));
    let (message, _) = outcome.error();
    assert!(
        message.starts_with("the template deploys more than 50"),
        "{message}"
    );
}

#[test]
fn a_template_that_links_itself_ends() {
    let template = r#"{"resources": [{"type": "Microsoft.Resources/deployments", "name": "a",
        "properties": {"templateLink": {"relativePath": "main.json"}}}]}"#;
    let outcome = evaluated_in_folder(&[("main.json", template)]);
    assert_eq!(
        outcome.of(Severity::Error),
        ["deployments are nested more than 16 deep"]
    );
}

proptest! {
    /// Whatever stands in a template, evaluation comes to an end without a panic.
    #[test]
    fn no_template_makes_the_evaluator_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        r#""[parameters('a')]""#, r#""[variables('b')]""#, r#""[copyIndex()]""#, r#""[reference('x')]""#, r#""[concat('a', 1)]""#, "null", "true", "-1", "[]",
        "{}", r#""x""#, r#"{"copy": [{"name": "n", "count": 2, "input": "[copyIndex('n')]"}]}"#, r#"{"name": "l", "count": 2}"#, r#"["[[x]", {}]"#,
    ]), 16)) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = <[&str; 16]>::try_from(pieces).unwrap();
        let text = format!(
            r#"{{"parameters": {{"a": {{"defaultValue": {a}}}, "z": {b}}}, "variables": {{"b": {c}, "copy": {d}}}, "functions": {e},
            "resources": [{f}, {{"type": "Microsoft.Network/virtualNetworks", "name": {g}, "copy": {h}, "condition": {i}, "properties": {j}, "resources": {k}}},
                {{"type": "Microsoft.Resources/deployments", "name": "x", "resourceGroup": {l}, "properties": {{"template": {{"resources": {m}}}, "parameters": {n}}}}}],
            "outputs": {{"o": {o}, "q": {{"value": {p}}}}}}}"#
        );
        evaluated(&text);
    }
}
