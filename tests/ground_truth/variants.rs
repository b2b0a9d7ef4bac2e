//! What a recording leaves open, as worlds to try.

use crate::case::Case;
use crate::scenario::Choice;
use crate::topology::Topology;

/// All readings of a case, the plain one first. `aft` cases are tried under every setting of `forwardedTraffic`.
pub(crate) fn of(case: &Case, topology: &Topology) -> Vec<Choice> {
    let appliances = || topology.nics.iter().filter_map(|nic| nic.appliance);
    let open = |is_open: bool, plain: bool| -> Vec<bool> {
        if is_open {
            vec![plain, !plain]
        } else {
            vec![plain]
        }
    };
    let settings: &[Option<&'static str>] = if case.has_tag("aft") {
        &[Some("observed"), Some("documented"), Some("lenient")]
    } else {
        &[None]
    };
    let mut choices = Vec::new();
    for &forwarded_traffic in settings {
        for forwards in open(appliances().any(|guest| guest.forwards.is_none()), true) {
            for snat in open(appliances().any(|guest| guest.snat.is_none()), false) {
                for stateful in open(appliances().any(|guest| guest.stateful.is_none()), false) {
                    for policies in open(unsaid_policies(topology), true) {
                        choices.push(Choice {
                            forwarded_traffic,
                            forwards,
                            snat,
                            stateful,
                            policies,
                        });
                    }
                }
            }
        }
    }
    choices
}

/// Whether there is a private endpoint in a subnet of which nobody says whether routes and rules act on it.
fn unsaid_policies(topology: &Topology) -> bool {
    topology.endpoints.iter().any(|endpoint| {
        let subnets = topology.vnet(&endpoint.vnet).map(|vnet| &vnet.subnets);
        let mut subnets = subnets.into_iter().flatten();
        subnets.any(|subnet| subnet.name == endpoint.subnet && subnet.policies.is_none())
    })
}

/// Which reading it is, in words.
pub(crate) fn words(choice: Choice, topology: &Topology) -> String {
    let appliances = || topology.nics.iter().filter_map(|nic| nic.appliance);
    let mut words = Vec::new();
    if let Some(setting) = choice.forwarded_traffic {
        words.push(format!("forwardedTraffic={setting}"));
    }
    let unsaid = [
        (
            "forwards",
            choice.forwards,
            appliances().any(|guest| guest.forwards.is_none()),
        ),
        (
            "snat",
            choice.snat,
            appliances().any(|guest| guest.snat.is_none()),
        ),
        (
            "stateful",
            choice.stateful,
            appliances().any(|guest| guest.stateful.is_none()),
        ),
    ];
    if unsaid_policies(topology) {
        let word = if choice.policies {
            "Enabled"
        } else {
            "Disabled"
        };
        words.push(format!("privateEndpointNetworkPolicies={word}"));
    }
    for (name, value, _) in unsaid.into_iter().filter(|(_, _, open)| *open) {
        words.push(format!("{name}={value}"));
    }
    words.join(", ")
}
