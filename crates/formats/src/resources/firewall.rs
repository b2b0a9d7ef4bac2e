//! Azure firewalls, their policies and IP groups (S-35).
//!
//! A collection is written in three forms: inside a rule collection group of a policy (`ruleCollectionType`, rules with `ruleType`),
//! in the classic lists of a firewall (`networkRuleCollections`, ...), and in a scenario (`kind`). All three end in one shape.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv4Subnets};
use model::spelling::Access;
use model::{
    CollectionAction, FirewallAddresses, FirewallPolicy, FirewallRequest, FirewallRule,
    IpConfigurationRequest, IpGroup, Ports, PublicIpId, RequestedAddress, ResourceId,
    RuleCollection, RuleCollectionGroup, RuleProtocol, TranslatedDestination,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::{is_ipv6, parse_prefix};
use super::route_table::is_tag;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::json::{Data, Value};
use crate::source::Span;

/// Private space by the word of the service instead of prefixes.
const IANA: &str = "IANAPrivateRanges";
/// Where the classic form keeps its private ranges, among `additionalProperties`.
const CLASSIC_RANGES: &str = "Network.SNAT.PrivateRanges";

/// A firewall that waits for its address.
pub(super) struct FirewallDraft {
    pub(super) request: FirewallRequest,
    span: Span,
}

/// Which rules a collection holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Nat,
    Network,
    Application,
}

