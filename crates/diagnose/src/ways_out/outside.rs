//! Packets that die before they are in Azure: what a site or a VPN client does not know, and connections (G-3, G-7, G-11).

use dataplane::dropped::DropReason;
use model::table::Resource;
use model::{GatewayId, OutsideHost, OutsidePlace};

use super::{Situation, WayOut};
use crate::object::Object;

impl Situation<'_> {
    /// The host outside Azure at which the packet died.
    pub(super) fn outside(&self) -> Option<&OutsideHost> {
        self.network.outside_host(self.nic)
    }

    fn is_told(&self, gateway: GatewayId) -> bool {
        let current = self.snapshot.current_profile(gateway);
        current.is_some_and(|known| known.contains(self.packet.destination))
    }

    pub(super) fn background_outside(&self, host: &OutsideHost) -> Vec<String> {
        let wanted = self.packet.destination;
        match (self.dropped.reason(), host.place) {
            (DropReason::NoRoute, OutsidePlace::OnPremises(site)) => {
                let site = &self.network.on_premises()[site];
                let gateway = self.network.gateways()[site.gateway].name();
                let why = match site.knows {
                    Some(_) => {
                        "its routers do not have the prefix (`knows` of the scenario)".to_owned()
                    }
                    None => format!(
                        "{gateway} does not advertise the prefix to it: a gateway advertises its own network, the networks that use it, and over BGP what it has learned (G-4)"
                    ),
                };
                vec![format!("{} has no way to {wanted}: {why}.", site.name())]
            }
            (DropReason::NoRoute, OutsidePlace::VpnClient(gateway)) => {
                let told = if self.is_told(gateway) {
                    "the gateway would tell it now, but the profile is older (G-11)"
                } else {
                    "the gateway does not tell it to clients (G-4, G-9, G-11)"
                };
                vec![format!(
                    "The client's profile does not send {wanted} into the tunnel: {told}."
                )]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn ways_out_outside(&self, host: &OutsideHost) -> Vec<WayOut> {
        let wanted = self.packet.destination;
        let object = Object::of_drop(self.snapshot, self.dropped);
        match (self.dropped.reason(), host.place) {
            (DropReason::NoRoute, OutsidePlace::VpnClient(gateway)) if self.is_told(gateway) => {
                vec![WayOut::new(
                    "Download the profile of the VPN client again, and connect with it.",
                )]
            }
            (DropReason::NoRoute, OutsidePlace::VpnClient(_)) => vec![WayOut::new(format!(
                "Let the network of {wanted} use the gateway: allowGatewayTransit on the hub's link, useRemoteGateways on the other (F-11); then download the profile of the VPN client again (G-11)."
            ))],
            (DropReason::NoRoute, _) => vec![
                WayOut::new(format!(
                    "Let the network of {wanted} use the gateway: allowGatewayTransit on the hub's link, useRemoteGateways on the other (F-11)."
                )),
                WayOut::new("Or add the prefix to the routes of the site."),
            ],
            (DropReason::NoSuchHost, _) => vec![WayOut::new(format!(
                "Give {wanted} to a host of {}: the scenario lists nobody there.",
                host.name
            ))],
            (DropReason::GatewayConnectionDown, _) => {
                vec![WayOut::new(format!("Bring up the {object}."))]
            }
            (DropReason::GatewayNoRoute, _) => vec![WayOut::new(format!(
                "Add the two ends to the traffic selectors of the {object}: a policy-based tunnel carries nothing else."
            ))],
            (DropReason::MtuDf, _) => vec![WayOut::new(
                "Send smaller packets, or without Don't Fragment (K-7).",
            )],
            (DropReason::Ttl | DropReason::LoopGuard, _) => {
                vec![WayOut::new("Send with a larger time to live (`--ttl`).")]
            }
            (DropReason::NoGateway, _) => vec![WayOut::new("Give the gateway an instance.")],
            _ => Vec::new(),
        }
    }
}
