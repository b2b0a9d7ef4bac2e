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
/// Addresses of 10.0.0.0/8.
pub(crate) const ROOM: u64 = 1 << 24;
/// Addresses of the smallest subnet that is made: a /28.
pub(crate) const SMALLEST_SUBNET: u64 = 16;
/// Most NSGs, and most route tables: far beyond what a subscription has.
const MAX_TABLES: usize = 1_000_000;
/// Most rules of all NSGs, and most routes of all tables: what takes a few GiB.
const MAX_ENTRIES: usize = 20_000_000;
/// Hosts of a network on premises: those of the one /24 that each has at least.
const MAX_HOSTS: usize = 254;
/// Public addresses that do not belong to anybody: 198.18.0.0/15 (RFC 2544).
const PUBLIC_ADDRESSES: usize = 131_070;

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
    /// virtual networks that have spokes; each has something that forwards: an appliance, two behind a load balancer, or an Azure firewall.
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
    /// How many of the hubs have an Azure firewall with a policy of network rules in place of the appliance.
    pub firewall_share: Share,
    /// How many of the other hubs have two appliances behind an internal load balancer in place of one.
    pub load_balancer_share: Share,
    /// How many of the spokes' subnets go to the Internet through a NAT gateway, one for each virtual network.
    pub nat_gateway_share: Share,
    /// Hosts on premises behind the gateways, as even as it goes; with none, the sites have prefixes alone.
    pub on_premises_hosts: usize,
    /// How many of the VMs do not run, appliances left out; rounded up.
    pub stopped_share: Share,
    /// How many of the VMs have a second address at their NIC, appliances left out.
    pub second_address_share: Share,
    /// How many of the VMs have a public address, appliances left out; `None`: about one in 400, and none above 762.
    pub public_address_share: Option<Share>,
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
    /// More than there are addresses for.
    #[error("{count} {what} are too many: there is room for {most}{advice}")]
    NoRoom {
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
    #[error(
        "10.0.0.0/8 has no room: the subnets, VNets and groups of VNets would take at least {needed} addresses, each a power of two, \
         and there are 16777216; fewer NICs, subnets or VNets take less"
    )]
    AddressesExhausted {
        /// Addresses that would be needed.
        needed: u64,
    },
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

    /// Hubs with an Azure firewall.
    pub const fn firewalls(&self) -> usize {
        self.firewall_share.of(self.hubs)
    }

    /// Hubs with two appliances behind a load balancer.
    pub const fn load_balancers(&self) -> usize {
        let others = self.hubs.saturating_sub(self.firewalls());
        self.load_balancer_share.of(others)
    }

    /// VMs that forward.
    pub const fn appliances(&self) -> usize {
        let hubs = self.hubs.saturating_sub(self.firewalls());
        hubs.saturating_add(self.load_balancers())
    }

    /// VMs that do not forward.
    pub const fn machines(&self) -> usize {
        self.nics.saturating_sub(self.appliances())
    }

    /// Subnets of spokes with a NAT gateway.
    pub const fn subnets_with_nat(&self) -> usize {
        self.nat_gateway_share.of(self.spoke_subnets())
    }

    /// Public addresses that have to be, those of VPN gateways left out.
    fn public_addresses(&self) -> usize {
        let nat = self.subnets_with_nat().min(self.spokes());
        let share = self.public_address_share.unwrap_or(Share::NONE);
        nat.saturating_add(self.firewalls())
            .saturating_add(share.of(self.machines()))
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

    /// What makes fewer links, where a hub has too many.
    fn advice_on_peerings(&self) -> &'static str {
        let spokes_of_a_hub = self.spokes().div_ceil(self.hubs.max(1));
        if self.topology == Topology::MultiHub && self.hubs > spokes_of_a_hub {
            "; every hub has one to every other, so fewer hubs have fewer, and with the topology hub-spoke they have none"
        } else {
            "; more hubs make smaller groups"
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
            self.appliances(),
            "the appliances of the hubs have one each",
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
        if self.on_premises_hosts > 0 {
            let least_gateways = self.on_premises_hosts.div_ceil(MAX_HOSTS);
            least(
                "hubs with a gateway",
                self.gateways(),
                least_gateways,
                "the site behind a gateway has up to 254 hosts",
            )?;
        }
        most(
            "routes a table",
            self.routes,
            MAX_ROUTES,
            "; more tables hold more",
        )?;
        most(
            "rules an NSG",
            self.rules,
            MAX_RULES,
            "; more NSGs hold more",
        )?;
        self.check_room()?;
        most(
            "peering links of a VNet",
            self.most_peerings(),
            MAX_PEERINGS,
            self.advice_on_peerings(),
        )?;
        // Subnets of spokes differ by one at most.
        let in_a_spoke = self.spoke_subnets().div_ceil(self.spokes().max(1));
        if self.spokes() > 0 {
            let advice = "; more VNets have room for more";
            most("subnets of a VNet", in_a_spoke, MAX_SUBNETS, advice)?;
        }
        Ok(())
    }
}

