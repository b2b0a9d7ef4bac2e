//! NICs and VMs.

use model::{
    IpConfiguration, Network, NetworkInterface, NicId, NicOwner, PowerState, ResourceId,
    VirtualMachine,
};
use serde_json::{Value, json};

use super::{Show, Shown, shown};

impl<'a> Show<'a> {
    pub(super) fn interface(&self, key: NicId, nic: &'a NetworkInterface) -> Shown<'a> {
        let network = self.network;
        let mut needs = vec![network.virtual_networks()[nic.virtual_network].id.clone()];
        let configurations: Vec<Value> = nic
            .ip_configurations
            .iter()
            .enumerate()
            .map(|(position, configuration)| {
                let mut shown = self.ip_configuration(configuration, &mut needs);
                self.balanced(key, position, configuration, &mut shown["properties"]);
                let balancers = configuration.backend_pools.iter();
                needs.extend(balancers.map(|&(key, _)| network.load_balancers()[key].id.clone()));
                shown
            })
            .collect();
        let mut properties = json!({
            "enableIPForwarding": nic.ip_forwarding,
            "ipConfigurations": configurations,
        });
        if nic.tcp_state_tracking_disabled {
            properties["disableTcpStateTracking"] = json!(true);
        }
        if let Some(group) = nic.network_security_group {
            let id = &network.nsgs()[group].id;
            properties["networkSecurityGroup"] = self.reference(id);
            needs.push(id.clone());
        }
        if let Some(bytes) = nic.mac_address {
            let text = bytes.map(|byte| format!("{byte:02X}")).join("-");
            properties["macAddress"] = json!(text);
        }
        let servers = network.dns_servers_of_nic(key);
        if !servers.is_empty() {
            properties["dnsSettings"] = json!({ "dnsServers": servers });
        }
        needs.sort();
        needs.dedup();
        Shown {
            needs,
            ..shown(&nic.id, &nic.location, properties)
        }
    }

    pub(super) fn ip_configuration(
        &self,
        configuration: &IpConfiguration,
        needs: &mut Vec<ResourceId>,
    ) -> Value {
        let network = self.network;
        let mut properties = json!({
            "primary": configuration.primary,
            "privateIPAddress": configuration.private_address,
            "privateIPAllocationMethod": configuration.allocation.as_str(),
            "subnet": self.reference(&network.subnets()[configuration.subnet].id),
        });
        if let Some(address) = configuration.public_ip {
            let id = &network.public_ips()[address].id;
            properties["publicIPAddress"] = self.reference(id);
            needs.push(id.clone());
        }
        if !configuration.application_security_groups.is_empty() {
            let groups = configuration.application_security_groups.iter();
            let ids = groups.map(|&key| &network.asgs()[key].id);
            properties["applicationSecurityGroups"] = self.references(ids.clone());
            needs.extend(ids.cloned());
        }
        json!({ "name": configuration.name, "properties": properties })
    }

    pub(super) fn machine(&self, machine: &'a VirtualMachine) -> Shown<'a> {
        let ids: Vec<&ResourceId> = machine
            .nics
            .iter()
            .map(|&key| &self.network.nics()[key].id)
            .collect();
        let interfaces: Vec<Value> = ids
            .iter()
            .enumerate()
            .map(|(number, &id)| {
                json!({ "id": (self.refer)(id), "properties": { "primary": number == 0 } })
            })
            .collect();
        let properties = json!({
            "hardwareProfile": { "vmSize": "Standard_D2s_v5" },
            "networkProfile": { "networkInterfaces": interfaces },
        });
        let mut shown = shown(&machine.id, &machine.location, properties);
        if let Some(zone) = &machine.zone {
            shown.envelope.insert("zones".to_owned(), json!([zone]));
        }
        shown.needs = ids.into_iter().cloned().collect();
        shown
    }
}

/// What `az vm list -d` prints.
pub(crate) const fn power(power: PowerState) -> &'static str {
    match power {
        PowerState::Running => "VM running",
        PowerState::Stopped => "VM stopped",
        PowerState::Deallocated => "VM deallocated",
    }
}

/// The machine that a NIC belongs to.
pub(crate) fn machine_of<'n>(
    network: &'n Network,
    nic: &NetworkInterface,
) -> Option<&'n ResourceId> {
    match nic.owner {
        NicOwner::VirtualMachine(machine) => Some(&network.virtual_machines()[machine].id),
        _ => None,
    }
}
