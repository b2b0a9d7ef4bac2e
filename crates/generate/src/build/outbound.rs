//! Public addresses, and the NAT gateways that need some of them.

use std::net::Ipv4Addr;

use model::{NatGateway, NatGatewayId, OperationError, PublicIpAddress, PublicIpId, Sku};

use super::{Builder, network_id};
use crate::plan::Role;
use crate::random::Purpose;

/// Ranges for documentation (RFC 5737): where the addresses of VMs and VPN gateways come from, as long as there are any.
const DOCUMENTATION: [Ipv4Addr; 3] = [
    Ipv4Addr::new(203, 0, 113, 0),
    Ipv4Addr::new(198, 51, 100, 0),
    Ipv4Addr::new(192, 0, 2, 0),
];
/// The range for benchmarks (RFC 2544): 198.18.0.0/15, for everything else.
const BENCHMARKS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

/// How many addresses have been given away.
#[derive(Default)]
pub(super) struct PublicAddresses {
    of_documentation: usize,
    of_benchmarks: u32,
}

impl PublicAddresses {
    fn documentation(&mut self) -> Option<Ipv4Addr> {
        let number = self.of_documentation;
        let range = *DOCUMENTATION.get(number / 254)?;
        self.of_documentation += 1;
        let offset = u32::try_from(number % 254 + 1).unwrap_or(1);
        Some((u32::from(range) + offset).into())
    }

    /// There are enough: sizes that need more are refused.
    fn benchmarks(&mut self) -> Ipv4Addr {
        self.of_benchmarks += 1;
        (u32::from(BENCHMARKS) + self.of_benchmarks).into()
    }
}

impl Builder<'_> {
    fn create_public_ip(
        &mut self,
        name: &str,
        group: usize,
        address: Ipv4Addr,
    ) -> Result<PublicIpId, OperationError> {
        self.network.create_public_ip(PublicIpAddress {
            id: network_id("publicIPAddresses", name),
            location: self.location(group),
            address: Some(address),
            sku: Sku::Standard,
        })
    }

    /// A public address of a VM or VPN gateway, while there are any for documentation.
    pub(super) fn public_ip(
        &mut self,
        name: &str,
        group: usize,
    ) -> Result<Option<PublicIpId>, OperationError> {
        match self.public.documentation() {
            Some(address) => self.create_public_ip(name, group, address).map(Some),
            None => Ok(None),
        }
    }

    /// A public address that has to be.
    pub(super) fn certain_public_ip(
        &mut self,
        name: &str,
        group: usize,
    ) -> Result<PublicIpId, OperationError> {
        let address = self.public.benchmarks();
        self.create_public_ip(name, group, address)
    }

    /// One in each spoke that has subnets which go out through one; says which subnet has which.
    pub(super) fn nat_gateways(&mut self) -> Result<Vec<Option<NatGatewayId>>, OperationError> {
        let plan = self.plan;
        let tiers: Vec<usize> = (0..plan.subnets.len())
            .filter(|&subnet| plan.subnets[subnet].role == Role::Tier)
            .collect();
        let chosen = self
            .random(Purpose::NatGateways, 0)
            .some_of(self.sizes.subnets_with_nat(), tiers.len());
        let mut of_subnets = vec![None; plan.subnets.len()];
        let mut latest = None;
        for subnet in chosen.into_iter().map(|number| tiers[number]) {
            let vnet = plan.subnets[subnet].vnet;
            let gateway = match latest {
                Some((of, gateway)) if of == vnet => gateway,
                _ => {
                    let (name, group) = (&plan.vnets[vnet].name, plan.vnets[vnet].group);
                    let address = self.certain_public_ip(&format!("{name}-nat-ip"), group)?;
                    self.network.create_nat_gateway(NatGateway {
                        id: network_id("natGateways", &format!("{name}-nat")),
                        location: self.location(group),
                        public_ips: vec![address],
                    })?
                }
            };
            latest = Some((vnet, gateway));
            of_subnets[subnet] = Some(gateway);
        }
        Ok(of_subnets)
    }
}
