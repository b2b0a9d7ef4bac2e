//! Network managers in short: every group, member, configuration, collection and rule becomes the resource that it is in Azure (S-13).

use model::ResourceId;

use super::lower::{Body, Lowering, entries, list_of, member};
use crate::diagnostic::{Code, Diagnostic};
use crate::json::{Piece, Value};
use crate::resources::Entry;
use crate::resources::kind::Kind;
use crate::source::Span;

/// Name of the manager that holds the rules of `securityAdminRules`, and of its configuration.
const OF_SHORT_RULES: &str = "security-admin-rules";

impl Lowering<'_> {
    pub(super) fn network_manager(&mut self, body: &mut Body, id: &ResourceId, span: Span) {
        let mut scopes = Body(Vec::new());
        for key in ["managementGroups", "subscriptions"] {
            if let Some(found) = body.take(key) {
                scopes.put(key, found.value);
            }
        }
        let groups = entries(&Value::new(span, body.0.clone()), "networkGroups");
        let configurations = entries(
            &Value::new(span, body.0.clone()),
            "securityAdminConfigurations",
        );
        let connected = entries(
            &Value::new(span, body.0.clone()),
            "connectivityConfigurations",
        );
        body.take("networkGroups");
        body.take("connectivityConfigurations");
        body.take("securityAdminConfigurations");
        body.put("networkManagerScopes", Value::new(span, scopes.0));
        for group in groups {
            if self.is_name(&group.key, group.key_span) {
                self.network_group(id, &group.key, &group.value, group.key_span);
            }
        }
        for entry in connected {
            if self.is_name(&entry.key, entry.key_span) {
                self.connectivity(id, &entry);
            }
        }
        for configuration in configurations {
            if self.is_name(&configuration.key, configuration.key_span) {
                self.configuration(id, &configuration);
            }
        }
    }

    fn network_group(&mut self, manager: &ResourceId, name: &str, members: &Value, span: Span) {
        let group = manager.child(segment(Kind::NetworkGroup), name);
        self.add(group.clone(), Body(Vec::new()), span);
        for (number, vnet) in members.as_array().unwrap_or_default().iter().enumerate() {
            let id = group.child(segment(Kind::StaticMember), &format!("member{number}"));
            self.add(
                id,
                Body(vec![member("resourceId", vnet.clone())]),
                vnet.span,
            );
        }
    }

    ///
    fn connectivity(&mut self, manager: &ResourceId, entry: &Entry) {
        let id = manager.child(segment(Kind::ConnectivityConfiguration), &entry.key);
        let mut body = Body::of(&entry.value);
        let applied = body.take("appliesTo").map(|applied| applied.value);
        let applied = applied.as_ref().and_then(Value::as_array);
        let groups = applied.unwrap_or_default().iter().map(|applied| {
            let mut group = Body::of(applied);
            if let Some(name) = group.take("group") {
                let text = name.value.as_str().unwrap_or_default();
                let id = manager.child(segment(Kind::NetworkGroup), text);
                group.put("networkGroupId", Value::new(name.value.span, id.as_str()));
            }
            if let Some(direct) = group.take("direct") {
                let connectivity = match direct.value.as_bool() {
                    Some(true) => "DirectlyConnected",
                    _ => "None",
                };
                group.put(
                    "groupConnectivity",
                    Value::new(direct.value.span, connectivity),
                );
            }
            Value::new(applied.span, group.0)
        });
        let groups = Value::new(entry.key_span, groups.collect::<Vec<_>>());
        body.put("appliesToGroups", groups);
        if let Some(hub) = body.take("hub") {
            let span = hub.value.span;
            let hubs = vec![Value::new(span, vec![member("resourceId", hub.value)])];
            body.put("hubs", Value::new(span, hubs));
        }
        self.add(id, body, entry.key_span);
    }

    fn configuration(&mut self, manager: &ResourceId, entry: &Entry) {
        const INTENT: &str = "applyOnNetworkIntentPolicyBasedServices";
        let id = manager.child(segment(Kind::SecurityAdminConfiguration), &entry.key);
        let mut body = Body::of(&entry.value);
        let collections = entries(&entry.value, "ruleCollections");
        body.take("ruleCollections");
        if let Some(word) = body.take(INTENT) {
            body.put(INTENT, Value::new(word.value.span, vec![word.value]));
        }
        self.add(id.clone(), body, entry.key_span);
        for collection in collections {
            if !self.is_name(&collection.key, collection.key_span) {
                continue;
            }
            let id = id.child(segment(Kind::AdminRuleCollection), &collection.key);
            let groups = collection.value.get("appliesTo").and_then(Value::as_array);
            let groups = groups.unwrap_or_default().iter();
            let applied = groups.filter_map(|name| {
                let group = manager.child(segment(Kind::NetworkGroup), name.as_str()?);
                let group = member("networkGroupId", Value::new(name.span, group.as_str()));
                Some(Value::new(name.span, vec![group]))
            });
            let applied = Value::new(collection.key_span, applied.collect::<Vec<_>>());
            self.add(
                id.clone(),
                Body(vec![member("appliesToGroups", applied)]),
                collection.key_span,
            );
            let rules = collection.value.get("rules").and_then(Value::as_array);
            for rule in rules.unwrap_or_default() {
                self.rule(&id, rule);
            }
        }
    }

    /// `securityAdminRules`: one manager for all of them, and a group and a collection for each.
    pub(super) fn short_admin_rules(&mut self, document: &Value) {
        let rules = document.get("securityAdminRules");
        let Some(list) = rules.and_then(Value::as_array) else {
            return;
        };
        let Some(first) = list.first() else { return };
        let entry = Entry {
            key: OF_SHORT_RULES.into(),
            key_span: first.span,
            value: Value::new(first.span, Vec::<crate::json::Member>::new()),
        };
        let manager = self.id(&entry, Kind::NetworkManager.resource_type());
        self.add(manager.clone(), Body(Vec::new()), first.span);
        let configuration =
            manager.child(segment(Kind::SecurityAdminConfiguration), OF_SHORT_RULES);
        self.add(configuration.clone(), Body(Vec::new()), first.span);
        for rule in list {
            let Some(name) = self.rule_name(rule) else {
                continue;
            };
            let Some(members) = rule.get("virtualNetworks") else {
                let problem =
                    Diagnostic::error(Code::MissingProperty, "virtualNetworks is missing")
                        .at(rule.span);
                self.diagnostics.push(
                    problem
                        .property("securityAdminRules")
                        .expected("names or ids of the virtual networks that the rule reaches"),
                );
                continue;
            };
            self.network_group(&manager, &name, members, rule.span);
            let group = manager.child(segment(Kind::NetworkGroup), &name);
            let group = member("networkGroupId", Value::new(rule.span, group.as_str()));
            let applied = vec![Value::new(rule.span, vec![group])];
            let collection = configuration.child(segment(Kind::AdminRuleCollection), &name);
            let body = Body(vec![member(
                "appliesToGroups",
                Value::new(rule.span, applied),
            )]);
            self.add(collection.clone(), body, rule.span);
            self.rule(&collection, rule);
        }
    }

    fn rule(&mut self, collection: &ResourceId, rule: &Value) {
        let Some(name) = self.rule_name(rule) else {
            return;
        };
        let mut body = Body::of(rule);
        body.take("name");
        body.take("virtualNetworks");
        for (side, addresses, ports) in [
            ("source", "sources", "sourcePortRanges"),
            ("destination", "destinations", "destinationPortRanges"),
        ] {
            if let Some(found) = body.take(side) {
                let listed = |value: &Value| {
                    Value::new(value.span, vec![member("addressPrefix", value.clone())])
                };
                let items = list_of(&found.value).iter().map(listed).collect::<Vec<_>>();
                body.put(addresses, Value::new(found.value.span, items));
            }
            if let Some(found) = body.take(&format!("{side}Ports")) {
                let items = list_of(&found.value);
                body.put(ports, Value::new(found.value.span, items));
            }
        }
        self.add(
            collection.child(segment(Kind::AdminRule), &name),
            body,
            rule.span,
        );
    }

    fn rule_name(&mut self, rule: &Value) -> Option<Piece> {
        let Some(name) = rule.get("name").and_then(Value::as_str) else {
            let problem = Diagnostic::error(Code::MissingProperty, "name is missing").at(rule.span);
            self.diagnostics
                .push(problem.expected("the name of the security admin rule"));
            return None;
        };
        self.is_name(name, rule.span).then(|| Piece::from(name))
    }

    fn is_name(&mut self, name: &str, span: Span) -> bool {
        let sound = !name.is_empty() && !name.contains('/');
        if !sound {
            let problem = Diagnostic::error(
                Code::BadResourceName,
                format!("'{name}' names no resource: a name cannot be empty or hold '/'"),
            );
            self.diagnostics.push(problem.at(span));
        }
        sound
    }
}

/// The word before the name of a child in its id.
fn segment(kind: Kind) -> &'static str {
    kind.resource_type().rsplit('/').next().unwrap_or_default()
}
