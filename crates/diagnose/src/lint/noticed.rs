//! What the compiler of the tables noticed: places where the input does not hold what decides, or says what Azure would not take.

use control::Note;
use model::ResourceId;

use super::{Check, Design, Finding, Severity};

const TAG: Check = Check {
    id: "unknown-service-tag",
    severity: Severity::Warning,
    rule: "T-8, R-9, R-30",
    title: "A rule, route or service endpoint rests on a service tag whose prefixes are not given.",
};
const GATEWAY: Check = Check {
    id: "gateway-outside-input",
    severity: Severity::Note,
    rule: "F-11",
    title: "A network uses a gateway that is not part of the input.",
};
const COEXISTING: Check = Check {
    id: "user-route-beside-expressroute",
    severity: Severity::Warning,
    rule: "R-23, G-9",
    title: "A VPN and an ExpressRoute gateway in one network: user routes to a gateway lead nowhere there.",
};
const ONE_SIDED: Check = Check {
    id: "one-sided-connection",
    severity: Severity::Error,
    rule: "G-4",
    title: "A connection between two gateways exists at one of them only.",
};
const FRONTEND: Check = Check {
    id: "frontend-without-rule",
    severity: Severity::Warning,
    rule: "R-25",
    title: "No rule of a load balancer serves one of its frontends.",
};
const OTHER: Check = Check {
    id: "compiler-note",
    severity: Severity::Note,
    rule: "R-31",
    title: "Something else that the compiler of the tables noticed.",
};

pub(super) const CHECKS: &[&Check] = &[&TAG, &GATEWAY, &COEXISTING, &ONE_SIDED, &FRONTEND, &OTHER];

pub(super) fn find(design: Design<'_>, findings: &mut Vec<Finding>) {
    for note in design.snapshot.provenance.notes.iter() {
        let check = match note {
            Note::UnknownTagInRule { .. }
            | Note::UnknownTagInRoute { .. }
            | Note::UnknownServiceEndpoint { .. } => &TAG,
            Note::GatewayOutsideInput { .. } => &GATEWAY,
            Note::CoexistingGateways { .. } => &COEXISTING,
            Note::OneSidedConnection { .. } => &ONE_SIDED,
            Note::FrontendWithoutRule { .. } => &FRONTEND,
            _ => &OTHER,
        };
        let resource = match note {
            Note::UnknownServiceEndpoint { service, .. } => subnet_with(design, service),
            note => note.about(),
        };
        if let Some(resource) = resource {
            findings.push(Finding::new(
                check,
                &resource,
                format!("{}.", sentence(&note.to_string())),
            ));
        }
    }
}

/// The first subnet with an endpoint of a service.
fn subnet_with(design: Design<'_>, service: &str) -> Option<ResourceId> {
    let mut subnets = design.network.subnets().values();
    let with = subnets.find(|subnet| subnet.service_endpoints.iter().any(|own| own == service))?;
    Some(with.id.clone())
}

/// With a capital letter, unless it begins with an id.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
