//! Networks with a name, so that figures measured on them can be compared.

use std::fmt;
use std::str::FromStr;

use crate::share::Share;
use crate::sizes::{Sizes, Topology};

/// A named set of sizes. What a name stands for never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Two hubs with four spokes each, 60 NICs: to be read by people, and small enough to try every pair with packets.
    Small,
    /// One subscription of a large company: 65,536 NICs in 1,000 virtual networks, 1,000 NSGs of 100 rules, 20 hubs with appliances, 5 % of
    /// the subnets behind them.
    Subscription,
    /// 64,000 NICs, 4,000 NSGs of 200 rules.
    Enterprise,
    /// 320,000 rules in NSGs of 1,000 and 160,000 routes in tables of 400: as many as the test of that name by the SONiC-DASH
    /// project loads into a card.
    DashBabyHero,
}

/// What every shape has in common: hubs with one appliance each, and sites without hosts.
const PLAIN: Sizes = Sizes {
    topology: Topology::MultiHub,
    hubs: 0,
    virtual_networks: 0,
    subnets: 0,
    nics: 0,
    nsgs: 0,
    rules: 0,
    route_tables: 0,
    routes: 0,
    appliance_share: Share::NONE,
    gateway_share: Share::NONE,
    firewall_share: Share::NONE,
    load_balancer_share: Share::NONE,
    nat_gateway_share: Share::NONE,
    on_premises_hosts: 0,
    stopped_share: Share::percent(2),
    second_address_share: Share::NONE,
    public_address_share: None,
    rule_overlap: Share::percent(30),
};

/// A text that is no shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no shape; expected small, subscription, enterprise or dash-baby-hero")]
pub struct ShapeError(String);

impl Shape {
    /// All of them, the smallest first.
    pub const ALL: [Self; 4] = [
        Self::Small,
        Self::Subscription,
        Self::Enterprise,
        Self::DashBabyHero,
    ];

    /// Its name: `small`, `subscription`, `enterprise`, `dash-baby-hero`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Subscription => "subscription",
            Self::Enterprise => "enterprise",
            Self::DashBabyHero => "dash-baby-hero",
        }
    }

    /// What it stands for.
    pub const fn sizes(self) -> Sizes {
        match self {
            Self::Small => Sizes {
                topology: Topology::MultiHub,
                hubs: 2,
                virtual_networks: 10,
                subnets: 25,
                nics: 60,
                nsgs: 12,
                rules: 12,
                route_tables: 8,
                routes: 6,
                appliance_share: Share::percent(50),
                gateway_share: Share::percent(50),
                rule_overlap: Share::percent(30),
                ..PLAIN
            },
            Self::Subscription => Sizes {
                topology: Topology::MultiHub,
                hubs: 20,
                virtual_networks: 1_000,
                subnets: 4_000,
                nics: 65_536,
                nsgs: 1_000,
                rules: 100,
                route_tables: 200,
                routes: 40,
                appliance_share: Share::percent(5),
                gateway_share: Share::percent(25),
                rule_overlap: Share::percent(30),
                ..PLAIN
            },
            Self::Enterprise => Sizes {
                topology: Topology::MultiHub,
                hubs: 16,
                virtual_networks: 800,
                subnets: 4_800,
                nics: 64_000,
                nsgs: 4_000,
                rules: 200,
                route_tables: 800,
                routes: 100,
                appliance_share: Share::percent(25),
                gateway_share: Share::percent(50),
                rule_overlap: Share::percent(30),
                ..PLAIN
            },
            Self::DashBabyHero => Sizes {
                topology: Topology::MultiHub,
                hubs: 2,
                virtual_networks: 82,
                subnets: 404,
                nics: 6_400,
                nsgs: 320,
                rules: 1_000,
                route_tables: 400,
                routes: 400,
                appliance_share: Share::percent(50),
                gateway_share: Share::NONE,
                rule_overlap: Share::percent(30),
                ..PLAIN
            },
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        Self::ALL
            .into_iter()
            .find(|shape| shape.name() == text)
            .ok_or_else(|| ShapeError(text.to_owned()))
    }
}
