//! What the compiler noticed and a user should know: places where the input does not hold what decides.

use std::fmt;
use std::net::Ipv4Addr;

use model::ResourceId;

/// One thing that was noticed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Note {
    /// A rule names a tag whose prefixes nobody has given: that side matches nothing (T-8).
    UnknownTagInRule {
        /// The security group.
        group: ResourceId,
        /// The rule.
        rule: String,
        /// The tag.
        tag: String,
    },
    /// Several security admin configurations of one manager reach a network, and the input does not say which is deployed (S-13).
    SeveralAdminConfigurations {
        /// The network manager.
        manager: ResourceId,
        /// The virtual network.
        virtual_network: ResourceId,
        /// Names of the configurations.
        configurations: Vec<String>,
    },
    /// A user route has a tag whose prefixes nobody has given: the route is left out.
    UnknownTagInRoute {
        /// The route table.
        table: ResourceId,
        /// The route.
        route: String,
        /// The tag.
        tag: String,
    },
    /// A service endpoint whose prefixes nobody has given: its row is left out.
    UnknownServiceEndpoint {
        /// The service.
        service: String,
        /// The tag that would hold its prefixes.
        tag: String,
    },
    /// The gateway that a virtual network uses is not part of the input: its routes are missing.
    GatewayOutsideInput {
        /// The link with `useRemoteGateways`.
        peering: ResourceId,
    },
    /// A VPN and an ExpressRoute gateway in one virtual network: user routes to a gateway lead nowhere.
    CoexistingGateways {
        /// The virtual network.
        virtual_network: ResourceId,
    },
    /// A connection between two gateways that only one of them has: it does not stand.
    OneSidedConnection {
        /// The connection.
        connection: ResourceId,
    },
    /// No rule of the load balancer serves the frontend: nobody answers there.
    FrontendWithoutRule {
        /// The load balancer.
        load_balancer: ResourceId,
        /// The frontend.
        frontend: String,
    },
    /// A resource has a public address that the input does not hold: one for documentation stands for it.
    AssumedPublicAddress {
        /// The public address, or the NAT gateway that has none in the input.
        resource: ResourceId,
        /// The assumed value.
        address: Ipv4Addr,
    },
    /// More rows than a compiled table numbers; the last ones are left out.
    TooManyRoutes {
        /// The virtual network.
        virtual_network: ResourceId,
        /// Rows left out.
        left_out: usize,
    },
}

impl Note {
    /// The resource that a user would look at; none where only the text tells.
    pub fn about(&self) -> Option<ResourceId> {
        match self {
            Self::UnknownTagInRule { group, rule, .. } => Some(group.child("securityRules", rule)),
            Self::UnknownTagInRoute { table, route, .. } => Some(table.child("routes", route)),
            Self::UnknownServiceEndpoint { .. } => None,
            Self::GatewayOutsideInput { peering: id }
            | Self::CoexistingGateways {
                virtual_network: id,
            }
            | Self::OneSidedConnection { connection: id }
            | Self::SeveralAdminConfigurations {
                virtual_network: id,
                ..
            }
            | Self::FrontendWithoutRule {
                load_balancer: id, ..
            }
            | Self::AssumedPublicAddress { resource: id, .. }
            | Self::TooManyRoutes {
                virtual_network: id,
                ..
            } => Some(id.clone()),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTagInRule { group, rule, tag } => write!(
                f,
                "rule '{rule}' of {group} names the service tag {tag}, whose prefixes are not given: that side matches nothing"
            ),
            Self::SeveralAdminConfigurations {
                manager,
                virtual_network,
                configurations,
            } => write!(
                f,
                "the security admin configurations {} of {manager} all reach {virtual_network}; Azure deploys one to a region, and all of them count here",
                configurations.join(", ")
            ),
            Self::UnknownTagInRoute { table, route, tag } => write!(
                f,
                "route '{route}' of {table} is for the service tag {tag}, whose prefixes are not given: it is left out"
            ),
            Self::UnknownServiceEndpoint { service, tag } => write!(
                f,
                "the prefixes behind service endpoint {service} (tag {tag}) are not given: its effective route is left out"
            ),
            Self::GatewayOutsideInput { peering } => write!(
                f,
                "{peering} uses a gateway that is not part of the input: routes through it are missing"
            ),
            Self::CoexistingGateways { virtual_network } => write!(
                f,
                "{virtual_network} has a VPN and an ExpressRoute gateway: Azure allows no user route with next hop VirtualNetworkGateway there, such routes lead nowhere"
            ),
            Self::OneSidedConnection { connection } => write!(
                f,
                "{connection} has no counterpart at the other gateway: it counts as down"
            ),
            Self::FrontendWithoutRule {
                load_balancer,
                frontend,
            } => write!(
                f,
                "no rule of {load_balancer} serves frontend '{frontend}': nobody answers there"
            ),
            Self::AssumedPublicAddress { resource, address } => write!(
                f,
                "the input does not hold the public address of {resource}: {address} stands for it"
            ),
            Self::TooManyRoutes {
                virtual_network,
                left_out,
            } => write!(
                f,
                "{left_out} effective routes of {virtual_network} are more than a table holds and are left out"
            ),
        }
    }
}
