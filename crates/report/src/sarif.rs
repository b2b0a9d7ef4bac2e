//! SARIF 2.1.0, for code scanning: what all commands that write it share.

use std::fmt::Write as _;

use diagnose::object::short;
use serde_json::{Value, json};

use crate::place::Place;

/// A document of one run.
pub(crate) fn document(rules: &[Value], results: &[Value], version: &str) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "vnetsim", "version": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A resource and where it stands.
pub(crate) fn location(resource: &str, place: Option<&Place>) -> Value {
    let mut location = json!({
        "logicalLocations": [{ "fullyQualifiedName": resource, "kind": "resource" }],
        "message": { "text": short(resource) },
    });
    if let Some(place) = place {
        location["physicalLocation"] = physical(place);
    }
    location
}

/// A place in a file.
pub(crate) fn physical(Place { file, line, column }: &Place) -> Value {
    json!({
        "artifactLocation": { "uri": uri(file) },
        "region": { "startLine": line, "startColumn": column },
    })
}

/// A path as a URI reference: relative as it was given, absolute with the scheme `file`.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.trim_start_matches("./").bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=".contains(&byte);
        if plain {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("net/hub.json"), "net/hub.json");
        assert_eq!(uri("./my net.yaml"), "my%20net.yaml");
        assert_eq!(uri("/tmp/ü.json"), "file:///tmp/%C3%BC.json");
        assert_eq!(uri(r"a\b.json"), "a/b.json");
    }
}
