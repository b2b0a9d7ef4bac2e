//! Arguments of `vnetsim generate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use generate::{Changes, Shape, Share, Sizes, Topology};

/// Make a network of any size: hubs with appliances and gateways, spokes with route tables and security groups
///
/// The same shape, sizes and seed give the same bytes on every machine. A shape is a set of sizes with a name; an option changes one of
/// them, and sizes that are not given follow where they have to.
#[derive(Args, Debug)]
#[command(after_help = "Shapes, all with hubs that are peered with each other:
  small           60 NICs, 10 VNets (2 hubs), 25 subnets, 12 NSGs of 12 rules, 8 tables of 6 routes
  subscription    65,536 NICs, 1,000 VNets (20 hubs), 4,000 subnets, 5 % of those of spokes behind
                  appliances, 1,000 NSGs of 100 rules, 200 tables of 40 routes
  enterprise      64,000 NICs, 800 VNets (16 hubs), 4,800 subnets, 25 % behind appliances,
                  4,000 NSGs of 200 rules, 800 tables of 100 routes
  dash-baby-hero  6,400 NICs, 82 VNets (2 hubs), 404 subnets, 50 % behind appliances,
                  320 NSGs of 1,000 rules (320,000), 400 tables of 400 routes (160,000)

All have one appliance in each hub. What else hubs, subnets and machines may have comes by shares: two
appliances behind an internal load balancer, Azure firewalls, NAT gateways, hosts on premises, second and
public addresses. A share is a part of a hundred (5%) or of one (0.05), met exactly.

Here -o names the file. The network is written whole or not at all; .json makes a scenario in JSON.
A template cannot say which machines are stopped: in --format arm all run. Neither a template nor dumps
hold hosts on premises. One template holds the network whatever its size, which every command here reads;
Azure itself takes up to 800 resources and 4 MB a template, and VMs only with an image and a size.

Examples:
  vnetsim generate --shape small
  vnetsim generate --shape subscription --seed 7 -o net.yaml
  vnetsim generate --shape subscription --nsgs 5000 -o net.json
  vnetsim generate --topology mesh --vnets 40 --hubs 4 --nics 10000 -o mesh.yaml
  vnetsim generate --hubs 4 --vnets 40 --load-balancer-share 50% --firewall-share 25% -o hubs.yaml
  vnetsim generate --gateway-share 100% --on-premises-hosts 20 -o sites.yaml
  vnetsim generate --format arm -o net.arm.json
  vnetsim generate --format az -o dump")]
pub(crate) struct GenerateArguments {
    /// Sizes to start from: small, subscription, enterprise or dash-baby-hero
    #[arg(long, value_name = "NAME", default_value_t = Shape::Small)]
    pub(crate) shape: Shape,
    /// Seed of all choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// File to write, or folder with --format az [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Kind of file
    #[arg(long, value_enum, default_value = "scenario")]
    pub(crate) format: GenerateFormat,
    #[command(flatten)]
    pub(crate) sizes: SizeArguments,
}

/// What a network is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GenerateFormat {
    /// A scenario with all resources in full: YAML, or JSON where the file ends in .json
    Scenario,
    /// One ARM template, of any size
    Arm,
    /// A folder of files as `az ... list -o json` prints them
    Az,
}

/// What is to be otherwise than the shape has it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Sizes")]
pub(crate) struct SizeArguments {
    /// Who is peered with whom: hub-spoke (each spoke with its hub), mesh (all of a hub with each other), multi-hub (hubs too)
    #[arg(long, value_name = "NAME")]
    topology: Option<Topology>,
    /// Virtual networks with spokes of their own, an appliance each
    #[arg(long, value_name = "N")]
    hubs: Option<usize>,
    /// Virtual networks, hubs included
    #[arg(long, value_name = "N")]
    vnets: Option<usize>,
    /// Subnets of all virtual networks
    #[arg(long, value_name = "N")]
    subnets: Option<usize>,
    /// NICs, each of its own VM, appliances included
    #[arg(long, value_name = "N")]
    nics: Option<usize>,
    /// Network security groups
    #[arg(long, value_name = "N")]
    nsgs: Option<usize>,
    /// Rules of each security group, both directions together
    #[arg(long, value_name = "N")]
    rules: Option<usize>,
    /// Route tables
    #[arg(long, value_name = "N")]
    route_tables: Option<usize>,
    /// Routes of each table
    #[arg(long, value_name = "N")]
    routes: Option<usize>,
    /// Spokes' subnets that have a route table to the appliance
    #[arg(long, value_name = "SHARE")]
    appliance_share: Option<Share>,
    /// Hubs that have a VPN gateway
    #[arg(long, value_name = "SHARE")]
    gateway_share: Option<Share>,
    /// Hubs that have an Azure firewall with a policy in place of the appliance
    #[arg(long, value_name = "SHARE")]
    firewall_share: Option<Share>,
    /// Other hubs that have two appliances behind an internal load balancer in place of one
    #[arg(long, value_name = "SHARE")]
    load_balancer_share: Option<Share>,
    /// Spokes' subnets that go to the Internet through a NAT gateway
    #[arg(long, value_name = "SHARE")]
    nat_gateway_share: Option<Share>,
    /// Hosts on premises, spread over the sites behind the gateways
    #[arg(long, value_name = "N")]
    on_premises_hosts: Option<usize>,
    /// VMs that do not run
    #[arg(long, value_name = "SHARE")]
    stopped_share: Option<Share>,
    /// VMs that have a second address
    #[arg(long, value_name = "SHARE")]
    second_address_share: Option<Share>,
    /// VMs that have a public address [default: about one in 400]
    #[arg(long, value_name = "SHARE")]
    public_address_share: Option<Share>,
    /// Rules that a packet can match which an earlier rule matches too
    #[arg(long, value_name = "SHARE")]
    rule_overlap: Option<Share>,
}

impl GenerateArguments {
    /// The sizes that are asked for.
    pub(crate) fn wanted(&self) -> Sizes {
        let given = &self.sizes;
        self.shape.sizes().with(&Changes {
            topology: given.topology,
            hubs: given.hubs,
            virtual_networks: given.vnets,
            subnets: given.subnets,
            nics: given.nics,
            nsgs: given.nsgs,
            rules: given.rules,
            route_tables: given.route_tables,
            routes: given.routes,
            appliance_share: given.appliance_share,
            gateway_share: given.gateway_share,
            firewall_share: given.firewall_share,
            load_balancer_share: given.load_balancer_share,
            nat_gateway_share: given.nat_gateway_share,
            on_premises_hosts: given.on_premises_hosts,
            stopped_share: given.stopped_share,
            second_address_share: given.second_address_share,
            public_address_share: given.public_address_share,
            rule_overlap: given.rule_overlap,
        })
    }
}
