//! Answers in the shape in which Azure's command line prints them.
//!
//! | module | command |
//! |---|---|
//! | [`effective`] | `network nic show-effective-route-table` (O-1), `list-effective-nsg` (D-1) |
//! | [`watcher`] | `network watcher show-next-hop` (O-4, D-4), `test-ip-flow` (D-3) |
//! | [`security_view`] | `network watcher show-security-group-view` (D-2) |
//! | [`diagnostic`] | `network watcher run-configuration-diagnostic` (D-8) |
//! | [`connectivity`] | `network watcher test-connectivity` (D-5) |
//! | [`admin_rules`] | `network manager list-effective-security-admin-rule` (S-13) |
//! | [`peering`] | `network vnet peering show` and `list` (O-3) |
//! | [`resources`] | `network vnet show`, `network nic show` and their lists |
//! | [`output`] | `--output table` and `tsv` of any document |
//!
//! The documents are in flattened form: what REST nests under `properties` stands beside `id` and `name`. What Azure makes up at
//! random (`etag`, `resourceGuid`) is made up here from ids, so that the same network always prints the same bytes.

pub mod admin_rules;
pub mod connectivity;
pub mod diagnostic;
pub mod effective;
pub mod output;
pub mod peering;
pub mod resources;
pub mod security_view;
pub mod watcher;

use std::fmt::Write;

use model::ResourceId;
use serde_json::{Value, json};

/// A reference to another resource: the command line adds the group to the id.
fn reference(id: &ResourceId) -> Value {
    json!({ "id": id.as_str(), "resourceGroup": id.resource_group() })
}

/// A reference, or `null`.
fn optional_reference(id: Option<&ResourceId>) -> Value {
    id.map_or(Value::Null, reference)
}

/// A GUID that is always the same for the same text: its FNV-1a hash of 128 bits, marked as version 8 (RFC 9562 §5.8).
fn guid(text: &str) -> String {
    const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0100_0000_0000_0000_0000_013b;
    let hash = text.bytes().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    let marked = hash & !(0xf << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    let digits = format!("{marked:032x}");
    let mut guid = String::with_capacity(36);
    for (position, digit) in digits.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            guid.push('-');
        }
        guid.push(digit);
    }
    guid
}

/// Adds the `etag` of a document: it changes exactly when the rest does.
fn with_etag(mut document: Value) -> Value {
    let mut etag = String::new();
    write!(etag, "W/\"{}\"", guid(&document.to_string())).expect("a string takes every text");
    document["etag"] = Value::String(etag);
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_well_formed_and_differ() {
        // FNV-1a 128 of "a" is d228cb696f1a8caf78912b704e4a8964; version and variant are set over it.
        assert_eq!(guid("a"), "d228cb69-6f1a-8caf-b891-2b704e4a8964");
        assert_ne!(guid("a"), guid("b"));
    }

    #[test]
    fn an_etag_follows_the_content() {
        let one = with_etag(json!({"a": 1}));
        assert_eq!(one, with_etag(json!({"a": 1})));
        assert_ne!(one["etag"], with_etag(json!({"a": 2}))["etag"]);
    }
}
