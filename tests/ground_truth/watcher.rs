//! Answers of Network Watcher and states of peerings beside ours.

use std::net::Ipv4Addr;

use acl::Key;
use control::questions::{decide, next_hop_of};
use model::Direction;
use model::table::Resource;
use report::compare::answers;
use serde_json::{Value, json};

use crate::reading::{address, list, number, same, short, text, unknown_keys};
use crate::tables::Asked;
use crate::tally::Tally;

impl Asked<'_> {
    /// `ip_flow`.
    pub(crate) fn ip_flow(&self, value: &Value, tally: &mut Tally) {
        let written = |key: &str| text(value, &[key]).unwrap_or_default();
        let subject = format!(
            "ip flow {} {} {} {}",
            written("direction"),
            written("protocol"),
            written("local"),
            written("remote")
        );
        let mut odd = Vec::new();
        unknown_keys(
            value,
            &subject,
            "direction protocol local remote access rule ruleName nic vm localIp localPort remoteIp remotePort",
            &mut odd,
        );
        for remark in odd {
            tally.explain(remark);
        }
        if text(value, &["access"])
            .is_none_or(|word| !["Allow", "Deny"].iter().any(|known| same(known, word)))
        {
            tally.explain(format!("{subject}: no access is told"));
            return;
        }
        let (local, remote) = (end(value, "local"), end(value, "remote"));
        let direction = match written("direction").to_ascii_lowercase().as_str() {
            "inbound" | "in" => Direction::Inbound,
            "outbound" | "out" => Direction::Outbound,
            _ => {
                tally.explain(format!("{subject}: no direction"));
                return;
            }
        };
        let protocol = match written("protocol").to_ascii_lowercase().as_str() {
            "tcp" | "6" => 6,
            "udp" | "17" => 17,
            "icmp" | "1" => 1,
            _ => {
                tally.explain(format!("{subject}: no protocol"));
                return;
            }
        };
        let named = text(value, &["nic", "vm"]).and_then(|name| self.world.nic(name));
        let nic = named.or_else(|| self.world.owner(local?.0));
        let nic = nic.or_else(|| {
            let mut listed = self.world.network.listed_nics().map(|(nic, _)| nic);
            let only = listed.next()?;
            listed.next().is_none().then_some(only)
        });
        let (Some(nic), Some((remote, remote_port))) = (nic, remote) else {
            tally.explain(format!("{subject}: the ends are not known"));
            return;
        };
        let own = local.map(|(address, _)| address);
        let own = own.or_else(|| Some(self.world.network.nics().get(nic)?.primary_address()));
        let (Some(own), Some(compiled)) = (own, self.world.snapshot.nic(nic)) else {
            tally.explain(format!("{subject}: the NIC has no address"));
            return;
        };
        let port = |port: Option<u16>| {
            if protocol == 1 {
                None
            } else {
                Some(port.unwrap_or(49152))
            }
        };
        let local_port = port(local.and_then(|(_, port)| port));
        let remote_port = port(remote_port);
        let (source, destination, source_port, destination_port) = match direction {
            Direction::Inbound => (remote, own, remote_port, local_port),
            Direction::Outbound => (own, remote, local_port, remote_port),
        };
        let key = Key {
            source,
            destination,
            protocol,
            source_port,
            destination_port: if protocol == 1 {
                Some(8)
            } else {
                destination_port
            },
            source_classes: 0,
            destination_classes: 0,
        };
        let decision = decide(&self.world.snapshot, compiled, direction, key);
        tally.take(&subject, &answers::ip_flow(value, &decision), |_| {
            self.case.excuse(&["ip_flow", "flow"])
        });
    }

    /// `next_hop`.
    pub(crate) fn next_hop(&self, value: &Value, tally: &mut Tally) {
        let from = text(value, &["nic", "src", "source", "vm", "from", "sourceIp"]);
        let to = text(
            value,
            &["dst", "destination", "dest", "to", "destinationIp"],
        );
        let subject = format!("next hop {} -> {}", from.unwrap_or("?"), to.unwrap_or("?"));
        let mut odd = Vec::new();
        unknown_keys(
            value,
            &subject,
            "src source nic vm from sourceIp dst destination dest to destinationIp nextHopType nextHopIpAddress \
nextHopIps routeTableId routeTable type ip",
            &mut odd,
        );
        for remark in odd {
            tally.explain(remark);
        }
        let nic = from.and_then(|from| self.world.nic(from)).or_else(|| {
            let source = text(value, &["sourceIp"]).and_then(address)?;
            self.world.owner(source)
        });
        let to = to.and_then(|to| self.address_of(to));
        let (Some(compiled), Some(to)) = (nic.and_then(|nic| self.world.snapshot.nic(nic)), to)
        else {
            tally.explain(format!("{subject}: the ends are not known"));
            return;
        };
        let mut answer = value.clone();
        if let Some(object) = answer.as_object_mut() {
            for (short, long) in [("type", "nextHopType"), ("ip", "nextHopIpAddress")] {
                if let Some(value) = object.remove(short) {
                    object.insert(long.to_owned(), value);
                }
            }
        }
        let own = next_hop_of(&self.world.snapshot, compiled, to);
        let comparison = answers::next_hop(&self.world.network, &answer, &own);
        tally.take(&subject, &comparison, |_| {
            self.case.excuse(&["next hop", "next_hop"])
        });
    }

    pub(crate) fn address_of(&self, text: &str) -> Option<Ipv4Addr> {
        if let Some(address) = address(text) {
            return Some(address);
        }
        if same(text, "Internet") {
            return Some(Ipv4Addr::new(1, 1, 1, 1));
        }
        let words = text.strip_prefix("vpn-client").unwrap_or(text);
        if let Some(address) = address(words) {
            return Some(address);
        }
        let nic = self.world.nic(text)?;
        Some(self.world.network.nics().get(nic)?.primary_address())
    }

    /// `security_group_view`: rules of a machine, by level or in one list. The names and what they say are compared.
    pub(crate) fn security_view(&self, name: &str, value: &Value, tally: &mut Tally) {
        let subject = format!("security view of {name}");
        let nic = self
            .world
            .nic(name)
            .or_else(|| self.world.nic(text(value, &["nic", "vm"])?));
        let Some(nic) = nic else {
            tally.explain(format!("{subject}: the topology holds no such NIC"));
            return;
        };
        let mut recorded = Vec::new();
        gather_rules(value, &mut recorded);
        if recorded.is_empty() {
            tally.explain(format!("{subject}: {} is not understood", short(value)));
            return;
        }
        let own = self.world.groups(nic);
        let mut ours = Vec::new();
        gather_rules(&own, &mut ours);
        let bare = |rule: &Value| {
            let name = text(rule, &["name"]).unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or(name);
            let name = name
                .strip_prefix("UserRule_")
                .or_else(|| name.strip_prefix("DefaultRule_"));
            name.or_else(|| text(rule, &["name"]).and_then(|name| name.rsplit('/').next()))
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        for rule in recorded {
            let direction = text(rule, &["direction"]);
            let found = ours.iter().find(|own| {
                let same_direction = direction.is_none_or(|word| {
                    text(own, &["direction"]).is_some_and(|own| same(own, word))
                });
                bare(own) == bare(rule) && same_direction
            });
            let equal = found.is_some_and(|own| {
                let word = |key: &str| match (text(rule, &[key]), text(own, &[key])) {
                    (Some(azure), Some(own)) => same(azure, own),
                    _ => true,
                };
                let priority = match (number(rule, &["priority"]), number(own, &["priority"])) {
                    (Some(azure), Some(own)) => azure == own,
                    _ => true,
                };
                word("access") && priority
            });
            tally.row(equal, self.case.excuse(&["security", "rule"]), || {
                format!(
                    "{subject}: rule {}: vnetsim has {}",
                    short(rule),
                    found.map_or_else(|| "none".to_owned(), |own| short(own))
                )
            });
        }
    }

    /// `nsg_diagnostic`: a flow and what the groups say of it.
    pub(crate) fn nsg_diagnostic(&self, value: &Value, tally: &mut Tally) {
        let question = value
            .get("profile")
            .or_else(|| value.get("query"))
            .unwrap_or(value);
        let direction = text(question, &["direction"]).unwrap_or_default();
        let inbound = same(direction, "Inbound");
        let (source, destination) = (
            text(question, &["source", "src"]),
            text(question, &["destination", "dst"]),
        );
        let (local, remote) = if inbound {
            (destination, source)
        } else {
            (source, destination)
        };
        let port = match number(question, &["destinationPort", "port"]) {
            Some(port) => port.to_string(),
            None => text(question, &["destinationPort", "port"])
                .unwrap_or_default()
                .to_owned(),
        };
        let with_port = |end: Option<&str>, here: bool| {
            let end = end
                .and_then(|end| self.address_of(end))
                .map(|address| address.to_string())
                .unwrap_or_default();
            if here && !port.is_empty() && port != "*" {
                format!("{end}:{port}")
            } else {
                end
            }
        };
        let result = text(value, &["securityRuleAccessResult", "access", "result"]).or_else(|| {
            text(
                value.get("networkSecurityGroupResult")?,
                &["securityRuleAccessResult"],
            )
        });
        let evaluated = list(value, &["evaluatedNetworkSecurityGroups"]);
        let matched = evaluated
            .iter()
            .find_map(|group| text(group.get("matchedRule")?, &["ruleName"]));
        let asked = json!({
            "direction": direction,
            "protocol": text(question, &["protocol"]),
            "local": with_port(local, inbound),
            "remote": with_port(remote, !inbound),
            "nic": text(value, &["nic", "vm"]),
            "access": result,
            "rule": text(value, &["rule", "ruleName"]).or(matched.filter(|_| evaluated.len() == 1)),
        });
        if result.is_none() {
            tally.explain(format!(
                "nsg diagnostic: {} is not understood",
                short(value)
            ));
            return;
        }
        self.ip_flow(&asked, tally);
    }

    /// `peering_state`: of all links, or of one by its names.
    pub(crate) fn peering_state(&self, value: &Value, tally: &mut Tally) {
        let network = &self.world.network;
        let mut wanted: Vec<(Vec<model::LinkId>, Value)> = Vec::new();
        let named =
            |vnet: Option<&str>, remote: Option<&str>, name: Option<&str>| -> Vec<model::LinkId> {
                let links = network.peerings().iter().filter(|(_, link)| {
                    let local = network.virtual_networks()[link.virtual_network].name();
                    vnet.is_none_or(|vnet| same(vnet, local))
                        && remote.is_none_or(|remote| same(remote, link.remote.name()))
                        && name.is_none_or(|name| same(name, link.name()))
                });
                links.map(|(link, _)| link).collect()
            };
        let vnet = text(value, &["vnet", "virtualNetwork"]);
        let name = text(value, &["name", "peering"]);
        let remote = text(value, &["remoteVnet", "remote"]);
        if vnet.is_some() || name.is_some() {
            let mut answer = value.clone();
            if let Some(object) = answer.as_object_mut() {
                if let Some(state) = object.remove("state") {
                    object.insert("peeringState".to_owned(), state);
                }
                for key in [
                    "vnet",
                    "virtualNetwork",
                    "name",
                    "peering",
                    "remoteVnet",
                    "remote",
                ] {
                    object.remove(key);
                }
            }
            wanted.push((named(vnet, remote, name), answer));
        } else {
            for (key, state) in value.as_object().into_iter().flatten() {
                let links = if same(key, "all") {
                    named(None, None, None)
                } else {
                    let (first, last) = key.split_once(['/', '>']).unwrap_or((key, ""));
                    let found = named(Some(first), None, Some(last));
                    if found.is_empty() {
                        named(Some(first), Some(last), None)
                    } else {
                        found
                    }
                };
                let answer = if state.is_string() {
                    json!({ "peeringState": state })
                } else {
                    state.clone()
                };
                wanted.push((links, answer));
            }
        }
        if wanted.is_empty() {
            tally.explain(format!("peering_state: {} is not understood", short(value)));
        }
        for (links, answer) in wanted {
            if links.is_empty() {
                tally.explain(format!("peering_state: no link fits {}", short(value)));
            }
            for link in links {
                let subject = format!("peering {}", network.peerings()[link].id.name());
                tally.take(&subject, &answers::link(network, &answer, link), |_| {
                    self.case.excuse(&["peering state", "flags"])
                });
            }
        }
    }
}

/// Objects that look like rules, wherever they are.
fn gather_rules<'v>(value: &'v Value, rules: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            let has = |key: &str| members.contains_key(key);
            if has("name") && (has("access") || has("priority")) {
                rules.push(value);
                return;
            }
            for value in members.values() {
                gather_rules(value, rules);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather_rules(value, rules)),
        _ => {}
    }
}

/// `ADDRESS:PORT`, or the two apart.
fn end(value: &Value, side: &str) -> Option<(Ipv4Addr, Option<u16>)> {
    let apart = text(value, &[&format!("{side}Ip")]).and_then(address);
    if let Some(address) = apart {
        let port = number(value, &[&format!("{side}Port")]);
        return Some((address, port.and_then(|port| u16::try_from(port).ok())));
    }
    let words = text(value, &[side])?;
    match words.rsplit_once(':') {
        Some((host, port)) => Some((address(host)?, port.parse().ok())),
        None => Some((address(words)?, None)),
    }
}
