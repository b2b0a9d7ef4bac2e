//! Service tags (T-8): Microsoft's list, and the tags that a scenario gives.
//!
//! The list is the weekly `ServiceTags_Public_DATE.json` or what `az network list-service-tags` prints; both have `values` with a
//! name (`Storage`, `Storage.WestUS`) and `properties.addressPrefixes`. None is built in: prefixes change every week.

use std::net::Ipv6Addr;

use ipnet::Ipv4Net;
use model::ServiceTag;

use super::build::Builder;
use super::reader::{Origin, parse_prefix};
use super::scenario_only::{Additions, member};
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::json::{Object, Value};

/// True for a list of service tags.
pub(crate) fn is_list(object: &Object) -> bool {
    let first = object.get("values").and_then(Value::as_array);
    let first = first.and_then(<[Value]>::first);
    first.is_some_and(|tag| {
        tag.get("name").is_some() && tag.path(["properties", "addressPrefixes"]).is_some()
    })
}

impl Builder<'_> {
    pub(super) fn service_tags(&mut self, additions: &Additions) {
        for list in &additions.service_tag_lists {
            for tag in list
                .get("values")
                .and_then(Value::as_array)
                .unwrap_or_default()
            {
                self.listed_tag(tag);
            }
        }
        for entry in &additions.service_tags {
            self.reader.begin(&entry.key, Origin::Authored);
            let holder = Value::new(entry.value.span, vec![member("prefixes", &entry.value)]);
            let view = View::of_resource([&holder], entry.value.span);
            let prefixes = self.reader.prefixes(&view, &["prefixes"]);
            self.network.set_service_tag(&entry.key, prefixes);
        }
    }

    /// One tag of a list. IPv6 prefixes are counted; the list has about as many of them as of the others, and they are no problem.
    fn listed_tag(&mut self, tag: &Value) {
        let Some(name) = tag.get("name").and_then(Value::as_str) else {
            let problem = Diagnostic::error(Code::MissingProperty, "a service tag has no name");
            self.reader.push(problem.at(tag.span));
            return;
        };
        self.reader.begin(name, Origin::Recorded);
        let listed = tag.path(["properties", "addressPrefixes"]);
        let listed = listed.and_then(Value::as_array).unwrap_or_default();
        let mut prefixes: Vec<Ipv4Net> = Vec::with_capacity(listed.len());
        for (value, position) in listed.iter().zip(0..) {
            let text = value.as_str().unwrap_or_default();
            if let Some(prefix) = parse_prefix(text) {
                prefixes.push(prefix.trunc());
            } else if is_ipv6(text) {
                self.reader.ipv6 += 1;
            } else {
                let path = format!("properties.addressPrefixes[{position}]");
                self.reader.bad_at(path, value, "an IP prefix");
            }
        }
        self.network.set_service_tag(name, prefixes);
    }

    /// The tag of this name in a rule or route. One that a given list does not have is a mistake, told in the words in which Azure refuses
    /// it; without a list nobody can tell, and what names it matches nothing, with a note (T-8).
    pub(super) fn tag(&mut self, path: String, value: &Value, text: &str) -> Option<ServiceTag> {
        const PLATFORM: &str = "azureplatform";
        let tag = ServiceTag::named(text);
        let ServiceTag::Other(name) = &tag else {
            return Some(tag);
        };
        let built_in = name.to_ascii_lowercase().starts_with(PLATFORM); // the platform's own are in no list (S-26)
        if !self.tags_are_listed || built_in || self.network.service_tag(name).is_some() {
            return Some(tag);
        }
        let message = format!("Security rule has invalid Address prefix. Value provided: {text}");
        let origin = self.reader.origin();
        let problem = Diagnostic::new(origin.severity(), Code::BadValue, message).at(value.span);
        self.reader.push(
            problem
                .property(path)
                .value(value)
                .expected("a service tag of the list that was given")
                .azure("SecurityRuleInvalidAddressPrefix"),
        );
        (origin == Origin::Recorded).then_some(tag)
    }
}

/// The list has IPv6 prefixes in every form.
fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}