impl Sizes {
    /// Whether there are addresses and memory enough, as far as can be told before anything has its place.
    fn check_room(&self) -> Result<(), SizesError> {
        let room = usize::try_from(ROOM).unwrap_or(usize::MAX);
        let entries = |tables: usize, each| tables.saturating_mul(each);
        for (what, count, most, advice) in [
            ("NICs", self.nics, room, " in 10.0.0.0/8"),
            ("NSGs", self.nsgs, MAX_TABLES, ""),
            ("route tables", self.route_tables, MAX_TABLES, ""),
            (
                "rules of all NSGs",
                entries(self.nsgs, self.rules),
                MAX_ENTRIES,
                "; fewer NSGs, or fewer rules in each, take less",
            ),
            (
                "routes of all tables",
                entries(self.route_tables, self.routes),
                MAX_ENTRIES,
                "; fewer tables, or fewer routes in each, take less",
            ),
            (
                "public addresses",
                self.public_addresses(),
                PUBLIC_ADDRESSES,
                " in 198.18.0.0/15; smaller shares of NAT gateways and public addresses need fewer",
            ),
        ] {
            if count > most {
                return Err(SizesError::NoRoom {
                    what,
                    count,
                    most,
                    advice,
                });
            }
        }
        let needed = (self.subnets as u64).saturating_mul(SMALLEST_SUBNET);
        if needed > ROOM {
            return Err(SizesError::AddressesExhausted { needed });
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
    /// See [`Sizes::firewall_share`].
    pub firewall_share: Option<Share>,
    /// See [`Sizes::load_balancer_share`].
    pub load_balancer_share: Option<Share>,
    /// See [`Sizes::nat_gateway_share`].
    pub nat_gateway_share: Option<Share>,
    /// See [`Sizes::on_premises_hosts`].
    pub on_premises_hosts: Option<usize>,
    /// See [`Sizes::stopped_share`].
    pub stopped_share: Option<Share>,
    /// See [`Sizes::second_address_share`].
    pub second_address_share: Option<Share>,
    /// See [`Sizes::public_address_share`].
    pub public_address_share: Option<Share>,
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
            firewall_share: changes.firewall_share.unwrap_or(self.firewall_share),
            load_balancer_share: changes
                .load_balancer_share
                .unwrap_or(self.load_balancer_share),
            nat_gateway_share: changes.nat_gateway_share.unwrap_or(self.nat_gateway_share),
            on_premises_hosts: changes.on_premises_hosts.unwrap_or(self.on_premises_hosts),
            stopped_share: changes.stopped_share.unwrap_or(self.stopped_share),
            second_address_share: changes
                .second_address_share
                .unwrap_or(self.second_address_share),
            public_address_share: changes.public_address_share.or(self.public_address_share),
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
             --appliance-share {} --gateway-share {} --firewall-share {} --load-balancer-share {} --nat-gateway-share {} \
             --on-premises-hosts {} --stopped-share {} --second-address-share {} --rule-overlap {}",
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
            self.firewall_share,
            self.load_balancer_share,
            self.nat_gateway_share,
            self.on_premises_hosts,
            self.stopped_share,
            self.second_address_share,
            self.rule_overlap
        )?;
        match self.public_address_share {
            Some(share) => write!(f, " --public-address-share {share}"),
            None => Ok(()),
        }
    }
}
