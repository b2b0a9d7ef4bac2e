//! Ways out where a packet meets a frontend or the edge of the Internet.

use control::snapshot::{Frontend, Health};
use dataplane::dropped::Locator;
use model::table::Resource;

use super::{Situation, WayOut};

impl Situation<'_> {
    /// The packet is not one of the NIC's own: only those get a public address (N-12).
    fn is_forwarded(&self) -> bool {
        self.snapshot
            .nic(self.nic)
            .is_some_and(|nic| !nic.addresses.contains(&self.packet.source))
    }

    /// N-12: why a packet got no public address.
    pub(super) fn background_of_missing_way_out(&self) -> Vec<String> {
        if self.is_forwarded() {
            return vec![format!(
                "The source {} is no address of this NIC. Azure gives a public address to a NIC's own addresses only; what an appliance forwards it has to translate itself (N-12).",
                self.packet.source
            )];
        }
        vec![
            "There is no NAT gateway, no public address, no load balancer with a rule for outbound connections, and no default outbound access (N-12).".to_owned(),
        ]
    }

    /// N-12: what gives a NIC a way out.
    pub(super) fn for_missing_way_out(&self) -> Vec<WayOut> {
        let nic = self.nic_id();
        if self.is_forwarded() {
            return vec![WayOut::new(format!(
                "Let the guest behind {} translate what it sends to the Internet: iptables MASQUERADE in Linux; `snat: true` in a scenario.",
                nic.name()
            ))];
        }
        vec![
            WayOut::new(format!("Give the subnet of {} a NAT gateway.", nic.name())),
            WayOut::new(format!("Give {} a public address.", nic.name())),
            WayOut::new(
                "Or send Internet traffic to a firewall by a user-defined route 0.0.0.0/0.",
            ),
        ]
    }

    /// N-13: why nobody is reached under an address of the Internet.
    pub(super) fn background_of_address(&self) -> Vec<String> {
        let Locator::Address(address) = self.dropped.at() else {
            return Vec::new();
        };
        let edge = &self.snapshot.edge;
        let text = if !edge.is_beyond(address) {
            "The address is private: nobody in the Internet has it, and nobody there reaches it."
        } else if edge.is_shared(address) {
            "Machines go out under this address; only replies to what they have begun come in."
        } else {
            "No machine, load balancer or firewall of the input has this public address."
        };
        vec![text.to_owned()]
    }

    /// B-1, B-4: why a frontend gives a packet to nobody.
    pub(super) fn background_of_frontend(&self) -> Vec<String> {
        let Some((frontend, rule)) = self.frontend() else {
            return Vec::new();
        };
        let Some((_, rule)) = rule else {
            let rules = frontend.rules.iter().map(|rule| rule.name.as_str());
            let rules: Vec<&str> = rules.collect();
            return vec![format!(
                "No rule of the frontend {} takes {} (rules: {}).",
                frontend.name,
                self.packet,
                if rules.is_empty() {
                    "none".to_owned()
                } else {
                    rules.join(", ")
                }
            )];
        };
        let members = rule.members.iter().map(|member| {
            let name = self
                .network
                .nics()
                .get(member.nic)
                .map_or("?", Resource::name);
            let state = match member.health {
                Health::Up => "is up",
                Health::Stopped => "does not run",
                Health::NotListening => "does not listen on the probe's port",
                Health::ProbeDenied => "denies the probe from 168.63.129.16 (S-26)",
            };
            format!("{name} {state}")
        });
        let members: Vec<String> = members.collect();
        if members.is_empty() {
            return vec![format!("Rule {} has no members.", rule.name)];
        }
        vec![format!(
            "Members of rule {}: {}.",
            rule.name,
            members.join(", ")
        )]
    }

    /// B-1, B-4: what lets a frontend take the packet.
    pub(super) fn for_frontend(&self, object: &str) -> Vec<WayOut> {
        let Some((frontend, rule)) = self.frontend() else {
            return Vec::new();
        };
        let Some((_, rule)) = rule else {
            return vec![WayOut::new(format!(
                "Add a rule for this protocol and port to the frontend {} of the {object}.",
                frontend.name
            ))];
        };
        let denied = rule
            .members
            .iter()
            .any(|member| member.health == Health::ProbeDenied);
        let mut ways = Vec::new();
        if denied {
            ways.push(WayOut::new(
                "Let the security groups of the members admit the service tag AzureLoadBalancer on the probe's port.",
            ));
        }
        ways.push(WayOut::new(format!(
            "Start a member of the back-end pool of the {object}."
        )));
        ways.push(WayOut::new(format!(
            "Add a running NIC to the back-end pool of the {object}."
        )));
        if frontend.basic {
            ways.push(WayOut::new(
                "If the frontend is Basic and lies across global peering, use a Standard load balancer (P-7).",
            ));
        }
        ways
    }

    /// The frontend of the drop, and the rule that would take the packet.
    fn frontend(
        &self,
    ) -> Option<(
        &Frontend,
        Option<(usize, &control::snapshot::ForwardingRule)>,
    )> {
        let Locator::Frontend(frontend) = self.dropped.at() else {
            return None;
        };
        let frontend = self.snapshot.frontend(frontend);
        let has_ports = matches!(self.packet.protocol, 6 | 17);
        let port = has_ports.then_some(self.packet.destination_port);
        Some((frontend, frontend.rule_for(self.packet.protocol, port)))
    }
}
