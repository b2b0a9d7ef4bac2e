//! How large a network is to be, and of what kind.

use std::fmt;
use std::str::FromStr;

use crate::share::Share;

/// Most peering links of a virtual network (P-12).
pub(crate) const MAX_PEERINGS: usize = 500;
/// Most subnets of a virtual network.
pub(crate) const MAX_SUBNETS: usize = 3_000;
/// Most private addresses of a virtual network.
pub(crate) const MAX_ADDRESSES: usize = 65_536;
/// Most routes of a table.
pub(crate) const MAX_ROUTES: usize = 400;
/// Most rules of an NSG, both directions together (S-8).
pub(crate) const MAX_RULES: usize = 1_000;

/// Who is peered with whom. virtual networks come in groups of a hub with its spokes, one group in one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topology {
    /// Spokes with their hub. Groups do not know each other.
    HubSpoke,
    /// Every virtual network of a group with every other. Groups do not know each other.
    Mesh,
    /// Spokes with their hub, and all hubs with each other: appliances send what is for another group to the appliance of its hub.
    MultiHub,
}

/// What a generated network consists of. Counts are exact: they are what the network has in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Who is peered with whom.
    pub topology: Topology,
    /// virtual networks that have spokes; each has an appliance.
    pub hubs: usize,
    /// virtual networks, hubs included.
    pub virtual_networks: usize,
    /// Subnets of all virtual networks. A hub has two (`appliances`, `shared`), or three with `GatewaySubnet`; the spokes share the rest.
    pub subnets: usize,
    /// NICs that Azure lists, each of its own VM; those of the appliances included, those of gateways not.
    pub nics: usize,
    /// NSGs. They go to subnets, and to NICs where there are more of them than subnets.
    pub nsgs: usize,
    /// Rules of each NSG, both directions together: three of five are inbound.
    pub rules: usize,
    /// Route tables.
    pub route_tables: usize,
    /// Routes of each table.
    pub routes: usize,
    /// How many of the spokes' subnets have a route table that leads to the appliance.
    pub appliance_share: Share,
    /// How many of the hubs have a VPN gateway, which most of their spokes use.
    pub gateway_share: Share,
    /// How many rules can match a packet that an earlier rule of their NSG matches too, in each direction; a service tag or
    /// application security group counts as every address. The first rule cannot, so a share of 100 % is met but for one.
    pub rule_overlap: Share,
}

/// Why there is no such network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizesError {
    /// Too few of something for the rest.
    #[error("{count} {what} are too few: {reason}, so at least {least} are needed")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// How many are asked for.
        count: usize,
        /// How many there have to be.
        least: usize,
        /// What makes it so.
        reason: &'static str,
    },
    /// More than Azure allows.
    #[error("{count} {what} are too many: Azure allows {most}{advice}")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there would be.
        count: usize,
        /// How many there may be.
        most: usize,
        /// What helps.
        advice: &'static str,
    },
    /// More addresses than there are.
    #[error("10.0.0.0/8 has no room for so many NICs and subnets")]
    AddressesExhausted,
}

impl Topology {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HubSpoke, Self::Mesh, Self::MultiHub];

    /// Its name: `hub-spoke`, `mesh`, `multi-hub`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HubSpoke => "hub-spoke",
            Self::Mesh => "mesh",
            Self::MultiHub => "multi-hub",
        }
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is no topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no topology; expected hub-spoke, mesh or multi-hub")]
pub struct TopologyError(String);

impl FromStr for Topology {
    type Err = TopologyError;

    fn from_str(text: &str) -> Result<Self, TopologyError> {
        Self::ALL
            .into_iter()
            .find(|topology| topology.name() == text)
            .ok_or_else(|| TopologyError(text.to_owned()))
    }
}

impl Sizes {
    /// virtual networks that are no hubs.
    pub const fn spokes(&self) -> usize {
        self.virtual_networks.saturating_sub(self.hubs)
    }

    /// Hubs with a gateway.
    pub const fn gateways(&self) -> usize {
        self.gateway_share.of(self.hubs)
    }

    /// Subnets of the hubs: for appliances, for machines that all use, for gateways.
    pub const fn hub_subnets(&self) -> usize {
        self.hubs.saturating_mul(2).saturating_add(self.gateways())
    }

    /// Subnets of the spokes.
    pub const fn spoke_subnets(&self) -> usize {
        self.subnets.saturating_sub(self.hub_subnets())
    }

    /// Subnets of spokes that have a route table that leads to the appliance.
    pub const fn subnets_behind_appliances(&self) -> usize {
        self.appliance_share.of(self.spoke_subnets())
    }

    /// Tables that lead from hub to hub: one for each appliance.
    pub(crate) fn tables_between_hubs(&self) -> usize {
        if self.topology == Topology::MultiHub && self.hubs > 1 {
            self.hubs
        } else {
            0
        }
    }

    /// Most links that a virtual network would have. The first groups are the largest.
    fn most_peerings(&self) -> usize {
        let of_a_hub = self.spokes().div_ceil(self.hubs.max(1));
        match self.topology {
            Topology::HubSpoke | Topology::Mesh => of_a_hub,
            Topology::MultiHub => of_a_hub.saturating_add(self.hubs - 1),
        }
    }

    fn least_subnets(&self) -> usize {
        self.hub_subnets().saturating_add(self.spokes())
    }

