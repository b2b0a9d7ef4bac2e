//! Operations on what lies outside Azure: networks on premises, VPN clients, the Internet.

use std::net::Ipv4Addr;

use super::{Network, not_there};
use crate::error::OperationError;
use crate::gateway::ConnectionPeer;
use crate::id::ResourceId;
use crate::on_premises::{ON_PREMISES, OnPremisesNetwork, OnPremisesRequest, VpnClient};
use crate::outside::{OutsideHost, OutsidePlace, StationId};
use crate::table::{GatewayId, OnPremisesId};

impl Network {
    /// Adds a network outside Azure.
    pub fn create_on_premises(
        &mut self,
        request: OnPremisesRequest,
    ) -> Result<OnPremisesId, OperationError> {
        not_there(&self.on_premises, &request.id)?;
        let site = self.on_premises.next_key();
        let place = OutsidePlace::OnPremises(site);
        let hosts = request.hosts.into_iter().map(|(name, address)| {
            self.add_outside_host(OutsideHost {
                name,
                address,
                place,
            })
        });
        let hosts = hosts.collect();
        Ok(self.on_premises.add(OnPremisesNetwork {
            id: request.id,
            gateway: request.gateway,
            prefixes: request.prefixes,
            knows: request.knows,
            hosts,
            latency_us: request.latency_us,
        }))
    }

    /// Adds a host outside Azure. Its worker is numbered with the NICs and is none of them.
    pub fn add_outside_host(&mut self, host: OutsideHost) -> StationId {
        let station = self.nics.reserve();
        self.journal.touch(0);
        self.outside_hosts.insert(station, host);
        station
    }

    /// Joins the network to the Internet, whose host sends from this address unless told otherwise. Once: later calls change nothing.
    pub fn connect_internet(&mut self, address: Ipv4Addr) -> StationId {
        match self.internet() {
            Some(station) => station,
            None => self.add_outside_host(OutsideHost {
                name: "internet".to_owned(),
                address,
                place: OutsidePlace::Internet,
            }),
        }
    }

    /// Connects a client to a VPN gateway (G-11). Its address has to lie in the gateway's pool; without a wish it gets the first that
    /// no other client has.
    pub fn create_vpn_client(
        &mut self,
        name: &str,
        gateway: GatewayId,
        address: Option<Ipv4Addr>,
    ) -> Result<StationId, OperationError> {
        let home = &self.gateways[gateway];
        let refuse = |reason| {
            Err(OperationError::Gateway {
                gateway: home.id.clone(),
                reason,
            })
        };
        let taken = |address| {
            self.vpn_clients
                .values()
                .any(|client| client.gateway == gateway && client.address == address)
        };
        let address = match address {
            Some(address) if taken(address) => {
                return refuse("two of its clients have one address");
            }
            Some(address) if home.client_pool.iter().any(|pool| pool.contains(&address)) => address,
            Some(_) => return refuse("the address of a client lies outside of its pool"),
            None => {
                // Azure gives clients the addresses behind the first one of the pool (M).
                let hosts = home
                    .client_pool
                    .iter()
                    .flat_map(|pool| pool.hosts().skip(1));
                match { hosts }.find(|&address| !taken(address)) {
                    Some(free) => free,
                    None => return refuse("its pool has no address left for a client"),
                }
            }
        };
        let station = self.add_outside_host(OutsideHost {
            name: name.to_owned(),
            address,
            place: OutsidePlace::VpnClient(gateway),
        });
        let client = VpnClient {
            name: name.to_owned(),
            gateway,
            address,
            profile: None,
            latency_us: 0,
        };
        self.journal.touch(0);
        self.vpn_clients.insert(station, client);
        Ok(station)
    }

    /// The VPN clients by their workers.
    pub fn vpn_clients(&self) -> impl Iterator<Item = (StationId, &VpnClient)> {
        self.vpn_clients
            .iter()
            .map(|(&station, client)| (station, client))
    }

    /// The VPN client that has this worker.
    pub fn vpn_client(&self, station: StationId) -> Option<&VpnClient> {
        self.vpn_clients.get(&station)
    }

    /// What a VPN client may change: its profile and how far away it is.
    pub fn vpn_client_mut(&mut self, station: StationId) -> Option<&mut VpnClient> {
        self.journal.touch(0);
        self.vpn_clients.get_mut(&station)
    }

    /// Puts a host at an address outside Azure that the input gives a place but no host: in a network on premises that holds the
    /// address, else behind the gateway that knows the longest prefix around it. `None` if nobody knows the address. The host that is
    /// there already is found.
    pub fn assume_host(&mut self, address: Ipv4Addr) -> Option<StationId> {
        let present = self
            .outside_hosts()
            .find(|(_, host)| host.address == address && host.place != OutsidePlace::Internet);
        if let Some((station, _)) = present {
            return Some(station);
        }
        let site = match self.site_around(address) {
            Some(site) => site,
            None => self.assume_site(address)?,
        };
        let station = self.add_outside_host(OutsideHost {
            name: address.to_string(),
            address,
            place: OutsidePlace::OnPremises(site),
        });
        let network = self.on_premises.get_mut(site)?;
        network.hosts.push(station);
        Some(station)
    }

    /// The network on premises with the longest prefix around an address.
    fn site_around(&self, address: Ipv4Addr) -> Option<OnPremisesId> {
        let sites = self.on_premises.iter().flat_map(|(key, network)| {
            let around = network
                .prefixes
                .iter()
                .filter(|prefix| prefix.contains(&address));
            around.map(move |prefix| (prefix.prefix_len(), key))
        });
        sites.max_by_key(|&(length, _)| length).map(|(_, key)| key)
    }

    /// A network on premises where a site or a learned route says that there is one.
    fn assume_site(&mut self, address: Ipv4Addr) -> Option<OnPremisesId> {
        let learned = self.gateways.iter().flat_map(|(key, gateway)| {
            let routes = gateway.learned_routes.iter();
            routes.map(move |route| (route.prefix, key))
        });
        let written = self.connections.values().flat_map(|connection| {
            let prefixes = match connection.peer {
                ConnectionPeer::Site(site) => &self.local_gateways[site].prefixes[..],
                ConnectionPeer::Gateway(_) | ConnectionPeer::Outside(_) => &[],
            };
            prefixes.iter().map(|&prefix| (prefix, connection.gateway))
        });
        let (prefix, gateway) = learned
            .chain(written)
            .filter(|(prefix, _)| prefix.prefix_len() > 0 && prefix.contains(&address))
            .max_by_key(|(prefix, _)| prefix.prefix_len())?;
        let request = OnPremisesRequest {
            id: ResourceId::in_group(
                "assumed",
                "assumed",
                ON_PREMISES,
                &format!("{}-{}", prefix.addr(), prefix.prefix_len()),
            ),
            gateway,
            prefixes: vec![prefix],
            knows: None,
            hosts: Vec::new(),
            latency_us: 0,
        };
        self.create_on_premises(request).ok()
    }
}
