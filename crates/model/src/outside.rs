//! Hosts outside Azure: on premises, at a VPN client, in the Internet.
//!
//! They send and receive packets like a guest behind a NIC, and so have a worker of their own; but no NIC, no rules and no routes of
//! Azure. What they are called is their place's business, and where their packets enter Azure is the compiler's.

use std::net::Ipv4Addr;

use crate::table::{GatewayId, NicId, OnPremisesId};

/// A host outside Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideHost {
    /// What people type, alone or behind the name of its place.
    pub name: String,
    /// The address it sends from. The Internet's host answers for every public address that nobody in the input has.
    pub address: Ipv4Addr,
    /// Where it is.
    pub place: OutsidePlace,
}

/// Where a host outside Azure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutsidePlace {
    /// In a network behind a gateway.
    OnPremises(OnPremisesId),
    /// A point-to-site client of this gateway (G-11).
    VpnClient(GatewayId),
    /// In the Internet.
    Internet,
}

/// The worker of a host outside Azure has a key of the NIC table that no NIC has or ever gets.
pub type StationId = NicId;

/// The address from which the Internet asks unless told otherwise: one of TEST-NET-2 (RFC 5737), which the recorded `Internet` tag holds
/// (T-6); it leaves TEST-NET-1 out.
pub const INTERNET_HOST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 254);
