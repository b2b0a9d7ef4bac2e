//! Security groups, their rules, application security groups (A-1 to A-3, S-1 to S-5).

use ipnet::Ipv4Net;
use model::security::{MAX_PRIORITY, MIN_PRIORITY};
use model::{
    ApplicationSecurityGroup, AsgId, NetworkSecurityGroup, OperationError, Ports, RuleAddresses,
    RuleProtocol, SecurityRule,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::{Origin, is_ipv6, parse_prefix};
use super::route_table::{ATTEMPTS, is_tag};
use super::view::View;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::json::Value;

/// The property names of one side of a rule.
pub(super) struct Side {
    prefix: &'static str,
    prefixes: &'static str,
    groups: &'static str,
    port: &'static str,
    ports: &'static str,
}

pub(super) const SOURCE: Side = Side {
    prefix: "sourceAddressPrefix",
    prefixes: "sourceAddressPrefixes",
    groups: "sourceApplicationSecurityGroups",
    port: "sourcePortRange",
    ports: "sourcePortRanges",
};

pub(super) const DESTINATION: Side = Side {
    prefix: "destinationAddressPrefix",
    prefixes: "destinationAddressPrefixes",
    groups: "destinationApplicationSecurityGroups",
    port: "destinationPortRange",
    ports: "destinationPortRanges",
};

impl Builder<'_> {
    pub(super) fn application_security_groups(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::ApplicationSecurityGroup) {
            let view = self.open(record);
            let group = ApplicationSecurityGroup {
                id: record.id.clone(),
                location: self.location(&view),
            };
            let result = self.network.create_application_security_group(group);
            self.created(&record.id, record.span, result);
        }
    }

    pub(super) fn security_groups(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::NetworkSecurityGroup) {
            self.security_group(record);
        }
    }

    /// `defaultSecurityRules` is not read: every group has the same six (S-7).
    fn security_group(&mut self, record: &Record) {
        let view = self.open(record);
        let children = self.children_of(record, &view, "securityRules", Kind::SecurityRule);
        let mut spans = Vec::with_capacity(children.len());
        let mut rules = Vec::with_capacity(children.len());
        for child in children {
            if let Some(rule) = self.security_rule(child.id.name(), &child.view) {
                let span = child
                    .view
                    .get("priority")
                    .map_or(child.view.span(), |value| value.span);
                spans.push(span);
                rules.push(rule);
            }
        }
        let mut group = NetworkSecurityGroup {
            id: record.id.clone(),
            location: self.location(&view),
            rules: rules.into(),
            flush_connection: self.reader.flag(&view, "flushConnection").unwrap_or(false),
        };
        for _ in 0..ATTEMPTS {
            match self.network.create_network_security_group(group.clone()) {
                Ok(_) => return,
                Err(error) => {
                    let name = match &error {
                        OperationError::RuleConflict { second, .. } => second.clone(),
                        OperationError::DuplicateName { name, .. } => name.clone(),
                        _ => String::new(),
                    };
                    let position = group.rules.iter().rposition(|rule| rule.name == name);
                    let span = position.map_or(record.span, |position| spans[position]);
                    self.reader.refused(&error, span);
                    let Some(position) = position else {
                        break;
                    };
                    spans.remove(position);
                    let mut others = group.rules.to_vec();
                    others.remove(position);
                    group.rules = others.into();
                }
            }
        }
        self.give_up(&record.id);
    }

    fn security_rule(&mut self, name: &str, view: &View<'_>) -> Option<SecurityRule> {
        self.rule_name(name, view);
        for key in ["priority", "direction", "access", "protocol"] {
            if view.get(key).is_none() {
                self.reader.missing(view, key, "the four properties that every rule has: priority, direction, access, protocol");
            }
        }
        let priority = self.priority(view);
        let direction = self.reader.word(view, "direction");
        let access = self.reader.word(view, "access");
        let protocol: Option<RuleProtocol> = self.reader.word(view, "protocol");
        let (source, source_ports) = (
            self.rule_addresses(view, &SOURCE),
            self.rule_ports(view, &SOURCE),
        );
        let (destination, destination_ports) = (
            self.rule_addresses(view, &DESTINATION),
            self.rule_ports(view, &DESTINATION),
        );
        Some(SecurityRule {
            name: name.to_owned(),
            description: self.reader.label(view, "description").map(str::to_owned),
            priority: priority?,
            direction: direction?,
            access: access?,
            protocol: protocol?,
            source: source?,
            source_ports: source_ports?,
            destination: destination?,
            destination_ports: destination_ports?,
        })
    }

    /// S-2: up to 80 characters; begins with a word character, ends with one, holds word characters, `.` and `-`. A blank is a warning:
    /// nobody has recorded that it is refused.
    pub(super) fn rule_name(&mut self, name: &str, view: &View<'_>) {
        const WORDS: &str = "The name can be up to 80 characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'";
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let ends = |c: Option<char>| c.is_some_and(word);
        let mut characters = name.chars();
        let sound = name.chars().count() <= 80
            && ends(name.chars().next())
            && ends(name.chars().next_back())
            && characters.all(|c| word(c) || matches!(c, '.' | '-' | ' '));
        let severity = match (sound, name.contains(' ')) {
            (true, false) => return,
            (true, true) => Severity::Warning,
            (false, _) => self.reader.origin().severity(),
        };
        let message = format!("Resource name {name} is invalid. {WORDS}");
        let problem = Diagnostic::new(severity, Code::BadValue, message).at(view.span());
        self.reader.push(
            problem
                .expected(
                    "up to 80 letters, digits, '_', '.' and '-', ending in a letter, digit or '_'",
                )
                .azure("InvalidResourceName"),
        );
    }

    /// S-1: 100 to 4096 in what a person writes; what Azure has returned may lie outside.
    fn priority(&mut self, view: &View<'_>) -> Option<u16> {
        let expected = "an integer from 100 to 4096";
        let priority: u16 = self.reader.number(view, "priority", expected)?;
        if !(MIN_PRIORITY..=MAX_PRIORITY).contains(&priority) {
            let value = view.get("priority").expect("its number was read above");
            let message = format!(
                "Security rule has invalid Priority. Value provided: {priority} Allowed range {MIN_PRIORITY}-{MAX_PRIORITY}"
            );
            let problem = Diagnostic::new(self.reader.origin().severity(), Code::BadValue, message)
                .at(value.span);
            self.reader.push(
                problem
                    .property(view.path("priority"))
                    .value(value)
                    .expected(expected)
                    .azure("SecurityRuleInvalidPriority"),
            );
        }
        (priority > 0).then_some(priority)
    }

    /// S-4: exactly one form. Real exports carry the unused ones empty, and then the filled one counts.
    fn rule_addresses(&mut self, view: &View<'_>, side: &Side) -> Option<RuleAddresses> {
        if self.reader.filled(view, side.groups) {
            return self.rule_groups(view, side);
        }
        if self.reader.filled(view, side.prefixes) {
            return self.rule_prefixes(view, side);
        }
        let Some(value) = view.get(side.prefix) else {
            self.assumed_any(view, side.prefix);
            return Some(RuleAddresses::Any);
        };
        let text = self.reader.text(view, side.prefix)?.trim();
        if text == "*" {
            return Some(RuleAddresses::Any);
        }
        if let Some(prefix) = parse_prefix(text) {
            let prefix = if prefix.trunc() == prefix {
                prefix
            } else {
                self.rule_prefix(view.path(side.prefix), value, text)?
            };
            // `0.0.0.0/0` and `*` are the same addresses, but Azure keeps the spelling.
            return Some(RuleAddresses::Prefixes(vec![prefix]));
        }
        if is_ipv6(text) {
            self.reader.ipv6 += 1;
            return None;
        }
        if !is_tag(text) {
            self.invalid_prefix(view.path(side.prefix), value, text);
            return None;
        }
        let tag = self.tag(view.path(side.prefix), value, text)?;
        Some(RuleAddresses::Tag(tag))
    }

    fn rule_prefixes(&mut self, view: &View<'_>, side: &Side) -> Option<RuleAddresses> {
        let texts = self.reader.texts(view, side.prefixes);
        let mut prefixes: Vec<(Ipv4Net, &Value)> = Vec::with_capacity(texts.len());
        // One entry: Azure itself returns a lone tag in the list form.
        if let [(text, value, path)] = texts.as_slice()
            && self.reader.origin() == Origin::Recorded
        {
            if *text == "*" {
                return Some(RuleAddresses::Any);
            }
            if parse_prefix(text).is_none() && is_tag(text) {
                let tag = self.tag(path.clone(), value, text)?;
                return Some(RuleAddresses::Tag(tag));
            }
        }
        let (mut sound, ipv6) = (true, self.reader.ipv6);
        for (text, value, path) in texts {
            let text = text.trim();
            if is_ipv6(text) {
                self.reader.ipv6 += 1;
            } else if parse_prefix(text).is_some() {
                match self.rule_prefix(path, value, text) {
                    Some(prefix) => prefixes.push((prefix, value)),
                    None => sound = false,
                }
            } else if text == "*" || is_tag(text) {
                let message = format!(
                    "Security rule parameter {} cannot specify existing VIRTUALNETWORK, INTERNET, AZURELOADBALANCER, '*' or system tags. Unsupported value used: {text}",
                    side.prefixes
                );
                let problem = Diagnostic::error(Code::BadValue, message)
                    .at(value.span)
                    .property(path)
                    .value(value);
                self.reader.push(
                    problem
                        .expected(format!(
                            "addresses and prefixes; a tag goes into {}",
                            side.prefix
                        ))
                        .azure("SecurityRuleParameterContainsUnsupportedValue"),
                );
                sound = false;
            } else {
                self.invalid_prefix(path, value, text);
                sound = false;
            }
        }
        self.overlapping(&prefixes, side);
        // Only IPv6 was named: the rule says nothing of IPv4 packets.
        if !sound || (prefixes.is_empty() && self.reader.ipv6 > ipv6) {
            return None;
        }
        Some(RuleAddresses::Prefixes(
            prefixes.into_iter().map(|(prefix, _)| prefix).collect(),
        ))
    }

    /// S-4: overlapping prefixes in one list are refused.
    fn overlapping(&mut self, prefixes: &[(Ipv4Net, &Value)], side: &Side) {
        let mut sorted: Vec<_> = prefixes.to_vec();
        sorted.sort_by_key(|(prefix, _)| (prefix.network(), prefix.prefix_len()));
        let Some(pair) = sorted
            .windows(2)
            .find(|pair| pair[0].0.contains(&pair[1].0))
        else {
            return;
        };
        let message = format!(
            "Security rule parameter {} contains overlapping subnets [{}, {}], which is not permitted",
            side.prefixes, pair[0].0, pair[1].0
        );
        let problem = Diagnostic::new(self.reader.origin().severity(), Code::BadValue, message)
            .at(pair[1].1.span);
        self.reader.push(
            problem
                .value(pair[1].1)
                .expected("prefixes that do not overlap")
                .azure("OverlappingSubnetsNotPermittedInSecurityRule"),
        );
    }

    fn rule_groups(&mut self, view: &View<'_>, side: &Side) -> Option<RuleAddresses> {
        if let Some((key, value)) = view
            .first(&[side.prefix])
            .filter(|_| self.reader.origin() == Origin::Authored)
        {
            let message = format!("{} stands beside {}", view.path(key), side.groups);
            let problem = Diagnostic::error(Code::BadValue, message)
                .at(value.span)
                .property(view.path(key))
                .value(value);
            self.reader.push(
                problem.expected("application security groups or prefixes on one side, not both"),
            );
        }
        let groups = self.asg_members(view, side.groups);
        (!groups.is_empty()).then_some(RuleAddresses::ApplicationSecurityGroups(groups))
    }

    /// Application security groups named by a rule or an IP configuration. One that a dump names without holding it is created: it
    /// has no properties that could be missing.
    pub(super) fn asg_members(&mut self, view: &View<'_>, key: &str) -> Vec<AsgId> {
        let mut groups = Vec::new();
        for reference in self
            .reader
            .references(view, key, Kind::ApplicationSecurityGroup)
        {
            let Some(id) = self.resolve(&reference, Kind::ApplicationSecurityGroup) else {
                continue;
            };
            if let Some(group) = self.network.asgs().find(&id) {
                groups.push(group);
                continue;
            }
            match self.reader.origin() {
                Origin::Authored => self.dangling(
                    &reference,
                    &id,
                    Kind::ApplicationSecurityGroup,
                    Severity::Error,
                ),
                Origin::Recorded => {
                    let group = ApplicationSecurityGroup {
                        id: id.clone(),
                        location: model::Location::default(),
                    };
                    let result = self.network.create_application_security_group(group);
                    groups.extend(self.created(&id, reference.span, result));
                }
            }
        }
        groups
    }

    pub(super) fn rule_prefix(
        &mut self,
        path: String,
        value: &Value,
        text: &str,
    ) -> Option<Ipv4Net> {
        let prefix = parse_prefix(text)?;
        if prefix.trunc() == prefix {
            return Some(prefix);
        }
        // S-4: host bits are refused in what a person writes, and cleared in what Azure has returned.
        match self.reader.origin() {
            Origin::Recorded => self.reader.prefix(path, value),
            Origin::Authored => {
                self.invalid_prefix(path, value, text);
                None
            }
        }
    }

    pub(super) fn invalid_prefix(&mut self, path: String, value: &Value, text: &str) {
        let message = format!("Security rule has invalid Address prefix. Value provided: {text}");
        let problem = Diagnostic::error(Code::BadValue, message)
            .at(value.span)
            .property(path)
            .value(value);
        let expected = match parse_prefix(text) {
            Some(prefix) => format!("{}, without host bits", prefix.trunc()),
            None => "*, an address, a prefix or one service tag".to_owned(),
        };
        self.reader.push(
            problem
                .expected(expected)
                .azure("SecurityRuleInvalidAddressPrefix"),
        );
    }

    /// S-5: the single property or the list; the filled one counts.
    pub(super) fn rule_ports(&mut self, view: &View<'_>, side: &Side) -> Option<Ports> {
        if self.reader.filled(view, side.ports) {
            let mut ranges = Vec::new();
            let mut sound = true;
            let values = view.get(side.ports).and_then(Value::as_array)?;
            for (index, value) in values.iter().enumerate() {
                let path = || format!("{}[{index}]", view.path(side.ports));
                match self.port_range(path, value) {
                    Some(ports) => ranges.extend_from_slice(ports.ranges()),
                    None => sound = false,
                }
            }
            return sound.then(|| Ports::from_ranges(ranges));
        }
        if let Some(value) = view.get(side.port) {
            self.port_range(|| view.path(side.port), value)
        } else {
            self.assumed_any(view, side.port);
            Some(Ports::all())
        }
    }

    fn port_range(&mut self, path: impl FnOnce() -> String, value: &Value) -> Option<Ports> {
        let number = value.as_i64().map(|number| number.to_string());
        let Some(text) = number.as_deref().or(value.as_str()) else {
            self.reader
                .bad_at(path(), value, "a port, a range n-m, or *");
            return None;
        };
        match Ports::parse([text]) {
            Ok(ports) => Some(ports),
            Err(error) => {
                let problem =
                    Diagnostic::error(Code::BadValue, error.to_string().trim_end_matches('.'))
                        .at(value.span);
                self.reader.push(
                    problem
                        .property(path())
                        .value(value)
                        .expected("a port, a range n-m, or *; several go into the list property")
                        .azure("SecurityRuleInvalidPortRange"),
                );
                None
            }
        }
    }

    /// missing on both forms counts as `*`, with a warning.
    fn assumed_any(&mut self, view: &View<'_>, key: &str) {
        let path = view.path(key);
        let problem = Diagnostic::warning(
            Code::MissingProperty,
            format!("{path} is missing and counts as *"),
        )
        .at(view.span());
        self.reader.push(
            problem
                .property(path)
                .expected("the property, or its list form"),
        );
    }
}