impl Builder<'_> {
    pub(super) fn ip_groups(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::IpGroup) {
            let view = self.open(record);
            let key = ["ipAddresses", "prefixes"]
                .into_iter()
                .find(|key| view.get(key).is_some())
                .unwrap_or("ipAddresses");
            let mut prefixes = Vec::new();
            for (text, value, path) in self.reader.texts(&view, key) {
                self.range(text, value, path, &mut prefixes);
            }
            let group = IpGroup {
                id: record.id.clone(),
                location: self.location(&view),
                prefixes,
            };
            let result = self.network.create_ip_group(group);
            self.created(&record.id, record.span, result);
        }
    }

    pub(super) fn firewall_policies(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::FirewallPolicy) {
            let view = self.open(record);
            let base = self
                .reader
                .reference(&view, "basePolicy", Kind::FirewallPolicy)
                .and_then(|base| self.resolve(&base, Kind::FirewallPolicy));
            let private_ranges = match view.object("snat") {
                Some(snat) => self.private_ranges(&snat, "privateRanges"),
                None => self.private_ranges(&view, "privateRanges"),
            };
            let location = self.location(&view);
            let (key, incomplete) = self.groups_of_policy(&view);
            let children = self.children_of(record, &view, key, Kind::RuleCollectionGroup);
            let mut groups = Vec::new();
            for child in children {
                self.reader.begin(&child.id, record.origin);
                let priority = self.firewall_priority(&child.view);
                let collections = self.collections(&child.view, "ruleCollections", None);
                groups.push(RuleCollectionGroup {
                    name: child.id.name().to_owned(),
                    priority,
                    collections,
                });
            }
            let policy = FirewallPolicy {
                id: record.id.clone(),
                location,
                base,
                private_ranges,
                groups,
                incomplete,
            };
            let result = self.network.create_firewall_policy(policy);
            self.created(&record.id, record.span, result);
        }
    }

    /// The service lists the groups of a policy by id alone; they are resources of their own. Templates and scenarios may write them
    /// there in full. Gives the key under which they stand in full, and whether some that are listed are not part of the input.
    fn groups_of_policy(&mut self, view: &View<'_>) -> (&'static str, bool) {
        const KEY: &str = "ruleCollectionGroups";
        let listed = self.reader.objects(view, KEY);
        let by_id: Vec<&View<'_>> = listed
            .iter()
            .filter(|group| group.get("name").is_none() && group.get("id").is_some())
            .collect();
        if by_id.is_empty() {
            return (KEY, self.reader.flag(view, "incomplete") == Some(true));
        }
        let missing = by_id.iter().any(|group| {
            let id = group.get("id").and_then(Value::as_str);
            let id = id.and_then(|id| ResourceId::parse(id).ok());
            id.is_none_or(|id| self.collection.find(&id).is_none())
        });
        if missing {
            let message = "rule collection groups of this policy are not part of the input; what its firewalls decide is unknown";
            self.reader.push(
                Diagnostic::warning(Code::DanglingReference, message)
                    .at(view.span())
                    .property(KEY),
            );
        }
        ("", missing)
    }

    /// Its first IP configuration with a subnet is its NIC; the others bring public addresses.
    pub(super) fn firewall(&mut self, record: &Record, view: &View<'_>) -> Option<FirewallDraft> {
        let configurations = self.reader.objects(view, "ipConfigurations");
        let Some(configuration) = configurations
            .iter()
            .find(|configuration| configuration.get("subnet").is_some())
        else {
            if view.get("virtualHub").is_some() {
                self.reader.unsupported(
                    view,
                    "virtualHub",
                    "a firewall of a virtual hub is in no virtual network",
                );
            } else {
                self.reader.missing(
                    view,
                    "ipConfigurations",
                    "an IP configuration with a subnet",
                );
            }
            return None;
        };
        let (subnet, address) = self.subnet_address(configuration)?;
        // The service gives the address itself; a template cannot ask for one (`privateIPAddress` is read only).
        let address = match address {
            RequestedAddress::Static(address) => RequestedAddress::Assigned(address),
            RequestedAddress::Assigned(_) | RequestedAddress::FirstFree => address,
        };
        let name = self
            .reader
            .text(configuration, "name")
            .unwrap_or("ipconfig1")
            .to_owned();
        let public_ip = self.public_ip_of(configuration, "publicIPAddress");
        let mut public_ips: Vec<PublicIpId> = public_ip.into_iter().collect();
        for other in &configurations {
            let further = self.public_ip_of(other, "publicIPAddress");
            public_ips.extend(further.filter(|further| !public_ips.contains(further)));
        }
        let configuration = IpConfigurationRequest {
            name,
            subnet,
            address,
            public_ip,
            application_security_groups: Vec::new(),
            backend_pools: Vec::new(),
            primary: true,
        };
        let policy = self
            .reader
            .reference(view, "firewallPolicy", Kind::FirewallPolicy)
            .and_then(|policy| self.resolve(&policy, Kind::FirewallPolicy));
        let mut classic_collections = self.collections(view, "ruleCollections", None);
        for (key, rules) in [
            ("natRuleCollections", Rules::Nat),
            ("networkRuleCollections", Rules::Network),
            ("applicationRuleCollections", Rules::Application),
        ] {
            classic_collections.extend(self.collections(view, key, Some(rules)));
        }
        let classic_private_ranges = match view.object("additionalProperties") {
            Some(further) => self.private_ranges(&further, CLASSIC_RANGES),
            None => self.private_ranges(view, "privateRanges"),
        };
        Some(FirewallDraft {
            request: FirewallRequest {
                id: record.id.clone(),
                location: self.location(view),
                configuration,
                policy,
                classic_collections,
                classic_private_ranges,
                public_ips,
            },
            span: record.span,
        })
    }

    pub(super) fn create_firewall(&mut self, draft: FirewallDraft) {
        let FirewallDraft { request, span } = draft;
        let id = request.id.clone();
        self.reopen(&id);
        let result = self.network.create_firewall(request);
        self.created(&id, span, result);
    }

    fn collections(
        &mut self,
        view: &View<'_>,
        key: &str,
        rules: Option<Rules>,
    ) -> Vec<RuleCollection> {
        let views = self.reader.objects(view, key);
        views
            .iter()
            .flat_map(|view| self.collection_of_rules(view, rules))
            .collect()
    }

    /// One collection, or two where a collection holds network and application rules: they are asked at different times.
    fn collection_of_rules(
        &mut self,
        view: &View<'_>,
        known: Option<Rules>,
    ) -> Vec<RuleCollection> {
        let name = self.reader.text(view, "name").unwrap_or("").to_owned();
        let Some(whole) = known.or_else(|| self.kind_of_rules(view)) else {
            return Vec::new();
        };
        let access = match whole {
            Rules::Nat => None,
            Rules::Network | Rules::Application => match self.access(view) {
                Some(access) => Some(access),
                None => return Vec::new(),
            },
        };
        let priority = self.firewall_priority(view);
        let mut collections: Vec<RuleCollection> = Vec::new();
        for rule in self.reader.objects(view, "rules") {
            let rule_type = self.reader.label(&rule, "ruleType");
            let kind = match rule_type.map(str::to_ascii_lowercase).as_deref() {
                Some("applicationrule") => Rules::Application,
                Some("networkrule") => Rules::Network,
                _ => whole,
            };
            let action = match (kind, access) {
                (Rules::Nat, _) | (_, None) => CollectionAction::DestinationNat,
                (Rules::Network, Some(access)) => CollectionAction::Network(access),
                (Rules::Application, Some(access)) => CollectionAction::Application(access),
            };
            let rule = self.firewall_rule(&rule, kind);
            match collections
                .iter_mut()
                .find(|collection| collection.action == action)
            {
                Some(collection) => collection.rules.push(rule),
                None => collections.push(RuleCollection {
                    name: name.clone(),
                    priority,
                    action,
                    rules: vec![rule],
                }),
            }
        }
        collections
    }

    /// Of a collection as a whole. Whether a rule of a policy decides by network or by application, the rule says itself.
    fn kind_of_rules(&mut self, view: &View<'_>) -> Option<Rules> {
        if let Some(value) = view.get("kind") {
            return match value.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("nat") => Some(Rules::Nat),
                Some("network") => Some(Rules::Network),
                Some("application") => Some(Rules::Application),
                _ => {
                    self.reader
                        .bad(view, "kind", value, "Nat, Network or Application");
                    None
                }
            };
        }
        let collection_type = self.reader.label(view, "ruleCollectionType");
        let translates =
            collection_type.is_some_and(|name| name.to_ascii_lowercase().contains("nat"));
        Some(if translates {
            Rules::Nat
        } else {
            Rules::Network
        })
    }

    /// `{"type": "Allow"}`, or in a scenario the word.
    fn access(&mut self, view: &View<'_>) -> Option<Access> {
        let access = match view.object("action") {
            Some(action) => self.reader.word(&action, "type"),
            None => self.reader.word(view, "action"),
        };
        if access.is_none() && view.get("action").is_none() {
            self.reader.missing(view, "action", "Allow or Deny");
        }
        access
    }

    fn firewall_priority(&mut self, view: &View<'_>) -> u32 {
        let expected = "an integer from 100 to 65000";
        if view.get("priority").is_none() {
            self.reader.missing(view, "priority", expected);
        }
        self.reader
            .number(view, "priority", expected)
            .unwrap_or(u32::MAX)
    }

    fn firewall_rule(&mut self, view: &View<'_>, rules: Rules) -> FirewallRule {
        let name = self.reader.text(view, "name").unwrap_or("").to_owned();
        let names = [
            "targetFqdns",
            "destinationFqdns",
            "targetUrls",
            "fqdnTags",
            "webCategories",
        ];
        let names = names
            .into_iter()
            .flat_map(|key| self.reader.texts(view, key));
        let names = names.map(|(text, ..)| text.to_owned()).collect();
        let (protocols, ports) = match rules {
            Rules::Application => (vec![RuleProtocol::Tcp], self.application_ports(view)),
            Rules::Network | Rules::Nat => {
                (self.firewall_protocols(view), self.destination_ports(view))
            }
        };
        let translated = (rules == Rules::Nat).then(|| self.translated(view));
        FirewallRule {
            name,
            protocols,
            sources: self.side(view, "sourceAddresses", "sourceIpGroups"),
            destinations: self.side(view, "destinationAddresses", "destinationIpGroups"),
            ports,
            names,
            translated,
        }
    }

    fn firewall_protocols(&mut self, view: &View<'_>) -> Vec<RuleProtocol> {
        let key = ["ipProtocols", "protocols"]
            .into_iter()
            .find(|key| view.get(key).is_some())
            .unwrap_or("ipProtocols");
        let mut protocols = Vec::new();
        for (text, value, path) in self.reader.texts(view, key) {
            match text.parse() {
                Ok(protocol) => protocols.push(protocol),
                Err(_) => self.reader.bad_at(path, value, "TCP, UDP, ICMP or Any"),
            }
        }
        if protocols.is_empty() {
            protocols.push(RuleProtocol::Any);
        }
        protocols
    }

    /// The ports of the protocols that an application rule names: `{"protocolType": "Https", "port": 443}`.
    fn application_ports(&mut self, view: &View<'_>) -> Ports {
        if view.get("destinationPorts").is_some() {
            return self.destination_ports(view);
        }
        let mut ranges = Vec::new();
        for protocol in self.reader.objects(view, "protocols") {
            let given = self.reader.number(&protocol, "port", "a port");
            let kind = self.reader.label(&protocol, "protocolType");
            let usual = match kind.map(str::to_ascii_lowercase).as_deref() {
                Some("http") => Some(80),
                Some("https") => Some(443),
                Some("mssql") => Some(1433),
                _ => None,
            };
            ranges.extend(given.or(usual).map(|port: u16| (port, port)));
        }
        if ranges.is_empty() {
            ranges.extend([(80, 80), (443, 443)]); // tags of names are reached by HTTP and HTTPS
        }
        Ports::from_ranges(ranges)
    }

    fn destination_ports(&mut self, view: &View<'_>) -> Ports {
        let mut ranges = Vec::new();
        for (text, value, path) in self.reader.texts(view, "destinationPorts") {
            match Ports::parse([text]) {
                Ok(ports) => ranges.extend_from_slice(ports.ranges()),
                Err(_) => self.reader.bad_at(path, value, "a port, a range n-m, or *"),
            }
        }
        if ranges.is_empty() {
            Ports::all()
        } else {
            Ports::from_ranges(ranges)
        }
    }

    fn side(&mut self, view: &View<'_>, addresses: &str, groups: &str) -> FirewallAddresses {
        // Neither form: everything. A list that holds nothing we read (IPv6) is nothing.
        let mut side = FirewallAddresses {
            everything: view.get(addresses).is_none() && view.get(groups).is_none(),
            ..FirewallAddresses::default()
        };
        for (text, value, path) in self.reader.texts(view, addresses) {
            let text = text.trim();
            if text == "*" {
                side.everything = true;
            } else if is_tag(text) {
                side.tags.push(text.to_owned());
            } else {
                self.range(text, value, path, &mut side.prefixes);
            }
        }
        for (text, value, path) in self.reader.texts(view, groups) {
            let reference = super::reader::Reference {
                text,
                span: value.span,
                path,
            };
            side.ip_groups
                .extend(self.resolve(&reference, Kind::IpGroup));
        }
        side
    }

    /// A prefix, an address, or a range `10.0.0.4-10.0.0.9`.
    fn range(&mut self, text: &str, value: &Value, path: String, prefixes: &mut Vec<Ipv4Net>) {
        if is_ipv6(text) {
            self.reader.ipv6 += 1;
            return;
        }
        let ends = text.split_once('-').and_then(|(first, last)| {
            let first: Ipv4Addr = first.trim().parse().ok()?;
            let last: Ipv4Addr = last.trim().parse().ok()?;
            (first <= last).then_some((first, last))
        });
        match (parse_prefix(text), ends) {
            (Some(prefix), _) => prefixes.push(prefix.trunc()),
            (None, Some((first, last))) => prefixes.extend(Ipv4Subnets::new(first, last, 0)),
            (None, None) => self.reader.bad_at(
                path,
                value,
                "*, a prefix, an address, a range of addresses or a service tag",
            ),
        }
    }

    fn translated(&mut self, view: &View<'_>) -> TranslatedDestination {
        let fqdn = self.reader.text(view, "translatedFqdn").map(str::to_owned);
        let address = self.reader.address(view, "translatedAddress");
        if fqdn.is_none() && address.is_none() && view.get("translatedAddress").is_none() {
            self.reader
                .missing(view, "translatedAddress", "the address to translate to");
        }
        // A text in the service, a number in some templates.
        let port = view.get("translatedPort").and_then(|value| {
            let number = match (&value.data, value.as_str()) {
                (Data::Integer(number), _) => u16::try_from(*number).ok(),
                (_, Some(text)) if text.trim().is_empty() => return None,
                (_, Some(text)) => text.trim().parse().ok(),
                _ => None,
            };
            if number.is_none() {
                self.reader.bad(view, "translatedPort", value, "a port");
            }
            number
        });
        TranslatedDestination {
            address,
            fqdn,
            port,
        }
    }

    /// A list of prefixes, or in the classic form one text with commas.
    fn private_ranges(&mut self, view: &View<'_>, key: &str) -> Option<Vec<Ipv4Net>> {
        let value = view.get(key)?;
        let path = view.path(key);
        let texts: Vec<(String, &Value)> = match value.as_str() {
            Some(text) => text
                .split(',')
                .map(|part| (part.trim().to_owned(), value))
                .collect(),
            None => self
                .reader
                .texts(view, key)
                .into_iter()
                .map(|(text, value, _)| (text.trim().to_owned(), value))
                .collect(),
        };
        if texts.is_empty() {
            return None;
        }
        let mut prefixes = Vec::new();
        for (text, value) in texts {
            if text.eq_ignore_ascii_case(IANA) {
                prefixes.extend(model::firewall::IANA_PRIVATE_RANGES);
            } else {
                self.range(&text, value, path.clone(), &mut prefixes);
            }
        }
        Some(prefixes)
    }

    /// Tells what is simulated otherwise than the resource says.
    pub(super) fn remark_on_threat_intelligence(&mut self) {
        let collection = self.collection;
        let policies = collection.of_kind(Kind::FirewallPolicy);
        for record in policies.chain(collection.of_kind(Kind::AzureFirewall)) {
            let view = self.open(record);
            let mode = view.get("threatIntelMode").and_then(Value::as_str);
            if mode.is_some_and(|mode| mode.eq_ignore_ascii_case("Deny")) {
                let message =
                    "threat intelligence is not simulated: what it alone would deny passes";
                self.reader.push(
                    Diagnostic::note(Code::Unsupported, message)
                        .at(record.span)
                        .property("threatIntelMode"),
                );
            }
        }
    }
}

impl FirewallDraft {
    /// What is asked for the address of its NIC.
    pub(super) fn wanted(&mut self) -> (model::SubnetId, &mut RequestedAddress) {
        let configuration = &mut self.request.configuration;
        (configuration.subnet, &mut configuration.address)
    }
}
