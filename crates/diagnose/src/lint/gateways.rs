//! Gateways that are offered or used on one side only (F-11, F-12), and what stands on a gateway's subnet.

use model::table::Resource;
use model::{LinkId, PeeringState};

use super::{Check, Design, Finding, Severity};
use crate::commands::{group_of, set_flag};
use crate::object::short;
use crate::way_out::WayOut;

const NOT_OFFERED: Check = Check {
    id: "remote-gateway-without-transit",
    severity: Severity::Error,
    rule: "F-11",
    title: "A link uses the remote gateway, but the link over there does not offer it.",
};
const MISSING: Check = Check {
    id: "remote-gateway-missing",
    severity: Severity::Error,
    rule: "F-11, F-12",
    title: "A link uses a remote gateway that does not exist.",
};
const UNUSED: Check = Check {
    id: "gateway-transit-unused",
    severity: Severity::Note,
    rule: "F-11",
    title: "A link offers a gateway that the other side does not use.",
};
const TWO: Check = Check {
    id: "two-remote-gateways",
    severity: Severity::Error,
    rule: "F-11",
    title: "A network uses the gateways of several others.",
};
const OWN: Check = Check {
    id: "remote-gateway-beside-own",
    severity: Severity::Error,
    rule: "F-11",
    title: "A network with a gateway of its own uses a remote one.",
};
const GROUP: Check = Check {
    id: "security-group-on-gateway-subnet",
    severity: Severity::Warning,
    rule: "S-9",
    title: "A security group is attached to GatewaySubnet, which Azure does not support.",
};

pub(super) const CHECKS: &[&Check] = &[&NOT_OFFERED, &MISSING, &UNUSED, &TWO, &OWN, &GROUP];

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    let network = design.network;
    for (link, _) in network.listed_peerings() {
        findings.extend(used(design, link));
        findings.extend(unused(design, link));
    }
    for (key, vnet) in network.virtual_networks().iter() {
        let using: Vec<LinkId> = vnet
            .peerings
            .iter()
            .copied()
            .filter(|&link| network.peerings()[link].flags.use_remote_gateways)
            .collect();
        for &second in using.iter().skip(1) {
            let (first, second_link) = (&network.peerings()[using[0]], &network.peerings()[second]);
            let message = format!(
                "{} uses the gateway of {} by link {} and that of {} by link {}: Azure allows one.",
                vnet.name(),
                first.remote.name(),
                first.name(),
                second_link.remote.name(),
                second_link.name()
            );
            findings.push(
                Finding::new(&TWO, &second_link.id, message)
                    .related([first.id.clone()])
                    .mended_by([stop_using(design, second)]),
            );
        }
        if let (Some(&link), Some((_, gateway))) = (using.first(), network.gateways_of(key).next())
        {
            let message = format!(
                "{} has gateway {}, and link {} uses that of {}: Azure allows one or the other.",
                vnet.name(),
                gateway.name(),
                network.peerings()[link].name(),
                network.peerings()[link].remote.name()
            );
            findings.push(
                Finding::new(&OWN, &network.peerings()[link].id, message)
                    .related([gateway.id.clone()])
                    .mended_by([stop_using(design, link)]),
            );
        }
    }
    for subnet in network
        .subnets()
        .values()
        .filter(|subnet| subnet.is_gateway_subnet())
    {
        if let Some(group) = subnet.network_security_group {
            let vnet = &network.virtual_networks()[subnet.virtual_network].id;
            let group = &network.nsgs()[group].id;
            let message = format!(
                "Security group {} is attached to GatewaySubnet of {}: its gateways may stop working.",
                group.name(),
                vnet.name()
            );
            findings.push(
                Finding::new(&GROUP, &subnet.id, message)
                    .related([group.clone()])
                    .mended_by([WayOut::with(
                        "Detach the group.",
                        [format!(
                            "az network vnet subnet update -g {} --vnet-name {} -n {} --remove networkSecurityGroup",
                            group_of(vnet),
                            vnet.name(),
                            subnet.name()
                        )],
                    )]),
            );
        }
    }
}

fn used(design: Design<'_>, key: LinkId) -> Option<Finding> {
    let network = design.network;
    let link = &network.peerings()[key];
    if !link.flags.use_remote_gateways {
        return None;
    }
    let name = short(link.id.as_str());
    let there = network.virtual_networks().find(&link.remote)?;
    if network.gateways_of(there).next().is_none() {
        let message = format!(
            "Link {name} uses the gateway of {}, which has none.",
            link.remote.name()
        );
        return Some(
            Finding::new(&MISSING, &link.id, message)
                .related([link.remote.clone()])
                .mended_by([
                    WayOut::new(format!("Create a gateway in {}.", link.remote.name())),
                    stop_using(design, key),
                ]),
        );
    }
    let back = network.reverse_link(key)?;
    let reverse = &network.peerings()[back];
    if reverse.flags.allow_gateway_transit {
        return None;
    }
    let message = format!(
        "Link {name} uses the gateway of {}, but allowGatewayTransit of link {} is false: {} gets no routes of it.",
        link.remote.name(),
        short(reverse.id.as_str()),
        network.virtual_networks()[link.virtual_network].name()
    );
    Some(
        Finding::new(&NOT_OFFERED, &link.id, message)
            .related([reverse.id.clone()])
            .mended_by([WayOut::with(
                format!(
                    "Set allowGatewayTransit of link {} to true.",
                    short(reverse.id.as_str())
                ),
                [set_flag(network, back, "allowGatewayTransit", true)],
            )]),
    )
}

fn unused(design: Design<'_>, key: LinkId) -> Option<Finding> {
    let network = design.network;
    let link = &network.peerings()[key];
    let back = network.reverse_link(key)?;
    let reverse = &network.peerings()[back];
    let both = link.state == PeeringState::Connected && reverse.state == PeeringState::Connected;
    if !link.flags.allow_gateway_transit || reverse.flags.use_remote_gateways || !both {
        return None;
    }
    let name = short(link.id.as_str());
    let hub = network.virtual_networks()[link.virtual_network].name();
    let (message, way) = if network.gateways_of(link.virtual_network).next().is_none() {
        (
            format!("Link {name} offers a gateway, but {hub} has none."),
            WayOut::with(
                format!("Set allowGatewayTransit of link {name} to false until there is one."),
                [set_flag(network, key, "allowGatewayTransit", false)],
            ),
        )
    } else {
        (
            format!(
                "Link {name} offers the gateway of {hub}, but useRemoteGateways of link {} is false: {} gets no routes of it.",
                short(reverse.id.as_str()),
                link.remote.name()
            ),
            WayOut::with(
                format!(
                    "Set useRemoteGateways of link {} to true, if that is wanted.",
                    short(reverse.id.as_str())
                ),
                [set_flag(network, back, "useRemoteGateways", true)],
            ),
        )
    };
    Some(
        Finding::new(&UNUSED, &link.id, message)
            .related([reverse.id.clone()])
            .mended_by([way]),
    )
}

fn stop_using(design: Design<'_>, link: LinkId) -> WayOut {
    let name = short(design.network.peerings()[link].id.as_str());
    WayOut::with(
        format!("Set useRemoteGateways of link {name} to false."),
        [set_flag(design.network, link, "useRemoteGateways", false)],
    )
}
