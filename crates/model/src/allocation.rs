//! Which addresses of a subnet are taken, and by whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::ResourceId;
use crate::table::{LoadBalancerId, NicId};

/// Who holds a private address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressOwner {
    /// An IP configuration of a NIC (hidden NICs of firewalls, gateway instances and private endpoints included), by its position.
    Nic(NicId, usize),
    /// A frontend of an internal load balancer, by its position.
    LoadBalancer(LoadBalancerId, usize),
    /// A resource whose packets are not simulated (a bastion, an application gateway, ...).
    Other(ResourceId),
}

/// Why an address cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllocationError {
    /// Not inside the subnet's prefixes.
    Outside,
    /// One of the five that Azure keeps in each subnet prefix (N-4).
    Reserved,
    /// Somebody has it.
    Taken(AddressOwner),
    /// No address is free.
    Exhausted,
}

/// The addresses of one subnet.
///
/// Azure keeps the first four and the last address of every subnet prefix (N-4), so the first host of 10.1.1.0/24 is 10.1.1.4. A
/// dynamic address is the first that is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPool {
    owners: BTreeMap<Ipv4Addr, AddressOwner>,
    /// Static addresses of resources that are still to come: dynamic allocation goes round them.
    announced: BTreeSet<Ipv4Addr>,
    /// No free address lies below this one.
    first_candidate: u32,
}

/// True if Azure keeps this address of the prefix for itself (N-4).
pub fn is_reserved(prefix: Ipv4Net, address: Ipv4Addr) -> bool {
    let offset = u32::from(address).wrapping_sub(u32::from(prefix.network()));
    prefix.contains(&address) && (offset < 4 || address == prefix.broadcast())
}

impl AddressPool {
    /// Keeps dynamic allocation away from a static address that is claimed later.
    pub fn announce(&mut self, address: Ipv4Addr) {
        if !self.owners.contains_key(&address) {
            self.announced.insert(address);
        }
    }

    /// Gives a certain address to an owner.
    pub fn claim(
        &mut self,
        prefixes: &[Ipv4Net],
        address: Ipv4Addr,
        owner: AddressOwner,
    ) -> Result<Ipv4Addr, AllocationError> {
        self.check(prefixes, address)?;
        self.announced.remove(&address);
        self.owners.insert(address, owner);
        Ok(address)
    }

    /// Says whether [`AddressPool::claim`] would succeed.
    pub fn check(&self, prefixes: &[Ipv4Net], address: Ipv4Addr) -> Result<(), AllocationError> {
        let Some(&prefix) = prefixes.iter().find(|prefix| prefix.contains(&address)) else {
            return Err(AllocationError::Outside);
        };
        if is_reserved(prefix, address) {
            return Err(AllocationError::Reserved);
        }
        match self.owners.get(&address) {
            Some(owner) => Err(AllocationError::Taken(owner.clone())),
            None => Ok(()),
        }
    }

    /// Gives the first free address to an owner.
    pub fn claim_first_free(
        &mut self,
        prefixes: &[Ipv4Net],
        owner: AddressOwner,
    ) -> Result<Ipv4Addr, AllocationError> {
        let address = self.first_free(prefixes)?;
        self.first_candidate = u32::from(address).saturating_add(1);
        self.owners.insert(address, owner);
        Ok(address)
    }

    /// Announces the first free address for somebody who claims it later.
    pub fn reserve_first_free(
        &mut self,
        prefixes: &[Ipv4Net],
    ) -> Result<Ipv4Addr, AllocationError> {
        let address = self.first_free(prefixes)?;
        self.first_candidate = u32::from(address).saturating_add(1);
        self.announced.insert(address);
        Ok(address)
    }

    /// The first free address, in the order of the subnet's prefixes.
    pub fn first_free(&self, prefixes: &[Ipv4Net]) -> Result<Ipv4Addr, AllocationError> {
        let ordered = prefixes.len() == 1;
        for prefix in prefixes {
            let first = u32::from(prefix.network()).saturating_add(4);
            // The hint speaks of one ascending run of addresses, so it serves the usual subnet of a single prefix.
            let start = if ordered {
                first.max(self.first_candidate)
            } else {
                first
            };
            let free = (start..u32::from(prefix.broadcast()))
                .map(Ipv4Addr::from)
                .find(|address| !self.is_taken(*address));
            if let Some(address) = free {
                return Ok(address);
            }
        }
        Err(AllocationError::Exhausted)
    }

