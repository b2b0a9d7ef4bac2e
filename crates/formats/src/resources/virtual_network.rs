//! Virtual networks and subnets.

use model::{
    DeploymentModel, PrivateEndpointPolicies, RequestedAddress, SubnetRequest,
    VirtualNetworkRequest,
};

use super::Record;
use super::build::{Builder, Child};
use super::kind::Kind;
use super::reader::is_ipv6;
use super::view::View;

/// Where the prefixes of a subnet stand: real files hold either (O-5).
const SUBNET_PREFIXES: &[&str] = &["addressPrefixes", "addressPrefix"];

impl Builder<'_> {
    pub(super) fn virtual_networks(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::VirtualNetwork) {
            self.virtual_network(record);
        }
    }

    fn virtual_network(&mut self, record: &Record) {
        let view = self.open(record);
        let space = view.object("addressSpace").unwrap_or_else(|| view.clone());
        let ipv6 = self.reader.ipv6;
        let prefixes = self
            .reader
            .prefixes(&space, &["addressPrefixes", "addressSpace"]);
        if prefixes.is_empty() {
            if space.first(&["addressPrefixes", "addressSpace"]).is_none() {
                self.reader.missing(
                    &view,
                    "addressSpace",
                    "{\"addressPrefixes\": [\"10.0.0.0/16\"]}",
                );
            } else if self.reader.ipv6 == ipv6
                && (space.has_any("addressPrefixes") || space.has_any("addressSpace"))
            {
                // Each prefix was found wanting for itself.
            } else {
                let value = space
                    .get("addressPrefixes")
                    .or_else(|| view.get("addressSpace"));
                if let Some(value) = value {
                    self.reader
                        .bad(&space, "addressPrefixes", value, "at least one IPv4 prefix");
                }
            }
            return self.give_up(&record.id);
        }
        let deployment_model = if record
            .id
            .kind()
            .to_ascii_lowercase()
            .starts_with("microsoft.classicnetwork/")
        {
            DeploymentModel::Classic
        } else {
            DeploymentModel::ResourceManager
        };
        let request = VirtualNetworkRequest {
            id: record.id.clone(),
            location: self.location(&view),
            address_space: prefixes,
            subnets: Vec::new(),
            deployment_model,
            flow_timeout_minutes: self.reader.number(
                &view,
                "flowTimeoutInMinutes",
                "4 to 30 minutes",
            ),
            dns_servers: self.dns_servers(&view, "dhcpOptions"),
        };
        let span = space
            .get("addressPrefixes")
            .map_or(record.span, |value| value.span);
        let result = self.network.create_virtual_network(request);
        let Some(vnet) = self.created(&record.id, span, result) else {
            return;
        };
        let summarized = match view.object("summarizedGatewayPrefixes") {
            Some(space) => self.reader.prefixes(&space, &["addressPrefixes"]),
            None => self.reader.prefixes(&view, &["summarizedGatewayPrefixes"]),
        };
        self.network
            .set_summarized_gateway_prefixes(vnet, summarized);
        for child in self.children_of(record, &view, "subnets", Kind::Subnet) {
            let Some(request) = self.subnet(&child) else {
                self.give_up(&child.id);
                continue;
            };
            let span = child
                .view
                .first(SUBNET_PREFIXES)
                .map_or(child.view.span(), |(_, value)| value.span);
            let result = self.network.create_subnet(vnet, request);
            self.created(&child.id, span, result);
        }
    }

    /// Custom DNS servers under `dnsServers`, in the object under `options` as Azure has them or beside it as scenarios do.
    pub(super) fn dns_servers(
        &mut self,
        view: &View<'_>,
        options: &str,
    ) -> Vec<std::net::Ipv4Addr> {
        let options = view.object(options).unwrap_or_else(|| view.clone());
        let servers = self.reader.texts(&options, "dnsServers");
        let mut addresses = Vec::with_capacity(servers.len());
        for (text, _, _) in servers {
            match text.parse() {
                Ok(address) => addresses.push(address),
                Err(_) if is_ipv6(text) => self.reader.ipv6 += 1,
                Err(_) => self.reader.unsupported(
                    &options,
                    "dnsServers",
                    "what is no IPv4 address is asked for no name",
                ),
            }
        }
        addresses
    }

    fn subnet(&mut self, child: &Child<'_>) -> Option<SubnetRequest> {
        let view = &child.view;
        let prefixes = self.reader.prefixes(view, SUBNET_PREFIXES);
        if prefixes.is_empty() {
            if view.first(SUBNET_PREFIXES).is_none() {
                self.reader.missing(
                    view,
                    "addressPrefix",
                    "an IPv4 prefix inside the virtual network's address space",
                );
            }
            return None;
        }
        Some(SubnetRequest {
            name: child.id.name().to_owned(),
            prefixes,
            network_security_group: self.optional(
                view,
                "networkSecurityGroup",
                Kind::NetworkSecurityGroup,
                |network| network.nsgs(),
            ),
            route_table: self.optional(view, "routeTable", Kind::RouteTable, |network| {
                network.route_tables()
            }),
            nat_gateway: self.nat_gateway_of(view),
            default_outbound_access: self.reader.flag(view, "defaultOutboundAccess"),
            service_endpoints: service_endpoints(view),
            delegation: self.delegation(view),
            private_endpoint_policies: self
                .reader
                .word(view, "privateEndpointNetworkPolicies")
                .unwrap_or(PrivateEndpointPolicies::Disabled),
        })
    }

    /// `[{"properties": {"serviceName": "Microsoft.Web/serverFarms"}}]`, or in a scenario the name itself.
    fn delegation(&mut self, view: &View<'_>) -> Option<String> {
        if let Some(service) = self.reader.label(view, "delegation") {
            return Some(service.to_owned());
        }
        let delegations = self.reader.objects(view, "delegations");
        self.reader
            .label(delegations.first()?, "serviceName")
            .map(str::to_owned)
    }

    /// Subnet and wanted address under `subnet`, `privateIPAddress` and `privateIPAllocationMethod`, as IP configurations of every kind of
    /// resource have them. `None`: there is no subnet of the input.
    pub(super) fn subnet_address(
        &mut self,
        view: &View<'_>,
    ) -> Option<(model::SubnetId, RequestedAddress)> {
        let subnet = self.required(view, "subnet", Kind::Subnet, |network| network.subnets())?;
        Some((subnet, self.wanted_address(view)))
    }

    pub(super) fn wanted_address(&mut self, view: &View<'_>) -> RequestedAddress {
        let given = match view
            .get("privateIPAddress")
            .and_then(|value| value.as_str())
            .and_then(|text| text.split_once('/'))
        {
            // it may be a block of addresses, of which the first stands for all.
            Some((address, _)) => {
                self.reader.unsupported(
                    view,
                    "privateIPAddress",
                    "of a block of addresses only the first is used",
                );
                address.parse().ok()
            }
            None => self.reader.address(view, "privateIPAddress"),
        };
        let method = self.reader.word(view, "privateIPAllocationMethod");
        match (given, method) {
            (Some(address), Some(model::AllocationMethod::Dynamic)) => {
                RequestedAddress::Assigned(address)
            }
            (Some(address), Some(model::AllocationMethod::Static) | None) => {
                RequestedAddress::Static(address)
            }
            (None, Some(model::AllocationMethod::Static))
                if view.get("privateIPAddress").is_none() =>
            {
                self.reader
                    .missing(view, "privateIPAddress", "the static address");
                RequestedAddress::FirstFree
            }
            (None, _) => RequestedAddress::FirstFree,
        }
    }
}

/// `[{"service": "Microsoft.Storage"}]`, or in a scenario `[Microsoft.Storage]`.
fn service_endpoints(view: &View<'_>) -> Vec<String> {
    let Some(values) = view
        .get("serviceEndpoints")
        .and_then(|value| value.as_array())
    else {
        return Vec::new();
    };
    values
        .iter()
        .filter_map(|value| value.as_str().or_else(|| value.get("service")?.as_str()))
        .map(str::to_owned)
        .collect()
}
