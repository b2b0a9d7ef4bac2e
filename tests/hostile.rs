//! Input that nobody means well with: always exit code 2 and a message that helps, never a panic.

use std::fs;

use crate::vnetsim::run;

/// What the message of each file has to contain.
fn cases() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    const VNET: &str = r#""id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v", "name": "v", "type": "Microsoft.Network/virtualNetworks""#;
    let vnet = |rest: &str| format!("[{{{VNET}, {rest}}}]").into_bytes();
    let space = r#""addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}"#;
    let twice = format!("[{{{VNET}, {space}}}, {{{VNET}, {space}}}]");
    let parameter_cycle = r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0",
        "variables": {"a": "[variables('b')]", "b": "[variables('a')]"},
        "resources": [{"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "[variables('a')]", "location": "x",
          "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}]}"#;
    vec![
        ("empty.json", Vec::new(), "is empty"),
        ("truncated.json", vnet(space)[..60].to_vec(), "error[bad-json]"),
        ("nesting.json", "[".repeat(10 << 20).into_bytes(), "error[too-deep]"),
        ("nesting.yaml", "[".repeat(10 << 20).into_bytes(), "error["),
        ("objects.json", r#"{"a":"#.repeat(2 << 20).into_bytes(), "error[too-deep]"),
        ("binary.json", vec![b'[', 0xff, 0xfe, 0x00, 0x80], "not-text"),
        ("number.json", b"42".to_vec(), "error[unknown-format]"),
        ("types.json", vnet(r#""addressSpace": 7"#), "error["),
        ("host-bits.yaml", b"virtualNetworks: { v: { addressSpace: [10.0.0.1/16] } }\n".to_vec(), "10.0.0.0/16"),
        ("cidr.json", vnet(r#""addressSpace": {"addressPrefixes": ["10.0.0.0/33"]}"#), "10.0.0.0/33"),
        ("twice.json", twice.into_bytes(), "error[duplicate-resource]"),
        ("cycle.json", parameter_cycle.as_bytes().to_vec(), "error[template-cycle]"),
        ("unknown-key.yaml", b"virtualNetwork: {}\nvirtualNetworks: {}\n".to_vec(), "error[unknown-key]"),
        ("self.yaml", b"topology: [self.yaml]\nvirtualNetworks: { v: { addressSpace: [10.0.0.0/8, 10.1.0.0/16] } }\n".to_vec(), "overlap"),
        ("anchor.yaml", b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nvirtualNetworks: {}\n".to_vec(), "error["),
    ]
}

#[test]
fn bad_files_are_refused_with_a_message_that_names_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (name, content, expected) in cases() {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("the folder is ours");
        let message = run(&["show", "-t", path.to_str().expect("UTF-8")]).failed();
        assert!(
            message.contains(expected),
            "{name}: {}",
            &message[..message.len().min(2000)]
        );
        assert!(
            message.len() < 100_000,
            "{name}: {} bytes of messages",
            message.len()
        );
    }
}

#[test]
fn a_query_that_is_none_is_refused() {
    let line = [
        "az",
        "network",
        "vnet",
        "list",
        "-t",
        "example:hub-spoke-nva",
        "--query",
    ];
    for query in ["[", "[].{a:", "name[?", "abs('x')"] {
        let message = run(&[&line[..], &[query]].concat()).failed();
        assert!(
            message.starts_with("ERROR: argument --query: "),
            "{query}: {message}"
        );
    }
}