    /// Takes an address back.
    pub fn release(&mut self, address: Ipv4Addr) {
        if self.owners.remove(&address).is_some() {
            self.first_candidate = self.first_candidate.min(u32::from(address));
        }
    }

    /// Who holds the address.
    pub fn owner(&self, address: Ipv4Addr) -> Option<&AddressOwner> {
        self.owners.get(&address)
    }

    /// All addresses that are held, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, &AddressOwner)> {
        self.owners.iter().map(|(&address, owner)| (address, owner))
    }

    /// True if nobody holds an address.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    fn is_taken(&self, address: Ipv4Addr) -> bool {
        self.owners.contains_key(&address) || self.announced.contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::NicId;

    fn owner(n: u32) -> AddressOwner {
        AddressOwner::Nic(NicId::new(n), 0)
    }

    fn prefixes(texts: &[&str]) -> Vec<Ipv4Net> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_reserved_address_is_passed_over_until_it_is_claimed() {
        let subnet = prefixes(&["10.1.1.0/24"]);
        let mut pool = AddressPool::default();
        let reserved = pool.reserve_first_free(&subnet).unwrap();
        assert_eq!(reserved, Ipv4Addr::new(10, 1, 1, 4));
        assert_eq!(
            pool.claim_first_free(&subnet, owner(0)),
            Ok(Ipv4Addr::new(10, 1, 1, 5))
        );
        assert_eq!(pool.claim(&subnet, reserved, owner(1)), Ok(reserved));
    }

    #[test]
    fn the_first_host_of_a_subnet_is_its_fifth_address() {
        let subnet = prefixes(&["10.1.1.0/24"]);
        let mut pool = AddressPool::default();
        assert_eq!(
            pool.claim_first_free(&subnet, owner(0)),
            Ok(Ipv4Addr::new(10, 1, 1, 4))
        );
        assert_eq!(
            pool.claim_first_free(&subnet, owner(1)),
            Ok(Ipv4Addr::new(10, 1, 1, 5))
        );
        pool.release(Ipv4Addr::new(10, 1, 1, 4));
        assert_eq!(
            pool.claim_first_free(&subnet, owner(2)),
            Ok(Ipv4Addr::new(10, 1, 1, 4))
        );
    }

    #[test]
    fn a_slash_29_has_three_hosts() {
        let subnet = prefixes(&["10.1.1.0/29"]);
        let mut pool = AddressPool::default();
        for n in 0..3 {
            pool.claim_first_free(&subnet, owner(n)).unwrap();
        }
        assert_eq!(
            pool.claim_first_free(&subnet, owner(3)),
            Err(AllocationError::Exhausted)
        );
    }

    #[test]
    fn dynamic_addresses_go_round_announced_static_ones() {
        let subnet = prefixes(&["10.1.1.0/24"]);
        let mut pool = AddressPool::default();
        pool.announce(Ipv4Addr::new(10, 1, 1, 4));
        assert_eq!(
            pool.claim_first_free(&subnet, owner(0)),
            Ok(Ipv4Addr::new(10, 1, 1, 5))
        );
        assert_eq!(
            pool.claim(&subnet, Ipv4Addr::new(10, 1, 1, 4), owner(1)),
            Ok(Ipv4Addr::new(10, 1, 1, 4))
        );
    }

    #[test]
    fn reserved_foreign_and_taken_addresses_are_refused() {
        let subnet = prefixes(&["10.1.1.0/24"]);
        let mut pool = AddressPool::default();
        assert_eq!(
            pool.claim(&subnet, Ipv4Addr::new(10, 1, 1, 3), owner(0)),
            Err(AllocationError::Reserved)
        );
        assert_eq!(
            pool.claim(&subnet, Ipv4Addr::new(10, 1, 1, 255), owner(0)),
            Err(AllocationError::Reserved)
        );
        assert_eq!(
            pool.claim(&subnet, Ipv4Addr::new(10, 1, 2, 4), owner(0)),
            Err(AllocationError::Outside)
        );
        pool.claim(&subnet, Ipv4Addr::new(10, 1, 1, 9), owner(0))
            .unwrap();
        assert_eq!(
            pool.claim(&subnet, Ipv4Addr::new(10, 1, 1, 9), owner(1)),
            Err(AllocationError::Taken(owner(0)))
        );
    }
}
