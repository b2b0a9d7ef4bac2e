//! What was translated to what, and by whom, in words.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::snapshot::Translator;
use dataplane::dropped::Locator;
use dataplane::nat::Rewrite;
use dataplane::packet::{End, protocol};

use crate::object::Object;
use crate::stage::Stage;

/// `destination 10.0.0.100:80 becomes 10.0.1.4:8080 (load balancer ilb)`.
pub(crate) fn words(snapshot: &Snapshot, rewrite: Rewrite) -> (Stage, String, Option<Object>) {
    let end = match rewrite.end {
        End::Source => "source",
        End::Destination => "destination",
    };
    let written = |address: Ipv4Addr, port: u16| match rewrite.protocol {
        protocol::TCP | protocol::UDP => format!("{address}:{port}"),
        _ => address.to_string(),
    };
    let (address, port) = rewrite.from;
    let names = &snapshot.provenance;
    let id = |ids: &[Option<model::ResourceId>], position: u32| {
        let id = ids.get(position as usize)?.as_ref()?;
        Some(id.to_string())
    };
    let object = match rewrite.by {
        Translator::Frontend(frontend) => {
            Some(Object::at(snapshot, Locator::Frontend(frontend), None))
        }
        Translator::PublicIp(public) => {
            id(&names.public_ips, public.get()).map(|id| Object::PublicIpAddress { id })
        }
        Translator::NatGateway(gateway) => {
            id(&names.nat_gateways, gateway.get()).map(|id| Object::NatGateway { id })
        }
        Translator::DefaultOutbound => None,
    };
    let by = object.as_ref().map_or_else(
        || "default outbound access, assumed address".to_owned(),
        ToString::to_string,
    );
    let text = format!(
        "{end} {} becomes {} ({by})",
        written(address, port),
        written(rewrite.address, rewrite.port)
    );
    (Stage::Edge, text, object)
}

/// The rule on which a translation rests, where it is assumed.
pub(crate) fn assumption(
    snapshot: &Snapshot,
    rewrite: Rewrite,
) -> Option<(&'static str, &'static str)> {
    let shared =
        snapshot.is_at_the_edge(rewrite.by) && !matches!(rewrite.by, Translator::PublicIp(_));
    if shared && rewrite.protocol == protocol::ICMP {
        return Some((
            "N-12",
            "That pings pass NAT gateways, load balancers and default outbound access is assumed: Azure documents them for TCP and UDP.",
        ));
    }
    (rewrite.by == Translator::DefaultOutbound).then_some((
        "N-12",
        "The address of default outbound access is Azure's choice and may change: the one shown is assumed.",
    ))
}