    fn least_route_tables(&self) -> usize {
        let behind = self.subnets_behind_appliances().min(self.hubs);
        self.tables_between_hubs().saturating_add(behind)
    }

    /// Whether there is such a network.
    pub fn check(&self) -> Result<(), SizesError> {
        let least = |what, count, least, reason| {
            if count >= least {
                return Ok(());
            }
            Err(SizesError::TooFew {
                what,
                count,
                least,
                reason,
            })
        };
        let most = |what, count, most, advice| {
            if count <= most {
                return Ok(());
            }
            Err(SizesError::TooMany {
                what,
                count,
                most,
                advice,
            })
        };
        least("hubs", self.hubs, 1, "every spoke needs one")?;
        least(
            "VNets",
            self.virtual_networks,
            self.hubs,
            "hubs are among them",
        )?;
        least(
            "subnets",
            self.subnets,
            self.least_subnets(),
            "a spoke has one, a hub two, a hub with a gateway three",
        )?;
        least(
            "NICs",
            self.nics,
            self.hubs,
            "the appliance of each hub has one",
        )?;
        least(
            "route tables",
            self.route_tables,
            self.least_route_tables(),
            "tables lead to the appliance of one hub, and from hub to hub",
        )?;
        if self.route_tables > 0 {
            let reason = "a table without routes leads to no appliance";
            least("routes a table", self.routes, 1, reason)?;
        }
        most("routes a table", self.routes, MAX_ROUTES, "")?;
        most("rules an NSG", self.rules, MAX_RULES, "")?;
        most(
            "peering links of a VNet",
            self.most_peerings(),
            MAX_PEERINGS,
            "; more hubs make smaller groups",
        )?;
        // Subnets of spokes differ by one at most.
        let in_a_spoke = self.spoke_subnets().div_ceil(self.spokes().max(1));
        if self.spokes() > 0 {
            most("subnets of a VNet", in_a_spoke, MAX_SUBNETS, "")?;
        }
        Ok(())
    }
}

/// What is to be otherwise than a shape has it; `None` = as the shape has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// See [`Sizes::topology`].
    pub topology: Option<Topology>,
    /// See [`Sizes::hubs`]; as many for the virtual networks as the shape has, unless given.
    pub hubs: Option<usize>,
    /// See [`Sizes::virtual_networks`].
    pub virtual_networks: Option<usize>,
    /// See [`Sizes::subnets`]; as many for the virtual networks as the shape has, unless given.
    pub subnets: Option<usize>,
    /// See [`Sizes::nics`].
    pub nics: Option<usize>,
    /// See [`Sizes::nsgs`].
    pub nsgs: Option<usize>,
    /// See [`Sizes::rules`].
    pub rules: Option<usize>,
    /// See [`Sizes::route_tables`]; more than the shape has where it has too few, unless given.
    pub route_tables: Option<usize>,
    /// See [`Sizes::routes`].
    pub routes: Option<usize>,
    /// See [`Sizes::appliance_share`].
    pub appliance_share: Option<Share>,
    /// See [`Sizes::gateway_share`].
    pub gateway_share: Option<Share>,
    /// See [`Sizes::rule_overlap`].
    pub rule_overlap: Option<Share>,
}

impl Sizes {
    /// These sizes with some of them changed. Sizes that are not given follow where they have to; given ones never change.
    #[must_use]
    pub fn with(&self, changes: &Changes) -> Self {
        let virtual_networks = changes.virtual_networks.unwrap_or(self.virtual_networks);
        let scaled = |count: usize| {
            let scaled = count.saturating_mul(virtual_networks);
            scaled.div_ceil(self.virtual_networks.max(1))
        };
        let mut sizes = Self {
            topology: changes.topology.unwrap_or(self.topology),
            hubs: changes.hubs.unwrap_or_else(|| scaled(self.hubs).max(1)),
            virtual_networks,
            subnets: 0,
            nics: changes.nics.unwrap_or(self.nics),
            nsgs: changes.nsgs.unwrap_or(self.nsgs),
            rules: changes.rules.unwrap_or(self.rules),
            route_tables: 0,
            routes: changes.routes.unwrap_or(self.routes),
            appliance_share: changes.appliance_share.unwrap_or(self.appliance_share),
            gateway_share: changes.gateway_share.unwrap_or(self.gateway_share),
            rule_overlap: changes.rule_overlap.unwrap_or(self.rule_overlap),
        };
        let least = sizes.least_subnets();
        sizes.subnets = changes
            .subnets
            .unwrap_or_else(|| scaled(self.subnets).max(least));
        let least = sizes.least_route_tables();
        sizes.route_tables = changes
            .route_tables
            .unwrap_or_else(|| self.route_tables.max(least));
        sizes
    }
}

impl fmt::Display for Sizes {
    /// In the words of the command line, so that the text makes the same network again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "--topology {} --hubs {} --vnets {} --subnets {} --nics {} --nsgs {} --rules {} --route-tables {} --routes {} \
             --appliance-share {} --gateway-share {} --rule-overlap {}",
            self.topology,
            self.hubs,
            self.virtual_networks,
            self.subnets,
            self.nics,
            self.nsgs,
            self.rules,
            self.route_tables,
            self.routes,
            self.appliance_share,
            self.gateway_share,
            self.rule_overlap
        )
    }
}
